#include "runtime/base/message_check.hpp"

#include <capnp/dynamic.h>
#include <kj/exception.h>

#include <cstring>

namespace omma {
namespace {

// An honest struct is read once; lists of empty structs cost one word an element.
constexpr std::uint64_t reads_of_each_word = 8;
constexpr std::uint64_t words_besides = 1024;

capnp::ReaderOptions options_for(std::size_t words) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = words * reads_of_each_word + words_besides;
  options.nestingLimit = 32;
  return options;
}

void visit(capnp::DynamicStruct::Reader in);

void visit(capnp::DynamicList::Reader in) {
  const auto element = in.getSchema().whichElementType();
  const bool points = element == capnp::schema::Type::STRUCT ||
                      element == capnp::schema::Type::LIST ||
                      element == capnp::schema::Type::TEXT || element == capnp::schema::Type::DATA;
  for (kj::uint i = 0; points && i < in.size(); ++i) {
    const capnp::DynamicValue::Reader value = in[i];  // Reading it checks it.
    if (element == capnp::schema::Type::STRUCT) visit(value.as<capnp::DynamicStruct>());
    if (element == capnp::schema::Type::LIST) visit(value.as<capnp::DynamicList>());
  }
}

void visit(capnp::DynamicStruct::Reader in, capnp::StructSchema::Field field) {
  if (field.getProto().isGroup()) return visit(in.get(field).as<capnp::DynamicStruct>());
  if (!in.has(field)) return;
  const auto type = field.getType();
  if (type.isInterface()) return;  // No message has one.
  const capnp::DynamicValue::Reader value = in.get(field);
  if (type.isStruct()) visit(value.as<capnp::DynamicStruct>());
  if (type.isList()) visit(value.as<capnp::DynamicList>());
  if (type.isAnyPointer()) value.as<capnp::AnyPointer>().targetSize();
}

void visit(capnp::DynamicStruct::Reader in) {
  for (const auto field : in.getSchema().getNonUnionFields()) visit(in, field);
  KJ_IF_MAYBE (field, in.which()) {
    visit(in, *field);
  }
}

Result<void> check(capnp::MessageReader& reader, capnp::StructSchema schema,
                   const std::string& what) {
  auto failure =
      kj::runCatchingExceptions([&] { visit(reader.getRoot<capnp::DynamicStruct>(schema)); });
  KJ_IF_MAYBE (exception, failure) {
    return Error{Code::corrupt, what + ": " + exception->getDescription().cStr()};
  }
  return {};
}

std::string name_of(capnp::StructSchema schema) {
  return schema.getShortDisplayName().cStr();
}

}  // namespace

Result<void> check_message(const Message& message, capnp::StructSchema schema) {
  const std::uint64_t wanted = schema.getProto().getId();
  if (message.type_id() != wanted) {
    return Error{Code::corrupt, "message of type " + std::to_string(message.type_id()) + " where " +
                                    name_of(schema) + " (" + std::to_string(wanted) +
                                    ") is expected"};
  }
  const Blob words = message.flat_words();
  const auto array = kj::arrayPtr(reinterpret_cast<const capnp::word*>(words.data()),
                                  words.size() / sizeof(capnp::word));
  capnp::FlatArrayMessageReader reader(array, options_for(array.size()));
  return check(reader, schema, "message " + name_of(schema));
}

Result<void> check_canonical(std::span<const std::byte> bytes, capnp::StructSchema schema,
                             const std::string& what) {
  if (bytes.size() % sizeof(capnp::word) != 0) {
    return Error{Code::corrupt,
                 what + ": " + std::to_string(bytes.size()) + " bytes are not whole words of 8"};
  }
  // The bytes may lie anywhere; a reader wants aligned words.
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  if (!bytes.empty()) std::memcpy(words.begin(), bytes.data(), bytes.size());
  const kj::ArrayPtr<const capnp::word> segment = words;
  capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1), options_for(words.size()));
  return check(reader, schema, what);
}

}  // namespace omma
