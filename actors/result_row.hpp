// ResultRow at hand: an app names what it found in one line.
//
//   out_.publish(turn, result_row("crossing", tracks.getTag(), "people_count", turn,
//                                 {{"line", "door"}, {"track", 7}}));
#pragma once

#include "runtime/base/message.hpp"
#include "runtime/cell/turn.hpp"
#include "schemas/results.capnp.h"

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace omma {

struct RowField {
  std::string name;
  std::variant<std::string, std::int64_t, double, bool> value;

  RowField(std::string field, std::string text) : name(std::move(field)), value(std::move(text)) {}
  RowField(std::string field, const char* text)
      : name(std::move(field)), value(std::string(text)) {}
  RowField(std::string field, std::same_as<bool> auto flag) : name(std::move(field)), value(flag) {}
  RowField(std::string field, std::floating_point auto number)
      : name(std::move(field)), value(static_cast<double>(number)) {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) RowField(std::string field, Number number)
      : name(std::move(field)), value(static_cast<std::int64_t>(number)) {}
};

// `tag` is the frame that it was found in; `stage` is added to its hops.
Message result_row(const char* kind, FrameTag::Reader tag, const char* stage, const Turn& turn,
                   const std::vector<RowField>& fields);
// Of no frame at all.
Message result_row(const char* kind, const std::vector<RowField>& fields);
// The last row: nothing follows from this actor.
Message end_row(const std::vector<RowField>& fields);

}  // namespace omma
