#include "runtime/node/report_json.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace omma {
namespace {

using Json = nlohmann::json;

ActorId id_from(const std::string& text) {
  return {std::stoull(text.substr(0, 16), nullptr, 16), std::stoull(text.substr(16), nullptr, 16)};
}

// Names and errors may hold any bytes; what is no UTF-8 is replaced.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Channel channel_from(int number) {
  if (number < 0 || number >= static_cast<int>(channel_count)) {
    throw std::out_of_range("channel " + std::to_string(number));
  }
  return static_cast<Channel>(number);
}

Json json_of(const StageFlow& flow) {
  return {{"received", flow.received},
          {"emitted", flow.emitted},
          {"filtered", flow.filtered},
          {"failed", flow.failed},
          {"held", flow.held}};
}

Json json_of(const CellReport& cell) {
  Json json{{"id", cell.id.text()},
            {"type", cell.type},
            {"name", cell.name},
            {"epoch", cell.epoch},
            {"life", cell.life},
            {"phase", cell.phase},
            {"durable", cell.durable},
            {"checkpoints", cell.checkpoints},
            {"died_with", cell.died_with},
            {"turns", cell.health.turns},
            {"failed_turns", cell.health.failed_turns},
            {"restarts", cell.health.restarts},
            {"set_aside", cell.health.set_aside},
            {"jobs_failed", cell.health.jobs_failed},
            {"last_errors", cell.health.last_errors},
            {"inputs_waiting", cell.inputs_waiting},
            {"messages_held", cell.messages_held},
            {"subscribers", cell.subscribers},
            {"blocked", cell.blocked},
            {"captured", cell.captured}};
  std::uint64_t in_flight = 0;
  std::uint64_t bytes = 0;
  for (const auto& out : cell.out) {
    in_flight += out.in_flight;
    bytes += out.in_flight_bytes;
  }
  json["in_flight"] = in_flight;
  json["in_flight_bytes"] = bytes;
  return json;
}

}  // namespace

std::string to_json(const NodeReport& report) {
  Json cells = Json::array();
  for (const CellReport& cell : report.cells) cells.push_back(json_of(cell));
  Json long_turns = Json::array();
  for (const LongTurn& turn : report.long_turns) {
    long_turns.push_back({{"id", turn.actor.text()},
                          {"actor", turn.name},
                          {"handles", turn.doing},
                          {"running_ms", turn.running / std::chrono::milliseconds(1)}});
  }
  const LinkCounters& link = report.link;
  const Json json{{"node", report.node.name},
                  {"incarnation", report.node.incarnation.text()},
                  {"epoch", report.node.epoch},
                  {"actors", std::move(cells)},
                  {"silent_actors", report.silent_cells},
                  {"long_turns", std::move(long_turns)},
                  {"switchboard",
                   {{"local", report.switchboard.local},
                    {"remote", report.switchboard.remote},
                    {"unrouted", report.switchboard.unrouted},
                    {"strays", report.switchboard.strays}}},
                  {"link",
                   {{"packets_sent", link.packets_sent},
                    {"packets_received", link.packets_received},
                    {"bytes_sent", link.bytes_sent},
                    {"bytes_received", link.bytes_received},
                    {"batches_sent", link.batches_sent},
                    {"dropped_peer_away", link.dropped_peer_away},
                    {"dropped_queue_full", link.dropped_queue_full},
                    {"dropped_connection", link.dropped_connection},
                    {"refused_malformed", link.refused_malformed},
                    {"connections_opened", link.connections_opened},
                    {"connections_lost", link.connections_lost},
                    {"arenas_taken", link.arenas_taken},
                    {"arenas_refused", link.arenas_refused},
                    {"payloads_lent", link.payloads_lent},
                    {"bytes_lent", link.bytes_lent},
                    {"payloads_lent_by_copy", link.payloads_lent_by_copy},
                    {"loans_refused", link.loans_refused},
                    {"payloads_borrowed", link.payloads_borrowed},
                    {"bytes_borrowed", link.bytes_borrowed}}},
                  {"host",
                   {{"activated", report.host.activated},
                    {"retired", report.host.retired},
                    {"lookups", report.host.lookups},
                    {"lookups_failed", report.host.lookups_failed},
                    {"moved_in", report.host.moved_in},
                    {"moved_out", report.host.moved_out},
                    {"moves_refused", report.host.moves_refused},
                    {"moves_aborted", report.host.moves_aborted},
                    {"taken_over", report.host.taken_over},
                    {"checkpoints", report.host.checkpoints},
                    {"checkpoints_failed", report.host.checkpoints_failed}}}};
  return text_of(json);
}

std::string to_json(const Accounts& accounts) {
  Json json{{"edges", Json::array()}, {"stages", Json::array()}, {"cameras", Json::array()}};
  for (const EdgeAccount& edge : accounts.edges) {
    Json origins = Json::object();
    for (const auto& [origin, flow] : edge.by_origin) {
      origins[std::to_string(origin)] = {flow.sent, flow.dropped, flow.received, flow.in_flight};
    }
    json["edges"].push_back({{"sender", edge.stream.sender.text()},
                             {"target", edge.stream.target.text()},
                             {"channel", static_cast<int>(edge.stream.channel)},
                             {"sent", edge.sent},
                             {"dropped", edge.dropped},
                             {"received", edge.received},
                             {"in_flight", edge.in_flight},
                             {"by_origin", std::move(origins)}});
  }
  for (const StageAccount& stage : accounts.stages) {
    Json origins = Json::object();
    for (const auto& [origin, flow] : stage.by_origin) {
      origins[std::to_string(origin)] = json_of(flow);
    }
    json["stages"].push_back({{"id", stage.id.text()},
                              {"type", stage.type},
                              {"name", stage.name},
                              {"ends_frames", stage.ends_frames},
                              {"by_origin", std::move(origins)}});
  }
  for (const CameraAccount& camera : accounts.cameras) {
    json["cameras"].push_back(
        {{"origin", camera.origin}, {"name", camera.name}, {"captured", camera.captured}});
  }
  json["died_with"] = Json::object();
  for (const auto& [id, nodes] : accounts.died_with) json["died_with"][id.text()] = nodes;
  json["reported"] = Json::array();
  for (const ActorId& id : accounts.reported) json["reported"].push_back(id.text());
  return text_of(json);
}

std::string to_json(const std::vector<const App*>& apps) {
  nlohmann::ordered_json json = nlohmann::json::array();
  for (const App* app : apps) {
    nlohmann::ordered_json entry{{"name", app->name()}, {"summary", app->summary()}};
    for (const ParameterInfo& parameter : app->parameters()) {
      entry["parameters"].push_back({{"name", parameter.name},
                                     {"default", parameter.fallback},
                                     {"help", parameter.help},
                                     {"repeatable", parameter.repeatable}});
    }
    json.push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Accounts> accounts_from_json(const std::string& text) {
  Accounts accounts;
  // nlohmann reports by exceptions; this is its door.
  try {
    const Json json = Json::parse(text);
    for (const Json& in : json.at("edges")) {
      EdgeAccount edge;
      edge.stream = {id_from(in.at("sender")), id_from(in.at("target")),
                     channel_from(in.at("channel").get<int>())};
      edge.sent = in.at("sent");
      edge.dropped = in.at("dropped").get<Reasons>();
      edge.received = in.at("received");
      edge.in_flight = in.at("in_flight");
      for (const auto& [origin, flow] : in.at("by_origin").items()) {
        edge.by_origin[std::stoull(origin)] = {flow.at(0), flow.at(1), flow.at(2), flow.at(3)};
      }
      accounts.edges.push_back(std::move(edge));
    }
    for (const Json& in : json.at("stages")) {
      StageAccount stage;
      stage.id = id_from(in.at("id"));
      stage.type = in.at("type");
      stage.name = in.at("name");
      stage.ends_frames = in.at("ends_frames");
      for (const auto& [origin, flow] : in.at("by_origin").items()) {
        stage.by_origin[std::stoull(origin)] = {flow.at("received"), flow.at("emitted"),
                                                flow.at("filtered").get<Reasons>(),
                                                flow.at("failed").get<Reasons>(), flow.at("held")};
      }
      accounts.stages.push_back(std::move(stage));
    }
    for (const Json& in : json.at("cameras")) {
      accounts.cameras.push_back({in.at("origin"), in.at("name"), in.at("captured")});
    }
    for (const auto& [id, nodes] : json.at("died_with").items()) {
      accounts.died_with[id_from(id)] = nodes.get<std::set<std::string>>();
    }
    for (const Json& id : json.at("reported")) accounts.reported.insert(id_from(id));
  } catch (const std::exception& thrown) {
    return Error{Code::corrupt, std::string("ledger accounts: ") + thrown.what()};
  }
  return accounts;
}

}  // namespace omma
