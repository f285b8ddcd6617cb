// What libomma.so says of itself. Values; thread-safe.
#pragma once

#include <filesystem>
#include <string_view>

namespace omma {

// "0.1.0-5e1f4a9c2b77": the version, and a hash of the headers, the compiler and the options that
// modules and the library must have in common. See docs/decisions/0015.
std::string_view build_stamp();
// Where the library lies that this process runs; omma/apps in there are the apps that come with it.
std::filesystem::path library_folder();

}  // namespace omma
