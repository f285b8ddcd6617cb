# How apps are built, within the project and outside: app modules for nodes, and tests of their code
# in virtual time. Part of the installed package.
include_guard()

# omma_add_app(<name> SOURCES ... [SCHEMAS ...] [LIBRARIES ...] [OUTPUT_DIRECTORY <folder>])
# Builds <name>.omma.so. One of the sources says OMMA_APP_MODULE(...). The target <name>_code is the
# same as a static library, for tests. Headers of the schemas lie where the schemas do:
# #include "my_app.capnp.h"; a schema imports omma's as import "/schemas/frame.capnp".
function(omma_add_app name)
  cmake_parse_arguments(arg "" "OUTPUT_DIRECTORY" "SOURCES;SCHEMAS;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "omma_add_app(<name> SOURCES ... [SCHEMAS ...] [LIBRARIES ...] "
      "[OUTPUT_DIRECTORY <folder>]): no SOURCES, or unknown '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  set(code ${name}_code)
  add_library(${code} STATIC ${arg_SOURCES})
  target_link_libraries(${code} PUBLIC omma::omma ${arg_LIBRARIES})
  if(arg_SCHEMAS)
    omma_app_schemas(${code} ${arg_SCHEMAS})
  endif()
  if(TARGET omma_build)  # Within the project.
    target_link_libraries(${code} PRIVATE omma_build)
    add_dependencies(${code} omma_stamp)
  endif()
  # What an app defines is its own: two apps may have classes of the same name.
  set_target_properties(${code} PROPERTIES POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)

  add_library(${name} MODULE $<TARGET_OBJECTS:${code}>)
  target_link_libraries(${name} PRIVATE omma::omma ${arg_LIBRARIES})
  # The node has libomma.so loaded; a path of this machine would be of no use on others.
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".omma.so" LINKER_LANGUAGE CXX
    SKIP_BUILD_RPATH ON)
  if(NOT OMMA_SANITIZE AND NOT OMMA_FUZZ)
    target_link_options(${name} PRIVATE LINKER:--no-undefined)
  endif()
  if(arg_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${arg_OUTPUT_DIRECTORY}")
  endif()
endfunction()

# omma_add_app_test(<name> APP <app> SOURCES ... [LIBRARIES ...])
# A program with the app's code and the test kit; as a test it passes when it ends with 0.
function(omma_add_app_test name)
  cmake_parse_arguments(arg "" "APP" "SOURCES;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES OR NOT TARGET "${arg_APP}_code")
    message(FATAL_ERROR "omma_add_app_test(<name> APP <app> SOURCES ... [LIBRARIES ...]): no "
      "SOURCES, no app '${arg_APP}', or unknown '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  set(testkit omma::testkit)
  if(TARGET omma_testkit_shared)  # Within the project omma::testkit is static.
    set(testkit omma_testkit_shared)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_APP}_code ${testkit} ${arg_LIBRARIES})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# Adds what the schema compiler makes of them to the library.
function(omma_app_schemas library)
  set(CAPNPC_SRC_PREFIX "${CMAKE_CURRENT_SOURCE_DIR}")
  set(CAPNPC_OUTPUT_DIR "${CMAKE_CURRENT_BINARY_DIR}/${library}_schemas")
  set(CAPNPC_IMPORT_DIRS "${OMMA_SCHEMA_DIR}")
  if(TARGET omma_build)  # Within the project names begin at its root.
    set(CAPNPC_SRC_PREFIX "${OMMA_SCHEMA_DIR}")
  endif()
  foreach(schema IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH schema)
    cmake_path(RELATIVE_PATH schema BASE_DIRECTORY "${CAPNPC_SRC_PREFIX}")
    cmake_path(GET schema PARENT_PATH folder)
    file(MAKE_DIRECTORY "${CAPNPC_OUTPUT_DIR}/${folder}")
  endforeach()
  capnp_generate_cpp(sources headers ${ARGN})
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-w")
  target_sources(${library} PRIVATE ${sources})
  target_include_directories(${library} SYSTEM PUBLIC "${CAPNPC_OUTPUT_DIR}")
endfunction()
