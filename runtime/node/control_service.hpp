// ControlService: what a node answers to the `omma` command: start and stop queries, follow
// results, list what runs, collect the ledger. Requests are structs of schemas/control.capnp.
//
// Called on the link's thread; answers from whichever thread has the answer.
#pragma once

#include "runtime/node/app.hpp"
#include "runtime/node/app_module_source.hpp"
#include "runtime/node/gateway.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/move_service.hpp"
#include "runtime/node/node_watch.hpp"
#include "schemas/control.capnp.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace omma {

struct ControlServices {
  NodeId self;
  Host& host;
  const Gateway& gateway;
  const DirectoryClient& directory;
  Switchboard& switchboard;
  LinkHub& hub;
  const ClusterView& cluster;
  AppModuleSource& apps;
  std::function<std::string()> models_json;  // What `omma models` shows.
  std::function<void()> stop_node;           // Returns at once.
  Random& random;
  MoveService& moves;
  const TurnWatch& turns;
  NodeWatch& watch;
};

class ControlService {
 public:
  explicit ControlService(ControlServices services) : services_(std::move(services)) {}

  // Answers the request, or invalid_argument when it is none of control's.
  void handle(const Message& request, const Answer& answer);

 private:
  void bring_and_run(const Message& request, const Answer& answer);
  void run_app(wire::RunApp::Reader request, const Answer& answer);
  bool every_frame(const Parameters& parameters) const;
  void ask_session(capnp::Text::Reader session, Message request, const Answer& answer);
  void list_processes(bool everywhere, const Answer& answer);
  void collect_accounts(bool everywhere, const Answer& answer);
  void stop(bool everywhere, const Answer& answer);
  // The local part and, if asked for, every other alive node's, joined as one JSON array.
  void gather(bool everywhere, Message to_peers, std::string local, const Answer& answer,
              std::function<std::string(const Message&)> json_of,
              std::function<Message(std::string)> reply_of);
  // Reports of all cells here; those that do not answer in time are left out and counted.
  void reports(std::function<void(std::vector<CellReport>, std::size_t silent)> done);

  ControlServices services_;
};

}  // namespace omma
