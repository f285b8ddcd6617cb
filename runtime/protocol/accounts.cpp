#include "runtime/protocol/accounts.hpp"

#include <utility>

namespace omma {
namespace {

void add(Reasons& into, const Reasons& from) {
  for (const auto& [why, count] : from) into[why] += count;
}

void add(EdgeAccount& into, const EdgeAccount& from) {
  into.stream = from.stream;
  into.sent += from.sent;
  add(into.dropped, from.dropped);
  into.received += from.received;
  into.in_flight += from.in_flight;
  for (const auto& [origin, flow] : from.by_origin) {
    EdgeFlow& sum = into.by_origin[origin];
    sum.sent += flow.sent;
    sum.dropped += flow.dropped;
    sum.received += flow.received;
    sum.in_flight += flow.in_flight;
  }
}

void add(StageAccount& into, const StageAccount& from) {
  into.id = from.id;
  into.type = from.type;
  into.name = from.name;
  into.ends_frames = into.ends_frames || from.ends_frames;
  for (const auto& [origin, flow] : from.by_origin) {
    StageFlow& sum = into.by_origin[origin];
    sum.received += flow.received;
    sum.emitted += flow.emitted;
    add(sum.filtered, flow.filtered);
    add(sum.failed, flow.failed);
    sum.held += flow.held;
  }
}

void add(CameraAccount& into, const CameraAccount& from) {
  into.origin = from.origin;
  into.name = from.name;
  into.captured += from.captured;
}

template <class Key, class Account>
std::vector<Account> values_of(std::map<Key, Account> accounts) {
  std::vector<Account> out;
  out.reserve(accounts.size());
  for (auto& [key, account] : accounts) out.push_back(std::move(account));
  return out;
}

std::string text_of(const StreamId& stream) {
  return "stream " + stream.sender.short_text() + " to " + stream.target.short_text() + " (" +
         std::string(to_string(stream.channel)) + ")";
}

std::string text_of(const StageAccount& stage) {
  return stage.type + " '" + stage.name + "'";
}

std::string text_of(const Reasons& reasons) {
  std::string out = std::to_string(total_of(reasons));
  const char* separator = " (";
  for (const auto& [why, count] : reasons) {
    out += separator + why + " " + std::to_string(count);
    separator = ", ";
  }
  return reasons.empty() ? out : out + ")";
}

std::string numbers_of(const EdgeFlow& flow, const std::string& dropped) {
  return "sent " + std::to_string(flow.sent) + ", received " + std::to_string(flow.received) +
         ", dropped " + dropped + ", in flight " + std::to_string(flow.in_flight) +
         (flow.lost > 0 ? ", lost " + std::to_string(flow.lost) : "") +
         (flow.unrecorded > 0 ? ", unrecorded " + std::to_string(flow.unrecorded) : "");
}

bool holds(const EdgeFlow& flow, bool quiet) {
  const std::uint64_t ended = flow.received + flow.dropped + flow.lost;
  const std::uint64_t begun = flow.sent + flow.unrecorded;
  return quiet ? begun == ended + flow.in_flight : ended <= begun;
}

void settle(EdgeFlow& flow) {
  const std::uint64_t ended = flow.received + flow.dropped + flow.in_flight;
  flow.lost = flow.sent > ended ? flow.sent - ended : 0;
  flow.unrecorded = ended > flow.sent ? ended - flow.sent : 0;
}

// Walks from a camera along the edges that its frames took.
class PathFinder {
 public:
  PathFinder(const Accounts& accounts, std::uint64_t origin) : origin_(origin) {
    for (const StageAccount& stage : accounts.stages) {
      if (!stage.by_origin.contains(origin)) continue;
      stages_[stage.id] = &stage;
      if (stage.id.low == origin) camera_ = &stage;
    }
    for (const EdgeAccount& edge : accounts.edges) {
      if (edge.stream.channel == Channel::control || !edge.by_origin.contains(origin)) continue;
      edges_from_[edge.stream.sender].push_back(&edge);
      ++edges_into_[edge.stream.target];
    }
  }

  std::vector<CameraPath> find() {
    if (camera_ != nullptr) go_through(*camera_, {});
    return std::move(found_);
  }

 private:
  void go_through(const StageAccount& stage, CameraPath path) {
    const StageFlow& flow = stage.by_origin.at(origin_);
    const std::string where = text_of(stage);
    for (const auto& [why, count] : flow.filtered) note(path, where, "filtered: " + why, count);
    for (const auto& [why, count] : flow.failed) note(path, where, "failed: " + why, count);
    note(path, where, "held", flow.held);
    const auto edges = edges_from_.find(stage.id);
    if (stage.ends_frames || edges == edges_from_.end()) {
      note(path, where, "done", flow.emitted);
      found_.push_back(std::move(path));
      return;
    }
    for (const EdgeAccount* edge : edges->second) go_along(*edge, flow.emitted, path);
  }

  void go_along(const EdgeAccount& edge, std::uint64_t emitted, CameraPath path) {
    const EdgeFlow& flow = edge.by_origin.at(origin_);
    const std::string where =
        "on the way from " + name_of(edge.stream.sender) + " to " + name_of(edge.stream.target);
    // A subscriber that came later or asked for fewer frames.
    note(path, where, "not asked for", emitted > flow.sent ? emitted - flow.sent : 0);
    note(path, where, "dropped", flow.dropped);
    note(path, where, "in flight", flow.in_flight);
    note(path, where, "lost with " + edge.lost_with, flow.lost);
    path.unrecorded += flow.unrecorded;
    const auto next = stages_.find(edge.stream.target);
    // A stage with one way in is reached once, so the walk ends even if stages form a ring.
    if (next != stages_.end() && next->second != camera_ && edges_into_[edge.stream.target] == 1) {
      go_through(*next->second, std::move(path));
      return;
    }
    note(path, name_of(edge.stream.target), "arrived", flow.received);
    found_.push_back(std::move(path));
  }

  std::string name_of(const ActorId& id) const {
    const auto stage = stages_.find(id);
    return stage == stages_.end() ? "actor " + id.short_text() : text_of(*stage->second);
  }

  static void note(CameraPath& path, const std::string& where, std::string why,
                   std::uint64_t frames) {
    if (frames > 0) path.endings.push_back({where, std::move(why), frames});
  }

  std::uint64_t origin_;
  const StageAccount* camera_ = nullptr;
  std::map<ActorId, const StageAccount*> stages_;
  std::map<ActorId, std::vector<const EdgeAccount*>> edges_from_;
  std::map<ActorId, std::size_t> edges_into_;
  std::vector<CameraPath> found_;
};

void check_edge(const EdgeAccount& edge, bool quiet, std::vector<Violation>& violations) {
  const std::string law =
      quiet ? "edge: sent = received + dropped + in flight" : "edge: received + dropped <= sent";
  const EdgeFlow total{.sent = edge.sent,
                       .dropped = total_of(edge.dropped),
                       .received = edge.received,
                       .in_flight = edge.in_flight,
                       .lost = edge.lost,
                       .unrecorded = edge.unrecorded};
  if (!holds(total, quiet)) {
    violations.push_back({law, text_of(edge.stream), numbers_of(total, text_of(edge.dropped))});
  }
  for (const auto& [origin, flow] : edge.by_origin) {
    if (holds(flow, quiet)) continue;
    violations.push_back({law, text_of(edge.stream) + ", camera origin " + std::to_string(origin),
                          numbers_of(flow, std::to_string(flow.dropped))});
  }
}

void check_stage(const StageAccount& stage, std::vector<Violation>& violations) {
  for (const auto& [origin, flow] : stage.by_origin) {
    if (flow.received ==
        flow.emitted + total_of(flow.filtered) + total_of(flow.failed) + flow.held) {
      continue;
    }
    violations.push_back({"stage: received = emitted + filtered + failed + held",
                          text_of(stage) + ", camera origin " + std::to_string(origin),
                          "received " + std::to_string(flow.received) + ", emitted " +
                              std::to_string(flow.emitted) + ", filtered " +
                              text_of(flow.filtered) + ", failed " + text_of(flow.failed) +
                              ", held " + std::to_string(flow.held)});
  }
}

// While frames are under way, an unacknowledged one counts as in flight though it may have arrived.
bool may_count_twice(const Ending& ending) {
  return ending.why == "in flight";
}

void check_camera(const Accounts& accounts, const CameraAccount& camera, bool quiet,
                  std::vector<Violation>& violations) {
  std::vector<CameraPath> paths = paths_of(accounts, camera);
  if (paths.empty()) paths.emplace_back();  // No account of the camera as a stage: all are missing.
  for (const CameraPath& path : paths) {
    std::uint64_t ended = 0;
    std::string numbers = "captured " + std::to_string(camera.captured);
    for (const Ending& ending : path.endings) {
      if (quiet || !may_count_twice(ending)) ended += ending.frames;
      numbers += "; " + ending.where + " " + ending.why + " " + std::to_string(ending.frames);
    }
    const std::uint64_t begun = camera.captured + path.unrecorded;
    if (path.unrecorded > 0) numbers += "; unrecorded " + std::to_string(path.unrecorded);
    if (quiet ? ended == begun : ended <= begun) continue;
    violations.push_back({quiet ? "camera: captured = sum over where its frames ended"
                                : "camera: sum over where its frames ended <= captured",
                          "camera '" + camera.name + "'", std::move(numbers)});
  }
}

}  // namespace

std::uint64_t total_of(const Reasons& reasons) {
  std::uint64_t total = 0;
  for (const auto& [why, count] : reasons) total += count;
  return total;
}

Accounts merge(std::span<const Accounts> nodes) {
  std::map<StreamId, EdgeAccount> edges;
  std::map<ActorId, StageAccount> stages;
  std::map<std::uint64_t, CameraAccount> cameras;
  std::map<ActorId, std::set<std::string>> died_with;
  std::set<ActorId> reported;
  for (const Accounts& node : nodes) {
    for (const EdgeAccount& edge : node.edges) add(edges[edge.stream], edge);
    for (const StageAccount& stage : node.stages) add(stages[stage.id], stage);
    for (const CameraAccount& camera : node.cameras) add(cameras[camera.origin], camera);
    reported.insert(node.reported.begin(), node.reported.end());
    for (const auto& [id, names] : node.died_with) {
      died_with[id].insert(names.begin(), names.end());
    }
  }
  return {.edges = values_of(std::move(edges)),
          .stages = values_of(std::move(stages)),
          .cameras = values_of(std::move(cameras)),
          .died_with = std::move(died_with),
          .reported = std::move(reported)};
}

Accounts settle_losses(Accounts accounts) {
  for (EdgeAccount& edge : accounts.edges) {
    std::set<std::string> nodes;
    for (const ActorId& end : {edge.stream.sender, edge.stream.target}) {
      const auto died = accounts.died_with.find(end);
      if (died != accounts.died_with.end()) {
        nodes.insert(died->second.begin(), died->second.end());
      }
      if (!accounts.reported.empty() && !accounts.reported.contains(end)) {
        nodes.insert("that is gone");
      }
    }
    if (nodes.empty()) continue;
    EdgeFlow total{.sent = edge.sent,
                   .dropped = total_of(edge.dropped),
                   .received = edge.received,
                   .in_flight = edge.in_flight};
    settle(total);
    edge.lost = total.lost;
    edge.unrecorded = total.unrecorded;
    for (auto& [origin, flow] : edge.by_origin) settle(flow);
    edge.lost_with = "node ";
    for (const std::string& name : nodes) {
      edge.lost_with += (name == *nodes.begin() ? "" : ", ") + name;
    }
  }
  return accounts;
}

std::vector<CameraPath> paths_of(const Accounts& accounts, const CameraAccount& camera) {
  return PathFinder(accounts, camera.origin).find();
}

std::vector<Violation> ledger_check(const Accounts& accounts, bool quiet) {
  std::vector<Violation> violations;
  for (const EdgeAccount& edge : accounts.edges) check_edge(edge, quiet, violations);
  for (const StageAccount& stage : accounts.stages) check_stage(stage, violations);
  for (const CameraAccount& camera : accounts.cameras) {
    check_camera(accounts, camera, quiet, violations);
  }
  return violations;
}

}  // namespace omma
