// omma_storm: asks for moves, so many a second, of actors and to nodes that it draws, over a few
// lasting control connections. One JSON line a move on standard output:
//
//   {"t":8131,"actor":"5f...","type":"tracker","from":"cam-a","to":"cloud-1","outcome":"moved",
//    "pause_ms":1.9,"bytes":3120,"why":""}
//
// outcome: moved, refused, aborted, or failed when there was no answer to go by ("why" says why).
// It ends after --seconds, or when its standard input ends.
//
//   omma_storm --nodes cam-a=10.77.0.2:4400,cloud-1=10.77.0.3:4400 --rate 25 --seconds 60 --seed 1
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/base/time.hpp"
#include "runtime/link/link.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

constexpr Duration connect_patience = std::chrono::seconds(2);
constexpr Duration list_patience = std::chrono::seconds(5);
// A move that cannot be decided (no directory) waits for long; others shall not wait for it.
constexpr Duration move_patience = std::chrono::seconds(20);
constexpr Duration list_interval = std::chrono::seconds(1);

struct StormOptions {
  std::map<std::string, std::string> nodes;  // Address by name.
  double rate = 25;
  double seconds = 60;
  std::uint64_t seed = 1;
  unsigned connections = 12;
  std::vector<std::string> stay;  // Types that are never moved.
};

struct Target {
  std::string id, type, node;
};

// What runs where, as of about a second ago.
class Census {
 public:
  void set(std::vector<Target> targets) {
    std::lock_guard lock(mutex_);
    targets_ = std::move(targets);
  }
  std::optional<Target> draw(Random& random) {
    std::lock_guard lock(mutex_);
    if (targets_.empty()) return std::nullopt;
    return targets_[random.next() % targets_.size()];
  }
  // So that the next draw of it knows better.
  void moved(const std::string& id, const std::string& node) {
    std::lock_guard lock(mutex_);
    for (Target& target : targets_) {
      if (target.id == id) target.node = node;
    }
  }

 private:
  std::mutex mutex_;
  std::vector<Target> targets_;
};

class Storm {
 public:
  explicit Storm(StormOptions options) : options_(std::move(options)) {
    for (const auto& [name, address] : options_.nodes) names_.push_back(name);
  }

  void run() {
    const Instant end = clock_.now() + seconds(options_.seconds);
    std::vector<std::jthread> threads;
    threads.emplace_back([this] { take_census(); });
    for (unsigned i = 0; i < options_.connections; ++i) {
      threads.emplace_back([this, i] { ask_for_moves(i); });
    }
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (clock_.now() < end) {
      char ignored[64];
      if (::poll(&input, 1, 100) > 0 && ::read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) break;
    }
    done_ = true;
    wakeup_.notify_all();
  }

 private:
  static Duration seconds(double s) { return Duration(static_cast<std::int64_t>(s * 1e9)); }

  bool pause(Duration how_long) {
    std::unique_lock lock(mutex_);
    return !wakeup_.wait_for(lock, how_long, [this] { return done_.load(); });
  }

  // A connection to some node that answers.
  std::unique_ptr<LinkClient> connect(Random& random) {
    const std::string& name = names_[random.next() % names_.size()];
    auto client = connect_client(options_.nodes.at(name), std::nullopt, connect_patience);
    return client ? *std::move(client) : nullptr;
  }

  void take_census() {
    SeededRandom random(options_.seed);
    std::unique_ptr<LinkClient> client;
    while (!done_) {
      if (!client) client = connect(random);
      if (client) {
        auto reply =
            client->call(Message::build<wire::ListProcesses>(
                             [](wire::ListProcesses::Builder out) { out.setEverywhere(true); }),
                         list_patience);
        if (reply && reply->is<wire::ProcessList>()) {
          read_census(reply->as<wire::ProcessList>().getJson().cStr());
        } else {
          client.reset();
        }
      }
      if (!pause(list_interval)) return;
    }
  }

  void read_census(const char* text) {
    std::vector<Target> targets;
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_array()) return;
    for (const auto& node : json) {
      if (!node.contains("actors")) continue;
      for (const auto& actor : node["actors"]) {
        const std::string type = actor.value("type", "");
        if (std::find(options_.stay.begin(), options_.stay.end(), type) != options_.stay.end()) {
          continue;
        }
        targets.push_back({actor.value("id", ""), type, node.value("node", "")});
      }
    }
    census_.set(std::move(targets));
  }

  void ask_for_moves(unsigned index) {
    SeededRandom random(options_.seed * 1000 + index + 1);
    const Duration period = seconds(options_.connections / options_.rate);
    Instant due = clock_.now() + period * index / options_.connections;
    std::unique_ptr<LinkClient> client;
    while (!done_) {
      if (const Duration early = due - clock_.now(); early > Duration(0) && !pause(early)) return;
      due = std::max(due + period, clock_.now() - period);
      if (!client) client = connect(random);
      const auto target = census_.draw(random);
      if (!client || !target || names_.size() < 2) continue;
      std::string to;
      do {
        to = names_[random.next() % names_.size()];
      } while (to == target->node);
      if (!move(*client, *target, to)) client.reset();
    }
  }

  // False when the connection is of no more use.
  bool move(LinkClient& client, const Target& target, const std::string& to) {
    const Instant begun = clock_.now();
    auto reply = client.call(Message::build<wire::MoveActor>([&](wire::MoveActor::Builder out) {
                               out.setActor(target.id);
                               out.setNode(to);
                               out.setReason("storm");
                             }),
                             move_patience);
    nlohmann::ordered_json line{{"t", nanoseconds_of(begun)},
                                {"actor", target.id},
                                {"type", target.type},
                                {"from", target.node},
                                {"to", to}};
    line["took_ms"] = static_cast<double>((clock_.now() - begun).count()) / 1e6;
    if (!reply || !reply->is<wire::MoveReport>()) {
      line["outcome"] = "failed";
      line["why"] = reply ? "an answer of another type" : reply.error().describe();
    } else {
      const auto move = reply->as<wire::MoveReport>().getMove();
      static constexpr const char* outcomes[] = {"moved", "refused", "aborted", "taken_over"};
      const auto outcome = static_cast<std::size_t>(move.getOutcome());
      line["outcome"] = outcome < std::size(outcomes) ? outcomes[outcome] : "unknown";
      line["from"] = move.getFrom().cStr();
      line["pause_ms"] = static_cast<double>(move.getPauseNs()) / 1e6;
      line["bytes"] = move.getBytes();
      line["why"] = move.getReason().cStr();
      if (outcome == 0) census_.moved(target.id, to);
    }
    const std::string text =
        line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    std::lock_guard lock(mutex_);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    return reply.ok() || reply.error().code != Code::unavailable;
  }

  const StormOptions options_;
  const SystemClock clock_;
  std::vector<std::string> names_;
  Census census_;
  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::atomic<bool> done_{false};
};

}  // namespace
}  // namespace omma

int main(int argc, char** argv) {
  omma::StormOptions options;
  std::vector<std::string> nodes;
  CLI::App app{"Asks a cluster for moves, so many a second."};
  app.add_option("--nodes", nodes, "NAME=ADDRESS of each")->delimiter(',')->required();
  app.add_option("--rate", options.rate, "moves a second");
  app.add_option("--seconds", options.seconds, "how long");
  app.add_option("--seed", options.seed, "of what it draws");
  app.add_option("--connections", options.connections, "and so moves under way at a time");
  app.add_option("--stay", options.stay, "types of actors that are never moved")->delimiter(',');
  CLI11_PARSE(app, argc, argv);
  for (const std::string& node : nodes) {
    const auto equals = node.find('=');
    if (equals == std::string::npos) {
      std::fprintf(stderr, "omma_storm: '%s' is not NAME=ADDRESS\n", node.c_str());
      return 2;
    }
    options.nodes[node.substr(0, equals)] = node.substr(equals + 1);
  }
  omma::Storm(std::move(options)).run();
  return 0;
}
