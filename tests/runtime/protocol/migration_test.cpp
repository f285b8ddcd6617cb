// A source, a target and a directory in one small world: each fault at each step of a move.
#include "runtime/protocol/migration.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "runtime/base/limits.hpp"

using namespace std::chrono_literals;

namespace omma {
namespace {

enum class Fault { none, lost, late, target_dies, source_dies, directory_away, refused };

std::string text_of(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::lost:
      return "the message is lost";
    case Fault::late:
      return "the message is late";
    case Fault::target_dies:
      return "the target dies";
    case Fault::source_dies:
      return "the source dies";
    case Fault::directory_away:
      return "the directory is away for 3 s";
    case Fault::refused:
      return "it is refused";
  }
  return "";
}

class World {
 public:
  World(std::uint64_t snapshot_bytes, unsigned fault_step, Fault fault)
      : snapshot_bytes_(snapshot_bytes), fault_step_(fault_step), fault_(fault) {
    apply(source_.begin(now_));
  }

  // Until nothing happens any more; false if that never comes.
  bool run() {
    for (int i = 0; i < 10'000; ++i) {
      Instant next = Instant::max();
      if (!events_.empty()) next = events_.begin()->first;
      if (source_alive_ && source_.next_deadline()) next = std::min(next, *source_.next_deadline());
      if (target_alive_ && target_.next_deadline()) next = std::min(next, *target_.next_deadline());
      if (next == Instant::max()) return true;
      // A dead source's actor is taken over in the end.
      if (!source_alive_ && owner_ == 'S' && next > died_ + 7s) take_over();
      now_ = std::max(now_, next);
      if (!events_.empty() && events_.begin()->first <= now_) {
        auto event = events_.extract(events_.begin());
        event.mapped()();
      } else if (source_alive_ && source_.next_deadline() && *source_.next_deadline() <= now_) {
        apply(source_.on_time(now_));
      } else if (target_alive_) {
        apply(target_.on_time(now_));
      }
      check_one_copy();
    }
    return false;
  }

  void check_end() {
    if (!source_alive_ && owner_ == 'S') take_over();
    INFO("owner " << owner_ << " epoch " << epoch_ << ", source " << at_source_ << ", target "
                  << at_target_ << ", frozen " << frozen_);
    CHECK(copies_never_two_);
    if (source_alive_) CHECK(source_.ended());
    if (target_alive_ && reserved_) CHECK(target_.ended());
    if (owner_ == 'S') {
      CHECK(at_source_);
      CHECK(!frozen_);
      CHECK(!at_target_);
      CHECK(source_epoch_ == epoch_);
    } else if (owner_ == 'T') {
      CHECK((at_target_ || !target_alive_));
      CHECK((!at_source_ || !source_alive_));
    }
  }
  bool moved() const { return owner_ == 'T'; }
  unsigned steps() const { return step_; }
  Duration pause() const { return source_.pause(now_); }
  const std::optional<Error>& why() const { return source_.why(); }

 private:
  // Something happens a while from now, unless a fault comes between.
  void later(bool over_the_wire, std::function<void(bool refused)> what) {
    ++step_;
    Duration delay = 1ms;
    bool refused = false;
    if (step_ == fault_step_) {
      if (fault_ == Fault::lost && over_the_wire) return;
      // A call to the directory is always answered, if only with "not reached".
      if (fault_ == Fault::lost) refused = true;
      if (fault_ == Fault::late) delay = 5s;
      if (fault_ == Fault::refused) refused = true;
      if (fault_ == Fault::directory_away) away_until_ = now_ + 3s;
      if (fault_ == Fault::target_dies) {
        target_alive_ = false;
        at_target_ = false;
      }
      if (fault_ == Fault::source_dies) {
        source_alive_ = false;
        died_ = now_;
      }
    }
    events_.emplace(now_ + delay, [what = std::move(what), refused] { what(refused); });
  }

  static Result<Ownership> not_reached() {
    return Error{Code::unavailable, "the directory is away"};
  }
  // The one place where it is decided.
  Result<Ownership> change(char who) {
    if (now_ < away_until_) return not_reached();
    if (owner_ == 'S' && epoch_ == 1) {
      owner_ = who;
      ++epoch_;
    }
    return view_of(who);
  }
  Result<Ownership> view_of(char who) const {
    if (now_ < away_until_) return not_reached();
    if (epoch_ == 1) return Ownership::source;
    return owner_ == who ? Ownership::mine : Ownership::another;
  }
  void take_over() {
    owner_ = 'X';
    ++epoch_;
  }

  void apply(const MoveSource::Effects& effects) {
    if (effects.reserve) {
      later(true, [this](bool refused) {
        if (!target_alive_) return;
        reserved_ = true;
        const Error no{Code::overloaded, "full"};
        apply(target_.on_reserve(refused ? Result<void>(no) : Result<void>(), now_));
      });
    }
    if (effects.freeze) {
      frozen_ = true;
      later(false, [this](bool refused) {
        if (!source_alive_) return;
        const Error no{Code::internal, "save threw"};
        apply(source_.on_frozen(
            refused ? Result<std::uint64_t>(no) : Result<std::uint64_t>(snapshot_bytes_), now_));
      });
    }
    for (const MoveSource::Piece& piece : effects.send) {
      later(true, [this, piece](bool refused) {
        if (!target_alive_) return;
        const Error no{Code::corrupt, "damaged"};
        received_ += piece.bytes;
        const bool whole = received_ == snapshot_bytes_;
        apply(target_.on_piece(refused ? Result<bool>(no) : Result<bool>(whole), now_));
        if (whole || refused) return;
        later(true, [this, piece](bool) {
          if (source_alive_) apply(source_.on_piece_taken(piece.offset, {}, now_));
        });
      });
    }
    if (effects.call_off) {
      later(false, [this](bool lost) {
        if (!source_alive_) return;
        const auto outcome = lost ? not_reached() : change('S');
        if (outcome && *outcome == Ownership::mine) source_epoch_ = epoch_;
        apply(source_.on_called_off(outcome, now_));
      });
    }
    if (effects.thaw) frozen_ = false;
    if (effects.forget) at_source_ = false;
  }

  void apply(const MoveTarget::Effects& effects) {
    if (effects.make_ready) {
      later(false, [this](bool refused) {
        if (!target_alive_) return;
        const Error no{Code::not_found, "no model"};
        apply(target_.on_ready(refused ? Result<void>(no) : Result<void>(), now_));
      });
    }
    if (effects.answer) {
      later(true, [this, answer = *effects.answer](bool) {
        if (source_alive_) apply(source_.on_reserved(answer, now_));
      });
    }
    if (effects.prepare) {
      later(false, [this](bool refused) {
        if (!target_alive_) return;
        const Error no{Code::unsupported, "a newer snapshot"};
        apply(target_.on_prepared(refused ? Result<void>(no) : Result<void>(), now_));
      });
    }
    if (effects.commit) {
      later(false, [this](bool) {
        // It may reach the directory though the target dies before it hears the answer.
        const auto outcome = change('T');
        later(false, [this, outcome](bool lost) {
          if (target_alive_) apply(target_.on_owner(lost ? not_reached() : outcome, now_));
        });
      });
    }
    if (effects.read_record) {
      later(false, [this](bool lost) {
        if (target_alive_) apply(target_.on_owner(lost ? not_reached() : view_of('T'), now_));
      });
    }
    if (effects.go_live) at_target_ = true;
    if (effects.outcome) {
      later(true, [this, outcome = *effects.outcome](bool) {
        if (source_alive_) apply(source_.on_outcome(outcome, now_));
      });
    }
  }

  void check_one_copy() {
    const bool runs_at_source = source_alive_ && at_source_ && !frozen_;
    copies_never_two_ = copies_never_two_ && !(runs_at_source && at_target_);
  }

  const std::uint64_t snapshot_bytes_;
  const unsigned fault_step_;
  const Fault fault_;
  Instant now_{1s};
  MoveSource source_{MigrationTimes::standard()};
  MoveTarget target_{MigrationTimes::standard()};
  std::multimap<Instant, std::function<void()>> events_;
  unsigned step_ = 0;
  char owner_ = 'S';
  std::uint64_t epoch_ = 1;
  std::uint64_t source_epoch_ = 1;
  std::uint64_t received_ = 0;
  Instant away_until_{};
  Instant died_{};
  bool source_alive_ = true;
  bool target_alive_ = true;
  bool at_source_ = true;
  bool at_target_ = false;
  bool frozen_ = false;
  bool reserved_ = false;
  bool copies_never_two_ = true;
};

}  // namespace

TEST_CASE("a move without faults commits, and the pause is what it takes") {
  const std::uint64_t pieces = GENERATE(1u, 3u, 200u);
  World world(pieces * limits::move_piece_bytes - 5, 0, Fault::none);
  REQUIRE(world.run());
  world.check_end();
  CHECK(world.moved());
  CHECK(world.pause() < 50ms);
}

TEST_CASE("each fault at each step leaves one copy, at the place that the directory says") {
  const std::uint64_t bytes = 3 * limits::move_piece_bytes;
  World whole(bytes, 0, Fault::none);
  REQUIRE(whole.run());
  const unsigned steps = whole.steps();
  REQUIRE(steps >= 12);
  for (const Fault fault : {Fault::lost, Fault::late, Fault::target_dies, Fault::source_dies,
                            Fault::directory_away, Fault::refused}) {
    for (unsigned step = 1; step <= steps; ++step) {
      INFO("step " << step << " of " << steps << ": " << text_of(fault));
      World world(bytes, step, fault);
      CHECK(world.run());
      world.check_end();
    }
  }
}

TEST_CASE("a refusal before the pause says why, and nothing was paused") {
  World world(1000, 1, Fault::refused);
  REQUIRE(world.run());
  world.check_end();
  CHECK(!world.moved());
  REQUIRE(world.why());
  CHECK(world.why()->message.find("full") != std::string::npos);
  CHECK(world.pause() == 0s);
}

}  // namespace omma
