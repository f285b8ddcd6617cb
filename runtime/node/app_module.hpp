// An app module: a shared object with apps in it, built by omma_add_app, that a node loads while it
// runs. It exports one thing, omma_app_module, which OMMA_APP_MODULE defines.
//
// A module and libomma.so share C++ types, so both must come of the same headers. The build stamp
// says which those were; it is read from the file before any of the module's code runs.
#pragma once

#include "runtime/node/app.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace omma {

using AppList = std::vector<std::unique_ptr<App>>;

// What a module exports. Its layout never changes: it is looked at before the stamps are compared.
struct AppModule {
  const char* stamp;
  AppList (*make_apps)();
};

inline constexpr const char* app_module_ending = ".omma.so";
inline constexpr const char* app_module_symbol = "omma_app_module";

template <class... Apps>
AppList app_list(Apps... apps) {
  AppList list;
  (list.push_back(std::move(apps)), ...);
  return list;
}

// unsupported when the file is no app module or was built for another omma; not_found when there is
// no such file.
Result<void> check_app_module(const std::filesystem::path& file, const std::string& stamp);
// Checks it, loads it for good and makes its apps. The file must stay as it is.
Result<AppList> open_app_module(const std::filesystem::path& file, const std::string& stamp);

}  // namespace omma

// At the end of one source of a module: OMMA_APP_MODULE(make_app<...>(...), make_app<...>(...));
// The text before the stamp is how a file is known as a module.
#define OMMA_APP_MODULE(...)                                                                     \
  extern "C" {                                                                                   \
  [[gnu::used]] static const char omma_app_module_mark[] = "omma app module: " OMMA_BUILD_STAMP; \
  [[gnu::visibility("default")]] extern const ::omma::AppModule omma_app_module;                 \
  const ::omma::AppModule omma_app_module = {OMMA_BUILD_STAMP,                                   \
                                             [] { return ::omma::app_list(__VA_ARGS__); }};      \
  }                                                                                              \
  static_assert(true, "takes the semicolon")
