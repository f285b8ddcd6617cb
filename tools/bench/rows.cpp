#include "tools/bench/rows.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/base/check.hpp"
#include "tools/bench/bench_node.hpp"
#include "tools/bench/figures.hpp"
#include "tools/bench/flood_actors.hpp"
#include "tools/bench/idle_actors.hpp"
#include "tools/bench/peer_process.hpp"
#include "tools/bench/picture_actors.hpp"
#include "tools/bench/ping_actors.hpp"

namespace omma::bench {
namespace {

constexpr char near_name[] = "near";  // Larger than "far", so the far node dials.
constexpr char far_name[] = "far";
constexpr std::size_t picture_bytes = 1920 * 1080 * 3;
constexpr std::uint64_t local_burst = 64;
constexpr std::uint64_t link_burst = 256;
constexpr std::uint64_t link_bursts_open = 8;

template <class A>
StageSpec spec_of(const char* name, const std::string& node, const std::string& other) {
  return *Turn::make_stage_ref<A>([&](PartyConfig::Builder out) {
            out.setName(name);
            out.setNode(node);
            out.setOther(other);
          }).spec;
}

// What this process's actors need; the far process's needs little of it.
struct Runs {
  Flood flood;
  PingRun ping;
  PictureRun pictures;
};

ActorTypes types_with(Runs& runs) {
  ActorTypes types;
  types.add(actor_type<BoxSource>(
      [&runs](PartyConfig::Reader) { return std::make_unique<BoxSource>(runs.flood); }));
  types.add(actor_type<BoxSink>([&runs](PartyConfig::Reader config) {
    return std::make_unique<BoxSink>(config, runs.flood.burst);
  }));
  types.add(actor_type<Pinger>(
      [&runs](PartyConfig::Reader config) { return std::make_unique<Pinger>(config, runs.ping); }));
  types.add(actor_type<PictureSource>(
      [&runs](PartyConfig::Reader) { return std::make_unique<PictureSource>(runs.pictures); }));
  types.add(actor_type<Echo>());
  types.add(actor_type<PictureSink>());
  types.add(actor_type<Idler>());
  return types;
}

// A node in this process and one in another, which began its own actors.
struct Pair {
  Pair(const std::string& address, const std::string& far_begins, Runs& runs)
      : node({.name = near_name, .head = near_name, .listen_address = address}, types_with(runs)),
        peer({"far", far_begins, node.address()}) {
    peer.wait_until_ready();
  }
  BenchNode node;
  PeerProcess peer;
};

void round_warm_up(Flood& flood, std::uint64_t messages) {
  flood.messages = (messages + flood.burst - 1) / flood.burst * flood.burst;
  flood.warm_up = flood.messages / 10 / flood.burst * flood.burst;
}

Blob picture_of(BenchNode& node, std::size_t bytes) {
  auto buffer = node.pool().take(bytes);
  OMMA_CHECK(buffer.ok(), bytes);
  std::fill_n(buffer->data(), bytes, std::uint8_t{7});
  return std::move(*buffer).share();
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  std::size_t resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void measure_local(std::uint64_t messages) {
  Runs runs;
  runs.flood.burst = local_burst;
  round_warm_up(runs.flood, messages);
  // One thread, so that the time is all the work that a message is.
  BenchNode node(
      {.name = near_name, .head = near_name, .listen_address = "127.0.0.1:0", .threads = 1},
      types_with(runs));
  node.begin(spec_of<BoxSink>("sink", near_name, near_name));
  const double seconds = runs.flood.seconds.get_future().get();
  node.check_ledger();
  print({{"messages", runs.flood.messages},
         {"us", seconds * 1e6 / static_cast<double>(runs.flood.messages)}});
}

void measure_round_trip(const std::string& address, std::size_t count) {
  Runs runs;
  runs.ping.count = count;
  runs.ping.warm_up = count / 10;
  Pair pair(address, "nothing", runs);
  pair.node.begin(spec_of<Pinger>("pinger", near_name, far_name));
  print(latencies(runs.ping.microseconds.get_future().get()));
}

void measure_rate(const std::string& address, std::uint64_t messages) {
  Runs runs;
  runs.flood.burst = link_burst;
  runs.flood.bursts_open = link_bursts_open;
  round_warm_up(runs.flood, messages);
  Pair pair(address, "boxes", runs);
  const double seconds = runs.flood.seconds.get_future().get();
  print({{"messages", runs.flood.messages},
         {"per_second", static_cast<double>(runs.flood.messages) / seconds},
         {"packets", pair.node.link_counters().packets_sent},
         {"batches", pair.node.link_counters().batches_sent}});
}

void measure_payload(const std::string& address, std::size_t bytes, std::uint64_t count) {
  Runs runs;
  runs.pictures.count = count;
  runs.pictures.warm_up = count / 10 + 1;
  BenchNode node({.name = near_name, .head = near_name, .listen_address = address},
                 types_with(runs));
  runs.pictures.pixels = picture_of(node, bytes);
  PeerProcess peer({"far", "pictures", node.address()});
  peer.wait_until_ready();
  const double seconds = runs.pictures.seconds.get_future().get();
  print({{"count", count},
         {"bytes", bytes},
         {"gb_per_second", static_cast<double>(bytes * count) / seconds / 1e9}});
}

void measure_beside_pictures(const std::string& address, std::size_t count) {
  Runs runs;
  runs.ping.count = count;
  runs.ping.warm_up = count / 10;
  BenchNode node({.name = near_name, .head = near_name, .listen_address = address},
                 types_with(runs));
  runs.pictures.pixels = picture_of(node, picture_bytes);
  PeerProcess peer({"far", "pictures", node.address()});
  peer.wait_until_ready();
  const LinkCounters before = node.link_counters();
  const auto began = std::chrono::steady_clock::now();
  node.begin(spec_of<Pinger>("pinger", near_name, far_name));
  Figures figures = latencies(runs.ping.microseconds.get_future().get());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  figures["gb_per_second"] =
      static_cast<double>(node.link_counters().bytes_sent - before.bytes_sent) / took.count() / 1e9;
  print(figures);
}

void measure_idle_actors(const std::string& address, std::size_t count) {
  Runs runs;
  // The head, with its directory, is the other process: what is counted here are actors alone.
  PeerProcess peer({"far", "head", address});
  BenchNode node({.name = near_name, .head = far_name, .listen_address = address},
                 types_with(runs));
  peer.wait_until_ready();
  const auto begin_all = [&](std::size_t first, std::size_t last) {
    constexpr std::size_t at_once = 1000;
    for (std::size_t from = first; from < last; from += at_once) {
      std::vector<std::future<bool>> begun;
      for (std::size_t i = from; i < std::min(from + at_once, last); ++i) {
        auto done = std::make_shared<std::promise<bool>>();
        begun.push_back(done->get_future());
        const std::string name = "idler " + std::to_string(i);
        node.core().host().activate(
            spec_of<Idler>(name.c_str(), near_name, {}),
            [done](const Result<ActorRecord>& record) { done->set_value(record.ok()); });
      }
      for (auto& one : begun) OMMA_CHECK(one.get(), "an actor did not begin");
    }
  };
  const auto all_had_a_turn = [&] {
    for (const auto& [id, cell] : node.core().switchboard().cells()) {
      std::promise<void> told;
      cell.put(CellInput{CellInput::ReportWanted{[&](const CellReport& report) {
        OMMA_CHECK(report.health.turns > 0, report.name);
        told.set_value();
      }}});
      told.get_future().get();
    }
  };
  constexpr std::size_t warm_up = 1000;
  constexpr auto checkpoint_time = std::chrono::seconds(4);
  begin_all(0, warm_up);
  std::this_thread::sleep_for(checkpoint_time);
  const std::size_t before = resident_bytes();
  const auto began = std::chrono::steady_clock::now();
  begin_all(warm_up, warm_up + count);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  all_had_a_turn();
  const std::size_t begun = resident_bytes();
  std::this_thread::sleep_for(checkpoint_time);
  const std::size_t settled = resident_bytes();
  print({{"actors", count},
         {"begun_per_second", static_cast<double>(count) / took.count()},
         {"bytes_begun", static_cast<double>(begun - before) / static_cast<double>(count)},
         {"bytes", static_cast<double>(settled - before) / static_cast<double>(count)}});
}

void be_far_node(const std::string& what, const std::string& near_address) {
  Runs runs;
  runs.flood.burst = link_burst;
  const bool is_unix = near_address.starts_with("unix:");
  BenchNode node({.name = far_name,
                  .head = what == "head" ? far_name : near_name,
                  .listen_address = is_unix ? near_address + ".far" : "127.0.0.1:0",
                  .peer = near_name,
                  .peer_address = near_address},
                 types_with(runs));
  if (what == "boxes") node.begin(spec_of<BoxSink>("sink", far_name, near_name));
  if (what == "pictures") node.begin(spec_of<PictureSink>("sink", far_name, near_name));
  say_ready(node.address());
  sleep_for_ever();
}

}  // namespace omma::bench
