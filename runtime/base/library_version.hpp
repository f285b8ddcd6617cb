// LibraryVersion: which version of a foreign library this was compiled against, and which one the
// process has loaded; omma doctor compares them. Each library's door tells its own.
//
// Values; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace omma {

struct LibraryVersion {
  std::string name;
  std::string compiled;     // "0.17.6"
  std::string loaded;       // Empty: the library does not say.
  bool newer_fits = false;  // Its makers promise that a newer one serves what was built for this.
};

// From the name of the file that is loaded: "0.17.6" for libcaf_core.so.0.17.6, "0.9.2" for
// libcapnp-0.9.2.so. Empty when there is no such file, or none in its name. `stem`: "libcaf_core".
std::string version_of_loaded_file(std::string_view stem);

// Cap'n Proto, which every layer may include.
LibraryVersion capnp_version();

}  // namespace omma
