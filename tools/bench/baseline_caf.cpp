// Baselines on CAF alone: the same boxes from one of its actors to another, and its own network
// layer between two processes.
#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/check.hpp"
#include "tools/bench/boxes.hpp"
#include "tools/bench/figures.hpp"
#include "tools/bench/peer_process.hpp"
#include "tools/bench/rows.hpp"

namespace omma::bench {

// A Cap'n Proto struct that two actors share, as the runtime's Message is.
struct SharedBoxes {
  struct Builder : capnp::MallocMessageBuilder {
    Builder() : capnp::MallocMessageBuilder(64) {}
  };
  std::shared_ptr<Builder> builder;
};

}  // namespace omma::bench

CAF_BEGIN_TYPE_ID_BLOCK(omma_bench, first_custom_type_id)
CAF_ADD_TYPE_ID(omma_bench, (omma::bench::SharedBoxes))
CAF_END_TYPE_ID_BLOCK(omma_bench)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omma::bench::SharedBoxes)

namespace omma::bench {
namespace {

// CAF's own atoms, since an atom of ours would need a place in its table: a question or its
// answer, boxes, and "send more".
using ping_atom = caf::get_atom;
using boxes_atom = caf::put_atom;
using go_atom = caf::ok_atom;

using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t bare_burst = 64;
constexpr std::uint64_t net_burst = 256;
constexpr std::uint64_t net_bursts_open = 8;
constexpr std::size_t filling_bytes = 64;

double seconds_since(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

// Reads bursts of boxes, each message's number checked against the one before.
struct BareSink {
  std::uint64_t read = 0;
  float sum = 0;
};

caf::behavior bare_sink(caf::stateful_actor<BareSink>* self) {
  return {[self](const SharedBoxes& boxes, std::uint64_t number) {
    BareSink& state = self->state;
    OMMA_CHECK(number == state.read + 1, number, state.read);
    ++state.read;
    state.sum += read_boxes(boxes.builder->getRoot<Boxes>().asReader());
    if (state.read % bare_burst == 0) {
      self->send(caf::actor_cast<caf::actor>(self->current_sender()), go_atom::value, state.read);
    }
  }};
}

// The time from the first burst that is read to the last goes to `done`.
caf::behavior bare_source(caf::event_based_actor* self, const caf::actor& sink,
                          std::uint64_t messages, std::shared_ptr<std::promise<double>> done) {
  const auto send_burst = [self, sink](std::uint64_t sent) {
    for (std::uint64_t i = 1; i <= bare_burst; ++i) {
      auto builder = std::make_shared<SharedBoxes::Builder>();
      write_boxes(builder->initRoot<Boxes>(), sent + i);
      self->send(sink, SharedBoxes{std::move(builder)}, sent + i);
    }
  };
  send_burst(0);
  const auto began = std::make_shared<SteadyClock::time_point>();
  return {[=](go_atom, std::uint64_t read) {
    if (read == bare_burst) *began = SteadyClock::now();
    if (read >= messages) {
      done->set_value(seconds_since(*began));
      return;
    }
    send_burst(read);
  }};
}

struct BareConfig : caf::actor_system_config {
  BareConfig() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 1);
  }
};

struct NetConfig : caf::actor_system_config {
  NetConfig() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 2);
    load<caf::io::middleman>();
  }
};

// What the runtime's messages are on the wire: the struct's flat encoding.
std::string flat_boxes(std::uint64_t number) {
  SharedBoxes::Builder builder;
  write_boxes(builder.initRoot<Boxes>(), number);
  const auto words = capnp::messageToFlatArray(builder);
  const auto chars = words.asChars();
  return {chars.begin(), chars.end()};
}

struct NetSink {
  std::uint64_t read = 0;
  float sum = 0;
};

caf::behavior net_sink(caf::stateful_actor<NetSink>* self) {
  return {[self](ping_atom, std::uint64_t number, const std::string& filling) {
            return caf::make_message(ping_atom::value, number, filling);
          },
          [self](boxes_atom, const std::string& words) {
            const auto* begin = reinterpret_cast<const capnp::word*>(words.data());
            capnp::FlatArrayMessageReader reader(
                kj::arrayPtr(begin, words.size() / sizeof(capnp::word)));
            self->state.sum += read_boxes(reader.getRoot<Boxes>());
            if (++self->state.read % net_burst == 0) {
              self->send(caf::actor_cast<caf::actor>(self->current_sender()), go_atom::value,
                         self->state.read);
            }
          }};
}

caf::behavior net_pinger(caf::event_based_actor* self, const caf::actor& echo, std::size_t count,
                         std::shared_ptr<std::promise<std::vector<double>>> done) {
  struct State {
    std::vector<double> microseconds;
    SteadyClock::time_point asked;
    std::size_t answered = 0;
  };
  auto state = std::make_shared<State>();
  const std::string filling(filling_bytes, 'x');
  const auto ask = [=] {
    state->asked = SteadyClock::now();
    self->send(echo, ping_atom::value, std::uint64_t{state->answered}, filling);
  };
  ask();
  return {[=](ping_atom, std::uint64_t, const std::string&) {
    const double took = seconds_since(state->asked) * 1e6;
    if (++state->answered > count / 10) state->microseconds.push_back(took);
    if (state->microseconds.size() < count) return ask();
    done->set_value(state->microseconds);
  }};
}

caf::behavior net_source(caf::event_based_actor* self, const caf::actor& sink,
                         std::uint64_t messages, std::shared_ptr<std::promise<double>> done) {
  auto sent = std::make_shared<std::uint64_t>(0);
  const auto send_burst = [=] {
    for (std::uint64_t i = 0; i < net_burst; ++i) {
      self->send(sink, boxes_atom::value, flat_boxes(++*sent));
    }
  };
  for (std::uint64_t i = 0; i < net_bursts_open; ++i) send_burst();
  const auto began = std::make_shared<SteadyClock::time_point>();
  return {[=](go_atom, std::uint64_t read) {
    if (read == net_burst) *began = SteadyClock::now();
    if (read >= messages) return done->set_value(seconds_since(*began));
    send_burst();
  }};
}

}  // namespace

void measure_bare_caf(std::uint64_t messages) {
  BareConfig config;
  caf::actor_system system(config);
  messages = messages / bare_burst * bare_burst;
  auto done = std::make_shared<std::promise<double>>();
  const caf::actor sink = system.spawn(bare_sink);
  const caf::actor source = system.spawn(bare_source, sink, messages, done);
  const double seconds = done->get_future().get();
  caf::anon_send_exit(source, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
  print(
      {{"messages", messages}, {"us", seconds * 1e6 / static_cast<double>(messages - bare_burst)}});
}

void measure_caf_net(const std::string& what, std::uint64_t count) {
  PeerProcess peer({"far", "caf", "caf"});
  NetConfig config;
  caf::actor_system system(config);
  const auto port = static_cast<std::uint16_t>(std::stoi(peer.wait_until_ready()));
  auto far = system.middleman().remote_actor("127.0.0.1", port);
  OMMA_CHECK(far, caf::to_string(far.error()));
  if (what == "round-trip") {
    auto done = std::make_shared<std::promise<std::vector<double>>>();
    const caf::actor pinger = system.spawn(net_pinger, *far, count, done);
    print(latencies(done->get_future().get()));
    caf::anon_send_exit(pinger, caf::exit_reason::user_shutdown);
    return;
  }
  OMMA_CHECK(what == "rate", what);
  count = count / net_burst * net_burst;
  auto done = std::make_shared<std::promise<double>>();
  const caf::actor source = system.spawn(net_source, *far, count, done);
  const double seconds = done->get_future().get();
  print({{"messages", count}, {"per_second", static_cast<double>(count - net_burst) / seconds}});
  caf::anon_send_exit(source, caf::exit_reason::user_shutdown);
}

void be_far_caf() {
  NetConfig config;
  caf::actor_system system(config);
  const caf::actor sink = system.spawn(net_sink);
  const auto port = system.middleman().publish(sink, 0, "127.0.0.1");
  OMMA_CHECK(port, caf::to_string(port.error()));
  say_ready(std::to_string(*port));
  sleep_for_ever();
}

}  // namespace omma::bench
