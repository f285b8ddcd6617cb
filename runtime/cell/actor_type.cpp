#include "runtime/cell/actor_type.hpp"

namespace omma {

ConfigReader::ConfigReader(std::span<const std::byte> config)
    : words_(kj::heapArray<capnp::word>(config.size() / sizeof(capnp::word))) {
  OMMA_CHECK(config.size() % sizeof(capnp::word) == 0, config.size());
  if (!config.empty()) std::memcpy(words_.begin(), config.data(), config.size());
  segment_ = words_;
  reader_ = std::make_unique<capnp::SegmentArrayMessageReader>(kj::arrayPtr(&segment_, 1));
}

}  // namespace omma
