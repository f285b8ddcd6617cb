#include "runtime/cell/cell_snapshot.hpp"

#include <kj/exception.h>

#include <cstring>
#include <exception>
#include <span>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/cell/snapshot_parts.hpp"

namespace omma {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::uint64_t magic = 0x31504e53414d4d4f;  // "OMMASNP1"

// At the front, in the machine's byte order (little-endian, as Cap'n Proto's own); the sizes of the
// blobs follow it.
struct Header {
  std::uint64_t magic = 0;
  std::uint64_t struct_bytes = 0;
  std::uint64_t blobs = 0;
};

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

Error damaged(const std::string& what) {
  return {Code::corrupt, "snapshot of an actor: " + what};
}

// Zero behind the last byte of each part, so that equal snapshots have equal bytes.
Result<Blob> lay_out(std::span<const std::byte> words, const std::vector<Blob>& blobs) {
  if (blobs.size() > limits::snapshot_blobs_max) {
    return Error{Code::over_limit, "snapshot of an actor with " + std::to_string(blobs.size()) +
                                       " messages and payloads on their way, limit " +
                                       std::to_string(limits::snapshot_blobs_max)};
  }
  const std::size_t index_bytes = sizeof(Header) + blobs.size() * sizeof(std::uint64_t);
  std::size_t total = aligned(index_bytes) + aligned(words.size());
  for (const Blob& blob : blobs) total += aligned(blob.size());
  if (total > limits::moved_bytes_max) {
    return Error{Code::over_limit,
                 "snapshot of an actor of " + std::to_string(total) + " bytes, limit " +
                     std::to_string(limits::moved_bytes_max) +
                     "; an actor keeps what is large in files, and its receivers keep up"};
  }
  auto memory = std::shared_ptr<std::byte>(
      static_cast<std::byte*>(::operator new(total, std::align_val_t(alignment))),
      [](std::byte* p) { ::operator delete(p, std::align_val_t(alignment)); });
  std::byte* at = memory.get();
  const auto put = [&at](const void* from, std::size_t bytes, std::size_t room) {
    if (bytes > 0) std::memcpy(at, from, bytes);
    std::memset(at + bytes, 0, room - bytes);
    at += room;
  };
  const Header header{magic, words.size(), blobs.size()};
  put(&header, sizeof(header), sizeof(header));
  for (const Blob& blob : blobs) {
    const std::uint64_t size = blob.size();
    put(&size, sizeof(size), sizeof(size));
  }
  put(nullptr, 0, aligned(index_bytes) - index_bytes);
  put(words.data(), words.size(), aligned(words.size()));
  for (const Blob& blob : blobs) put(blob.data(), blob.size(), aligned(blob.size()));
  OMMA_CHECK(at == memory.get() + total, total);
  std::byte* first = memory.get();
  return Blob::wrap(std::move(memory), {first, total});
}

struct Parts {
  Blob words;
  std::vector<Blob> blobs;
};

Result<Parts> take_apart(const Blob& bytes) {
  Header header;
  if (bytes.size() < sizeof(header))
    return damaged("only " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != magic) return damaged("not one at all, or of another layout");
  if (header.blobs > limits::snapshot_blobs_max || header.struct_bytes > bytes.size()) {
    return damaged("its header makes no sense");
  }
  const std::size_t index_bytes = sizeof(Header) + header.blobs * sizeof(std::uint64_t);
  std::size_t at = aligned(index_bytes);
  const auto next = [&](std::size_t size) -> std::optional<Blob> {
    if (size > bytes.size() || at > bytes.size() - size) return std::nullopt;
    Blob part = bytes.part(at, size);
    at += aligned(size);
    return part;
  };
  if (at > bytes.size()) return damaged("cut off in its index");
  Parts parts;
  auto words = next(header.struct_bytes);
  if (!words || header.struct_bytes % sizeof(capnp::word) != 0) {
    return damaged("cut off in its struct");
  }
  parts.words = *std::move(words);
  for (std::size_t i = 0; i < header.blobs; ++i) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data() + sizeof(Header) + i * sizeof(size), sizeof(size));
    auto blob = next(size);
    if (!blob) return damaged("cut off in blob " + std::to_string(i));
    parts.blobs.push_back(*std::move(blob));
  }
  if (at != bytes.size()) return damaged("its length is not what its index says");
  return parts;
}

}  // namespace

Result<Blob> encode(const CellSnapshot& snapshot) {
  capnp::MallocMessageBuilder builder;
  SnapshotWriter writer;
  writer.write(builder.initRoot<wire::CellSnapshot>(), snapshot);
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(builder);
  return lay_out(std::as_bytes(std::span(words.begin(), words.size())), writer.blobs());
}

Result<CellSnapshot> decode_cell_snapshot(const Blob& bytes) {
  auto parts = take_apart(bytes);
  if (!parts) return parts.error();
  capnp::ReaderOptions options;
  const auto words = kj::arrayPtr(reinterpret_cast<const capnp::word*>(parts->words.data()),
                                  parts->words.size() / sizeof(capnp::word));
  // Each word eight times: a list of empty structs costs a word for each, however few bytes it has.
  options.traversalLimitInWords = words.size() * 8 + 1024;
  Result<CellSnapshot> snapshot = damaged("not read");
  auto failure = kj::runCatchingExceptions([&] {
    capnp::FlatArrayMessageReader reader(words, options);
    const auto root = reader.getRoot<wire::CellSnapshot>();
    if (root.getVersion() > wire::SNAPSHOT_VERSION) {
      snapshot = Error{Code::unsupported,
                       "snapshot of an actor of version " + std::to_string(root.getVersion()) +
                           ", this build reads up to " + std::to_string(wire::SNAPSHOT_VERSION) +
                           "; upgrade this node"};
      return;
    }
    snapshot = SnapshotReader(parts->blobs).read(root);
  });
  KJ_IF_MAYBE (exception, failure) {
    return damaged(exception->getDescription().cStr());
  }
  return snapshot;
}

}  // namespace omma
