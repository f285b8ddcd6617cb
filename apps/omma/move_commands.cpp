// The commands that move actors between nodes, and those that keep them from it.
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/omma/contact.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

const char* outcome_text(MoveRecord::Outcome outcome) {
  switch (outcome) {
    case MoveRecord::Outcome::moved:
      return "moved";
    case MoveRecord::Outcome::refused:
      return "refused";
    case MoveRecord::Outcome::aborted:
      return "aborted";
    case MoveRecord::Outcome::taken_over:
      return "failed over";
  }
  return "?";
}

double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

nlohmann::ordered_json json_of(const MoveRecord& move) {
  return {{"when_ns", nanoseconds_of(move.when)},
          {"id", move.id.text()},
          {"type", move.type},
          {"name", move.name},
          {"from", move.from},
          {"to", move.to},
          {"outcome", outcome_text(move.outcome)},
          {"reason", move.reason},
          {"pause_ms", milliseconds(move.pause)},
          {"bytes", move.bytes}};
}

// "07:01:43.120" by this machine's clock.
std::string time_of_day(WallTime when) {
  const std::int64_t ns = nanoseconds_of(when);
  const std::time_t seconds = static_cast<std::time_t>(ns / 1'000'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  std::snprintf(text.data() + size, text.size() - size, ".%03d",
                static_cast<int>(ns / 1'000'000 % 1000));
  return text.data();
}

// "tracker/east  cam-east -> cloud  moved  pause 1.8 ms, 12345 bytes  (asked by a person)"
// "tracker/east  cloud -> cloud-2  failed over  away 2.4 s, 12345 bytes  (node 'cloud' is dead)"
std::string text_of(const MoveRecord& move) {
  std::string text = move.type + "/" + move.name + "  " + move.from + " -> " + move.to + "  " +
                     outcome_text(move.outcome);
  const bool paused =
      move.outcome == MoveRecord::Outcome::moved || move.outcome == MoveRecord::Outcome::aborted;
  if (paused) {
    std::array<char, 64> cost{};
    std::snprintf(cost.data(), cost.size(), "  pause %.1f ms, %llu bytes", milliseconds(move.pause),
                  static_cast<unsigned long long>(move.bytes));
    text += cost.data();
  }
  if (move.outcome == MoveRecord::Outcome::taken_over) {
    std::array<char, 64> cost{};
    std::snprintf(cost.data(), cost.size(), "  away %.1f s, %llu bytes",
                  milliseconds(move.pause) / 1e3, static_cast<unsigned long long>(move.bytes));
    text += cost.data();
  }
  return text + (move.reason.empty() ? "" : "  (" + move.reason + ")");
}

}  // namespace

int move_command(const CommonOptions& common, const std::string& actor, const std::string& node,
                 const std::string& reason) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto move = to->client.move(actor, node, reason);
  if (!move) return report(common, move.error());
  std::printf("%s\n", common.json ? json_of(*move).dump().c_str() : text_of(*move).c_str());
  const bool moved = move->outcome == MoveRecord::Outcome::moved;
  if (!moved && !common.json) say("omma: it runs on on node " + move->from);
  return moved ? exit_ok : exit_failed;
}

int drain_command(const CommonOptions& common, const std::string& node) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto reply = to->client.drain(node);
  if (!reply) return report(common, reply.error());
  const auto drained = reply->as<wire::DrainReport>();
  nlohmann::ordered_json json{
      {"node", node}, {"moved", nlohmann::json::array()}, {"kept", nlohmann::json::array()}};
  for (auto entry : drained.getMoved()) {
    const MoveRecord move = read(entry);
    json["moved"].push_back(json_of(move));
    if (!common.json) std::printf("%s\n", text_of(move).c_str());
  }
  json["moved_count"] = drained.getMovedCount();
  json["kept_count"] = drained.getKeptCount();
  for (auto kept : drained.getKept()) {
    json["kept"].push_back({{"id", read(kept.getId()).text()},
                            {"type", kept.getType().cStr()},
                            {"name", kept.getName().cStr()},
                            {"why", kept.getWhy().cStr()},
                            {"tried", kept.getTried()}});
    if (!common.json) {
      std::printf("%s/%s  stays: %s\n", kept.getType().cStr(), kept.getName().cStr(),
                  kept.getWhy().cStr());
    }
  }
  if (common.json) {
    std::printf("%s\n", json.dump().c_str());
  } else {
    say("node " + node + " is cordoned: " + std::to_string(drained.getMovedCount()) +
        " actors moved, " + std::to_string(drained.getKeptCount()) + " stay; omma cordon " + node +
        " --off takes it into use again");
  }
  return drained.getTriedCount() > 0 ? exit_failed : exit_ok;
}

int cordon_command(const CommonOptions& common, const std::string& node, bool on) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto done = to->client.cordon(node, on);
  if (!done) return report(common, done.error());
  if (common.json) {
    std::printf("%s\n", nlohmann::json({{"node", node}, {"cordoned", on}}).dump().c_str());
  } else {
    say("node " + node + (on ? " takes no more actors" : " takes actors again"));
  }
  return exit_ok;
}

int pin_command(const CommonOptions& common, const std::string& actor, bool on) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto record = to->client.pin(actor, on);
  if (!record) return report(common, record.error());
  if (common.json) {
    const nlohmann::ordered_json json{{"id", record->id.text()},
                                      {"type", record->type},
                                      {"name", record->name},
                                      {"node", record->node.name},
                                      {"pinned", on}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    say(record->type + "/" + record->name +
        (on ? " is pinned to node " + record->node.name : " may be moved again"));
  }
  return exit_ok;
}

int moves_command(const CommonOptions& common, std::uint32_t count_max) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto moves = to->client.moves(count_max);
  if (!moves) return report(common, moves.error());
  nlohmann::ordered_json json = nlohmann::json::array();
  for (const MoveRecord& move : *moves) {
    json.push_back(json_of(move));
    if (common.json) continue;
    std::printf("%s  %s\n", time_of_day(move.when).c_str(), text_of(move).c_str());
  }
  if (common.json) std::printf("%s\n", json.dump().c_str());
  return exit_ok;
}

}  // namespace omma
