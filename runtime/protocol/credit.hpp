// Byte credit of one stream: how much may be on its way and unfinished. The receiving end grants,
// the sending end spends.
//
// A grant is a limit on the sum of all bytes since number 1, never an increment: a grant that got
// lost is made good by the next one, one that comes twice or late changes nothing. Whatever the
// limit, a message may pass when nothing else is outstanding, so that one larger than the window
// is not stuck for ever. Plain values, owned by one Outbox or Inbox.
#pragma once

#include "runtime/base/message.hpp"

#include <cstdint>

namespace omma {

// What a message counts: its size, but at least a place in a queue.
std::uint64_t credit_bytes_of(const Message& message);

class CreditSpender {
 public:
  // What a move or a checkpoint takes along.
  struct Saved {
    std::uint64_t window_bytes = 0;
    std::uint64_t limit_bytes = 0;
    std::uint64_t settled_bytes = 0;
  };
  Saved save() const { return {window_bytes_, limit_bytes_, settled_bytes_}; }
  // With nothing outstanding; spend() again what is.
  explicit CreditSpender(const Saved& saved)
      : window_bytes_(saved.window_bytes),
        limit_bytes_(saved.limit_bytes),
        spent_bytes_(saved.settled_bytes),
        settled_bytes_(saved.settled_bytes) {}

  // Both ends start from the same window, so the first messages need no grant.
  explicit CreditSpender(std::uint64_t window_bytes);

  bool covers(std::uint64_t bytes) const;
  void spend(std::uint64_t bytes);
  // These bytes have been acknowledged.
  void settle(std::uint64_t bytes);
  // True if it grew. Never more than one window beyond what is settled, whatever the peer says;
  // so settle first what the same acknowledgement covers.
  bool raise_limit(std::uint64_t limit_bytes);
  // A new pair of lives: nothing spent, one window to go.
  void begin_again();

  std::uint64_t outstanding_bytes() const { return spent_bytes_ - settled_bytes_; }

 private:
  std::uint64_t window_bytes_;
  std::uint64_t limit_bytes_;
  std::uint64_t spent_bytes_ = 0;
  std::uint64_t settled_bytes_ = 0;
};

class CreditGranter {
 public:
  struct Saved {
    std::uint64_t window_bytes = 0;
    std::uint64_t finished_bytes = 0;
  };
  Saved save() const { return {window_bytes_, finished_bytes_}; }
  // What was received and not finished will come again.
  explicit CreditGranter(const Saved& saved)
      : window_bytes_(saved.window_bytes),
        received_bytes_(saved.finished_bytes),
        finished_bytes_(saved.finished_bytes) {}

  explicit CreditGranter(std::uint64_t window_bytes);

  // May a message of so many bytes come in now?
  bool covers(std::uint64_t bytes) const;
  void receive(std::uint64_t bytes);
  // These bytes are done with; the limit moves on by them.
  void finish(std::uint64_t bytes);
  void begin_again();

  std::uint64_t limit_bytes() const { return finished_bytes_ + window_bytes_; }
  std::uint64_t outstanding_bytes() const { return received_bytes_ - finished_bytes_; }

 private:
  std::uint64_t window_bytes_;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t finished_bytes_ = 0;
};

}  // namespace omma
