// MoveService: what a node answers to omma move, drain, pin, cordon and moves. Any node takes them:
// it finds the actor in the directory, checks what can be checked without its state, and passes the
// move on to the node where the actor lives.
//
//   MoveActor "tracker/east" ---> find, check ---> CarryOut{id} to its node ---> Host::move
//
// Thread-safe. Answers from whichever thread has the answer.
#pragma once

#include "runtime/node/drain_plan.hpp"
#include "runtime/node/host.hpp"
#include "schemas/control.capnp.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace omma {

struct MoveServices {
  NodeId self;
  Host& host;
  const DirectoryClient& directory;
  LinkHub& hub;
  const ActorTypes& types;
  std::function<std::size_t(const std::string& node)> actors_max;
};

class MoveService {
 public:
  explicit MoveService(MoveServices services) : services_(std::move(services)) {}

  // True if the request is one of these; then it is answered.
  bool handle(const Message& request, const Answer& answer);

 private:
  template <class T>
  using Done = std::function<void(Result<T>)>;
  struct Draining;

  // Whom they mean by that.
  void find(const std::string& wanted, Done<ActorRecord> done) const;
  // The nodes with what lives on them, and which actors are pinned.
  void look(Done<DrainView> done) const;
  // The rest of the view.
  void look_at(const std::string& node, Done<DrainView> done) const;
  void move(wire::MoveActor::Reader request, const Answer& answer);
  // Has the node where the actor lives do it.
  void carry_out(const ActorRecord& actor, const std::string& to, const std::string& reason,
                 Done<MoveRecord> done) const;
  void drain(const std::string& node, const Answer& answer);
  void drain_round(const std::shared_ptr<Draining>& draining) const;
  void drain_more(const std::shared_ptr<Draining>& draining) const;
  void cordon(wire::SetCordon::Reader request, const Answer& answer);
  void set_cordoned(const std::string& node, bool on, Done<NodeRecord> done) const;
  void pin(wire::SetPin::Reader request, const Answer& answer);
  // Clients ask any node what only the head's directory knows.
  bool pass_on(const Message& request, const Answer& answer) const;

  MoveServices services_;
};

}  // namespace omma
