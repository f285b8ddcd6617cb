// A message: one Cap'n Proto struct, built once and immutable, with payload Blobs beside it.
// Copying a Message shares it; inside a node nothing is ever copied, between nodes the struct is
// written as it is and the payloads are gathered from where they lie.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/limits.hpp"

#include <capnp/message.h>
#include <capnp/schema.h>
#include <capnp/serialize.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace omma {

// What the schema compiler makes of a struct.
template <class T>
concept SchemaStruct = requires {
  typename T::_capnpPrivate::IsStruct;
};

// The schema id of a message type, the number that stands for it on the wire.
template <class T>
constexpr std::uint64_t type_id_of() {
  static_assert(SchemaStruct<T>,
                "omma: a message is a struct of a Cap'n Proto schema, described in a .capnp file "
                "(SCHEMAS of omma_add_app); this type is none");
  return capnp::typeId<T>();
}

class Message {
 public:
  Message() = default;

  // Message::build<Tracks>([&](Tracks::Builder out) { ... }, {pixels})
  template <class T, class Fill>
  static Message build(Fill&& fill, std::vector<Blob> payloads = {}) {
    auto body = std::make_shared<BuiltBody>();
    body->type_id = type_id_of<T>();
    std::forward<Fill>(fill)(body->builder.template initRoot<T>());
    body->finish(std::move(payloads));
    return Message(std::move(body));
  }

  // A copy of a struct that somebody else holds.
  template <class T>
  static Message copy_of(typename T::Reader reader, std::vector<Blob> payloads = {}) {
    auto body = std::make_shared<BuiltBody>();
    body->type_id = type_id_of<T>();
    body->builder.setRoot(reader);
    body->finish(std::move(payloads));
    return Message(std::move(body));
  }

  // From the wire: `words` is the flat encoding (segment table first) and is kept, not copied.
  // corrupt when it is not such an encoding, over_limit when a part is too large.
  static Result<Message> from_wire(std::uint64_t type_id, Blob words, std::vector<Blob> payloads,
                                   std::size_t struct_bytes_max = limits::message_struct_bytes_max);
  // The same, but copies a small encoding, of small_bytes_max at most: it and the rest of the
  // message are then one allocation.
  static constexpr std::size_t small_bytes_max = 512;
  static Result<Message> from_small_wire(std::uint64_t type_id, std::span<const std::byte> words,
                                         std::vector<Blob> payloads);

  bool is_null() const { return body_ == nullptr; }
  std::uint64_t type_id() const { return body_ ? body_->type_id : 0; }
  template <class T>
  bool is() const {
    return type_id() == type_id_of<T>();
  }

  // The struct; only when is<T>().
  template <class T>
  typename T::Reader as() const {
    OMMA_CHECK(is<T>(), type_id(), type_id_of<T>());
    return body_->root.template getAs<T>();
  }

  // The struct, whatever its type.
  capnp::AnyPointer::Reader root() const {
    return body_ ? body_->root : capnp::AnyPointer::Reader();
  }

  std::span<const Blob> payloads() const {
    return body_ ? std::span<const Blob>(body_->payloads) : std::span<const Blob>();
  }
  // Struct plus payloads, what credit counts.
  std::size_t size_bytes() const { return body_ ? body_->size_bytes : 0; }
  std::size_t struct_bytes() const { return body_ ? body_->struct_bytes : 0; }

  // The flat encoding, for the wire and for files. 8-byte aligned.
  Blob flat_words() const;
  // The same into memory of flat_bytes(), without an allocation.
  std::size_t flat_bytes() const;
  void copy_flat_to(std::span<std::byte> out) const;

 private:
  struct Body {
    std::uint64_t type_id = 0;
    capnp::MessageBuilder* built = nullptr;  // When built here.
    std::span<const std::byte> flat;         // When from the wire,
    Blob words;                              // and who owns it, unless this does.
    capnp::AnyPointer::Reader root;
    std::vector<Blob> payloads;
    std::size_t struct_bytes = 0;
    std::size_t size_bytes = 0;

    void count();
  };
  // The first segment is within: most messages fit, so each is one allocation, and none pays for
  // zeroing 8 KiB.
  struct BuiltBody : Body {
    capnp::word first_segment[64] = {};
    capnp::MallocMessageBuilder builder{kj::arrayPtr(first_segment, 64)};

    void finish(std::vector<Blob> with);
  };
  struct ReceivedBody : Body {
    std::optional<capnp::FlatArrayMessageReader> reader;

    Result<void> read();
  };
  struct SmallReceivedBody : ReceivedBody {
    capnp::word memory[small_bytes_max / sizeof(capnp::word)];
  };

  explicit Message(std::shared_ptr<const Body> body) : body_(std::move(body)) {}

  std::shared_ptr<const Body> body_;
};

}  // namespace omma
