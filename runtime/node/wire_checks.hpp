// What nodes and clients ask of a node and answer it, held against its schema before anybody acts
// on it: see base/message_check.hpp. Pure; thread-safe.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/message.hpp"

namespace omma {

// corrupt when it is of a type of schemas/control.capnp but not shaped like it. What is of no such
// type is left to whoever it is for, who refuses it by its type or reads it within a turn.
Result<void> check_body(const Message& body);

}  // namespace omma
