// Connection: one stream with Cap'n Proto RPC on it, a Door offered at each end. It knows the wire
// format and nothing of peers: whoever owns it decides whom to let in.
//
//              hello (ours or theirs)
//   strange -----------------------------> greeted ----> closed (once, then never again a callback)
//      \_____________________________________________________^
//
// Event loop's thread only. The owner must not destroy it from within a callback.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/link_stream.hpp"
#include "schemas/link.capnp.h"

namespace omma {

class PeerSession;

struct Greeting {
  std::optional<NodeId> self;  // None for a client.
  Lane lane = Lane::control;
  std::uint64_t session = 0;
  std::string expected;
};

class Connection {
 public:
  class Owner {
   public:
    // Our own id, or why the caller is not let in; the connection is then closed.
    virtual Result<NodeId> on_hello(Connection& from, const Greeting& greeting) = 0;
    virtual kj::Promise<void> on_packets(Connection& from, std::vector<Packet> packets) = 0;
    virtual kj::Promise<Result<Message>> on_request(Connection& from, Message request) = 0;
    virtual void on_closed(Connection& which, const LinkStream::End& end) = 0;
    // Whether a request or a reply is what its type says; if not, the connection is closed.
    virtual Result<void> check_body(const Message&) const { return {}; }

   protected:
    ~Owner() = default;
  };

  // `desk` is for memory shared with a peer; a client has none.
  Connection(Owner& owner, kj::Own<kj::AsyncIoStream> stream, capnp::rpc::twoparty::Side side,
             std::shared_ptr<BufferPool> pool, kj::Timer& timer,
             std::unique_ptr<LoanDesk> desk = nullptr);
  ~Connection() noexcept(false);
  KJ_DISALLOW_COPY(Connection);

  // As the side that dialled: who is there. unavailable, or the error the other side refused with.
  kj::Promise<Result<NodeId>> say_hello(const Greeting& greeting);
  // These need a hello first. Broken promises when the connection breaks.
  kj::Promise<void> send_packets(const std::vector<Packet>& packets);
  kj::Promise<void> ping();
  kj::Promise<Result<Message>> send_request(const Message& request);

  // Packets that came before our own side knew that the session is up; start() hands them over.
  // Few: the other side keeps no more calls unanswered.
  kj::Promise<void> hold(std::vector<Packet> packets);
  void hand_over_held();

  // Bytes moved since the last call (see LinkStream::progress).
  bool take_progress();
  bool has_ended() const { return stream_.end_state().has_value(); }
  bool has_received() const { return stream_.has_received(); }
  void break_off(bool malformed, const std::string& why) { stream_.stop(malformed, why); }

  // The owner's notes: the session that this is a lane of, if any; what the side that dialled said,
  // once it was let in; the name in its certificate, on TLS.
  PeerSession* session = nullptr;
  std::optional<Greeting> greeting;
  std::optional<std::string> certificate;
  std::uint64_t number = 0;  // Tells it from a later one at the same place in memory.

 private:
  class DoorServer;

  void greeted(wire::Door::Client remote);
  void take_arena();
  void refuse_softly(const std::string& why);
  void report_end();
  Result<Message> decode_body(wire::Body::Reader in) const;

  Owner& owner_;
  std::shared_ptr<BufferPool> pool_;
  kj::Timer& timer_;
  DoorServer* door_;  // Owned by door_client_, and by the RPC system for a while longer.
  wire::Door::Client door_client_;
  LinkStream stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  std::optional<wire::Door::Client> remote_;  // After hello.
  struct Held {
    std::vector<Packet> packets;
    kj::Own<kj::PromiseFulfiller<void>> answered;
  };
  std::vector<Held> held_;
  std::uint64_t progress_seen_ = 0;
  std::optional<LinkStream::End> refused_;
  kj::Promise<void> watch_;
};

}  // namespace omma
