#include "runtime/base/message.hpp"

#include <kj/exception.h>

#include <cstring>
#include <string>

namespace omma {
namespace {

// Received structs are bounded by size before they are read, so the traversal limit (which is
// there against amplification) may be generous: every word may be read 64 times over.
capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = std::uint64_t{1} << 40;
  options.nestingLimit = 32;
  return options;
}

}  // namespace

void Message::Body::count() {
  size_bytes = struct_bytes;
  for (const Blob& payload : payloads) size_bytes += payload.size();
}

void Message::Body::finish(std::vector<Blob> with) {
  payloads = std::move(with);
  OMMA_CHECK(payloads.size() <= limits::payloads_per_message_max, payloads.size(),
             limits::payloads_per_message_max);
  root = builder->getRoot<capnp::AnyPointer>().asReader();
  struct_bytes = 0;
  for (auto segment : builder->getSegmentsForOutput()) struct_bytes += segment.size() * 8;
  count();
}

Result<Message> Message::from_wire(std::uint64_t type_id, Blob words, std::vector<Blob> payloads,
                                   std::size_t struct_bytes_max) {
  if (words.size() > struct_bytes_max) {
    return Error{Code::over_limit, "message struct of " + std::to_string(words.size()) +
                                       " bytes, limit " + std::to_string(struct_bytes_max)};
  }
  if (payloads.size() > limits::payloads_per_message_max) {
    return Error{Code::over_limit, "message with " + std::to_string(payloads.size()) +
                                       " payloads, limit " +
                                       std::to_string(limits::payloads_per_message_max)};
  }
  if (words.size() % 8 != 0 || reinterpret_cast<std::uintptr_t>(words.data()) % 8 != 0) {
    return Error{Code::corrupt, "message struct of " + std::to_string(words.size()) +
                                    " bytes is not whole aligned words"};
  }
  auto body = std::make_shared<Body>();
  body->type_id = type_id;
  body->words = std::move(words);
  body->payloads = std::move(payloads);
  body->struct_bytes = body->words.size();
  body->count();
  const auto array = kj::arrayPtr(reinterpret_cast<const capnp::word*>(body->words.data()),
                                  body->words.size() / 8);
  auto failure = kj::runCatchingExceptions([&] {
    body->received.emplace(array, reader_options());
    body->root = body->received->getRoot<capnp::AnyPointer>();
  });
  KJ_IF_MAYBE (exception, failure) {
    return Error{Code::corrupt,
                 std::string("message struct: ") + exception->getDescription().cStr()};
  }
  return Message(std::move(body));
}

Blob Message::flat_words() const {
  OMMA_CHECK(body_ != nullptr, "a null message has no encoding");
  if (!body_->words.empty()) return body_->words;
  // getSegmentsForOutput is not const but changes nothing once building is over.
  auto& builder = const_cast<SmallBuilder&>(*body_->builder);
  auto array = std::make_shared<kj::Array<capnp::word>>(capnp::messageToFlatArray(builder));
  const auto bytes = std::as_bytes(std::span(array->begin(), array->size()));
  return Blob::wrap(std::move(array), bytes);
}

}  // namespace omma
