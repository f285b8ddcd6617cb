#include "runtime/base/ring.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/random.hpp"

namespace omma {
namespace {

std::vector<int> contents(const Ring<std::shared_ptr<int>>& ring) {
  std::vector<int> values;
  for (const auto& value : ring) values.push_back(*value);
  return values;
}

TEST_CASE("a ring does what a deque does, whatever is asked of it") {
  const std::uint64_t seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  SeededRandom random(seed);
  Ring<std::shared_ptr<int>> ring;
  std::deque<int> model;
  for (int step = 0; step < 5000; ++step) {
    // Long phases of growth and of shrinking, so that it becomes empty now and then.
    const bool shrinks = step / 250 % 2 == 1;
    const auto choice = random.below(shrinks ? 9 : 5);
    if (choice < 3) {
      ring.push_back(std::make_shared<int>(step));
      model.push_back(step);
    } else if (choice == 3) {
      ring.push_front(std::make_shared<int>(step));
      model.push_front(step);
    } else if (choice == 4) {
      ring.erase_if([&](const auto& value) { return *value % 7 == 0; });
      std::erase_if(model, [](int value) { return value % 7 == 0; });
    } else if (!model.empty()) {
      REQUIRE(*ring.front() == model.front());
      REQUIRE(*ring.take_front() == model.front());
      model.pop_front();
    }
    REQUIRE(ring.size() == model.size());
    REQUIRE(contents(ring) == std::vector<int>(model.begin(), model.end()));
  }
}

TEST_CASE("what leaves a ring is let go at once") {
  auto value = std::make_shared<int>(1);
  Ring<std::shared_ptr<int>> ring;
  ring.push_back(value);
  ring.push_back(value);
  CHECK(value.use_count() == 3);
  ring.pop_front();
  CHECK(value.use_count() == 2);
  Ring<std::shared_ptr<int>> other = std::move(ring);
  CHECK(value.use_count() == 2);
  other.clear();
  CHECK(value.use_count() == 1);
  other.push_back(value);
  other = {};
  CHECK(value.use_count() == 1);
}

TEST_CASE("a ring numbers its elements from the front, also where they wrap around") {
  Ring<std::string> ring;
  for (int i = 0; i < 6; ++i) ring.push_back(std::to_string(i));
  for (int i = 6; i < 40; ++i) {
    ring.pop_front();
    ring.push_back(std::to_string(i));
    REQUIRE(ring[0] == std::to_string(i - 5));
    REQUIRE(ring[5] == std::to_string(i));
  }
}

}  // namespace
}  // namespace omma
