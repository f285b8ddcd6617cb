// QuerySession: one client's standing query. It keeps the query's results, numbered from 1, until
// the client says that it has them; a client that comes back goes on where it left off, with no
// result lost and none repeated.
//
// In:    ResultRow            from the outlets of the query's inputs, reliable
//        FetchRequest         from a client's gateway; answered with ResultBatch, at once or when
//                             the first result comes or the client's patience ends
//        AcknowledgeRequest   the client has them safely up to here; answered with SessionSummary
//        SummaryRequest       answered with SessionSummary
//        StopRequest          answered with SessionSummary; then the session ends
// Gives: each result with the session's id, its life and a cursor, which together name it for good.
// Holds: at most limits::session_results_max results that nobody acknowledged. Full, it drops the
//        oldest and counts it (live), or takes no more and so holds its inputs back (every result).
// Drops: a result that an input gives again after it lost its state in a crash, known by its frame:
//        filtered "repeated". An input gives its results in the order of their frames.
// Moves: results, cursors, latencies, fetches that wait.
// Dies:  on StopRequest, when what it sent is acknowledged.
#pragma once

#include "actors/stage_latencies.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/turn.hpp"
#include "schemas/results.capnp.h"
#include "schemas/stages.capnp.h"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace omma {

class QuerySession final : public Actor {
 public:
  static constexpr const char* type_name = "query_session";
  using Config = QuerySessionConfig;
  using State = QuerySessionState;
  using Accepts =
      omma::Accepts<ResultRow, FetchRequest, AcknowledgeRequest, SummaryRequest, StopRequest>;
  using Publishes = omma::Publishes<>;
  static constexpr bool ends_frames = true;
  static std::string key(QuerySessionConfig::Reader config) { return config.getName(); }
  static std::string title(QuerySessionConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(QuerySessionConfig::Reader) { return {"", "", "head"}; }
  static bool durable(QuerySessionConfig::Reader) { return true; }

  explicit QuerySession(QuerySessionConfig::Reader config);

  void on_start(Turn& turn) override;
  void on_timer(std::uint64_t timer, Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;
  void on(ResultRow::Reader result, Turn& turn);
  void on(FetchRequest::Reader request, Turn& turn);
  void on(AcknowledgeRequest::Reader request, Turn& turn);
  void on(SummaryRequest::Reader request, Turn& turn);
  void on(StopRequest::Reader request, Turn& turn);
  void save(QuerySessionState::Builder out) const;
  Result<void> load(QuerySessionState::Reader in);

 private:
  struct Kept {
    std::uint64_t cursor = 0;
    Message result;
  };
  struct Waiting {
    Turn::ReplyTo client;
    std::uint64_t after_cursor = 0;
    std::uint32_t results_max = 0;
  };

  bool is_repeated(ResultRow::Reader row, const ActorId& input);
  // False: the session has it already.
  bool take(const Message& result, const ActorId& input, WallTime now);
  void take_held(Turn& turn);
  void answer_waiting(Turn& turn);
  bool has_news(std::uint64_t after_cursor) const;
  bool ended() const { return ended_.size() >= inputs_.size(); }
  bool full() const { return results_.size() >= limits::session_results_max; }
  Message batch(std::uint64_t after_cursor, std::uint32_t results_max, const Turn& turn) const;
  Message summary() const;

  std::vector<std::shared_ptr<const StageSpec>> inputs_;
  const bool every_result_;
  std::deque<Kept> results_;  // By cursor.
  std::uint64_t next_cursor_ = 1;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t dropped_oldest_ = 0;
  StageLatencies latencies_;
  std::map<std::pair<std::string, std::string>, Message> last_of_kind_;  // By (camera, kind).
  std::set<ActorId> ended_;
  // How far one camera's results have come from one input.
  struct Progress {
    std::uint64_t frame = 0;       // Of the newest result.
    std::uint64_t rows = 0;        // Results of that frame so far.
    std::uint64_t rows_again = 0;  // Since the input last began to repeat.
    bool lost = false;             // The input has lost its state before.
  };
  std::map<std::pair<ActorId, std::string>, Progress> progress_;  // By (input, camera).

  std::map<std::uint64_t, Waiting> waiting_;  // By timer.
  std::uint64_t next_timer_ = 1;

  // No part of the state: given again by the sender.
  struct HeldResult {
    HeldMessage held;
    ActorId input;
    Message result;
  };
  std::deque<HeldResult> held_;
};

}  // namespace omma
