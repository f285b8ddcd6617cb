#include "apps/omma_sim/walker.hpp"

#include <chrono>
#include <utility>

namespace omma::sim {
namespace {

constexpr std::uint64_t tick_timer = 1;
constexpr std::uint64_t begin_timer = 2;
constexpr std::uint64_t chore_every = 4;  // Ticks.
// Small, so that credit that is not given back is missed soon.
constexpr std::uint64_t window_bytes = 512;

std::vector<ActorId> ids_of(capnp::List<capnp::Text>::Reader names) {
  std::vector<ActorId> ids;
  for (const auto name : names)
    ids.push_back(walker_id(std::string_view(name.begin(), name.size())));
  return ids;
}

std::string text_of(std::uint64_t value) {
  return std::to_string(value);
}

}  // namespace

ActorId walker_id(std::string_view name) {
  return ActorId::of(Walker::type_name, name);
}

Ref<Walker> walker_ref(const WalkerPlan& plan, std::uint32_t wait_ms) {
  return Turn::make_stage_ref<Walker>([&](WalkerConfig::Builder config) {
    config.setName(plan.name);
    config.setTicks(plan.ticks);
    config.setPeriodMilliseconds(plan.period_ms);
    config.setDurable(plan.durable);
    config.setWaitMilliseconds(wait_ms);
    const auto fill = [](capnp::List<capnp::Text>::Builder out,
                         const std::vector<std::string>& names) {
      for (unsigned i = 0; i < names.size(); ++i) out.set(i, names[i]);
    };
    fill(config.initSends(static_cast<unsigned>(plan.sends.size())), plan.sends);
    fill(config.initRelays(static_cast<unsigned>(plan.relays.size())), plan.relays);
    fill(config.initAsks(static_cast<unsigned>(plan.asks.size())), plan.asks);
    fill(config.initFollows(static_cast<unsigned>(plan.follows.size())), plan.follows);
    fill(config.initGlances(static_cast<unsigned>(plan.glances.size())), plan.glances);
  });
}

Walker::Walker(WalkerConfig::Reader config, NodeId node, Onlooker& onlooker)
    : node_(std::move(node)),
      onlooker_(onlooker),
      name_(config.getName()),
      id_(walker_id(name_)),
      ticks_(config.getTicks()),
      period_(std::chrono::milliseconds(config.getPeriodMilliseconds())),
      wait_(std::chrono::milliseconds(config.getWaitMilliseconds())),
      sends_(ids_of(config.getSends())),
      relays_(ids_of(config.getRelays())),
      asks_(ids_of(config.getAsks())),
      follows_(ids_of(config.getFollows())),
      glances_(ids_of(config.getGlances())),
      steps_(*this) {
  onlooker_.began(node_, *this);
}

Walker::~Walker() {
  onlooker_.ended(node_, *this);
}

// --- Turns --------------------------------------------------------------------------------------

void Walker::on_start(Turn& turn) {
  onlooker_.on_turn(node_, id_);
  turn.set_timer(begin_timer, wait_);
}

void Walker::begin(Turn& turn) {
  const auto follow = [&](const ActorId& publisher, DeliveryClass delivery) {
    turn.subscribe<Step>(Ref<Walker>{publisher, nullptr}, {.delivery = delivery,
                                                           .window_bytes = window_bytes,
                                                           .waiting_messages_max = 0,
                                                           .form = {}});
  };
  for (const ActorId& publisher : follows_) follow(publisher, DeliveryClass::reliable);
  for (const ActorId& publisher : glances_) follow(publisher, DeliveryClass::fresh);
}

void Walker::on_resume(Turn& turn) {
  onlooker_.on_turn(node_, id_);
  if (account_.jobs_done < account_.jobs_wanted) do_chore(turn);
}

void Walker::on_timer(std::uint64_t timer, Turn& turn) {
  onlooker_.on_turn(node_, id_);
  if (timer == begin_timer) {
    begin(turn);
  } else {
    tick(turn);
  }
  walk_on(turn);
}

void Walker::walk_on(Turn& turn) {
  if (!has_ticks_left()) return;
  const auto half = static_cast<std::uint64_t>(period_.count()) / 2;
  turn.set_timer(tick_timer,
                 period_ / 2 + Duration(static_cast<std::int64_t>(turn.random().below(2 * half))));
}

void Walker::tick(Turn& turn) {
  ++account_.ticks;
  for (const ActorId& target : sends_) send_to(target, turn, Origin{});
  if (!asks_.empty()) {
    const ActorId& asked = asks_[turn.random().below(asks_.size())];
    const std::uint64_t number = ++account_.asked;
    account_.open.insert(turn.request<Question>(
        Ref<Walker>{asked, nullptr}, [number](Question::Builder out) { out.setNumber(number); }));
  }
  if (!steps_.subscribers().empty()) {
    const std::uint64_t number = ++account_.published;
    for (const Subscriber& subscriber : steps_.subscribers()) {
      const Message step = Message::build<Step>([&](Step::Builder out) {
        out.setKind(subscriber.delivery == DeliveryClass::fresh ? newest : every);
        out.setNumber(number);
        out.setLife(onlooker_.life_of(id_));
      });
      steps_.publish_to(turn, subscriber, step);
    }
  }
  if (account_.ticks % chore_every == 0 && account_.jobs_done == account_.jobs_wanted) {
    ++account_.jobs_wanted;
    do_chore(turn);
  }
}

void Walker::do_chore(Turn& turn) {
  turn.run([number = account_.jobs_wanted] {
    return Result<Message>(
        Message::build<Chore>([number](Chore::Builder out) { out.setNumber(number); }));
  });
}

void Walker::send_to(const ActorId& target, Turn& turn, const Origin& origin) {
  const std::uint64_t number = ++account_.sent[target];
  turn.send<Step>(Ref<Walker>{target, nullptr}, [&](Step::Builder out) {
    out.setKind(sent);
    out.setNumber(number);
    out.setLife(onlooker_.life_of(id_));
    out.setOriginHigh(origin.sender.high);
    out.setOriginLow(origin.sender.low);
    out.setOriginNumber(origin.number);
  });
}

void Walker::on(Step::Reader step, Turn& turn) {
  onlooker_.on_turn(node_, id_);
  check({turn.sender(), static_cast<Kind>(step.getKind())}, step);
  if (step.getKind() == newest) return;
  if (step.getOriginNumber() != 0) check_relayed(turn.sender(), step);
  // So that its receiver can tell sent from published, one is even and the other odd.
  const Origin origin{turn.sender(), 2 * step.getNumber() + step.getKind()};
  for (const ActorId& target : relays_) send_to(target, turn, origin);
}

// Within one pair of lives every number comes once and in order; across the end of a life, which
// only what is not durable may have, anything may be lost or come again.
void Walker::check(const From& from, const Step::Reader& step) {
  Received& known = account_.received[from];
  const std::uint64_t own_life = onlooker_.life_of(id_);
  const bool same = known.sender_life == step.getLife() && known.own_life == own_life;
  const bool strict = onlooker_.is_durable(id_) && onlooker_.is_durable(from.sender);
  const std::uint64_t number = step.getNumber();
  const bool wrong = from.kind == newest ? number <= known.last : number != known.last + 1;
  const bool first = known.sender_life == 0 && from.kind != sent;  // It subscribed at some time.
  if (wrong && !first && (same || (strict && from.kind != newest))) {
    onlooker_.violation("I1", name_ + " got number " + text_of(number) + " of kind " +
                                  text_of(from.kind) + " from " + from.sender.short_text() +
                                  " after " + text_of(known.last) + " (lives " +
                                  text_of(step.getLife()) + ", " + text_of(own_life) + ")");
  }
  known = {number, step.getLife(), own_life};
}

// The relay sent these in the order in which they came to it. When it sends before it has a
// checkpoint, dies, and then takes its inputs in another order, its numbers still fit and these do
// not.
void Walker::check_relayed(const ActorId& relay, const Step::Reader& step) {
  const ActorId origin{step.getOriginHigh(), step.getOriginLow()};
  if (!onlooker_.is_durable(id_) || !onlooker_.is_durable(relay) || !onlooker_.is_durable(origin)) {
    return;
  }
  const Kind kind = step.getOriginNumber() % 2 == 0 ? relayed_sent : relayed_every;
  const std::uint64_t number = step.getOriginNumber() / 2;
  Received& known = account_.received[{{relay.high ^ origin.high, relay.low ^ origin.low}, kind}];
  const bool first = known.last == 0 && kind == relayed_every;
  if (number != known.last + 1 && !first) {
    onlooker_.violation("I1", name_ + " got number " + text_of(number) + " of " +
                                  origin.short_text() + " over " + relay.short_text() + " after " +
                                  text_of(known.last));
  }
  known.last = number;
}

void Walker::on(Question::Reader question, Turn& turn) {
  onlooker_.on_turn(node_, id_);
  turn.reply<Reply>([&](Reply::Builder out) { out.setNumber(question.getNumber()); });
}

void Walker::on(Reply::Reader, Turn& turn) {
  onlooker_.on_turn(node_, id_);
  if (account_.open.erase(turn.correlation()) == 0) {
    onlooker_.violation("I1", name_ + " got a reply to no open request");
  }
  ++account_.answered;
}

void Walker::on(Chore::Reader chore, Turn&) {
  onlooker_.on_turn(node_, id_);
  if (chore.getNumber() == account_.jobs_done + 1) ++account_.jobs_done;
}

void Walker::on_job_failed(std::uint64_t, const Error& error, Turn& turn) {
  onlooker_.on_turn(node_, id_);
  turn.failed(error.message);
  do_chore(turn);
}

void Walker::on_request_failed(std::uint64_t correlation, const Error&, Turn&) {
  onlooker_.on_turn(node_, id_);
  if (account_.open.erase(correlation) == 0) {
    onlooker_.violation("I1", name_ + " was told that no open request failed");
  }
  ++account_.refused;
}

void Walker::on_peer_lost(const ActorId&, Turn&) {
  onlooker_.on_turn(node_, id_);
  ++account_.anew;
}

// --- State --------------------------------------------------------------------------------------

void Walker::save(WalkerState::Builder out) const {
  out.setTicks(account_.ticks);
  out.setPublished(account_.published);
  out.setAsked(account_.asked);
  out.setAnswered(account_.answered);
  out.setRefused(account_.refused);
  out.setJobsWanted(account_.jobs_wanted);
  out.setJobsDone(account_.jobs_done);
  out.setAnew(account_.anew);
  auto all_sent = out.initSent(static_cast<unsigned>(account_.sent.size()));
  unsigned i = 0;
  for (const auto& [id, number] : account_.sent) {
    all_sent[i].setHigh(id.high);
    all_sent[i].setLow(id.low);
    all_sent[i++].setNumber(number);
  }
  auto received = out.initReceived(static_cast<unsigned>(account_.received.size()));
  i = 0;
  for (const auto& [from, known] : account_.received) {
    received[i].setHigh(from.sender.high);
    received[i].setLow(from.sender.low);
    received[i].setKind(from.kind);
    received[i].setLast(known.last);
    received[i].setSenderLife(known.sender_life);
    received[i++].setOwnLife(known.own_life);
  }
  auto open = out.initOpen(static_cast<unsigned>(account_.open.size()));
  i = 0;
  for (const std::uint64_t correlation : account_.open) open.set(i++, correlation);
}

Result<void> Walker::load(WalkerState::Reader in) {
  account_ = {};
  account_.ticks = in.getTicks();
  account_.published = in.getPublished();
  account_.asked = in.getAsked();
  account_.answered = in.getAnswered();
  account_.refused = in.getRefused();
  account_.jobs_wanted = in.getJobsWanted();
  account_.jobs_done = in.getJobsDone();
  account_.anew = in.getAnew();
  for (const auto one : in.getSent())
    account_.sent[{one.getHigh(), one.getLow()}] = one.getNumber();
  for (const auto one : in.getReceived()) {
    account_.received[{{one.getHigh(), one.getLow()}, static_cast<Kind>(one.getKind())}] = {
        one.getLast(), one.getSenderLife(), one.getOwnLife()};
  }
  for (const std::uint64_t correlation : in.getOpen()) account_.open.insert(correlation);
  return {};
}

}  // namespace omma::sim
