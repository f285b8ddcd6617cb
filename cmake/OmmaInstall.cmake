# What `cmake --install` and packages contain: the command, the libraries, all that builds apps, the
# model and the cluster files that come with omma.
install(TARGETS omma RUNTIME)
install(TARGETS omma_shared omma_testkit_shared EXPORT omma LIBRARY)

set(include_folder "${CMAKE_INSTALL_INCLUDEDIR}/omma")
foreach(header IN LISTS public_headers schemas)
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${header}")
  get_filename_component(folder "${name}" DIRECTORY)
  install(FILES "${header}" DESTINATION "${include_folder}/${folder}")
endforeach()
foreach(schema IN LISTS schemas)
  get_filename_component(name "${schema}" NAME)
  install(FILES "${generated}/schemas/${name}.h" DESTINATION "${include_folder}/schemas")
endforeach()
install(FILES "${generated}/omma/stamp.hpp" DESTINATION "${include_folder}/omma")

include(CMakePackageConfigHelpers)
set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/omma")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/omma-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(EXPORT omma NAMESPACE omma:: FILE omma-targets.cmake DESTINATION "${package_folder}")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/omma-config.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/OmmaAddApp.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/omma-config-version.cmake" DESTINATION "${package_folder}")

include("${PROJECT_SOURCE_DIR}/cmake/OmmaPackage.cmake")

file(GLOB models CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/models/*.pt"
  "${PROJECT_SOURCE_DIR}/models/*.json")
install(FILES ${models} DESTINATION "${CMAKE_INSTALL_DATADIR}/omma/models")
file(GLOB clusters CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/clusters/*.yaml")
install(FILES ${clusters} DESTINATION "${CMAKE_INSTALL_DATADIR}/omma/clusters")
