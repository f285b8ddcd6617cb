#include "apps/omma/new_app.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

#include "tests/support/temporary_folder.hpp"

namespace omma {
namespace {

std::string text_of(const std::vector<NewAppFile>& files, const std::string& name) {
  for (const NewAppFile& file : files) {
    if (file.name == name) return file.text;
  }
  return "no file " + name;
}

TEST_CASE("a new app has its own name everywhere and a schema file id of its own") {
  const auto files = new_app_files("street_count", 0x1234);
  for (const NewAppFile& file : files) {
    INFO(file.name);
    CHECK(file.name.find("my_app") == std::string::npos);
    CHECK(file.text.find("my_app") == std::string::npos);
    CHECK(file.text.find("MyApp") == std::string::npos);
  }
  CHECK(text_of(files, "street_count.capnp").starts_with("@0x8000000000001234;"));
  CHECK(text_of(files, "street_count.hpp").find("class StreetCount final") != std::string::npos);
  CHECK(text_of(files, "CMakeLists.txt").find("omma_add_app(street_count") != std::string::npos);
}

TEST_CASE("a new app is written into a folder of its own, once") {
  const TemporaryFolder folder;
  const auto place = write_new_app("dwell", folder.path(), 7);
  REQUIRE(place.ok());
  std::ifstream file(*place / "dwell.cpp");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  CHECK(text == text_of(new_app_files("dwell", 7), "dwell.cpp"));
  const auto again = write_new_app("dwell", folder.path(), 7);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().code == Code::conflict);
}

TEST_CASE("a name that is no C++ name in lower case is refused") {
  const TemporaryFolder folder;
  for (const char* name : {"", "Dwell", "1st", "a-b", "a b", "../up", "dwell_"}) {
    INFO(name);
    const auto place = write_new_app(name, folder.path(), 7);
    REQUIRE_FALSE(place.ok());
    CHECK(place.error().code == Code::invalid_argument);
  }
}

}  // namespace
}  // namespace omma
