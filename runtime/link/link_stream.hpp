// The byte stream under a connection's RPC. It reads each large part of a call straight into a
// pooled buffer, so that what arrives becomes a Blob without a copy; it keeps what is being written
// alive until the kernel has it; and it refuses a call by its declared size before allocating.
//
// Used on the event loop's thread only; must outlive the RPC system that reads from it.
#pragma once

#include <capnp/serialize-async.h>
#include <kj/async-io.h>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/base/blob.hpp"
#include "runtime/link/loan_desk.hpp"

namespace omma {

// Parts smaller than this are copied into the call: a segment of their own would cost more.
inline constexpr std::size_t reference_bytes_min = std::size_t{16} << 10;

class LinkStream final : public capnp::MessageStream {
 public:
  LinkStream(kj::Own<kj::AsyncIoStream> stream, std::shared_ptr<BufferPool> pool,
             std::size_t call_bytes_max);

  // How a stream ended: by itself (closed, reset) or because we refused what came.
  struct End {
    bool malformed = false;
    std::string why;
  };
  // Resolves once; the connection should be closed then.
  kj::Promise<void> on_end() { return ended_.addBranch(); }
  const std::optional<End>& end_state() const { return end_; }
  // Anything received at all: a stranger who only connects and leaves is no attack.
  bool has_received() const { return has_received_; }

  // Changes while bytes arrive, or while a large call is on its way out: the other side lives, even
  // if it cannot answer yet.
  std::uint64_t progress() const { return progress_; }
  // Ends it from our side.
  void stop(bool malformed, const std::string& why);

  void set_call_bytes_max(std::size_t bytes) { call_bytes_max_ = bytes; }
  // The pooled memory that holds these received bytes; none when they lie among small parts.
  std::optional<Blob> received_part(const kj::byte* begin, std::size_t size) const;
  // These bytes are about to be sent from where they lie.
  void keep_until_written(Blob blob);

  // Memory shared with the other side, if this is a Unix socket, which alone carries file
  // descriptors; nullptr: none.
  void share_by(std::unique_ptr<LoanDesk> desk);
  LoanDesk* desk() const { return desk_.get(); }
  // What the desk offers goes with the next call that is written.
  void offer_arena();
  // What came with the calls so far; none come later. True when it is mapped.
  bool take_arena();

  // MessageStream
  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> tryReadMessage(
      kj::ArrayPtr<kj::AutoCloseFd> fd_space, capnp::ReaderOptions options,
      kj::ArrayPtr<capnp::word> scratch) override;
  kj::Promise<void> writeMessage(
      kj::ArrayPtr<const int> fds,
      kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override;
  kj::Promise<void> writeMessages(
      kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override;
  kj::Maybe<int> getSendBufferSize() override;
  kj::Promise<void> end() override;

 private:
  class Received;
  struct Outgoing;
  using PartTable = std::map<const std::byte*, Blob>;

  kj::Promise<bool> fill(std::size_t bytes);
  kj::Promise<std::size_t> read_some(std::byte* memory, std::size_t min, std::size_t max);
  kj::Promise<kj::Own<Received>> read_table(capnp::ReaderOptions options);
  kj::Promise<void> read_all(std::byte* memory, std::size_t size);
  kj::Promise<void> write_pieces(Outgoing& message, std::size_t begin);
  kj::Promise<void> read_segments(Received& message, std::size_t index);
  std::uint32_t peek(std::size_t index) const;
  [[noreturn]] void refuse(const std::string& why);
  void note_abort(capnp::MessageReader& message, std::size_t words);

  kj::Own<kj::AsyncIoStream> stream_;
  std::shared_ptr<BufferPool> pool_;
  std::size_t call_bytes_max_;
  // Read ahead of what was asked for: small calls come several to a system call.
  std::array<std::byte, std::size_t{16} << 10> ahead_;
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
  std::shared_ptr<PartTable> parts_ = std::make_shared<PartTable>();  // Shared with the messages.
  std::unordered_multimap<const void*, Blob> outgoing_;
  std::unique_ptr<LoanDesk> desk_;
  kj::AsyncCapabilityStream* carrier_ = nullptr;  // stream_, while it takes descriptors.
  kj::Array<kj::AutoCloseFd> offered_;
  LoanDesk::Descriptors arrived_;
  std::size_t arrived_count_ = 0;
  std::optional<End> end_;
  bool has_received_ = false;
  std::uint64_t progress_ = 0;
  kj::Own<kj::PromiseFulfiller<void>> end_fulfiller_;
  kj::ForkedPromise<void> ended_;
};

}  // namespace omma
