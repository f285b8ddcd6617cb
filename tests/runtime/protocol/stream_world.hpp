// One stream in a world of its own: a sender, a target and the network between them, all drawn from
// a seed and run in virtual time. Nothing is asserted here; what breaks a promise of the protocol
// is noted in violation() at the moment it happens.
//
// Until faults_end the network may lose, double and delay packets, the route may be cut, and the
// target's life may end; after that it carries everything.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/time.hpp"
#include "runtime/protocol/inbox.hpp"
#include "runtime/protocol/outbox.hpp"
#include "tests/runtime/protocol/numbered_message.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace omma {

struct WorldPlan {
  Channel channel = Channel::stream;
  OutboxLimits limits{.window_bytes = 2000,
                      .waiting_bytes_max = 4000,
                      .waiting_messages_max = 12,
                      .unacknowledged_messages_max = 16};
  std::uint64_t messages = 60;
  std::size_t message_bytes_max = 600;
  double large_share = 0.03;  // Share of messages larger than the window.
  Duration offer_every_max = Duration(20'000'000);
  Duration work_max = Duration(30'000'000);  // The target's time for one message.
  std::uint64_t ack_every = 1;               // Messages, unless none is left to do.
  double deadline_share = 0;
  Duration delay_max = Duration(20'000'000);
  bool in_order = true;  // What is sent later arrives later.
  double loss = 0;
  double doubling = 0;
  unsigned cuts = 0;
  unsigned target_lives_ended = 0;
  std::uint64_t target_life = first_life;
  double route_news = 0.5;  // How often the sender is told of a new life or a healed cut.
  Duration faults_end = Duration(3'000'000'000);
  Duration drained_by = Duration(400'000'000'000);

  static WorldPlan draw(Channel channel, Random& random) {
    WorldPlan plan;
    plan.channel = channel;
    plan.messages = 20 + random.below(80);
    plan.offer_every_max = Duration(1 + random.below(60'000'000));
    plan.work_max = Duration(1 + random.below(random.chance(0.2) ? 400'000'000 : 30'000'000));
    plan.ack_every = 1 + random.below(6);
    plan.deadline_share = random.chance(0.5) ? 0.3 : 0;
    plan.delay_max = Duration(1 + random.below(random.chance(0.2) ? 900'000'000 : 40'000'000));
    plan.in_order = random.chance(0.5);
    plan.loss = random.chance(0.7) ? 0.01 * static_cast<double>(random.below(40)) : 0;
    plan.doubling = random.chance(0.5) ? 0.01 * static_cast<double>(random.below(40)) : 0;
    plan.cuts = static_cast<unsigned>(random.below(3));
    plan.target_lives_ended = random.chance(0.5) ? static_cast<unsigned>(random.below(4)) : 0;
    plan.target_life = random.chance(0.7) ? first_life : 4;
    return plan;
  }
};

class StreamWorld {
 public:
  StreamWorld(WorldPlan plan, std::uint64_t seed)
      : plan_(plan),
        random_(seed),
        outbox_(stream_, 3, plan.limits),
        inbox_(stream_, plan.target_life, plan.limits.window_bytes),
        start_(clock_.now()) {}

  // Runs until all is quiet, or until it should have been.
  void run() {
    plan_faults();
    at(Duration(0), [this] { offer_next(); });
    while (violation_.empty() && step()) {
    }
    if (violation_.empty() && !quiet()) note("not drained");
  }

  const std::string& violation() const { return violation_; }
  const Outbox& outbox() const { return outbox_; }
  const Inbox& inbox() const { return inbox_; }
  // Numbers of the messages that were finished in each of the target's lives.
  const std::vector<std::vector<std::uint64_t>>& finished() const { return finished_; }
  std::uint64_t offered() const { return offered_; }
  std::uint64_t dropped() const { return dropped_; }
  unsigned target_lives_ended_told() const { return lives_ended_told_; }

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return std::pair(other.when, other.order) < std::pair(when, order);
    }
  };

  void at(Duration from_now, std::function<void()> what) {
    events_.push({clock_.now() + from_now, ++event_order_, std::move(what)});
  }
  Duration up_to(Duration most) {
    return Duration(
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count()) + 1)));
  }
  bool faulty() const { return clock_.now() - start_ < plan_.faults_end; }
  bool quiet() const { return offered_ == plan_.messages && outbox_.quiet() && mailbox_.empty(); }
  void note(const std::string& what) {
    if (violation_.empty()) {
      violation_ = what + " at " + std::to_string((clock_.now() - start_).count() / 1'000'000) +
                   " ms, offered " + std::to_string(offered_);
    }
  }

  // The next event or the outbox's deadline, whichever is first.
  bool step() {
    const auto deadline = outbox_.next_deadline();
    if (deadline && (events_.empty() || *deadline < events_.top().when)) {
      advance_to(*deadline);
      carry_out(outbox_.on_time(clock_.now(), wall_ns()));
    } else if (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      advance_to(event.when);
      event.what();
    } else {
      return false;
    }
    check_bounds();
    return !(quiet() && !faulty()) && clock_.now() - start_ < plan_.drained_by;
  }
  void advance_to(Instant when) {
    if (when > clock_.now()) clock_.advance(when - clock_.now());
  }
  std::int64_t wall_ns() const { return nanoseconds_of(clock_.wall_now()); }

  void plan_faults() {
    for (unsigned i = 0; i < plan_.cuts; ++i) {
      const Duration begin = up_to(plan_.faults_end);
      const Duration length = up_to((plan_.faults_end - begin) / 2);
      at(begin, [this] { ++cut_; });
      at(begin + length, [this] {
        --cut_;
        tell_route();
      });
    }
    for (unsigned i = 0; i < plan_.target_lives_ended; ++i) {
      at(up_to(plan_.faults_end), [this] { end_target_life(); });
    }
    at(plan_.faults_end, [] {});  // So that the world does not end before.
  }
  void end_target_life() {
    target_epoch_ += 2;
    plan_.target_life += 2;
    inbox_ = Inbox(stream_, plan_.target_life, plan_.limits.window_bytes);
    mailbox_.clear();
    ++work_;  // Whatever is being done is not finished any more.
    finished_.emplace_back();
    tell_route();
  }
  void tell_route() {
    if (!random_.chance(plan_.route_news)) return;
    at(up_to(plan_.delay_max),
       [this] { carry_out(outbox_.on_route_changed(target_epoch_, clock_.now())); });
  }

  void offer_next() {
    if (offered_ == plan_.messages) return;
    const bool held_back = outbox_.blocked() || full_;
    full_ = false;
    at((held_back ? Duration(20'000'000) : Duration(0)) + up_to(plan_.offer_every_max),
       [this] { offer_next(); });
    if (outbox_.blocked()) return;
    const std::size_t bytes = random_.chance(plan_.large_share)
                                  ? plan_.limits.window_bytes + 1 + random_.below(1000)
                                  : 64 + random_.below(plan_.message_bytes_max - 64);
    const std::int64_t deadline =
        random_.chance(plan_.deadline_share)
            ? wall_ns() + 1 + static_cast<std::int64_t>(random_.below(300'000'000))
            : 0;
    const bool room = outbox_.has_room(1, bytes);
    if (!room && random_.chance(0.9)) {  // Now and then the refusal itself is tried.
      full_ = true;
      return;
    }
    auto effects = outbox_.offer({.message = numbered_message(offered_ + 1, bytes),
                                  .correlation = 0,
                                  .is_reply = false,
                                  .deadline_ns = deadline,
                                  .trace = {.origin = 1, .sequence = offered_ + 1}},
                                 clock_.now(), wall_ns());
    if (effects.ok() != room) note("has_room was wrong");
    if (!effects.ok()) {
      if (effects.error().code != Code::overloaded) note(effects.error().describe());
      full_ = true;
      return;
    }
    ++offered_;
    carry_out(std::move(*effects));
  }

  void carry_out(Outbox::Effects effects) {
    dropped_ += effects.dropped.size();
    lives_ended_told_ += effects.target_life_ended ? 1 : 0;
    for (Envelope& envelope : effects.transmit) send(std::move(envelope), to_target_);
    if (effects.probe) send(*effects.probe, to_target_);
    if (effects.ask_directory) tell_route();
  }

  // `last` keeps each direction in order, where it is.
  void send(Packet packet, Instant& last) {
    if (cut_ > 0 || (faulty() && random_.chance(plan_.loss))) return;
    const bool twice = faulty() && random_.chance(plan_.doubling);
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
      Duration delay = up_to(plan_.delay_max);
      if (plan_.in_order) delay = std::max(delay, last - clock_.now());
      last = std::max(last, clock_.now() + delay);
      at(delay, [this, packet] { arrive(packet); });
    }
  }
  void arrive(const Packet& packet) {
    if (const auto* ack = std::get_if<Ack>(&packet)) {
      carry_out(outbox_.on_ack(*ack, clock_.now()));
    } else if (const auto* probe = std::get_if<Probe>(&packet)) {
      send(inbox_.on_probe(*probe, target_epoch_), to_sender_);
    } else {
      receive(std::get<Envelope>(packet));
    }
  }

  void receive(const Envelope& envelope) {
    Inbox::Effects effects = inbox_.on_envelope(envelope);
    if (effects.sender_life_ended) note("the sender's life ended, which it never did");
    const bool idle = mailbox_.empty();
    for (Envelope& delivered : effects.deliver) mailbox_.push_back(std::move(delivered));
    if (effects.acknowledge) acknowledge();
    if (idle && !mailbox_.empty()) begin_work();
  }
  void begin_work() {
    at(up_to(plan_.work_max), [this, work = work_] {
      if (work == work_) finish_work();
    });
  }
  void finish_work() {
    inbox_.on_processed(mailbox_.front());
    finish(number_of(mailbox_.front().message));
    mailbox_.pop_front();
    if (mailbox_.empty() || ++unacknowledged_ >= plan_.ack_every) acknowledge();
    if (!mailbox_.empty()) begin_work();
  }
  void acknowledge() {
    unacknowledged_ = 0;
    send(inbox_.ack(target_epoch_), to_sender_);
  }

  // The promises that can be judged at once: no doubling, no reordering, and for a reliable stream
  // no gap; a new life of the target may repeat what the old one had, but not leave anything out.
  void finish(std::uint64_t number) {
    std::vector<std::uint64_t>& life = finished_.back();
    if (!life.empty() && number <= life.back()) note("doubled or out of order");
    if (is_reliable(plan_.channel)) {
      if (!life.empty() && number != life.back() + 1) note("a gap");
      if (life.empty() && number > highest_finished_ + 1) note("a gap between lives");
    }
    life.push_back(number);
    highest_finished_ = std::max(highest_finished_, number);
  }

  void check_bounds() {
    const std::uint64_t largest = plan_.limits.window_bytes + 1000;
    if (outbox_.unacknowledged_bytes() > largest) note("more outstanding than window and message");
    if (outbox_.unacknowledged_messages() > plan_.limits.unacknowledged_messages_max) {
      note("too many unacknowledged");
    }
    if (outbox_.waiting_bytes() > plan_.limits.waiting_bytes_max) note("too many bytes wait");
    if (outbox_.waiting_messages() > plan_.limits.waiting_messages_max) note("too many wait");
    std::uint64_t held = 0;
    for (const Envelope& envelope : mailbox_) held += envelope.credit_bytes;
    if (held > largest) note("more at the target than window and message");
  }

  WorldPlan plan_;
  SeededRandom random_;
  ManualClock clock_;
  StreamId stream_{.sender = {1, 2}, .target = {3, 4}, .channel = plan_.channel};
  Outbox outbox_;
  Inbox inbox_;
  Instant start_;
  std::priority_queue<Event> events_;
  std::uint64_t event_order_ = 0;
  Instant to_target_{};
  Instant to_sender_{};
  int cut_ = 0;
  std::uint64_t target_epoch_ = 1;
  std::deque<Envelope> mailbox_;
  std::uint64_t work_ = 0;
  std::uint64_t unacknowledged_ = 0;
  std::uint64_t offered_ = 0;
  bool full_ = false;
  std::uint64_t dropped_ = 0;
  unsigned lives_ended_told_ = 0;
  std::uint64_t highest_finished_ = 0;
  std::vector<std::vector<std::uint64_t>> finished_{1};
  std::string violation_;
};

}  // namespace omma
