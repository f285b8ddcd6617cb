# Writes omma/stamp.hpp, if it would be another: the version and a hash of all that app modules and
# libomma.so must have in common. Called by omma/CMakeLists.txt.
set(digests "${OPTIONS}")
file(STRINGS "${FILES}" files)
foreach(file IN LISTS files)
  file(SHA256 "${file}" digest)
  file(RELATIVE_PATH name "${ROOT}" "${file}")
  string(APPEND digests "\n${name} ${digest}")
endforeach()
string(SHA256 hash "${digests}")
string(SUBSTRING "${hash}" 0 12 hash)
file(CONFIGURE OUTPUT "${OUT}" @ONLY CONTENT [[
// Of the libomma.so that this header came with: see omma/library.hpp. Generated.
#pragma once

#define OMMA_BUILD_STAMP "@VERSION@-@hash@"
]])
