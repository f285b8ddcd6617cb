# find_package(omma): the targets omma::omma and omma::testkit, and omma_add_app. What libomma.so is
# made with (CAF, FFmpeg, LibTorch, ...) stays behind it; its headers name Cap'n Proto alone.
include(CMakeFindDependencyMacro)
find_dependency(CapnProto CONFIG)
include("${CMAKE_CURRENT_LIST_DIR}/omma-targets.cmake")
# Where schemas find import "/schemas/frame.capnp".
get_target_property(OMMA_SCHEMA_DIR omma::omma INTERFACE_INCLUDE_DIRECTORIES)
list(GET OMMA_SCHEMA_DIR 0 OMMA_SCHEMA_DIR)
include("${CMAKE_CURRENT_LIST_DIR}/OmmaAddApp.cmake")
