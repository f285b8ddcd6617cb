// The small message of the benches, built and read the same way by the runtime's rows and by their
// baselines: five boxes, each field set and each field looked at.
//
// Plain functions.
#pragma once

#include "tools/bench/messages.capnp.h"

#include <cstdint>

namespace omma::bench {

inline constexpr unsigned boxes_per_message = 5;

inline void write_boxes(Boxes::Builder out, std::uint64_t number) {
  out.setNumber(number);
  auto boxes = out.initBoxes(boxes_per_message);
  for (unsigned i = 0; i < boxes_per_message; ++i) {
    auto box = boxes[i];
    box.setX(static_cast<float>(number % 640));
    box.setY(static_cast<float>(i * 7));
    box.setWidth(40);
    box.setHeight(90);
    box.setScore(0.75F);
    box.setClass(static_cast<std::uint16_t>(i));
  }
}

// A sum over all fields, so that no field's reading can be left out.
inline float read_boxes(Boxes::Reader in) {
  float sum = 0;
  for (const auto box : in.getBoxes()) {
    sum += box.getX() + box.getY() + box.getWidth() + box.getHeight() + box.getScore() +
           static_cast<float>(box.getClass());
  }
  return sum;
}

}  // namespace omma::bench
