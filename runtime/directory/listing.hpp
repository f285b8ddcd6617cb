// What listings of actors have in common in every engine: where a page ends, and whom somebody
// means by a name that they wrote.
//
// Pure; private to runtime/directory.
#pragma once

#include "runtime/directory/directory.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace omma {

// Takes records until the page is full.
class PageFiller {
 public:
  explicit PageFiller(std::size_t count_max = limits::actors_per_page_max)
      : count_max_(count_max) {}
  // False: it was one too many, and is not in the page.
  bool add(ActorRecord record);
  ActorPage take() { return std::move(page_); }

 private:
  const std::size_t count_max_;
  std::size_t bytes_ = 0;
  ActorPage page_;
};

// A written name: NAME, or TYPE/NAME when there is a stroke in it.
struct TitleWish {
  std::string name;
  std::string type;       // Empty: there is none in it.
  std::string type_name;  // The name beside the type.

  explicit TitleWish(std::string_view wanted);
  bool fits(const ActorRecord& actor) const {
    return actor.name == name || (!type.empty() && actor.type == type && actor.name == type_name);
  }
};

// The ids that begin with these digits, ends included; none when they are no digits of an id.
std::optional<std::pair<ActorId, ActorId>> ids_of(std::string_view digits);

}  // namespace omma
