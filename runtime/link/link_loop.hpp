// LinkLoop: everything of a link hub that lives on its event loop. It accepts and dials, pairs the
// two lanes of a peer into a session, and begins again with back-off when a session ends.
//
//   peer:  away --dial, or both hellos came--> up --a lane breaks--> away (dial again after a
//   while)
//
// Of two nodes that know each other the one with the smaller name dials. A node that we were not
// told of may dial us too: its directory may be ahead of ours.
#pragma once

#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/link/connection.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/mailbox.hpp"
#include "runtime/link/peer_session.hpp"

namespace omma {

class LinkLoop final : private Connection::Owner, private kj::TaskSet::ErrorHandler {
 public:
  LinkLoop(LinkOptions options, LinkHandlers handlers, std::shared_ptr<BufferPool> pool,
           const Clock& clock, std::shared_ptr<Mailbox> mailbox, kj::AsyncIoContext& io);
  ~LinkLoop() noexcept(false);

  // Where it listens; unavailable when it cannot, and not_found or invalid_argument for TLS files.
  Result<std::string> listen();
  // Until the mailbox says stop.
  void run();

 private:
  // A connection that is no lane of a session: not greeted yet, alone of its pair, or a client's.
  struct Stranger {
    kj::Own<Connection> connection;
    bool client = false;
  };
  struct Attempt {
    LaneConnections lanes;
    std::optional<NodeId> peer;
    std::uint64_t number = 0;
  };
  struct Peer {
    std::optional<std::string> address;  // None: it came by itself.
    kj::Own<PeerSession> session;
    std::uint64_t address_version = 0;  // A dial for an earlier address is void.
    bool dialling = false;              // Or waiting to.
    unsigned failures = 0;
  };

  // Connection::Owner
  Connection::Owner& owner() { return *this; }
  Result<NodeId> on_hello(Connection& from, const Greeting& greeting) override;
  kj::Promise<void> on_packets(Connection& from, std::vector<Packet> packets) override;
  kj::Promise<Result<Message>> on_request(Connection& from, Message request) override;
  void on_closed(Connection& which, const LinkStream::End& end) override;
  Result<void> check_body(const Message& body) const override {
    return options_.check_body ? options_.check_body(body) : Result<void>();
  }
  void taskFailed(kj::Exception&&) override {}  // Each task reports for itself.

  kj::Promise<void> accept_next();
  kj::Promise<void> accept(kj::AuthenticatedStream stream);
  void admit(kj::Own<kj::AsyncIoStream> stream, std::optional<std::string> certificate);
  void expire(Connection* which, std::uint64_t number);
  Result<void> check_node(const Connection& from, const Greeting& greeting) const;
  void pair(const Greeting& greeting);

  void apply_address(const std::string& name, std::optional<std::string> address);
  void dial_later(const std::string& name, Duration delay);
  void dial(const std::string& name);
  kj::Promise<void> open_lane(std::string name, std::string address,
                              std::shared_ptr<Attempt> attempt, Lane lane);
  void dialled(const std::string& name, std::uint64_t address_version,
               std::shared_ptr<Attempt> attempt, bool succeeded);
  Duration back_off(unsigned failures);
  std::unique_ptr<LoanDesk> desk() const {
    return std::make_unique<LoanDesk>(options_.arena, mailbox_->loan_tally());
  }

  void begin_session(NodeId node, LaneConnections lanes);
  void end_session(Peer& peer, const std::string& why);
  void forget_if_idle(const std::string& name);
  kj::Promise<void> read_news();
  void take_news(Mailbox::News news);
  void take_call(Mailbox::Call call);
  // What runs now may be one of its own callbacks, so it goes when the loop is back at its root.
  template <class T>
  void bury(T&& object) {
    tasks_.add(kj::evalLater([] {}).attach(kj::mv(object)));
  }

  LinkOptions options_;
  LinkHandlers handlers_;
  std::shared_ptr<BufferPool> pool_;
  const Clock& clock_;
  std::shared_ptr<Mailbox> mailbox_;
  kj::AsyncIoContext& io_;
  kj::Timer& timer_;
  SeededRandom jitter_;

  kj::Own<kj::TlsContext> tls_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  std::string listen_address_;
  kj::Own<kj::AsyncInputStream> wake_;
  std::uint64_t wake_count_ = 0;
  kj::Own<kj::PromiseFulfiller<void>> stop_;

  std::map<Connection*, Stranger> strangers_;
  std::map<std::string, Peer> peers_;
  std::size_t clients_ = 0;
  std::size_t handshakes_ = 0;  // TLS, not done yet.
  std::uint64_t connections_made_ = 0;
  std::uint64_t attempts_made_ = 0;
  std::uint64_t address_versions_ = 0;
  std::uint64_t requests_begun_ = 0;
  std::map<std::uint64_t, kj::Own<kj::PromiseFulfiller<Result<Message>>>> requests_;
  kj::TaskSet tasks_;  // Last: its promises use all of the above.
};

}  // namespace omma
