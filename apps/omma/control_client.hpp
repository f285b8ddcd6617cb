// ControlClient: the requests of schemas/control.capnp as calls. Blocking, one thread.
#pragma once

#include "runtime/base/message.hpp"
#include "runtime/link/link.hpp"
#include "runtime/node/app.hpp"
#include "runtime/placement/cluster_file.hpp"
#include "runtime/protocol/accounts.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace omma {

class ControlClient {
 public:
  static Result<ControlClient> connect(const std::string& address,
                                       const std::optional<NodeSpec::Tls>& tls, Duration patience);

  // The node answers as a member of its cluster.
  bool ready();
  // The session's name. The node loads the app module first, if one is named.
  Result<std::string> run(const std::string& app, const std::string& session,
                          const Parameters& parameters, const std::string& module = {});
  // A ResultBatch: what comes after the cursor, at once or as soon as there is something.
  Result<Message> fetch(const std::string& session, std::uint64_t after_cursor, Duration wait);
  // A SessionSummary.
  Result<Message> acknowledge(const std::string& session, std::uint64_t up_to_cursor);
  Result<Message> summary(const std::string& session);
  Result<Message> stop_session(const std::string& session);
  // A JSON array, one object a node.
  Result<std::string> processes();
  Result<std::string> models();
  Result<std::string> apps();
  // Of all nodes, added up; `missing` gets the names of nodes that did not answer.
  Result<Accounts> accounts(std::vector<std::string>* missing);
  Result<void> stop_cluster();

  // What became of it: refused and called off are no errors here.
  Result<MoveRecord> move(const std::string& actor, const std::string& node,
                          const std::string& reason);
  // A wire::DrainReport.
  Result<Message> drain(const std::string& node);
  Result<void> cordon(const std::string& node, bool on);
  // The actor that was meant.
  Result<ActorRecord> pin(const std::string& actor, bool on);
  Result<std::vector<MoveRecord>> moves(std::uint32_t count_max);

  // A wire::FrameHops: what all nodes remember of a frame.
  Result<Message> frame_hops(TraceId frame);
  // A wire::SlowFrames of the whole cluster, by the head's clock.
  Result<Message> slow_frames(std::uint32_t count_max);
  // None when the directory knows no such actor.
  Result<std::optional<ActorRecord>> actor(const ActorId& id);
  Result<std::vector<NodeRecord>> nodes();
  Result<std::vector<ActorId>> pinned();

 private:
  explicit ControlClient(std::unique_ptr<LinkClient> link) : link_(std::move(link)) {}
  template <class Reply>
  Result<Message> call(Message request);
  template <class Reply>
  Result<Message> call(Message request, Duration patience);

  std::unique_ptr<LinkClient> link_;
};

}  // namespace omma
