#include "actors/query_session.hpp"

#include <algorithm>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

StageSpec spec_of(SessionInput::Reader in) {
  StageSpec spec;
  spec.id = {in.getIdHigh(), in.getIdLow()};
  spec.type = in.getType().cStr();
  spec.name = in.getName().cStr();
  const auto config = in.getConfig();
  const auto* first = reinterpret_cast<const std::byte*>(config.begin());
  spec.config.assign(first, first + config.size());
  spec.wish = {in.getWishNode().cStr(), in.getWishCamera().cStr(), in.getWishRole().cStr()};
  return spec;
}

}  // namespace

QuerySession::QuerySession(QuerySessionConfig::Reader config)
    : every_result_(config.getEveryResult()) {
  for (auto input : config.getInputs()) {
    inputs_.push_back(std::make_shared<const StageSpec>(spec_of(input)));
  }
}

void QuerySession::on_start(Turn& turn) {
  for (const auto& input : inputs_) {
    SubscribeOptions options;
    options.delivery = DeliveryClass::reliable;
    turn.change_subscription(input->id, input, type_id_of<ResultRow>(), true, std::move(options));
  }
}

// --- Results in -------------------------------------------------------------------------------

void QuerySession::on(ResultRow::Reader, Turn& turn) {
  if (every_result_ && (full() || !held_.empty())) {
    held_.push_back({turn.hold(), turn.sender(), turn.message()});
    return;
  }
  if (!take(turn.message(), turn.sender(), turn.wall_now())) return turn.filtered("repeated");
  answer_waiting(turn);
}

// An input repeats its results from some frame on, all of a frame's or the last few of it: what is
// of an older frame, or was there as often, has been taken.
bool QuerySession::is_repeated(ResultRow::Reader row, const ActorId& input) {
  const auto tag = row.getTag();
  if (tag.getEnd()) return ended_.contains(input);
  if (tag.getCamera().size() == 0) return false;
  const auto [found, fresh] = progress_.try_emplace({input, tag.getCamera().cStr()});
  Progress& progress = found->second;
  const std::uint64_t frame = tag.getSequence();
  if (!fresh && frame < progress.frame && progress.lost &&
      (every_result_ || progress.frame - frame <= limits::repeated_frames_max)) {
    progress.rows_again = 0;
    return true;
  }
  if (frame != progress.frame) {
    progress.frame = frame;
    progress.rows = progress.rows_again = 0;
  }
  if (++progress.rows_again <= progress.rows) return true;
  progress.rows = progress.rows_again;
  return false;
}

void QuerySession::on_peer_lost(const ActorId& peer, Turn&) {
  for (auto& [key, progress] : progress_) {
    if (key.first != peer) continue;
    progress.lost = true;
    progress.rows_again = 0;
  }
}

bool QuerySession::take(const Message& result, const ActorId& input, WallTime now) {
  const auto row = result.as<ResultRow>();
  if (is_repeated(row, input)) return false;
  if (row.getTag().getEnd()) {
    ended_.insert(input);
  } else if (row.getTag().getCaptureNs() != 0) {
    latencies_.add(row.getTag(), now);
  }
  last_of_kind_[{row.getTag().getCamera().cStr(), row.getKind().cStr()}] = result;
  if (full()) {
    results_.pop_front();
    ++dropped_oldest_;
  }
  results_.push_back({next_cursor_++, result});
  return true;
}

// Room again: what was held is taken in its order, and its senders may go on.
void QuerySession::take_held(Turn& turn) {
  while (!held_.empty() && !full()) {
    HeldResult next = std::move(held_.front());
    held_.pop_front();
    const bool fresh = take(next.result, next.input, turn.wall_now());
    turn.release(next.held, fresh ? Fate::emitted : Fate::filtered, fresh ? "" : "repeated");
  }
}

// --- Clients ------------------------------------------------------------------------------------

bool QuerySession::has_news(std::uint64_t after_cursor) const {
  return ended() || after_cursor + 1 < next_cursor_;
}

Message QuerySession::batch(std::uint64_t after_cursor, std::uint32_t results_max,
                            const Turn& turn) const {
  const auto first = std::find_if(results_.begin(), results_.end(),
                                  [&](const Kept& kept) { return kept.cursor > after_cursor; });
  const auto available = static_cast<std::size_t>(results_.end() - first);
  const std::size_t wanted = results_max == 0 ? limits::results_per_reply_max : results_max;
  const std::size_t count = std::min({available, wanted, limits::results_per_reply_max});
  return Message::build<ResultBatch>([&](ResultBatch::Builder out) {
    auto list = out.initResults(static_cast<unsigned>(count));
    for (unsigned i = 0; i < count; ++i) {
      const Kept& kept = *(first + i);
      list[i].setCursor(kept.cursor);
      list[i].setResult(kept.result.as<ResultRow>());
    }
    out.setEnded(ended() && held_.empty() && count == available);
    out.setDroppedOldest(dropped_oldest_);
    out.setSessionHigh(turn.self().high);
    out.setSessionLow(turn.self().low);
    out.setLife(turn.life());
  });
}

void QuerySession::on(FetchRequest::Reader request, Turn& turn) {
  const std::uint64_t after = std::max(request.getAfterCursor(), acknowledged_);
  if (has_news(after) || request.getWaitMs() == 0) {
    turn.reply_later(turn.defer_reply(), batch(after, request.getResultsMax(), turn));
    return;
  }
  const std::uint64_t timer = next_timer_++;
  waiting_[timer] = {turn.defer_reply(), after, request.getResultsMax()};
  // Well within the time that the client's gateway gives a request.
  const Duration patience = std::min<Duration>(std::chrono::milliseconds(request.getWaitMs()),
                                               limits::request_timeout / 2);
  turn.set_timer(timer, patience);
}

void QuerySession::answer_waiting(Turn& turn) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (!has_news(it->second.after_cursor)) {
      ++it;
      continue;
    }
    turn.reply_later(it->second.client,
                     batch(it->second.after_cursor, it->second.results_max, turn));
    turn.cancel_timer(it->first);
    it = waiting_.erase(it);
  }
}

void QuerySession::on_timer(std::uint64_t timer, Turn& turn) {
  const auto found = waiting_.find(timer);
  if (found == waiting_.end()) return;
  turn.reply_later(found->second.client,
                   batch(found->second.after_cursor, found->second.results_max, turn));
  waiting_.erase(found);
}

void QuerySession::on(AcknowledgeRequest::Reader request, Turn& turn) {
  acknowledged_ = std::clamp(request.getUpToCursor(), acknowledged_, next_cursor_ - 1);
  while (!results_.empty() && results_.front().cursor <= acknowledged_) results_.pop_front();
  take_held(turn);
  answer_waiting(turn);
  turn.reply_later(turn.defer_reply(), summary());
}

void QuerySession::on(SummaryRequest::Reader, Turn& turn) {
  turn.reply_later(turn.defer_reply(), summary());
}

void QuerySession::on(StopRequest::Reader, Turn& turn) {
  for (const auto& input : inputs_) {
    turn.change_subscription(input->id, input, type_id_of<ResultRow>(), false, {});
  }
  turn.reply_later(turn.defer_reply(), summary());
  turn.retire();
}

Message QuerySession::summary() const {
  return Message::build<SessionSummary>([&](SessionSummary::Builder out) {
    out.setResults(next_cursor_ - 1);
    out.setEnded(ended());
    latencies_.save(out.initLatencies(static_cast<unsigned>(latencies_.stages().size())));
    auto last = out.initLastOfKind(static_cast<unsigned>(last_of_kind_.size()));
    unsigned i = 0;
    for (const auto& [key, result] : last_of_kind_) {
      last.setWithCaveats(i++, result.as<ResultRow>());
    }
  });
}

// --- State --------------------------------------------------------------------------------------

void QuerySession::save(QuerySessionState::Builder out) const {
  out.setNextCursor(next_cursor_);
  out.setAcknowledged(acknowledged_);
  out.setDroppedOldest(dropped_oldest_);
  auto results = out.initResults(static_cast<unsigned>(results_.size()));
  for (unsigned i = 0; i < results.size(); ++i) {
    results[i].setCursor(results_[i].cursor);
    results[i].setResult(results_[i].result.as<ResultRow>());
  }
  latencies_.save(out.initLatencies(static_cast<unsigned>(latencies_.stages().size())));
  auto last = out.initLastOfKind(static_cast<unsigned>(last_of_kind_.size()));
  unsigned i = 0;
  for (const auto& [key, result] : last_of_kind_) {
    last.setWithCaveats(i++, result.as<ResultRow>());
  }
  auto high = out.initEndedHigh(static_cast<unsigned>(ended_.size()));
  auto low = out.initEndedLow(static_cast<unsigned>(ended_.size()));
  i = 0;
  for (const ActorId& id : ended_) {
    high.set(i, id.high);
    low.set(i++, id.low);
  }
  auto waiting = out.initWaiting(static_cast<unsigned>(waiting_.size()));
  i = 0;
  for (const auto& [timer, fetch] : waiting_) {
    auto to = waiting[i++];
    to.setTimer(timer);
    to.setClientHigh(fetch.client.requester.high);
    to.setClientLow(fetch.client.requester.low);
    to.setCorrelation(fetch.client.correlation);
    to.setAfterCursor(fetch.after_cursor);
    to.setResultsMax(fetch.results_max);
  }
  out.setNextTimer(next_timer_);
  auto all = out.initProgress(static_cast<unsigned>(progress_.size()));
  i = 0;
  for (const auto& [key, progress] : progress_) {
    auto to = all[i++];
    to.setInputHigh(key.first.high);
    to.setInputLow(key.first.low);
    to.setCamera(key.second);
    to.setFrame(progress.frame);
    to.setRows(progress.rows);
    to.setRowsAgain(progress.rows_again);
    to.setLost(progress.lost);
  }
}

Result<void> QuerySession::load(QuerySessionState::Reader in) {
  if (in.getEndedHigh().size() != in.getEndedLow().size()) {
    return Error{Code::corrupt, "session state: halves of ids do not pair"};
  }
  if (auto loaded = latencies_.load(in.getLatencies()); !loaded) return loaded;
  next_cursor_ = in.getNextCursor();
  acknowledged_ = in.getAcknowledged();
  dropped_oldest_ = in.getDroppedOldest();
  for (auto kept : in.getResults()) {
    results_.push_back({kept.getCursor(), Message::copy_of<ResultRow>(kept.getResult())});
  }
  for (auto row : in.getLastOfKind()) {
    last_of_kind_[{row.getTag().getCamera().cStr(), row.getKind().cStr()}] =
        Message::copy_of<ResultRow>(row);
  }
  for (unsigned i = 0; i < in.getEndedHigh().size(); ++i) {
    ended_.insert({in.getEndedHigh()[i], in.getEndedLow()[i]});
  }
  for (auto from : in.getWaiting()) {
    waiting_[from.getTimer()] = {
        {{from.getClientHigh(), from.getClientLow()}, from.getCorrelation()},
        from.getAfterCursor(),
        from.getResultsMax()};
  }
  next_timer_ = std::max<std::uint64_t>(in.getNextTimer(), 1);
  for (auto from : in.getProgress()) {
    progress_[{{from.getInputHigh(), from.getInputLow()}, from.getCamera().cStr()}] = {
        from.getFrame(), from.getRows(), from.getRowsAgain(), from.getLost()};
  }
  return {};
}

}  // namespace omma
