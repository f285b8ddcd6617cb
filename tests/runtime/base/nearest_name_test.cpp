#include "runtime/base/nearest_name.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace omma {
namespace {

TEST_CASE("a mistyped name is answered with the nearest known one") {
  const std::vector<std::string> known = {"cameras", "nodes", "models", "head", "linger"};
  CHECK(nearest_name("camera", known) == "cameras");
  CHECK(nearest_name("node", known) == "nodes");
  CHECK(nearest_name("modles", known) == "models");  // A swap counts once.
  CHECK(nearest_name("heda", known) == "head");
  CHECK(nearest_name("lniger", known) == "linger");
}

TEST_CASE("nothing is suggested when no name is near") {
  const std::vector<std::string> known = {"cameras", "nodes"};
  CHECK(nearest_name("timeout", known) == std::nullopt);
  CHECK(nearest_name("", known) == std::nullopt);
  CHECK(nearest_name("x", {}) == std::nullopt);
}

TEST_CASE("the first of equally near names is suggested") {
  const std::vector<std::string> known = {"cam-b", "cam-a"};
  CHECK(nearest_name("cam-c", known) == "cam-b");
}

TEST_CASE("a part of exactly one name stands for that name") {
  const std::vector<std::string> known = {"person-vehicle-bike-2002", "person-0201", "face-0200"};
  CHECK(nearest_name("vehicle", known) == "person-vehicle-bike-2002");
  CHECK(nearest_name("person", known) == std::nullopt);
}

TEST_CASE("a long name may differ by a third of its length and no more") {
  const std::vector<std::string> known = {"abcdefghi"};
  CHECK(nearest_name("xyzdefghi", known) == "abcdefghi");
  CHECK(nearest_name("wxyzefghi", known) == std::nullopt);
}

TEST_CASE("a suggestion names the near name or else all known names") {
  const std::vector<std::string> known = {"live", "every_frame"};
  CHECK(suggestion_for("lives", known) == "; did you mean 'live'");
  CHECK(suggestion_for("batch", known) == "; known are 'live', 'every_frame'");
  CHECK(suggestion_for("batch", {}).empty());
}

}  // namespace
}  // namespace omma
