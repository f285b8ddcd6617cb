#include "runtime/node/metrics_page.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

constexpr MetricKind counter = MetricKind::counter;
constexpr MetricKind gauge = MetricKind::gauge;
constexpr MetricKind histogram = MetricKind::histogram;

constexpr std::array metrics = {
    MetricInfo{"omma_node_info", gauge, "1; which life of which node this is."},
    MetricInfo{"omma_resident_memory_bytes", gauge, "Memory that the process takes."},
    MetricInfo{"omma_actors", gauge, "Actors that live here."},
    MetricInfo{"omma_actors_silent", gauge, "Of these, how many did not report in time."},
    MetricInfo{"omma_frames_captured_total", counter, "Frames that a camera's source produced."},
    MetricInfo{"omma_frames_received_total", counter, "Frames that actors took up."},
    MetricInfo{"omma_frames_emitted_total", counter, "Frames that actors did with as meant."},
    MetricInfo{"omma_frames_delivered_total", counter, "Frames that came where frames end."},
    MetricInfo{"omma_frames_dropped_total", counter, "Frames that went no further, and why."},
    MetricInfo{"omma_frames_held", gauge, "Frames in actors now."},
    MetricInfo{"omma_stream_messages_sent_total", counter, "Messages offered to streams."},
    MetricInfo{"omma_stream_messages_received_total", counter, "Messages finished by actors."},
    MetricInfo{"omma_stream_messages_dropped_total", counter, "Messages that streams dropped."},
    MetricInfo{"omma_stream_messages_ignored_total", counter, "Messages not let in."},
    MetricInfo{"omma_stream_messages_resent_total", counter, "Messages sent once more."},
    MetricInfo{"omma_stream_in_flight_messages", gauge, "Waiting for credit, or unacknowledged."},
    MetricInfo{"omma_stream_in_flight_bytes", gauge, "The bytes of these."},
    MetricInfo{"omma_inputs_waiting", gauge, "Messages that wait in actors for their turn."},
    MetricInfo{"omma_turns_total", counter, "Turns that ended well."},
    MetricInfo{"omma_turns_failed_total", counter, "Turns that threw."},
    MetricInfo{"omma_restarts_total", counter, "Actors brought back to the state before a turn."},
    MetricInfo{"omma_messages_set_aside_total", counter, "Messages given up after some tries."},
    MetricInfo{"omma_jobs_failed_total", counter, "Jobs that gave no message."},
    MetricInfo{"omma_turn_seconds", histogram, "How long turns took."},
    MetricInfo{"omma_executor_jobs_total", counter, "Jobs taken by an executor."},
    MetricInfo{"omma_executor_jobs_refused_total", counter, "Jobs refused by a full queue."},
    MetricInfo{"omma_executor_jobs_waiting", gauge, "Jobs in an executor's queue."},
    MetricInfo{"omma_batch_frames", histogram, "Frames in a run of a network."},
    MetricInfo{"omma_batch_seconds", histogram, "How long runs of a network took."},
    MetricInfo{"omma_packets_routed_total", counter, "Packets by where they went."},
    MetricInfo{"omma_link_sent_bytes_total", counter, "Bytes of messages sent to a peer."},
    MetricInfo{"omma_link_received_bytes_total", counter, "Bytes of messages from a peer."},
    MetricInfo{"omma_link_sent_packets_total", counter, "Packets sent to a peer."},
    MetricInfo{"omma_link_received_packets_total", counter, "Packets from a peer."},
    MetricInfo{"omma_link_queue_packets", gauge, "Packets that wait for a peer."},
    MetricInfo{"omma_link_queue_bytes", gauge, "The bytes of these."},
    MetricInfo{"omma_link_batches_total", counter, "Calls that packets were sent in."},
    MetricInfo{"omma_link_packets_dropped_total", counter, "Packets that a link let go."},
    MetricInfo{"omma_link_calls_refused_total", counter, "Malformed calls; each ended a lane."},
    MetricInfo{"omma_link_connections_opened_total", counter, "Connections made."},
    MetricInfo{"omma_link_connections_lost_total", counter, "Connections that ended."},
    MetricInfo{"omma_moves_total", counter, "Moves of actors by how they ended."},
    MetricInfo{"omma_move_pause_seconds", histogram, "How long moved actors stood still."},
    MetricInfo{"omma_checkpoints_total", counter, "Checkpoints by what became of them."},
    MetricInfo{"omma_directory_lookups_total", counter, "Actors looked up in the directory."},
    MetricInfo{"omma_directory_lookups_failed_total", counter, "Of these, in vain."},
    MetricInfo{"omma_directory_requests_total", counter, "Requests that the directory took."},
    MetricInfo{"omma_directory_requests_refused_total", counter, "Requests to a full queue."},
    MetricInfo{"omma_directory_commits_total", counter, "Transactions of the directory."},
    MetricInfo{"omma_lease_remaining_seconds", gauge, "Until the lease of this node ends."},
    MetricInfo{"omma_lease_in_doubt", gauge, "1 while the actors stand still for it."},
    MetricInfo{"omma_lease_requests_total", counter, "Renewals by how they were answered."},
    MetricInfo{"omma_nodes_declared_dead_total", counter, "Nodes that lost their lease."},
    MetricInfo{"omma_actors_revived_total", counter, "Actors of dead nodes that go on."},
    MetricInfo{"omma_clock_head_ahead_seconds", gauge, "The head's steady clock less this one."},
    MetricInfo{"omma_clock_error_seconds", gauge, "That is wrong by at most this."},
    MetricInfo{"omma_trace_hops_total", counter, "Hops of frames seen."},
    MetricInfo{"omma_trace_hops_dropped_total", counter, "Hops not remembered any more."},
    MetricInfo{"omma_log_records_lost_total", counter, "Log records that were not written."},
};

using Type = std::string;
using Camera = std::string;

// The page, of documented names only.
class Page {
 public:
  void begin(std::string_view name) {
    const auto* const info = std::find_if(metrics.begin(), metrics.end(),
                                          [&](const MetricInfo& m) { return m.name == name; });
    OMMA_CHECK(info != metrics.end(), name);
    text_.begin(info->name, info->kind, info->help);
  }
  template <class Value>
  void one(std::string_view name, Value value) {
    begin(name);
    text_.add({}, value);
  }
  template <class Value>
  void maybe(std::string_view name, const std::optional<Value>& value) {
    begin(name);
    if (value) text_.add({}, *value);
  }
  MetricsText& text() { return text_; }
  std::string take() { return text_.take(); }

 private:
  MetricsText text_;
};

double seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e9;
}

std::string channel_text(Channel channel) {
  return std::string(to_string(channel));
}

void show_node(const NodeNumbers& in, Page& page) {
  MetricsText& text = page.text();
  page.begin("omma_node_info");
  text.add({{"node", in.report.node.name}, {"incarnation", in.report.node.incarnation.text()}},
           std::uint64_t{1});
  page.maybe("omma_resident_memory_bytes", in.resident_bytes);
  std::map<Type, std::uint64_t> actors;
  for (const CellReport& cell : in.report.cells) ++actors[cell.type];
  page.begin("omma_actors");
  for (const auto& [type, count] : actors) text.add({{"type", type}}, count);
  page.one("omma_actors_silent", std::uint64_t{in.report.silent_cells});
}

// --- Frames and streams --------------------------------------------------------------------------

struct FrameSums {
  using OfCamera = std::map<std::pair<Camera, Type>, std::uint64_t>;
  std::map<Camera, std::uint64_t> captured;
  OfCamera received, emitted, delivered, held;
  // Camera, type, outcome, reason.
  std::map<std::tuple<Camera, Type, std::string, std::string>, std::uint64_t> dropped;
};

std::string camera_of(const NodeNumbers& in, std::uint64_t origin) {
  const auto found = in.cameras.find(origin);
  return found != in.cameras.end() ? found->second : "origin " + std::to_string(origin);
}

// Where several reasons come together on one stream, their shares of a camera are not known.
std::string reason_of(const Reasons& reasons) {
  return reasons.size() == 1 ? reasons.begin()->first : "several";
}

std::map<ActorId, Type> types_of(const NodeNumbers& in, const Accounts& all) {
  std::map<ActorId, Type> types;
  for (const StageAccount& stage : all.stages) types[stage.id] = stage.type;
  for (const CellReport& cell : in.report.cells) types[cell.id] = cell.type;
  return types;
}

Type type_of(const std::map<ActorId, Type>& types, const ActorId& id) {
  const auto found = types.find(id);
  return found != types.end() ? found->second : "other";
}

FrameSums sum_frames(const NodeNumbers& in, const Accounts& all,
                     const std::map<ActorId, Type>& types) {
  FrameSums sums;
  for (const CameraAccount& camera : all.cameras) sums.captured[camera.name] += camera.captured;
  for (const StageAccount& stage : all.stages) {
    for (const auto& [origin, flow] : stage.by_origin) {
      if (origin == 0) continue;
      const std::pair key(camera_of(in, origin), stage.type);
      sums.received[key] += flow.received;
      sums.emitted[key] += flow.emitted;
      sums.held[key] += flow.held;
      if (stage.ends_frames) sums.delivered[key] += flow.emitted;
      for (const auto& [reason, count] : flow.filtered) {
        sums.dropped[{key.first, key.second, "filtered", reason}] += count;
      }
      for (const auto& [reason, count] : flow.failed) {
        sums.dropped[{key.first, key.second, "failed", reason}] += count;
      }
    }
  }
  for (const EdgeAccount& edge : all.edges) {
    for (const auto& [origin, flow] : edge.by_origin) {
      if (origin == 0 || flow.dropped == 0) continue;
      sums.dropped[{camera_of(in, origin), type_of(types, edge.stream.sender), "on the way",
                    reason_of(edge.dropped)}] += flow.dropped;
    }
  }
  return sums;
}

void show_frames(const NodeNumbers& in, const Accounts& all, const std::map<ActorId, Type>& types,
                 Page& page) {
  MetricsText& text = page.text();
  const FrameSums sums = sum_frames(in, all, types);
  page.begin("omma_frames_captured_total");
  for (const auto& [camera, count] : sums.captured) text.add({{"camera", camera}}, count);
  const auto show = [&](std::string_view name, const FrameSums::OfCamera& counts) {
    page.begin(name);
    for (const auto& [key, count] : counts) {
      text.add({{"camera", key.first}, {"type", key.second}}, count);
    }
  };
  show("omma_frames_received_total", sums.received);
  show("omma_frames_emitted_total", sums.emitted);
  show("omma_frames_delivered_total", sums.delivered);
  page.begin("omma_frames_dropped_total");
  for (const auto& [key, count] : sums.dropped) {
    const auto& [camera, type, outcome, reason] = key;
    text.add({{"camera", camera}, {"type", type}, {"outcome", outcome}, {"reason", reason}}, count);
  }
  show("omma_frames_held", sums.held);
}

struct StreamSums {
  using Key = std::pair<Type, std::string>;  // Of the sender; channel.
  std::map<Key, std::uint64_t> sent, received, resent, in_flight, in_flight_bytes;
  std::map<std::tuple<Type, std::string, std::string>, std::uint64_t> dropped, ignored;
};

StreamSums sum_streams(const NodeNumbers& in, const Accounts& all,
                       const std::map<ActorId, Type>& types) {
  StreamSums sums;
  for (const EdgeAccount& edge : all.edges) {
    const std::string channel = channel_text(edge.stream.channel);
    const Type sender = type_of(types, edge.stream.sender);
    if (edge.sent > 0) sums.sent[{sender, channel}] += edge.sent;
    for (const auto& [reason, count] : edge.dropped) {
      sums.dropped[{sender, channel, reason}] += count;
    }
    if (edge.received > 0) {
      sums.received[{type_of(types, edge.stream.target), channel}] += edge.received;
    }
  }
  for (const CellReport& cell : in.report.cells) {
    for (const auto& out : cell.out) {
      const StreamSums::Key key(cell.type, channel_text(out.stream.channel));
      sums.resent[key] += out.counters.resent;
      sums.in_flight[key] += out.in_flight;
      sums.in_flight_bytes[key] += out.in_flight_bytes;
    }
    for (const auto& from : cell.in) {
      const std::string channel = channel_text(from.stream.channel);
      const auto count = [&](const char* reason, std::uint64_t number) {
        if (number > 0) sums.ignored[{cell.type, channel, reason}] += number;
      };
      count("duplicate", from.counters.duplicates);
      count("early, no room", from.counters.early_dropped);
      count("over credit", from.counters.over_credit);
      count("of an ended life", from.counters.stale_life);
    }
  }
  return sums;
}

void show_streams(const NodeNumbers& in, const Accounts& all, const std::map<ActorId, Type>& types,
                  Page& page) {
  MetricsText& text = page.text();
  const StreamSums sums = sum_streams(in, all, types);
  const auto show = [&](std::string_view name, const auto& counts) {
    page.begin(name);
    for (const auto& [key, count] : counts) {
      text.add({{"type", key.first}, {"channel", key.second}}, count);
    }
  };
  const auto show_reasons = [&](std::string_view name, const auto& counts) {
    page.begin(name);
    for (const auto& [key, count] : counts) {
      const auto& [type, channel, reason] = key;
      text.add({{"type", type}, {"channel", channel}, {"reason", reason}}, count);
    }
  };
  show("omma_stream_messages_sent_total", sums.sent);
  show("omma_stream_messages_received_total", sums.received);
  show_reasons("omma_stream_messages_dropped_total", sums.dropped);
  show_reasons("omma_stream_messages_ignored_total", sums.ignored);
  show("omma_stream_messages_resent_total", sums.resent);
  show("omma_stream_in_flight_messages", sums.in_flight);
  show("omma_stream_in_flight_bytes", sums.in_flight_bytes);
}

// --- Turns, jobs, batches ------------------------------------------------------------------------

void show_turns(const NodeNumbers& in, Page& page) {
  MetricsText& text = page.text();
  std::map<Type, CellReport::Health> health = in.closed_health;
  std::map<Type, std::uint64_t> waiting;
  for (const CellReport& cell : in.report.cells) {
    health[cell.type] += cell.health;
    waiting[cell.type] += cell.inputs_waiting;
  }
  page.begin("omma_inputs_waiting");
  for (const auto& [type, count] : waiting) text.add({{"type", type}}, count);
  const auto show = [&](std::string_view name, std::uint64_t CellReport::Health::*count) {
    page.begin(name);
    for (const auto& [type, of] : health) text.add({{"type", type}}, of.*count);
  };
  show("omma_turns_total", &CellReport::Health::turns);
  show("omma_turns_failed_total", &CellReport::Health::failed_turns);
  show("omma_restarts_total", &CellReport::Health::restarts);
  show("omma_messages_set_aside_total", &CellReport::Health::set_aside);
  show("omma_jobs_failed_total", &CellReport::Health::jobs_failed);
  page.begin("omma_turn_seconds");
  for (const auto& [type, counts] : in.turn_times) text.add({{"type", type}}, counts);
}

void show_executors(const NodeNumbers& in, Page& page) {
  MetricsText& text = page.text();
  const auto show = [&](std::string_view name, const auto& count) {
    page.begin(name);
    for (const auto& [executor, counters] : in.executors) {
      text.add({{"executor", executor}}, std::uint64_t{counters.*count});
    }
  };
  show("omma_executor_jobs_total", &ExecutorCounters::jobs);
  show("omma_executor_jobs_refused_total", &ExecutorCounters::refused);
  show("omma_executor_jobs_waiting", &ExecutorCounters::waiting);
  page.begin("omma_batch_frames");
  for (const auto& [model, counts] : in.batches) {
    text.add_sizes({{"model", model}}, counts.by_frames);
  }
  page.begin("omma_batch_seconds");
  for (const auto& [model, counts] : in.batches) text.add({{"model", model}}, counts.times);
}

// --- Between nodes -------------------------------------------------------------------------------

void show_links(const NodeNumbers& in, Page& page) {
  MetricsText& text = page.text();
  const Switchboard::Counters& routed = in.report.switchboard;
  page.begin("omma_packets_routed_total");
  text.add({{"way", "local"}}, routed.local);
  text.add({{"way", "remote"}}, routed.remote);
  text.add({{"way", "unrouted"}}, routed.unrouted);
  text.add({{"way", "stray"}}, routed.strays);
  const auto show = [&](std::string_view name, const auto& count) {
    page.begin(name);
    for (const LinkPeerCounters& peer : in.peers) {
      text.add({{"peer", peer.peer}}, std::uint64_t{peer.*count});
    }
  };
  show("omma_link_sent_bytes_total", &LinkPeerCounters::bytes_sent);
  show("omma_link_received_bytes_total", &LinkPeerCounters::bytes_received);
  show("omma_link_sent_packets_total", &LinkPeerCounters::packets_sent);
  show("omma_link_received_packets_total", &LinkPeerCounters::packets_received);
  show("omma_link_queue_packets", &LinkPeerCounters::packets_waiting);
  show("omma_link_queue_bytes", &LinkPeerCounters::bytes_waiting);
  const LinkCounters& link = in.report.link;
  page.one("omma_link_batches_total", link.batches_sent);
  page.begin("omma_link_packets_dropped_total");
  text.add({{"reason", "peer away"}}, link.dropped_peer_away);
  text.add({{"reason", "queue full"}}, link.dropped_queue_full);
  text.add({{"reason", "connection lost"}}, link.dropped_connection);
  page.one("omma_link_calls_refused_total", link.refused_malformed);
  page.one("omma_link_connections_opened_total", link.connections_opened);
  page.one("omma_link_connections_lost_total", link.connections_lost);
}

void show_moves(const NodeNumbers& in, Page& page) {
  MetricsText& text = page.text();
  const Host::Counters& host = in.report.host;
  page.begin("omma_moves_total");
  text.add({{"outcome", "moved in"}}, host.moved_in);
  text.add({{"outcome", "moved out"}}, host.moved_out);
  text.add({{"outcome", "refused"}}, host.moves_refused);
  text.add({{"outcome", "aborted"}}, host.moves_aborted);
  text.add({{"outcome", "taken over"}}, host.taken_over);
  page.begin("omma_move_pause_seconds");
  text.add({}, in.move_pauses);
  page.begin("omma_checkpoints_total");
  text.add({{"outcome", "saved"}}, host.checkpoints);
  text.add({{"outcome", "failed"}}, host.checkpoints_failed);
  page.one("omma_directory_lookups_total", host.lookups);
  page.one("omma_directory_lookups_failed_total", host.lookups_failed);
}

template <class Counters>
std::optional<std::uint64_t> part(const std::optional<Counters>& counters,
                                  std::uint64_t Counters::*which) {
  if (!counters) return std::nullopt;
  return (*counters).*which;
}

void show_cluster(const NodeNumbers& in, Page& page) {
  MetricsText& text = page.text();
  using Directory = DirectoryService::Counters;
  page.maybe("omma_directory_requests_total", part(in.directory, &Directory::requests));
  page.maybe("omma_directory_requests_refused_total", part(in.directory, &Directory::refused));
  page.maybe("omma_directory_commits_total", part(in.directory, &Directory::transactions));
  page.begin("omma_lease_remaining_seconds");
  if (in.lease_left) text.add({}, seconds(*in.lease_left));
  page.one("omma_lease_in_doubt", std::uint64_t{in.fenced ? 1U : 0U});
  page.begin("omma_lease_requests_total");
  if (in.lease) {
    text.add({{"outcome", "granted"}}, in.lease->granted);
    text.add({{"outcome", "unanswered"}}, in.lease->unanswered);
  }
  page.maybe("omma_nodes_declared_dead_total",
             part(in.fail_over, &FailOver::Counters::declared_dead));
  page.maybe("omma_actors_revived_total", part(in.fail_over, &FailOver::Counters::revived));
  page.begin("omma_clock_head_ahead_seconds");
  if (in.head_clock) text.add({}, seconds(in.head_clock->ahead));
  page.begin("omma_clock_error_seconds");
  if (in.head_clock) text.add({}, seconds(in.head_clock->error));
  page.maybe("omma_trace_hops_total", part(in.hops, &HopRing::Counters::added));
  page.begin("omma_trace_hops_dropped_total");
  if (in.hops) text.add({{"reason", "newer came"}}, in.hops->overwritten);
  if (in.hops) text.add({{"reason", "slot busy"}}, in.hops->lost);
  page.one("omma_log_records_lost_total", in.log_records_lost);
}

}  // namespace

std::span<const MetricInfo> documented_metrics() {
  return metrics;
}

std::string metrics_page(const NodeNumbers& numbers) {
  std::vector<Accounts> parts{numbers.closed};
  for (const CellReport& cell : numbers.report.cells) parts.push_back(accounts_of(cell));
  const Accounts all = merge(parts);
  const std::map<ActorId, Type> types = types_of(numbers, all);
  Page page;
  show_node(numbers, page);
  show_frames(numbers, all, types, page);
  show_streams(numbers, all, types, page);
  show_turns(numbers, page);
  show_executors(numbers, page);
  show_links(numbers, page);
  show_moves(numbers, page);
  show_cluster(numbers, page);
  return page.take();
}

}  // namespace omma
