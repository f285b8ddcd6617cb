// Messages for the tests of streams: each carries a number, and weighs what a test wants.
#pragma once

#include "runtime/base/check.hpp"
#include "runtime/base/message.hpp"
#include "schemas/frame.capnp.h"

#include <cstdint>
#include <vector>

namespace omma {

inline std::uint64_t number_of(const Message& message) {
  return message.as<FrameTag>().getSequence();
}

// `size_bytes` at least the 64 of the struct.
inline Message numbered_message(std::uint64_t number, std::size_t size_bytes = 64) {
  static const Blob zeros = Blob::copy_of(std::vector<std::byte>(1 << 20));
  const auto fill = [number](FrameTag::Builder out) { out.setSequence(number); };
  static const std::size_t struct_bytes = Message::build<FrameTag>(fill).size_bytes();
  OMMA_CHECK(size_bytes >= struct_bytes, size_bytes, struct_bytes);
  if (size_bytes == struct_bytes) return Message::build<FrameTag>(fill);
  return Message::build<FrameTag>(fill, {zeros.part(0, size_bytes - struct_bytes)});
}

}  // namespace omma
