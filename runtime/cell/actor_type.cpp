#include "runtime/cell/actor_type.hpp"

#include <capnp/any.h>

#include <string>

namespace omma {

ConfigReader::ConfigReader(std::span<const std::byte> config)
    : words_(kj::heapArray<capnp::word>(config.size() / sizeof(capnp::word))) {
  OMMA_CHECK(config.size() % sizeof(capnp::word) == 0, config.size());
  if (!config.empty()) std::memcpy(words_.begin(), config.data(), config.size());
  segment_ = words_;
  reader_ = std::make_unique<capnp::SegmentArrayMessageReader>(kj::arrayPtr(&segment_, 1));
}

namespace detail {

Result<void> check_state(const char* type_name, const Message& state, capnp::StructSchema known) {
  const std::string title = "snapshot of " + std::string(type_name);
  if (state.type_id() != known.getProto().getId()) {
    return Error{Code::corrupt, title + " is a message of type " + std::to_string(state.type_id()) +
                                    ", its state has " + std::to_string(known.getProto().getId())};
  }
  const auto root = state.root().getAs<capnp::AnyStruct>();
  const auto check = [&](std::size_t found, std::size_t limit, const char* what) -> Result<void> {
    if (found <= limit) return {};
    return Error{Code::unsupported, title + " has " + std::to_string(found) + what +
                                        ", this build knows " + std::to_string(limit) +
                                        "; upgrade this node"};
  };
  const auto sizes = known.getProto().getStruct();
  auto data = check(root.getDataSection().size() / sizeof(capnp::word), sizes.getDataWordCount(),
                    " data words");
  if (!data) return data;
  return check(root.getPointerSection().size(), sizes.getPointerCount(), " pointers");
}

}  // namespace detail
}  // namespace omma
