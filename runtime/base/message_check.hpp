// Whether a struct is, all through, what its schema says. A received message is only looked at
// where it is read, and whoever reads it first would meet what is broken in it; so what a peer says
// to a node itself is checked at the door, before a handler sees it.
//
// Pure. Follows every pointer once, and no struct more often than its size allows: pointers that
// share their target cannot make a small message cost much.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/message.hpp"

#include <capnp/schema.h>

#include <cstddef>
#include <span>
#include <string>

namespace omma {

// corrupt when the message is of another type, a pointer leads nowhere or to something else than
// the schema says, or a text has no end. Fields that this build does not know are not looked at.
Result<void> check_message(const Message& message, capnp::StructSchema schema);

// The same for a struct in its canonical encoding: one segment of whole words, as configurations
// are kept. `what` is for the error: "configuration of camera".
Result<void> check_canonical(std::span<const std::byte> bytes, capnp::StructSchema schema,
                             const std::string& what);

}  // namespace omma
