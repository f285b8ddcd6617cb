# A Debian package, by `cpack -G DEB` in the build folder. What the command needs to run is found by
# dpkg-shlibdeps; what building apps needs as well is recommended.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME omma)
set(CPACK_PACKAGE_CONTACT "The Ommatidia authors <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "live video analytics over many cameras and machines")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"An actor runtime for video: cameras, detectors, trackers and analytics apps are actors
that move live between machines and survive the loss of any of them.

This package has the omma command, the library, and what apps are built with.")
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "capnproto, cmake, g++, libcapnp-dev")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}/lib")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
include(CPack)
