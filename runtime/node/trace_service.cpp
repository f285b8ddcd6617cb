#include "runtime/node/trace_service.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

constexpr Duration patience = std::chrono::seconds(4);

struct Extent {
  Instant first{};
  Instant last{};
};

// The answers of all nodes, until the last has come.
struct Gathered {
  std::mutex mutex;
  std::vector<Message> parts;
  std::vector<std::string> missing;
  std::size_t open = 1;
  std::function<void(std::vector<Message>, std::vector<std::string>)> done;

  void add(Message part) {
    std::unique_lock lock(mutex);
    parts.push_back(std::move(part));
    close(lock);
  }
  void miss(const std::string& node) {
    std::unique_lock lock(mutex);
    missing.push_back(node);
    close(lock);
  }
  void close(std::unique_lock<std::mutex>& lock) {
    if (--open > 0) return;
    auto all = std::move(parts);
    auto silent = std::move(missing);
    lock.unlock();
    done(std::move(all), std::move(silent));
  }
};

template <class List>
void write_texts(List out, const std::vector<std::string>& texts) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, texts[i]);
}

Message join_hops(const std::vector<Message>& parts, const std::vector<std::string>& missing) {
  std::vector<wire::FrameHops::NodeHops::Reader> nodes;
  for (const Message& part : parts) {
    if (!part.is<wire::FrameHops>()) continue;
    for (auto node : part.as<wire::FrameHops>().getNodes()) nodes.push_back(node);
  }
  return Message::build<wire::FrameHops>([&](wire::FrameHops::Builder out) {
    auto list = out.initNodes(static_cast<unsigned>(nodes.size()));
    for (unsigned i = 0; i < list.size(); ++i) list.setWithCaveats(i, nodes[i]);
    write_texts(out.initMissing(static_cast<unsigned>(missing.size())), missing);
  });
}

// Each node's times by the head's clock, the earliest and the latest of each frame.
Message join_frames(const std::vector<Message>& parts, const std::vector<std::string>& missing,
                    std::size_t count_max) {
  std::map<TraceId, Extent> by_trace;
  for (const Message& part : parts) {
    if (!part.is<wire::SlowFrames>()) continue;
    const auto told = part.as<wire::SlowFrames>();
    const Duration ahead(told.getHeadAheadNs());
    for (auto frame : told.getFrames()) {
      const TraceId trace{frame.getFrame().getOrigin(), frame.getFrame().getSequence()};
      const Extent here{instant_of(frame.getFirstNs()) + ahead,
                        instant_of(frame.getLastNs()) + ahead};
      const auto [found, fresh] = by_trace.try_emplace(trace, here);
      if (fresh) continue;
      found->second.first = std::min(found->second.first, here.first);
      found->second.last = std::max(found->second.last, here.last);
    }
  }
  std::vector<std::pair<TraceId, Extent>> frames(by_trace.begin(), by_trace.end());
  std::stable_sort(frames.begin(), frames.end(), [](const auto& a, const auto& b) {
    return a.second.last - a.second.first > b.second.last - b.second.first;
  });
  if (frames.size() > count_max) frames.resize(count_max);
  return Message::build<wire::SlowFrames>([&](wire::SlowFrames::Builder out) {
    auto list = out.initFrames(static_cast<unsigned>(frames.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      auto frame = list[i].initFrame();
      frame.setOrigin(frames[i].first.origin);
      frame.setSequence(frames[i].first.sequence);
      list[i].setFirstNs(nanoseconds_of(frames[i].second.first));
      list[i].setLastNs(nanoseconds_of(frames[i].second.last));
    }
    write_texts(out.initMissing(static_cast<unsigned>(missing.size())), missing);
  });
}

}  // namespace

void write(wire::HopRecord::Builder out, const TraceHop& hop) {
  write(out.initActor(), hop.actor);
  write(out.initPeer(), hop.peer);
  out.setSequence(hop.sequence);
  out.setKind(static_cast<std::uint8_t>(hop.kind));
  out.setChannel(static_cast<std::uint8_t>(hop.channel));
  out.setQueuedNs(nanoseconds_of(hop.queued));
  out.setBegunNs(nanoseconds_of(hop.begun));
  out.setEndedNs(nanoseconds_of(hop.ended));
  out.setBytes(hop.bytes);
}

TraceHop read(wire::HopRecord::Reader in, TraceId trace) {
  const auto kind_max = static_cast<std::uint8_t>(TraceHop::Kind::departure);
  const auto channel_max = static_cast<std::uint8_t>(channel_count - 1);
  return {.trace = trace,
          .actor = read(in.getActor()),
          .peer = read(in.getPeer()),
          .sequence = in.getSequence(),
          .kind = static_cast<TraceHop::Kind>(std::min(in.getKind(), kind_max)),
          .channel = static_cast<Channel>(std::min(in.getChannel(), channel_max)),
          .queued = instant_of(in.getQueuedNs()),
          .begun = instant_of(in.getBegunNs()),
          .ended = instant_of(in.getEndedNs()),
          .bytes = in.getBytes()};
}

bool TraceService::handle(const Message& request, const Answer& answer) {
  if (request.is<wire::CollectTrace>()) {
    services_.io.run(
        [this, request]() -> Result<Message> {
          const auto frame = request.as<wire::CollectTrace>().getFrame();
          return local_hops({frame.getOrigin(), frame.getSequence()});
        },
        [this, request, answer](Result<Message> own) {
          if (!own || !request.as<wire::CollectTrace>().getEverywhere()) return answer(own);
          auto to_peers = Message::build<wire::CollectTrace>([&](wire::CollectTrace::Builder out) {
            out.setFrame(request.as<wire::CollectTrace>().getFrame());
          });
          ask_all(
              *std::move(own), std::move(to_peers),
              [answer](const std::vector<Message>& parts, const std::vector<std::string>& missing) {
                answer(join_hops(parts, missing));
              });
        });
    return true;
  }
  if (!request.is<wire::ListSlowFrames>()) return false;
  services_.io.run([this]() -> Result<Message> { return local_frames(); },
                   [this, request, answer](Result<Message> own) {
                     const auto wanted = request.as<wire::ListSlowFrames>();
                     if (!own || !wanted.getEverywhere()) return answer(own);
                     const std::size_t count =
                         std::min<std::size_t>(wanted.getCountMax(), limits::trace_slowest_max);
                     ask_all(
                         *std::move(own),
                         Message::build<wire::ListSlowFrames>([](wire::ListSlowFrames::Builder) {}),
                         [answer, count](const std::vector<Message>& parts,
                                         const std::vector<std::string>& missing) {
                           answer(join_frames(parts, missing, count));
                         });
                   });
  return true;
}

Message TraceService::local_hops(TraceId trace) const {
  const auto head = services_.head_clock();
  const std::vector<TraceHop> hops = services_.ring == nullptr
                                         ? std::vector<TraceHop>()
                                         : services_.ring->of(trace, limits::trace_hops_told_max);
  return Message::build<wire::FrameHops>([&](wire::FrameHops::Builder out) {
    auto node = out.initNodes(1)[0];
    node.setNode(services_.self.name);
    node.setTraces(services_.ring != nullptr);
    node.setHeadAheadNs(head ? head->ahead.count() : 0);
    node.setHeadErrorNs(head ? head->error.count() : -1);
    if (services_.ring != nullptr) {
      const HopRing::Counters counters = services_.ring->counters();
      node.setForgotten(counters.overwritten + counters.lost);
    }
    auto list = node.initHops(static_cast<unsigned>(hops.size()));
    for (unsigned i = 0; i < list.size(); ++i) write(list[i], hops[i]);
  });
}

Message TraceService::local_frames() const {
  const auto head = services_.head_clock();
  const std::vector<HopRing::Extent> extents =
      services_.ring == nullptr ? std::vector<HopRing::Extent>()
                                : services_.ring->extents(limits::trace_frames_told_max);
  return Message::build<wire::SlowFrames>([&](wire::SlowFrames::Builder out) {
    out.setHeadAheadNs(head ? head->ahead.count() : 0);
    out.setHeadErrorNs(head ? head->error.count() : -1);
    auto list = out.initFrames(static_cast<unsigned>(extents.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      auto frame = list[i].initFrame();
      frame.setOrigin(extents[i].trace.origin);
      frame.setSequence(extents[i].trace.sequence);
      list[i].setFirstNs(nanoseconds_of(extents[i].first));
      list[i].setLastNs(nanoseconds_of(extents[i].last));
    }
  });
}

void TraceService::ask_all(
    Message own, Message to_peers,
    std::function<void(std::vector<Message>, std::vector<std::string>)> done) const {
  auto gathered = std::make_shared<Gathered>();
  gathered->done = std::move(done);
  gathered->parts.push_back(std::move(own));
  services_.directory.nodes([this, gathered, to_peers](Result<std::vector<NodeRecord>> nodes) {
    std::vector<std::string> peers;
    if (nodes) {
      for (const NodeRecord& node : *nodes) {
        if (node.alive && node.id.name != services_.self.name) peers.push_back(node.id.name);
      }
    }
    gathered->open += peers.size();
    for (const std::string& peer : peers) {
      services_.hub.call(peer, to_peers, patience, [gathered, peer](Result<Message> reply) {
        if (!reply) return gathered->miss(peer);
        gathered->add(*std::move(reply));
      });
    }
    if (!nodes) return gathered->miss("(the directory: " + nodes.error().message + ")");
    std::unique_lock lock(gathered->mutex);
    gathered->close(lock);
  });
}

}  // namespace omma
