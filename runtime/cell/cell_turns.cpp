// The turns of a CellCore: choosing an input, running the handler, and carrying its effects out
// together or not at all.
#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/cell/cell_core.hpp"

namespace omma {
namespace {

bool is_stream_message(const Input& input) {
  return input.kind == Input::Kind::message && input.envelope.stream.channel != Channel::control;
}

// Held messages, subscribers, commands and captures are no part of the state or cannot be repeated:
// restoring begins after them.
bool repeatable(const Input& input, const TurnEffects& effects) {
  return !effects.hold && effects.releases.empty() && effects.captured.empty() &&
         input.kind != Input::Kind::subscribers_changed && input.kind != Input::Kind::command;
}

// Until the author's code has returned or thrown.
class SignedIn {
 public:
  SignedIn(CellPort& port, const Input& input) : port_(port) {
    switch (input.kind) {
      case Input::Kind::message:
        port_.turn_begins(TurnCause::message, input.envelope.message.type_id());
        break;
      case Input::Kind::job_done:
        port_.turn_begins(TurnCause::job, input.envelope.message.type_id());
        break;
      case Input::Kind::timer:
        port_.turn_begins(TurnCause::timer, input.id);
        break;
      default:
        port_.turn_begins(TurnCause::other, 0);
        break;
    }
  }
  ~SignedIn() { port_.turn_ended(); }
  SignedIn(const SignedIn&) = delete;
  SignedIn& operator=(const SignedIn&) = delete;

 private:
  CellPort& port_;
};

}  // namespace

void CellCore::run_ready() {
  while (phase_ == Phase::active || phase_ == Phase::draining) {
    if (!control_inputs_.empty()) {
      run_turn(control_inputs_.take_front());
    } else if (!stream_inputs_.empty() && !streams_.blocked()) {
      run_turn(stream_inputs_.take_front());
    } else {
      return;
    }
  }
}

Turn::Context CellCore::context_of(const Input& input) {
  Turn::Context context;
  context.self = identity_.id;
  context.self_name = identity_.name;
  context.life = identity_.life;
  context.message = input.envelope.message;
  context.trace = input.envelope.trace;
  const Moment moment =
      next_turn_ ? *std::exchange(next_turn_, {}) : Moment{port_.now(), port_.wall_now()};
  context.now = moment.now;
  context.wall_now = moment.wall_now;
  context.seed = identity_.id.low ^ (turns_ * 0x9e3779b97f4a7c15u);
  context.next_id = next_id_;
  if (input.kind == Input::Kind::message) {
    context.sender = input.envelope.stream.sender;
    context.correlation = input.envelope.correlation;
    context.expects_reply = input.envelope.correlation != 0 && !input.envelope.is_reply;
  } else if (input.kind == Input::Kind::job_done || input.kind == Input::Kind::job_failed) {
    context.job = input.id;
  }
  return context;
}

void CellCore::dispatch(Actor& actor, Input& input, Turn& turn) {
  switch (input.kind) {
    case Input::Kind::start:
      return actor.on_start(turn);
    case Input::Kind::resume:
      return actor.on_resume(turn);
    case Input::Kind::message:
    case Input::Kind::job_done:
      return type_.dispatch(actor, input.envelope.message, turn);
    case Input::Kind::timer:
      return actor.on_timer(input.id, turn);
    case Input::Kind::job_failed:
      return actor.on_job_failed(input.id, input.details->error, turn);
    case Input::Kind::subscribers_changed:
      return actor.on_subscribers_changed(turn);
    case Input::Kind::request_failed:
      return actor.on_request_failed(input.id, input.details->error, turn);
    case Input::Kind::peer_lost:
      return actor.on_peer_lost(input.details->peer, turn);
    case Input::Kind::command:
      return input.details->command(turn);
  }
}

void CellCore::run_turn(Input input) {
  Turn::Context context = context_of(input);
  std::string error;
  std::optional<TurnEffects> effects;
  std::optional<Message> snapshot;
  std::uint64_t next_id = next_id_;
  // The one place where an author's exception is caught: a foreign error becomes a count.
  try {
    const SignedIn signed_in(port_, input);
    Turn turn(context);
    dispatch(*actor_, input, turn);
    effects = turn.take_effects();
    next_id = turn.next_id();
    if (!affordable(*effects, error)) {
      effects.reset();
    } else if (!repeatable(input, *effects) || !replay_.has_room_for(input)) {
      snapshot = type_.save(*actor_);
      if (snapshot->size_bytes() > limits::snapshot_bytes_max) {
        effects.reset();
        error = "over_limit: state of " + std::to_string(snapshot->size_bytes()) +
                " bytes, limit " + std::to_string(limits::snapshot_bytes_max) +
                "; an actor keeps what is large in files";
      }
    }
  } catch (const std::exception& thrown) {
    effects.reset();
    error = thrown.what();
  } catch (...) {
    effects.reset();
    error = "an exception of no known type";
  }
  if (!effects) return retry_later(std::move(input), error);
  ++turns_;
  next_id_ = next_id;
  if (hops_ != nullptr || turn_times_ != nullptr) note_turn(input, *effects, context.now);
  commit(input, *effects, {context.now, context.wall_now});
  if (snapshot) {
    replay_.set_snapshot(*std::move(snapshot));
  } else {
    replay_.record(input, std::move(context));
  }
}

// Back to the state before the turn. The input comes again after what was held, which was sent
// before it, up to limits::attempts_max times.
void CellCore::retry_later(Input input, const std::string& error) {
  ++health_.failed_turns;
  port_.log("turn failed, attempt " + std::to_string(input.attempts + 1) + " of " +
            std::to_string(limits::attempts_max) + ": " + error);
  const bool resumes = input.kind != Input::Kind::start && input.kind != Input::Kind::resume;
  const bool given_up = ++input.attempts >= limits::attempts_max;
  // What is held led to this job or timer, and would lead there again and again.
  const bool held_are_to_blame = input.kind == Input::Kind::job_done ||
                                 input.kind == Input::Kind::job_failed ||
                                 input.kind == Input::Kind::timer;
  if (given_up) {
    set_aside(input, error);
  } else {
    put_back(std::move(input));
  }
  restart(held_are_to_blame);
  if (resumes) put_back(Input::of(Input::Kind::resume));
}

// All that a turn wants to send has room: then its effects cannot fail half-way.
bool CellCore::affordable(const TurnEffects& effects, std::string& why) const {
  struct Need {
    std::size_t messages = 0;
    std::uint64_t bytes = 0;
  };
  const auto has_room = [&](const ActorId& target, Channel channel, const Need& need) {
    if (streams_.has_room(target, channel, need.messages, need.bytes)) return true;
    why = "overloaded: no room for " + std::to_string(need.messages) + " messages to " +
          target.short_text();
    return false;
  };
  std::map<std::pair<ActorId, Channel>, Need> needs;  // Not for one stream, the usual case.
  Need need;
  std::size_t requests = requests_.size();
  const TurnEffects::Send* first = effects.sends.empty() ? nullptr : &effects.sends.front();
  for (const auto& send : effects.sends) {
    if (send.is_request) ++requests;
    const bool is_first = send.target == first->target && send.channel == first->channel;
    Need& of_stream = is_first ? need : needs[{send.target, send.channel}];
    ++of_stream.messages;
    of_stream.bytes += send.message.size_bytes();
  }
  if (first != nullptr && !has_room(first->target, first->channel, need)) return false;
  for (const auto& [key, other] : needs) {
    if (!has_room(key.first, key.second, other)) return false;
  }
  std::set<std::uint64_t> new_timers;
  for (const auto& change : effects.timers) {
    if (change.after && !timers_.contains(change.timer)) new_timers.insert(change.timer);
  }
  const auto within = [&](std::size_t count, const char* things, std::size_t limit) {
    if (count <= limit) return true;
    why =
        "over_limit: " + std::to_string(count) + " " + things + ", limit " + std::to_string(limit);
    return false;
  };
  return within(effects.sends.size(), "sends in one turn", limits::sends_per_turn_max) &&
         within(requests, "open requests", limits::open_requests_per_actor_max) &&
         within(jobs_.size() + effects.jobs.size(), "jobs at once",
                limits::async_jobs_per_actor_max) &&
         within(timers_.size() + new_timers.size(), "timers", limits::timers_per_actor_max);
}

// Of the input it leaves what replaying needs, unless the message is held.
void CellCore::commit(Input& input, TurnEffects& effects, const Moment& moment) {
  // A camera's own frames: its stage receives what it captured.
  const TraceId own{identity_.id.low, 0};
  for (const auto& [camera, count] : effects.captured) {
    captured_[camera] += count;
    account_of(own).received += count;
    for (std::uint64_t i = 0; i < count; ++i) count_fate(own, effects.fate, effects.reason);
  }
  std::optional<Streams::Effects> out;
  if (!effects.subscriptions.empty() || !effects.sends.empty()) {
    out.emplace().packets.reserve(effects.sends.size());
    for (const auto& change : effects.subscriptions) subscribe(change, *out);
    for (auto& item : effects.sends) send(std::move(item), moment, *out);
  }
  for (const auto& timer : effects.timers) {
    if (timer.after) {
      timers_[timer.timer] = port_.now() + *timer.after;
    } else {
      timers_.erase(timer.timer);
    }
  }
  if (is_stream_message(input)) {
    StageCounts& account = account_of(input.envelope.trace);
    ++account.received;
    if (effects.hold) {
      ++account.held;
    } else {
      count_fate(input.envelope.trace, effects.fate, effects.reason);
    }
  }
  for (const auto& release : effects.releases) {
    const auto found = held_.find(release.held.id);
    if (found == held_.end()) continue;  // Given back by a restart.
    if (found->second.envelope.stream.channel != Channel::control) {
      --account_of(found->second.envelope.trace).held;
      count_fate(found->second.envelope.trace, release.fate, release.reason);
    }
    streams_.finished(found->second.envelope);
    held_.erase(found);
  }
  if (input.kind == Input::Kind::message) {
    if (effects.hold) {
      held_.emplace(effects.hold->id, Held{std::move(input.envelope), input.attempts});
    } else {
      streams_.finished(input.envelope);
    }
  }
  for (auto& job : effects.jobs) {
    jobs_.emplace(job.id, job.trace);
    StoppedJob ready{job.id, std::move(job.job), job.options.executor};
    if (job.options.when_unblocked) {
      waiting_jobs_.push_back(std::move(ready));
    } else {
      start_job(std::move(ready));
    }
  }
  if (out) {
    carry_out(*out);
  } else {
    start_waiting_jobs();
  }
  if (effects.retire && phase_ == Phase::active) begin_draining();
}

// --- Restart -------------------------------------------------------------------------------------

// An actor as it was at the last snapshot and, if asked, after the turns since. Null when loading
// or repeating throws.
std::unique_ptr<Actor> CellCore::rebuild(const Message& snapshot, bool repeat_turns) {
  const auto not_rebuilt = [&](const std::string& why) {
    note_error(why);
    port_.log("actor not made: " + why);
  };
  try {
    std::unique_ptr<Actor> actor = type_.make(identity_.config);
    OMMA_CHECK(!actor_ || actor->outlets().size() == actor_->outlets().size(), identity_.type);
    for (std::size_t i = 0; actor_ && i < actor->outlets().size(); ++i) {
      actor->outlets()[i]->assign(actor_->outlets()[i]->subscribers());
    }
    if (!snapshot.is_null()) {
      if (auto loaded = type_.load(*actor, snapshot); !loaded) {
        not_rebuilt(loaded.error().describe());
        return nullptr;
      }
    }
    if (!repeat_turns) return actor;
    for (const ReplayLog::Entry& entry : replay_.entries()) {
      Input input = entry.input();
      Turn turn(entry.context);
      dispatch(*actor, input, turn);
    }
    return actor;
  } catch (const std::exception& thrown) {
    not_rebuilt(thrown.what());
  } catch (...) {
    not_rebuilt("an exception of no known type");
  }
  return nullptr;
}

void CellCore::restart(bool held_are_to_blame) {
  ++health_.restarts;
  // The log says still how to get here again, unless it had to be given up.
  std::unique_ptr<Actor> fresh = rebuild(replay_.snapshot(), true);
  if (!fresh) {
    replay_.set_snapshot(replay_.snapshot());
    fresh = rebuild(replay_.snapshot(), false);
  }
  if (!fresh) {
    replay_.set_snapshot({});
    fresh = rebuild({}, false);
  }
  if (!fresh) return break_down();
  actor_ = std::move(fresh);

  // What was held was never part of the state: it comes again, in its order, before the rest.
  for (auto it = held_.rbegin(); it != held_.rend(); ++it) {
    Input again;
    again.envelope = std::move(it->second.envelope);
    again.attempts = it->second.attempts + (held_are_to_blame ? 1 : 0);
    if (is_stream_message(again)) {
      StageCounts& account = account_of(again.envelope.trace);
      --account.received;
      --account.held;
    }
    if (again.attempts >= limits::attempts_max) {
      set_aside(again, "held by an actor whose jobs or timers for it keep failing");
    } else {
      put_back(std::move(again));
    }
  }
  held_.clear();
  jobs_.clear();
  waiting_jobs_.clear();
}

void CellCore::break_down() {
  phase_ = Phase::broken;
  linger_until_.reset();
  timers_.clear();
  requests_.clear();
}

void CellCore::put_back(Input input) {
  auto& inputs = is_stream_message(input) ? stream_inputs_ : control_inputs_;
  inputs.push_front(std::move(input));
}

void CellCore::note_error(const std::string& error) {
  if (!health_.last_errors.empty() && health_.last_errors.back() == error) return;  // Again.
  health_.last_errors.push_back(error);
  if (health_.last_errors.size() > limits::set_aside_messages_max) {
    health_.last_errors.erase(health_.last_errors.begin());
  }
}

void CellCore::set_aside(Input& input, const std::string& error) {
  ++health_.set_aside;
  note_error(error);
  if (is_stream_message(input)) {
    ++account_of(input.envelope.trace).received;
    count_fate(input.envelope.trace, Fate::failed, "turn threw");
  }
  if (input.kind == Input::Kind::message) streams_.finished(input.envelope);
}

void CellCore::count_fate(TraceId trace, Fate fate, const std::string& reason) {
  StageCounts& account = account_of(trace);
  switch (fate) {
    case Fate::emitted:
      ++account.emitted;
      break;
    case Fate::filtered:
      ++account.filtered[reason];
      break;
    case Fate::failed:
      ++account.failed[reason.empty() ? "unknown" : reason];
      break;
  }
}

}  // namespace omma
