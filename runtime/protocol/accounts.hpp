// The ledger's accounts, and the laws that they obey. Every node counts what passed through its own
// streams and actors; added up over the nodes, each message and each captured frame must have ended
// somewhere that can be named:
//   an edge    sent     = received + dropped + in flight (+ lost with a node, where one died)
//   a stage    received = emitted + filtered + failed + held      (frames, for each camera)
//   a camera   captured = the sum over where its frames ended, along each way that they went
// Plain values and pure functions.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/protocol/envelope.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace omma {

// How many, by why: {"full": 3, "expired": 1}.
using Reasons = std::map<std::string, std::uint64_t>;
std::uint64_t total_of(const Reasons& reasons);

// One stream's messages that descend from one camera's frames.
struct EdgeFlow {
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  std::uint64_t received = 0;
  std::uint64_t in_flight = 0;
  // Where one end died with its node, the two ends' counts differ by what it held: filled in by
  // settle_losses().
  std::uint64_t lost = 0;        // Sent; what became of it died with the node.
  std::uint64_t unrecorded = 0;  // Received; that it was sent died with the node.
};

// The sender's node fills in all but `received`, the target's node that.
struct EdgeAccount {
  StreamId stream;
  std::uint64_t sent = 0;
  Reasons dropped{};
  std::uint64_t received = 0;
  std::uint64_t in_flight = 0;  // Waiting or unacknowledged at the sender.
  std::uint64_t lost = 0;       // As in EdgeFlow.
  std::uint64_t unrecorded = 0;
  std::string lost_with{};                        // "node cam-east"; empty while nothing is.
  std::map<std::uint64_t, EdgeFlow> by_origin{};  // By TraceId::origin; 0 is no camera's.
};

// One camera's frames at one stage. A frame counts once however many messages it causes.
struct StageFlow {
  std::uint64_t received = 0;
  std::uint64_t emitted = 0;  // Done with well: handed on, or used where frames end.
  Reasons filtered{};
  Reasons failed{};
  std::uint64_t held = 0;  // In the actor now: its mailbox, a batch, a job on an executor.
};

struct StageAccount {
  ActorId id;
  std::string type;
  std::string name;
  // An app or session: what it sends on are results, not one message a frame.
  bool ends_frames = false;
  std::map<std::uint64_t, StageFlow> by_origin{};
};

// The camera has a StageAccount too: there it receives what it captured.
struct CameraAccount {
  std::uint64_t origin = 0;  // Low half of the camera's ActorId.
  std::string name;
  std::uint64_t captured = 0;
};

// One node's snapshot, or the sum of all.
struct Accounts {
  std::vector<EdgeAccount> edges;
  std::vector<StageAccount> stages;
  std::vector<CameraAccount> cameras;
  // Actors of which an earlier life ended with its node, and the names of those nodes.
  std::map<ActorId, std::set<std::string>> died_with{};
  // Whose accounts these are. That of any other actor went with the node that kept it.
  std::set<ActorId> reported{};
};

// Says of each edge with an end that died, or whose account is gone, what was lost with the node.
// Once nothing is under way that is exact: it is what the counts of the two ends differ by, for
// nobody else can have it.
Accounts settle_losses(Accounts accounts);

// Adds up what is said of the same stream, actor or camera; sorted by their ids.
Accounts merge(std::span<const Accounts> nodes);

// Where frames of a camera ended: "tracker 'lobby'", "filtered: motion", 12.
struct Ending {
  std::string where;
  std::string why;
  std::uint64_t frames = 0;
};

// One way through the stages. It ends at an app, at a stage that sends nothing on, or at one where
// several ways meet, since frames would count twice beyond. Edges of the control channel are no
// way.
struct CameraPath {
  std::vector<Ending> endings;  // In the order of the way; those of no frames are left out.
  std::uint64_t unrecorded =
      0;  // Captured or sent by a life that died with its node: see EdgeFlow.
};
std::vector<CameraPath> paths_of(const Accounts& accounts, const CameraAccount& camera);

struct Violation {
  std::string law;      // "edge: sent = received + dropped + in flight"
  std::string what;     // "stream 0badcafe to 12345678 (fresh)"
  std::string numbers;  // "sent 10, received 8, dropped 1, in flight 0"
};

// `quiet`: nothing was under way when the snapshots were taken, so all laws are exact. Otherwise
// they must have been taken of receivers before their senders; then what left a sender can only be
// too much. A stage's own law is always exact, since its snapshot is taken between two turns.
std::vector<Violation> ledger_check(const Accounts& accounts, bool quiet);

}  // namespace omma
