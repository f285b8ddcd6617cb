#include "apps/omma/new_app.hpp"

#include <array>
#include <cctype>
#include <cstdio>
#include <fstream>

#include "apps/omma/commands.hpp"
#include "apps/omma/contact.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"

namespace omma {
namespace {

namespace fs = std::filesystem;

void replace_all(std::string& text, const std::string& old, const std::string& by) {
  for (std::size_t at = text.find(old); at != std::string::npos; at = text.find(old, at)) {
    text.replace(at, old.size(), by);
    at += by.size();
  }
}

// "street_count" -> "StreetCount"
std::string type_name_of(const std::string& name) {
  std::string type;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') type += begins ? static_cast<char>(std::toupper(c)) : c;
    begins = c == '_';
  }
  return type;
}

// Fit for a C++ namespace, a file and a target.
bool is_name(const std::string& name) {
  constexpr const char* letters = "abcdefghijklmnopqrstuvwxyz";
  constexpr const char* allowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
  return !name.empty() && std::string(letters).find(name.front()) != std::string::npos &&
         name.find_first_not_of(allowed) == std::string::npos && name.back() != '_' &&
         name.size() <= limits::name_bytes_max / 4;
}

}  // namespace

std::vector<NewAppFile> new_app_files(const std::string& name, std::uint64_t schema_id) {
  constexpr std::uint64_t id_bit = std::uint64_t{1} << 63;  // Cap'n Proto asks for it.
  std::array<char, 20> id{};
  std::snprintf(id.data(), id.size(), "@0x%016llx",
                static_cast<unsigned long long>(schema_id | id_bit));
  std::vector<NewAppFile> files;
  for (NewAppFile file : new_app_template()) {
    if (file.name.ends_with(".capnp")) file.text.replace(0, file.text.find(';'), id.data());
    for (std::string* text : {&file.name, &file.text}) {
      replace_all(*text, "my_app", name);
      replace_all(*text, "MyApp", type_name_of(name));
    }
    files.push_back(std::move(file));
  }
  return files;
}

Result<fs::path> write_new_app(const std::string& name, const fs::path& folder,
                               std::uint64_t schema_id) {
  if (!is_name(name)) {
    return Error{Code::invalid_argument, "'" + name +
                                             "' is no name for an app; use lower-case letters, "
                                             "digits and '_', beginning with a letter"};
  }
  const fs::path place = folder / name;
  std::error_code failed;
  if (fs::exists(place, failed)) {
    return Error{Code::conflict, place.string() + " exists already; choose another name or --dir"};
  }
  fs::create_directories(place, failed);
  if (failed) {
    return Error{Code::unavailable, "cannot make " + place.string() + ": " + failed.message()};
  }
  for (const NewAppFile& file : new_app_files(name, schema_id)) {
    std::ofstream out(place / file.name, std::ios::binary);
    out << file.text;
    if (!out.flush()) {
      return Error{Code::unavailable, "cannot write " + (place / file.name).string()};
    }
  }
  return place;
}

int new_command(const CommonOptions& common, const std::string& name, const std::string& folder) {
  SystemRandom random;
  const auto place = write_new_app(name, folder, random.next());
  if (!place) {
    const bool wrong = place.error().code == Code::invalid_argument;
    return report(common, place.error(), wrong ? exit_usage : exit_failed);
  }
  if (common.json) {
    std::printf("{\"folder\":\"%s\"}\n", place->string().c_str());
  } else {
    say("wrote " + place->string() + "; build and run it:");
    say("  cd " + place->string() + " && cmake -B build && cmake --build build");
    say("  omma up cluster.yaml && omma run " + name);
  }
  return exit_ok;
}

}  // namespace omma
