#include "runtime/node/directory_access.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "runtime/base/limits.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

const NodeId node{"cloud", {1, 2}, 1};
const NodeId other{"edge", {3, 4}, 1};
const ActorId lobby = ActorId::of("camera", std::string_view("lobby"));

const std::vector<std::byte> config_bytes{std::byte{1}};

struct Access {
  Access()
      : client([this](Message request, Answer answer) {
          ++calls;
          REQUIRE(service.handle(request, [this, answer](Result<Message> reply) {
            if (reply) reply_bytes = reply->struct_bytes();
            answer(std::move(reply));
          }));
        }) {
    for (const NodeId& one : {node, other}) {
      REQUIRE(directory->register_node(one.name, one.incarnation, "unix:/" + one.name, {}).ok());
    }
  }

  // What the client is answered; the inline executor answers at once.
  template <class T, class Ask>
  Result<T> ask(Ask with) {
    std::optional<Result<T>> answer;
    with([&](Result<T> result) { answer.emplace(std::move(result)); });
    REQUIRE(answer.has_value());
    return *std::move(answer);
  }
  Result<std::optional<ActorRecord>> actor(const ActorId& id) {
    return ask<std::optional<ActorRecord>>([&](auto done) { client.actor(id, done); });
  }
  Result<ChangeOutcome> change(const RecordChange& change) {
    return ask<ChangeOutcome>([&](auto done) { client.compare_and_set(change, done); });
  }

  std::vector<ActorRecord> all(const ActorQuery& query) {
    const auto actors = ask<std::vector<ActorRecord>>(
        [&](auto done) { client.all_actors(query, std::move(done)); });
    REQUIRE(actors.ok());
    return *actors;
  }

  std::unique_ptr<Directory> directory = make_memory_directory();
  std::unique_ptr<Executor> executor = make_inline_executor();
  DirectoryService service{*directory, *executor};
  DirectoryClient client;
  std::size_t reply_bytes = 0;  // The last reply's struct.
  int calls = 0;
};

RecordChange beginning() {
  auto change = activate(std::nullopt, lobby, "camera", "lobby", {std::byte{1}}, node);
  REQUIRE(change.ok());
  return *std::move(change);
}

TEST_CASE("an actor that has no record is found to have none") {
  Access access;
  const auto found = access.actor(lobby);
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
  CHECK(access.all({}).empty());
}

TEST_CASE("a change is applied once; who comes second learns what stands in the way") {
  Access access;
  const RecordChange change = beginning();
  const auto first = access.change(change);
  REQUIRE(first.ok());
  CHECK(first->applied);
  CHECK(first->current == change.next);
  const auto second = access.change(change);
  REQUIRE(second.ok());
  CHECK_FALSE(second->applied);
  CHECK(second->current == change.next);
  CHECK(*access.actor(lobby) == change.next);
  CHECK(access.all({}) == std::vector<ActorRecord>{change.next});
}

TEST_CASE("a change of a record that is not there learns that there is none") {
  Access access;
  RecordChange change = beginning();
  change.expected_epoch = 4;
  change.next.epoch = 5;
  const auto outcome = access.change(change);
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->applied);
  CHECK_FALSE(outcome->current.has_value());
}

TEST_CASE("the directory's refusals arrive with their code") {
  Access access;
  RecordChange forbidden = beginning();
  forbidden.next.epoch = 9;
  const auto outcome = access.change(forbidden);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().code == access.directory->compare_and_set(forbidden).error().code);

  forbidden.next.epoch = 0;
  const auto nothing = access.change(forbidden);
  REQUIRE_FALSE(nothing.ok());
  CHECK(nothing.error().code == Code::invalid_argument);

  const auto stranger = access.ask<bool>([&](auto done) {
    access.client.deregister_node({"nobody", {1, 1}, 1}, done);
  });
  REQUIRE_FALSE(stranger.ok());
  CHECK(stranger.error().code == Code::not_found);
}

TEST_CASE("nodes register, are listed and take leave") {
  Access access;
  NodeRecord wanted;
  wanted.id = {"yard", {5, 6}, 0};
  wanted.address = "10.0.0.7:4400";
  wanted.roles = {"head", "cloud"};
  const auto record =
      access.ask<NodeRecord>([&](auto done) { access.client.register_node(wanted, done); });
  REQUIRE(record.ok());
  CHECK(record->id.epoch == 1);
  CHECK(record->roles == wanted.roles);
  REQUIRE(access.change(beginning()).ok());

  const auto list = [&] {
    return *access.ask<std::vector<NodeRecord>>([&](auto done) { access.client.nodes(done); });
  };
  REQUIRE(list().size() == 3);
  CHECK(list().back() == *record);
  REQUIRE(access.ask<bool>([&](auto done) { access.client.deregister_node(node, done); }));
  CHECK_FALSE(list().front().alive);
  CHECK((*access.actor(lobby))->state == ActorRecord::State::retired);
}

TEST_CASE("a node is cordoned, declared dead and its orphans are taken over") {
  Access access;
  const auto orphans = [&] { return access.all({.which = ActorQuery::Which::orphaned}); };
  REQUIRE(access.change(beginning())->applied);
  CHECK((*access.ask<NodeRecord>([&](auto done) {
          access.client.set_cordoned("cloud", true, done);
        })).cordoned);
  const auto early = take_over(*access.actor(lobby), lobby, 1, other, true);
  CHECK(access.change(*early).error().code == Code::conflict);
  CHECK(orphans().empty());

  const auto dead = access.ask<NodeRecord>([&](auto done) { access.client.mark_dead(node, done); });
  REQUIRE(dead.ok());
  CHECK_FALSE(dead->alive);
  CHECK(dead->cordoned);
  CHECK(orphans() == std::vector<ActorRecord>{**access.actor(lobby)});
  CHECK(access.change(*early)->applied);
  CHECK(orphans().empty());
}

TEST_CASE("orphans with large configurations come in pages that fit into a message") {
  Access access;
  constexpr std::uint64_t count = 40;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::vector<std::byte> config(50'000);
    const auto change = activate(std::nullopt, ActorId{1, i}, "camera", "x", config, node);
    REQUIRE(access.directory->compare_and_set(*change)->applied);
  }
  REQUIRE(access.directory->mark_dead(node).ok());
  access.calls = 0;
  CHECK(access.all({.which = ActorQuery::Which::orphaned}).size() == count);
  CHECK(access.calls == 4);  // Ten to a page of half a MiB.
  CHECK(access.reply_bytes < limits::message_struct_bytes_max);
}

TEST_CASE("a page ends with its limit and the next goes on after it") {
  Access access;
  constexpr std::uint64_t count = 2 * limits::actors_per_page_max + 5;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto change = activate(std::nullopt, ActorId{1, i}, "camera", "x", config_bytes, node);
    REQUIRE(access.directory->compare_and_set(*change)->applied);
  }
  const auto page = access.ask<ActorPage>([&](auto done) { access.client.actors({}, done); });
  REQUIRE(page.ok());
  CHECK(page->more);
  CHECK(page->actors.size() == limits::actors_per_page_max);
  CHECK(page->actors.front().id == ActorId{1, 1});
  const auto last = access.ask<ActorPage>([&](auto done) {
    access.client.actors({.after = {1, count - 3}}, done);
  });
  CHECK_FALSE(last->more);
  REQUIRE(last->actors.size() == 3);
  CHECK(last->actors.back().id == ActorId{1, count});
  CHECK(access.all({}).size() == count);
}

TEST_CASE("nodes are listed with how many actors live on each") {
  Access access;
  const auto counts = [&] {
    std::vector<std::size_t> all;
    const auto nodes =
        access.ask<std::vector<CountedNode>>([&](auto done) { access.client.counted_nodes(done); });
    REQUIRE(nodes.ok());
    for (const CountedNode& one : *nodes) all.push_back(one.actors);
    return all;
  };
  CHECK(counts() == std::vector<std::size_t>{0, 0});
  REQUIRE(access.change(beginning())->applied);
  CHECK(counts() == std::vector<std::size_t>{1, 0});
  const auto moved = move_actor(*access.actor(lobby), lobby, 1, node, other);
  REQUIRE(access.change(*moved)->applied);
  CHECK(counts() == std::vector<std::size_t>{0, 1});
}

TEST_CASE("homes of any number of actors are found; who lives nowhere is left out") {
  Access access;
  std::set<ActorId> wanted{lobby, ActorId{9, 9}};
  for (std::uint64_t i = 1; i <= limits::actors_per_page_max; ++i) wanted.insert(ActorId{1, i});
  REQUIRE(access.change(beginning())->applied);
  for (const std::uint64_t i : {std::uint64_t{1}, std::uint64_t{limits::actors_per_page_max}}) {
    const auto change = activate(std::nullopt, ActorId{1, i}, "camera", "x", config_bytes, other);
    REQUIRE(access.directory->compare_and_set(*change)->applied);
  }
  access.calls = 0;
  const auto homes = access.ask<std::map<ActorId, std::string>>(
      [&](auto done) { access.client.homes(wanted, done); });
  REQUIRE(homes.ok());
  CHECK(*homes == std::map<ActorId, std::string>{{lobby, "cloud"},
                                                 {{1, 1}, "edge"},
                                                 {{1, limits::actors_per_page_max}, "edge"}});
  CHECK(access.calls == 2);
  const std::vector<ActorId> too_many(limits::actors_per_page_max + 1);
  const auto refused = access.ask<std::map<ActorId, std::string>>(
      [&](auto done) { access.client.find_homes(too_many, done); });
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::over_limit);
}

TEST_CASE("actors are pinned, listed and unpinned") {
  Access access;
  const auto pin = [&](const ActorId& id, bool pinned) {
    return access.ask<bool>([&](auto done) { access.client.set_pinned(id, pinned, done); });
  };
  const auto pins = [&] {
    return *access.ask<std::vector<ActorId>>([&](auto done) { access.client.pinned(done); });
  };
  CHECK(pin(lobby, true).error().code == Code::not_found);
  REQUIRE(access.change(beginning())->applied);
  REQUIRE(pin(lobby, true).ok());
  CHECK(pins() == std::vector<ActorId>{lobby});
  REQUIRE(pin(lobby, false).ok());
  CHECK(pins().empty());
}

TEST_CASE(
    "checkpoints are saved many at once, each with its answer, and fetched with their state") {
  Access access;
  REQUIRE(access.change(beginning())->applied);
  const auto save = [&](const NodeId& by, const std::vector<Checkpoint>& checkpoints) {
    return access.ask<std::vector<Result<void>>>(
        [&](auto done) { access.client.save_checkpoints(by, checkpoints, done); });
  };
  const auto fetch = [&](const ActorId& id) {
    return *access.ask<std::optional<Checkpoint>>(
        [&](auto done) { access.client.checkpoint(id, done); });
  };
  CHECK_FALSE(fetch(lobby).has_value());
  // Larger than a struct may be.
  const std::vector<std::byte> state(limits::message_struct_bytes_max + 1, std::byte{9});
  const Checkpoint stranger{{4, 4}, 1, 1, true, Blob::copy_of(config_bytes)};
  const Checkpoint good{lobby, 1, 7, true, Blob::copy_of(state)};
  const auto saved = save(node, {stranger, good});
  REQUIRE(saved.ok());
  REQUIRE(saved->size() == 2);
  CHECK(saved->front().error().code == Code::conflict);
  CHECK(saved->front().error().message ==
        access.directory->save_checkpoints(node, std::span(&stranger, 1))->front().error().message);
  CHECK(saved->back().ok());
  const auto found = fetch(lobby);
  REQUIRE(found.has_value());
  CHECK(found->number == 7);
  CHECK(found->keeps_life);
  CHECK(std::equal(state.begin(), state.end(), found->state.bytes().begin(),
                   found->state.bytes().end()));

  CHECK(save(other, {good})->front().error().code == Code::conflict);
  CHECK(save({"nobody", {1, 1}, 1}, {good}).error().code == Code::conflict);
  const int calls = access.calls;
  CHECK(save(node, std::vector<Checkpoint>(limits::checkpoints_per_batch_max + 1, stranger))
            .error()
            .code == Code::over_limit);
  CHECK(access.calls == calls);  // It did not travel.
  CHECK(save(node, {})->empty());
  const Checkpoint nothing{lobby, 1, 8, true, {}};
  REQUIRE(save(node, {nothing})->front().ok());
  CHECK(fetch(lobby)->state.empty());
}

TEST_CASE("moves are logged and listed, the latest first and as many as a message holds") {
  Access access;
  MoveRecord move;
  move.type = move.name = move.from = move.to = std::string(limits::name_bytes_max, 'n');
  move.reason = std::string(limits::move_reason_bytes_max, 'r');
  constexpr std::uint64_t logged = limits::moves_per_reply_max + 1;
  for (std::uint64_t i = 1; i <= logged; ++i) {
    move.id = {1, i};
    REQUIRE(access.ask<bool>([&](auto done) { access.client.append_move(move, done); }).ok());
  }
  const auto moves =
      access.ask<std::vector<MoveRecord>>([&](auto done) { access.client.moves(logged, done); });
  REQUIRE(moves.ok());
  REQUIRE(moves->size() == limits::moves_per_reply_max);
  CHECK(moves->front() == move);
  CHECK(access.reply_bytes < limits::message_struct_bytes_max);
}

TEST_CASE("a request of others is left to them") {
  Access access;
  bool answered = false;
  const Message stop = Message::build<wire::StopNode>([](wire::StopNode::Builder) {});
  CHECK_FALSE(access.service.handle(stop, [&](const Result<Message>&) { answered = true; }));
  CHECK_FALSE(answered);
}

TEST_CASE("an answer of the wrong type, or none, is an error for who asked") {
  std::optional<Error> error;
  const auto ask = [&](Result<Message> answer) {
    error.reset();
    const DirectoryClient client([&](const Message&, const Answer& done) { done(answer); });
    client.actor(lobby, [&](Result<std::optional<ActorRecord>> result) {
      REQUIRE_FALSE(result.ok());
      error = result.error();
    });
    REQUIRE(error.has_value());
    return error->code;
  };
  CHECK(ask(Message::build<wire::Nothing>([](wire::Nothing::Builder) {})) == Code::corrupt);
  CHECK(ask(Message()) == Code::corrupt);
  CHECK(ask(Error{Code::unavailable, "the head is away"}) == Code::unavailable);
}

}  // namespace
}  // namespace omma
