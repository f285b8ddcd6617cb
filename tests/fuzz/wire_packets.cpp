// What a peer may write into a connection: any bytes. They are read as the link reads them, calls
// of packets and calls with a body, until the stream refuses or ends. What was accepted must come
// through the wire again as it is.
#include <capnp/message.h>
#include <kj/async-io.h>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/link/link_stream.hpp"
#include "runtime/link/wire_packet.hpp"
#include "schemas/link.capnp.h"
#include "tests/fuzz/fuzz.hpp"

namespace omma::fuzz {
namespace {

// Small, so that "too large" is within reach.
constexpr std::size_t call_bytes_max = std::size_t{1} << 20;

// Gives the input's bytes and keeps what is written.
class Tape final : public kj::AsyncIoStream {
 public:
  explicit Tape(std::vector<kj::byte> bytes) : bytes_(std::move(bytes)) {}

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t, std::size_t size_max) override {
    const std::size_t size = std::min(size_max, bytes_.size() - at_);
    if (size > 0) std::memcpy(buffer, bytes_.data() + at_, size);
    at_ += size;
    return size;
  }
  kj::Promise<void> write(const void* buffer, std::size_t size) override {
    const auto* first = static_cast<const kj::byte*>(buffer);
    written.insert(written.end(), first, first + size);
    return kj::READY_NOW;
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    for (const auto& piece : pieces) written.insert(written.end(), piece.begin(), piece.end());
    return kj::READY_NOW;
  }
  kj::Promise<void> whenWriteDisconnected() override { return kj::NEVER_DONE; }
  void shutdownWrite() override {}

  std::vector<kj::byte> written;

 private:
  std::vector<kj::byte> bytes_;
  std::size_t at_ = 0;
};

struct Wire {
  explicit Wire(std::vector<kj::byte> bytes)
      : pool(std::make_shared<BufferPool>(std::size_t{1} << 20)) {
    auto own = kj::heap<Tape>(std::move(bytes));
    tape = own.get();
    stream.emplace(kj::mv(own), pool, call_bytes_max);
  }
  std::shared_ptr<BufferPool> pool;
  Tape* tape = nullptr;
  std::optional<LinkStream> stream;
};

std::vector<kj::byte> written(const std::vector<Packet>& packets, kj::WaitScope& scope) {
  Wire wire({});
  capnp::MallocMessageBuilder builder(static_cast<kj::uint>(inline_words_of(packets) + 64));
  auto params = builder.initRoot<wire::Door::DeliverParams>();
  encode(packets, params.initPackets(static_cast<kj::uint>(packets.size())), *wire.stream);
  wire.stream->writeMessage(nullptr, builder.getSegmentsForOutput()).wait(scope);
  return wire.tape->written;
}

Result<std::vector<Packet>> read_again(std::vector<kj::byte> bytes, kj::WaitScope& scope) {
  Wire wire(std::move(bytes));
  wire.stream->set_call_bytes_max(16 * call_bytes_max);
  auto read = wire.stream->tryReadMessage(nullptr, {1 << 30, 64}, nullptr).wait(scope);
  auto& message = KJ_REQUIRE_NONNULL(read);
  return decode(message.reader->getRoot<wire::Door::DeliverParams>().getPackets(), *wire.stream,
                *wire.pool);
}

void must_come_through(const std::vector<Packet>& packets, kj::WaitScope& scope) {
  const std::vector<kj::byte> bytes = written(packets, scope);
  const auto again = read_again(bytes, scope);
  OMMA_CHECK(again.ok() && again->size() == packets.size(), packets.size());
  OMMA_CHECK(written(*again, scope) == bytes, bytes.size());
}

void look_at(capnp::MessageReader& message, const Wire& wire, kj::WaitScope& scope) {
  std::optional<std::vector<Packet>> packets;
  static_cast<void>(kj::runCatchingExceptions([&] {
    auto decoded =
        decode(message.getRoot<wire::Door::DeliverParams>().getPackets(), *wire.stream, *wire.pool);
    if (decoded) packets = *std::move(decoded);
  }));
  if (packets) must_come_through(*packets, scope);
  static_cast<void>(kj::runCatchingExceptions([&] {
    static_cast<void>(
        decode(message.getRoot<wire::Door::RequestParams>().getBody(), *wire.stream, *wire.pool));
    static_cast<void>(decode(message.getRoot<wire::Door::HelloParams>().getHello().getSelf()));
  }));
}

}  // namespace
}  // namespace omma::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace omma::fuzz;
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  Wire wire({data, data + size});
  static_cast<void>(kj::runCatchingExceptions([&] {
    for (;;) {
      capnp::ReaderOptions options;
      options.traversalLimitInWords = 4 * call_bytes_max / 8;
      auto read = wire.stream->tryReadMessage(nullptr, options, nullptr).wait(scope);
      KJ_IF_MAYBE (message, read) {
        look_at(*message->reader, wire, scope);
      } else {
        return;
      }
    }
  }));
  OMMA_CHECK(wire.stream->end_state().has_value(), size);
  return 0;
}
