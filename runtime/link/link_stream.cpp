#include "runtime/link/link_stream.hpp"

#include <capnp/message.h>
#include <capnp/rpc.capnp.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

// Cap'n Proto's own readers stop here too.
constexpr std::size_t segments_max = 511;

// Reading and writing more than this in one go would hide that bytes still move.
constexpr std::size_t progress_bytes = std::size_t{1} << 20;

static_assert(limits::link_call_references_max + 64 < segments_max);

constexpr std::size_t words_to_bytes(std::uint32_t words) {
  return std::size_t{words} * 8;
}

}  // namespace

// One call as it is written, and what it is written from.
struct LinkStream::Outgoing {
  std::vector<std::uint32_t> table;  // Count - 1, then each segment's size in words.
  std::vector<kj::ArrayPtr<const kj::byte>> pieces;
  std::vector<Blob> blobs;
};

// One call as read; each segment lies in a buffer of its own.
class LinkStream::Received final : public capnp::MessageReader {
 public:
  Received(capnp::ReaderOptions reading, std::shared_ptr<PartTable> parts)
      : capnp::MessageReader(reading), parts_(std::move(parts)) {}
  ~Received() noexcept(false) {
    for (const Blob& segment : segments_) {
      if (segment.size() >= reference_bytes_min) parts_->erase(segment.bytes().data());
    }
  }

  // The buffer's bytes are filled in later, before anybody reads the message.
  std::byte* add(Buffer buffer) {
    std::byte* memory = buffer.bytes().data();
    segments_.push_back(std::move(buffer).share());
    writable_.push_back(memory);
    return memory;
  }
  void publish() {
    for (const Blob& segment : segments_) {
      if (segment.size() >= reference_bytes_min) parts_->emplace(segment.bytes().data(), segment);
    }
  }
  std::byte* memory(std::size_t index) { return writable_[index]; }
  std::size_t size(std::size_t index) const { return segments_[index].size(); }
  std::size_t count() const { return segments_.size(); }

  kj::ArrayPtr<const capnp::word> getSegment(kj::uint id) override {
    if (id >= segments_.size()) return nullptr;
    return kj::arrayPtr(reinterpret_cast<const capnp::word*>(segments_[id].data()),
                        segments_[id].size() / 8);
  }

 private:
  std::shared_ptr<PartTable> parts_;
  std::vector<Blob> segments_;
  std::vector<std::byte*> writable_;
};

LinkStream::LinkStream(kj::Own<kj::AsyncIoStream> stream, std::shared_ptr<BufferPool> pool,
                       std::size_t call_bytes_max)
    : stream_(kj::mv(stream)),
      pool_(std::move(pool)),
      call_bytes_max_(call_bytes_max),
      ended_(nullptr) {
  auto pair = kj::newPromiseAndFulfiller<void>();
  end_fulfiller_ = kj::mv(pair.fulfiller);
  ended_ = pair.promise.fork();
}

std::optional<Blob> LinkStream::received_part(const kj::byte* begin, std::size_t size) const {
  const auto* address = reinterpret_cast<const std::byte*>(begin);
  auto part = parts_->upper_bound(address);
  if (part == parts_->begin()) return std::nullopt;
  const Blob& segment = std::prev(part)->second;
  const auto offset = static_cast<std::size_t>(address - segment.bytes().data());
  if (offset > segment.size() || size > segment.size() - offset) return std::nullopt;
  // A small part would keep the whole segment from the pool.
  if (size < segment.size() / 2) return std::nullopt;
  return segment.part(offset, size);
}

void LinkStream::keep_until_written(Blob blob) {
  const void* address = blob.data();
  outgoing_.emplace(address, std::move(blob));
}

void LinkStream::share_by(std::unique_ptr<LoanDesk> desk) {
  desk_ = nullptr;
  carrier_ = nullptr;
  arrived_ = {};
  if (desk == nullptr) return;
  sockaddr_storage name{};
  kj::uint length = sizeof name;
  stream_->getsockname(reinterpret_cast<sockaddr*>(&name), &length);
  if (name.ss_family != AF_UNIX) return;
  carrier_ = dynamic_cast<kj::AsyncCapabilityStream*>(stream_.get());
  if (carrier_ != nullptr) desk_ = std::move(desk);
}

void LinkStream::offer_arena() {
  if (desk_ != nullptr) offered_ = desk_->offer();
}

bool LinkStream::take_arena() {
  if (desk_ == nullptr) return false;
  const bool complete = std::exchange(arrived_count_, arrived_.size()) == arrived_.size();
  return complete && desk_->take(std::move(arrived_));
}

void LinkStream::stop(bool malformed, const std::string& why) {
  if (end_) return;
  end_ = End{malformed, why};
  end_fulfiller_->fulfill();
}

void LinkStream::refuse(const std::string& why) {
  stop(true, why);
  kj::throwFatalException(KJ_EXCEPTION(FAILED, why.c_str()));
}

std::uint32_t LinkStream::peek(std::size_t index) const {
  std::uint32_t value;  // Little-endian on the wire, as on every machine this runs on.
  std::memcpy(&value, ahead_.data() + ahead_begin_ + index * sizeof value, sizeof value);
  return value;
}

// True when so many bytes lie in ahead_; false at the end of the stream between two messages.
kj::Promise<bool> LinkStream::fill(std::size_t bytes) {
  const std::size_t have = ahead_end_ - ahead_begin_;
  if (have >= bytes) return true;
  if (ahead_begin_ != 0) {
    std::memmove(ahead_.data(), ahead_.data() + ahead_begin_, have);
    ahead_begin_ = 0;
    ahead_end_ = have;
  }
  return read_some(ahead_.data() + have, bytes - have, ahead_.size() - have)
      .then([this, have, bytes](std::size_t got) {
        ahead_end_ += got;
        ++progress_;
        has_received_ = has_received_ || got > 0;
        if (have + got >= bytes) return true;
        KJ_REQUIRE(have + got == 0, "connection ended within a call");
        return false;
      });
}

// File descriptors come with hellos, which are small and so are read here.
kj::Promise<std::size_t> LinkStream::read_some(std::byte* memory, std::size_t min,
                                               std::size_t max) {
  if (carrier_ == nullptr || arrived_count_ == arrived_.size()) {
    return stream_->tryRead(memory, min, max);
  }
  return carrier_
      ->tryReadWithFds(memory, min, max, arrived_.data() + arrived_count_,
                       arrived_.size() - arrived_count_)
      .then([this](kj::AsyncCapabilityStream::ReadResult got) {
        arrived_count_ += got.capCount;
        return got.byteCount;
      });
}

kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> LinkStream::tryReadMessage(
    kj::ArrayPtr<kj::AutoCloseFd> fd_space, capnp::ReaderOptions options,
    kj::ArrayPtr<capnp::word>) {
  using Read = kj::Maybe<capnp::MessageReaderAndFds>;
  return fill(8)
      .then([this, fd_space, options](bool more) -> kj::Promise<Read> {
        if (!more) {
          stop(false, "the other side closed the connection");
          return Read(nullptr);
        }
        const std::size_t segments = std::size_t{peek(0)} + 1;
        if (segments > segments_max) {
          refuse("call of " + std::to_string(segments) + " segments, limit " +
                 std::to_string(segments_max));
        }
        return fill((segments / 2 + 1) * 8)
            .then([this, options](bool) { return read_table(options); })
            .then([this, fd_space](kj::Own<Received> message) -> kj::Promise<Read> {
              auto done = read_segments(*message, 0);
              return done.then([this, fd_space, message = kj::mv(message)]() mutable -> Read {
                message->publish();
                std::size_t words = 0;
                for (std::size_t i = 0; i < message->count(); ++i) words += message->size(i) / 8;
                note_abort(*message, words);
                return capnp::MessageReaderAndFds{kj::mv(message), fd_space.slice(0, 0)};
              });
            });
      })
      .catch_([this](kj::Exception&& exception) -> Read {
        stop(false, exception.getDescription().cStr());
        kj::throwFatalException(kj::mv(exception));
      });
}

kj::Promise<kj::Own<LinkStream::Received>> LinkStream::read_table(capnp::ReaderOptions options) {
  const std::size_t segments = std::size_t{peek(0)} + 1;
  std::size_t total = 0;
  for (std::size_t i = 0; i < segments; ++i) total += words_to_bytes(peek(i + 1));
  if (total > call_bytes_max_) {
    refuse("call of " + std::to_string(total) + " bytes, limit " + std::to_string(call_bytes_max_));
  }
  auto message = kj::heap<Received>(options, parts_);
  for (std::size_t i = 0; i < segments; ++i) {
    auto buffer = pool_->take(words_to_bytes(peek(i + 1)));
    if (!buffer) refuse(buffer.error().message);
    message->add(std::move(*buffer));
  }
  ahead_begin_ += (segments / 2 + 1) * 8;
  return kj::mv(message);
}

kj::Promise<void> LinkStream::read_segments(Received& message, std::size_t index) {
  for (; index < message.count(); ++index) {
    const std::size_t size = message.size(index);
    const std::size_t copied = std::min(size, ahead_end_ - ahead_begin_);
    std::memcpy(message.memory(index), ahead_.data() + ahead_begin_, copied);
    ahead_begin_ += copied;
    if (copied == size) continue;
    return read_all(message.memory(index) + copied, size - copied).then([this, &message, index] {
      return read_segments(message, index + 1);
    });
  }
  return kj::READY_NOW;
}

kj::Promise<void> LinkStream::read_all(std::byte* memory, std::size_t size) {
  const std::size_t now = std::min(size, progress_bytes);
  auto done = stream_->read(memory, now);
  return done.then([this, memory, now, size]() -> kj::Promise<void> {
    ++progress_;
    if (now == size) return kj::READY_NOW;
    return read_all(memory + now, size - now);
  });
}

// The other side's reason to hang up is the best text for our log; it is no offence.
void LinkStream::note_abort(capnp::MessageReader& message, std::size_t words) {
  if (words > 1024) return;
  auto failure = kj::runCatchingExceptions([&] {
    auto root = message.getRoot<capnp::rpc::Message>();
    if (!root.isAbort()) return;
    stop(false, std::string("the other side hung up: ") + root.getAbort().getReason().cStr());
  });
  KJ_IF_MAYBE (exception, failure) {
    refuse(std::string("not an RPC message: ") + exception->getDescription().cStr());
  }
}

kj::Promise<void> LinkStream::writeMessage(
    kj::ArrayPtr<const int>, kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  auto kept = std::make_unique<Outgoing>();
  const std::size_t count = segments.size();
  kept->table.resize((count / 2 + 1) * 2);
  kept->table[0] = static_cast<std::uint32_t>(count - 1);
  kept->pieces.push_back(kj::arrayPtr(kept->table.data(), kept->table.size()).asBytes());
  for (std::size_t i = 0; i < count; ++i) {
    kept->table[i + 1] = static_cast<std::uint32_t>(segments[i].size());
    for (auto rest = segments[i].asBytes(); rest.size() > 0;) {
      const std::size_t piece = std::min(rest.size(), progress_bytes);
      kept->pieces.push_back(rest.slice(0, piece));
      rest = rest.slice(piece, rest.size());
    }
    auto blob = outgoing_.find(segments[i].begin());
    if (blob == outgoing_.end()) continue;
    kept->blobs.push_back(std::move(blob->second));
    outgoing_.erase(blob);
  }
  auto done = write_pieces(*kept, 0);
  return done.attach(std::move(kept)).catch_([this](kj::Exception&& exception) {
    stop(false, exception.getDescription().cStr());
    kj::throwFatalException(kj::mv(exception));
  });
}

// As many pieces to a system call as make up about progress_bytes.
kj::Promise<void> LinkStream::write_pieces(Outgoing& message, std::size_t begin) {
  std::size_t end = begin;
  for (std::size_t bytes = 0; end < message.pieces.size() && bytes < progress_bytes; ++end) {
    bytes += message.pieces[end].size();
  }
  const auto pieces = kj::arrayPtr(message.pieces.data() + begin, message.pieces.data() + end);
  kj::Promise<void> done = nullptr;
  if (offered_.size() == 0) {
    done = stream_->write(pieces);
  } else {
    // With the first byte; closed here as soon as they are the other side's.
    auto offered = kj::mv(offered_);
    done = carrier_->writeWithFds(pieces[0], pieces.slice(1, pieces.size()), offered.asPtr())
               .attach(kj::mv(offered));
  }
  if (end == message.pieces.size()) return done;
  return done.then([this, &message, end] {
    ++progress_;
    return write_pieces(message, end);
  });
}

kj::Promise<void> LinkStream::writeMessages(
    kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) {
  kj::Promise<void> all = kj::READY_NOW;
  for (auto message : messages) {
    all = all.then([this, message] { return writeMessage(nullptr, message); });
  }
  return all;
}

kj::Maybe<int> LinkStream::getSendBufferSize() {
  int size = 0;
  kj::uint length = sizeof size;
  stream_->getsockopt(SOL_SOCKET, SO_SNDBUF, &size, &length);
  return size;
}

kj::Promise<void> LinkStream::end() {
  stream_->shutdownWrite();
  return kj::READY_NOW;
}

}  // namespace omma
