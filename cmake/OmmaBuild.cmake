# How everything of ours is built: one place for the standard, the warnings and the flags.
include_guard()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Dev: fast to build, fast enough to run real video. (Plain variables: project() has put empty ones
# into the cache, which a CACHE entry would not replace.)
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1")
set(CMAKE_C_FLAGS_DEV "-O1 -g1")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(omma_build INTERFACE)
target_compile_options(omma_build INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion>)
if(OMMA_MUTANTS)
  add_compile_definitions(OMMA_MUTANTS)
endif()
if(OMMA_SANITIZE)
  # GCC 12 instruments moves of a variant so that it takes them for uses of unset members.
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer
    -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=address,undefined)
endif()

if(OMMA_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "OMMA_FUZZ needs clang++ (it has libFuzzer), this is "
      "${CMAKE_CXX_COMPILER_ID}; use the preset fuzz")
  endif()
  # Without vptr: it compares type names with those of libraries that hide them.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# omma_add_library(<name> HEADERS ... [SOURCES ...] [PUBLIC ...] [PRIVATE ...])
# Paths are relative to the folder. Each header listed is compiled on its own by the target
# all_verify_interface_header_sets.
function(omma_add_library name)
  cmake_parse_arguments(arg "" "" "HEADERS;SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(arg_SOURCES)
    add_library(omma_${name} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(omma_${name} PUBLIC ${arg_PUBLIC}
      PRIVATE $<BUILD_INTERFACE:omma_build> ${arg_PRIVATE})
  else()
    add_library(omma_${name} INTERFACE)
    set(scope INTERFACE)
    target_link_libraries(omma_${name} INTERFACE ${arg_PUBLIC})
  endif()
  add_library(omma::${name} ALIAS omma_${name})
  target_sources(omma_${name} ${scope} FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${arg_HEADERS})
  set_target_properties(omma_${name} PROPERTIES
    VERIFY_INTERFACE_HEADER_SETS ON EXPORT_NAME ${name})
endfunction()
