#include "runtime/observe/frame_trace.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace omma {
namespace {

using Json = nlohmann::ordered_json;
using Visit = FrameTrace::Visit;

bool works(const TraceHop& hop) {
  return hop.kind != TraceHop::Kind::departure;
}

// How long at least one of them was going on.
Duration covered(std::vector<std::pair<Instant, Instant>> spans) {
  std::sort(spans.begin(), spans.end());
  Duration sum{};
  Instant until{};
  for (const auto& [begun, ended] : spans) {
    const Instant from = std::max(begun, until);
    if (ended <= from) continue;
    sum += ended - from;
    until = ended;
  }
  return sum;
}

struct Departure {
  const NodeHops* node;
  const TraceHop* hop;
};

// A message that was sent again left several times: the last time before it came counts.
std::optional<Departure> departure_of(const std::vector<NodeHops>& nodes, const TraceHop& arrival,
                                      Duration error) {
  std::optional<Departure> best;
  for (const NodeHops& node : nodes) {
    for (const TraceHop& hop : node.hops) {
      const bool same = !works(hop) && hop.actor == arrival.peer && hop.peer == arrival.actor &&
                        hop.channel == arrival.channel && hop.sequence == arrival.sequence;
      if (!same || hop.begun > arrival.queued + node.error + error) continue;
      if (!best || hop.begun > best->hop->begun) best = {&node, &hop};
    }
  }
  return best;
}

// Since the sender had last worked on the frame.
Duration waited_for_credit(const Departure& departure) {
  std::optional<Instant> worked;
  for (const TraceHop& hop : departure.node->hops) {
    if (!works(hop) || hop.actor != departure.hop->actor || hop.ended > departure.hop->begun) {
      continue;
    }
    if (!worked || hop.ended > *worked) worked = hop.ended;
  }
  return worked ? departure.hop->begun - *worked : Duration::zero();
}

Visit visit_of(const std::vector<NodeHops>& nodes, const NodeHops& node,
               const std::vector<const TraceHop*>& hops) {
  Visit visit;
  visit.actor = hops.front()->actor;
  visit.node = node.node;
  const TraceHop* first = nullptr;  // Message.
  std::vector<std::pair<Instant, Instant>> spans;
  bool begun = false;
  for (const TraceHop* hop : hops) {
    visit.left = begun ? std::max(visit.left, hop->ended) : hop->ended;
    visit.came = begun ? std::min(visit.came, hop->queued) : hop->queued;
    begun = true;
    if (!works(*hop)) continue;
    spans.emplace_back(hop->begun, hop->ended);
    if (hop->peer.is_null()) continue;
    ++visit.messages;
    visit.bytes += hop->bytes;
    if (first == nullptr || hop->queued < first->queued) first = hop;
  }
  // What left later waited for its target's credit: that is the next visit's time.
  if (!spans.empty()) {
    visit.left = std::max_element(spans.begin(), spans.end(), [](const auto& a, const auto& b) {
                   return a.second < b.second;
                 })->second;
  }
  visit.compute = covered(spans);
  if (!spans.empty()) visit.queue = visit.left - visit.came - visit.compute;
  if (first == nullptr) return visit;
  visit.from = first->peer;
  const auto departure = departure_of(nodes, *first, node.error);
  if (!departure) return visit;
  visit.wire = std::max(first->queued - departure->hop->begun, Duration::zero());
  if (departure->node != &node) visit.wire_error = departure->node->error + node.error;
  visit.credit = waited_for_credit(*departure);
  return visit;
}

}  // namespace

FrameTrace assemble(TraceId trace, std::vector<NodeHops> nodes) {
  FrameTrace result;
  result.trace = trace;
  for (NodeHops& node : nodes) {
    for (TraceHop& hop : node.hops) {
      for (Instant* when : {&hop.queued, &hop.begun, &hop.ended}) *when += node.head_ahead;
    }
    node.head_ahead = Duration::zero();
  }
  for (const NodeHops& node : nodes) {
    std::map<ActorId, std::vector<const TraceHop*>> by_actor;
    for (const TraceHop& hop : node.hops) by_actor[hop.actor].push_back(&hop);
    for (const auto& [actor, hops] : by_actor) {
      result.visits.push_back(visit_of(nodes, node, hops));
    }
  }
  std::stable_sort(result.visits.begin(), result.visits.end(),
                   [](const Visit& a, const Visit& b) { return a.came < b.came; });
  Instant end{};
  for (const Visit& visit : result.visits) end = std::max(end, visit.left);
  if (!result.visits.empty()) result.total = end - result.visits.front().came;
  result.nodes = std::move(nodes);
  return result;
}

// --- Export --------------------------------------------------------------------------------------

namespace {

class ChromeTrace {
 public:
  ChromeTrace(Instant zero, const TraceNames& names) : zero_(zero), names_(names) {}

  void add(const FrameTrace& trace) {
    frame_ = names_.frame(trace.trace);
    for (const NodeHops& node : trace.nodes) {
      for (const TraceHop& hop : node.hops) add(node.node, hop);
    }
    for (const NodeHops& node : trace.nodes) {
      for (const TraceHop& hop : node.hops) {
        if (hop.kind != TraceHop::Kind::turn || hop.peer.is_null()) continue;
        if (const auto departure = departure_of(trace.nodes, hop, node.error)) {
          arrow(*departure, node.node, hop);
        }
      }
    }
  }

  std::string text() const {
    const Json json{{"traceEvents", events_}, {"displayTimeUnit", "ms"}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  double microseconds(Instant when) const {
    return static_cast<double>((when - zero_).count()) / 1000;
  }

  // With where it belongs; names a node or an actor when it is first met.
  Json event(const char* phase, const char* name, const std::string& node, const ActorId& actor,
             Instant when) {
    const auto [process, new_process] =
        processes_.try_emplace(node, static_cast<int>(processes_.size()) + 1);
    const auto [thread, new_thread] =
        threads_.try_emplace({node, actor}, static_cast<int>(threads_.size()) + 1);
    const auto meta = [&](const char* what, const std::string& value) {
      events_.push_back({{"ph", "M"},
                         {"name", what},
                         {"pid", process->second},
                         {"tid", thread->second},
                         {"args", {{"name", value}}}});
    };
    if (new_process) meta("process_name", node);
    if (new_thread) meta("thread_name", names_.actor(actor));
    return {{"ph", phase},
            {"name", name},
            {"pid", process->second},
            {"tid", thread->second},
            {"ts", microseconds(when)}};
  }

  Json arguments(const TraceHop& hop) const { return {{"frame", frame_}, {"bytes", hop.bytes}}; }

  // Turns of an actor follow each other, which a thread's slices must; jobs and waiting may overlap
  // anything.
  void add(const std::string& node, const TraceHop& hop) {
    if (hop.kind != TraceHop::Kind::job) {
      Json slice = event("X", hop.kind == TraceHop::Kind::turn ? "turn" : "send", node, hop.actor,
                         hop.begun);
      slice["dur"] = static_cast<double>((hop.ended - hop.begun).count()) / 1000;
      slice["cat"] = "turn";
      slice["args"] = arguments(hop);
      events_.push_back(std::move(slice));
    } else {
      overlapping("job", node, hop, hop.begun, hop.ended);
    }
    if (hop.begun > hop.queued) overlapping("queue", node, hop, hop.queued, hop.begun);
  }

  void overlapping(const char* name, const std::string& node, const TraceHop& hop, Instant from,
                   Instant to) {
    const std::string id = std::to_string(++ids_);
    for (const auto& [phase, when] : {std::pair("b", from), std::pair("e", to)}) {
      Json edge = event(phase, name, node, hop.actor, when);
      edge["cat"] = name;
      edge["id"] = id;
      edge["args"] = arguments(hop);
      events_.push_back(std::move(edge));
    }
  }

  void arrow(const Departure& departure, const std::string& node, const TraceHop& arrival) {
    const std::string id = std::to_string(++ids_);
    Json start =
        event("s", "message", departure.node->node, departure.hop->actor, departure.hop->begun);
    Json end = event("f", "message", node, arrival.actor, arrival.begun);
    end["bp"] = "e";
    for (Json* edge : {&start, &end}) {
      (*edge)["cat"] = "message";
      (*edge)["id"] = id;
      (*edge)["args"] = arguments(arrival);
      events_.push_back(std::move(*edge));
    }
  }

  const Instant zero_;
  const TraceNames& names_;
  std::string frame_;
  std::uint64_t ids_ = 0;
  std::map<std::string, int> processes_;
  std::map<std::pair<std::string, ActorId>, int> threads_;
  Json events_ = Json::array();
};

}  // namespace

std::string chrome_trace_json(std::span<const FrameTrace> traces, const TraceNames& names) {
  std::optional<Instant> zero;
  for (const FrameTrace& trace : traces) {
    for (const Visit& visit : trace.visits) zero = zero ? std::min(*zero, visit.came) : visit.came;
  }
  ChromeTrace out(zero.value_or(Instant{}), names);
  for (const FrameTrace& trace : traces) out.add(trace);
  return out.text();
}

}  // namespace omma
