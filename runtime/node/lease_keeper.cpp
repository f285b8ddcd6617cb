#include "runtime/node/lease_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

// A refusal takes one way there and back; silence proves nothing however long it is waited for.
constexpr Duration knock_patience = std::chrono::seconds(1);
// Between two looks at the lease, however near the next deadline is.
constexpr Duration tick_min = std::chrono::milliseconds(1);

}  // namespace

LeaseKeeper::LeaseKeeper(NodeId self, LeaseTimes times, Instant registered,
                         LeaseKeeperServices services)
    : self_(std::move(self)),
      services_(std::move(services)),
      times_(times),
      holder_(times, registered),
      strand_(services_.scheduler) {}

void LeaseKeeper::begin() {
  strand_.post([this] {
    renew();  // At once: the answer says how long the head's leases are.
    tick();
  });
}

void LeaseKeeper::tick() {
  look();
  if (told_ == LeaseHolder::State::dead) return;
  if (services_.clock.now() >= holder_.next_request()) renew();
  const Instant now = services_.clock.now();
  strand_.post_after(std::max(holder_.next_deadline(now) - now, tick_min), [this] { tick(); });
}

void LeaseKeeper::renew() {
  const Instant asked_at = services_.clock.now();
  holder_.asked(asked_at);
  services_.ask_head(Message::build<wire::RenewLease>(
                         [&](wire::RenewLease::Builder out) { write(out.initNode(), self_); }),
                     times_.renew_every(), [this, asked_at](Result<Message> answer) {
                       const Instant answered_at = services_.clock.now();
                       strand_.post([this, asked_at, answered_at, answer = std::move(answer)] {
                         on_answer(asked_at, answered_at, answer);
                       });
                     });
}

void LeaseKeeper::on_answer(Instant asked_at, Instant answered_at, Result<Message> answer) {
  if (told_ == LeaseHolder::State::dead) return;
  if (!answer && answer.error().code == Code::conflict) {
    holder_.refused_dead();
    dead_because_ = answer.error();
    return look();
  }
  if (!answer || !answer->is<wire::LeaseGranted>()) {
    return on_no_answer(answer ? Error{Code::corrupt, "the head answered with message type " +
                                                          std::to_string(answer->type_id())}
                               : answer.error());
  }
  const auto grant = answer->as<wire::LeaseGranted>();
  const auto duration = [](std::uint64_t ns) { return Duration(static_cast<Duration::rep>(ns)); };
  adopt(asked_at, LeaseTimes{duration(grant.getTtlNs()), duration(grant.getHoldNs())});
  if (grant.getAnsweredNs() != 0) {
    const std::lock_guard lock(mutex_);
    head_clock_.add({asked_at, instant_of(grant.getReceivedNs()), instant_of(grant.getAnsweredNs()),
                     answered_at});
  }
  if (!std::exchange(answered_, true)) services_.log.info("lease", "the head answers again");
  ++granted_;
  std::vector<NodeId> lost;
  for (auto node : grant.getLost()) lost.push_back(read(node));
  if (!lost.empty() && services_.on_lost) services_.on_lost(lost);
  look();
}

// The head's times are those that count, should the two cluster files differ.
void LeaseKeeper::adopt(Instant asked_at, LeaseTimes granted) {
  if (granted.ttl == times_.ttl) return holder_.granted(asked_at);
  services_.log.warn("lease", "the head's lease has another length; its word counts",
                     {{"own_ms", times_.ttl / std::chrono::milliseconds(1)},
                      {"head_ms", granted.ttl / std::chrono::milliseconds(1)}});
  times_ = granted;
  holder_ = LeaseHolder(granted, asked_at);
}

void LeaseKeeper::on_no_answer(const Error& why) {
  ++unanswered_;
  if (std::exchange(answered_, false)) {
    services_.log.warn("lease", "not renewed", {{"why", why.describe()}});
  }
  if (std::exchange(knocking_, true)) return;
  const Instant knocked_at = services_.clock.now();
  services_.knock(std::min(knock_patience, times_.renew_every()), [this, knocked_at](bool refused) {
    strand_.post([this, knocked_at, refused] {
      knocking_ = false;
      if (refused) {
        ++head_down_;
        holder_.head_down_proved(knocked_at);
      }
      look();
    });
  });
}

void LeaseKeeper::look() {
  const LeaseHolder::State state = holder_.state(services_.clock.now());
  if (state == LeaseHolder::State::held) services_.extend(holder_.valid_until());
  const LeaseHolder::State before = std::exchange(told_, state);
  if (state == before) return;
  switch (state) {
    case LeaseHolder::State::held:
      services_.log.info("lease", "renewed: the actors go on");
      return services_.set_fenced(false);
    case LeaseHolder::State::in_doubt:
      ++in_doubt_;
      services_.log.warn("lease", "in doubt: the actors stand still until the head answers",
                         {{"after_ms", times_.stop_after() / std::chrono::milliseconds(1)}});
      return services_.set_fenced(true);
    case LeaseHolder::State::dead:
      services_.log.error("lease", "declared dead", {{"why", dead_because_.message}});
      services_.set_fenced(true);
      return services_.on_dead(dead_because_);
  }
}

std::optional<ClockOffset::Estimate> LeaseKeeper::head_clock() const {
  const std::lock_guard lock(mutex_);
  return head_clock_.estimate(services_.clock.now());
}

LeaseKeeper::Counters LeaseKeeper::counters() const {
  return {granted_, unanswered_, head_down_, in_doubt_};
}

}  // namespace omma
