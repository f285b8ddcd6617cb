#include "runtime/base/message.hpp"

#include <kj/exception.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace omma {
namespace {

// Received structs are bounded by size before they are read. A few words may still say that half a
// billion empty structs follow, and the traversal limit, which counts them, is what refuses that.
// It counts all reads of a message together, and one may have many readers: so a small message may
// be read thousands of times, and a large one 64 times and then some.
capnp::ReaderOptions reader_options(std::size_t words) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = std::min<std::uint64_t>(words * 4096 + (std::uint64_t{1} << 16),
                                                          words * 64 + (std::uint64_t{1} << 26));
  options.nestingLimit = 32;
  return options;
}

Result<void> check_payloads(std::size_t count) {
  if (count <= limits::payloads_per_message_max) return {};
  return Error{Code::over_limit, "message with " + std::to_string(count) + " payloads, limit " +
                                     std::to_string(limits::payloads_per_message_max)};
}

Error not_whole_words(std::size_t size) {
  return {Code::corrupt,
          "message struct of " + std::to_string(size) + " bytes is not whole aligned words"};
}

}  // namespace

void Message::Body::count() {
  size_bytes = struct_bytes;
  for (const Blob& payload : payloads) size_bytes += payload.size();
}

void Message::BuiltBody::finish(std::vector<Blob> with) {
  payloads = std::move(with);
  OMMA_CHECK(payloads.size() <= limits::payloads_per_message_max, payloads.size(),
             limits::payloads_per_message_max);
  built = &builder;
  root = builder.getRoot<capnp::AnyPointer>().asReader();
  struct_bytes = 0;
  for (auto segment : builder.getSegmentsForOutput()) struct_bytes += segment.size() * 8;
  count();
}

Result<void> Message::ReceivedBody::read() {
  struct_bytes = flat.size();
  count();
  const auto array = kj::arrayPtr(reinterpret_cast<const capnp::word*>(flat.data()),
                                  flat.size() / sizeof(capnp::word));
  auto failure = kj::runCatchingExceptions([&] {
    reader.emplace(array, reader_options(array.size()));
    root = reader->getRoot<capnp::AnyPointer>();
  });
  KJ_IF_MAYBE (exception, failure) {
    return Error{Code::corrupt,
                 std::string("message struct: ") + exception->getDescription().cStr()};
  }
  return {};
}

Result<Message> Message::from_wire(std::uint64_t type_id, Blob words, std::vector<Blob> payloads,
                                   std::size_t struct_bytes_max) {
  if (words.size() > struct_bytes_max) {
    return Error{Code::over_limit, "message struct of " + std::to_string(words.size()) +
                                       " bytes, limit " + std::to_string(struct_bytes_max)};
  }
  if (auto countable = check_payloads(payloads.size()); !countable) return countable.error();
  if (words.size() % 8 != 0 || reinterpret_cast<std::uintptr_t>(words.data()) % 8 != 0) {
    return not_whole_words(words.size());
  }
  auto body = std::make_shared<ReceivedBody>();
  body->type_id = type_id;
  body->flat = words.bytes();
  body->words = std::move(words);
  body->payloads = std::move(payloads);
  if (auto readable = body->read(); !readable) return readable.error();
  return Message(std::move(body));
}

Result<Message> Message::from_small_wire(std::uint64_t type_id, std::span<const std::byte> words,
                                         std::vector<Blob> payloads) {
  OMMA_CHECK(words.size() <= small_bytes_max, words.size(), small_bytes_max);
  if (auto countable = check_payloads(payloads.size()); !countable) return countable.error();
  if (words.size() % 8 != 0) return not_whole_words(words.size());
  auto body = std::make_shared<SmallReceivedBody>();
  body->type_id = type_id;
  std::memcpy(body->memory, words.data(), words.size());
  body->flat = std::as_bytes(std::span(body->memory, words.size() / sizeof(capnp::word)));
  body->payloads = std::move(payloads);
  if (auto readable = body->read(); !readable) return readable.error();
  return Message(std::move(body));
}

Blob Message::flat_words() const {
  OMMA_CHECK(body_ != nullptr, "a null message has no encoding");
  if (!body_->words.empty()) return body_->words;
  if (body_->built == nullptr) return Blob::wrap(body_, body_->flat);
  auto array = std::make_shared<kj::Array<capnp::word>>(capnp::messageToFlatArray(*body_->built));
  const auto bytes = std::as_bytes(std::span(array->begin(), array->size()));
  return Blob::wrap(std::move(array), bytes);
}

std::size_t Message::flat_bytes() const {
  OMMA_CHECK(body_ != nullptr, "a null message has no encoding");
  if (body_->built == nullptr) return body_->flat.size();
  const std::size_t segments = body_->built->getSegmentsForOutput().size();
  return (segments / 2 + 1) * sizeof(capnp::word) + body_->struct_bytes;
}

void Message::copy_flat_to(std::span<std::byte> out) const {
  OMMA_CHECK(out.size() == flat_bytes(), out.size(), flat_bytes());
  if (body_->built == nullptr) {
    if (!out.empty()) std::memcpy(out.data(), body_->flat.data(), out.size());
    return;
  }
  // As capnp::messageToFlatArray: how many segments there are, less one, and the words of each,
  // 32 bits a number, filled up to a whole word.
  const auto segments = body_->built->getSegmentsForOutput();
  std::byte* table = out.data();
  std::byte* at = table + (segments.size() / 2 + 1) * sizeof(capnp::word);
  std::memset(table, 0, static_cast<std::size_t>(at - table));
  const auto put = [&table](std::size_t number) {
    const auto value = static_cast<std::uint32_t>(number);
    std::memcpy(table, &value, sizeof value);
    table += sizeof value;
  };
  put(segments.size() - 1);
  for (const auto segment : segments) {
    put(segment.size());
    std::memcpy(at, segment.begin(), segment.size() * sizeof(capnp::word));
    at += segment.size() * sizeof(capnp::word);
  }
}

}  // namespace omma
