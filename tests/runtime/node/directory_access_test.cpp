#include "runtime/node/directory_access.hpp"

#include <catch2/catch.hpp>

#include "schemas/control.capnp.h"

namespace omma {
namespace {

const NodeId node{"cloud", {1, 2}, 1};
const ActorId lobby = ActorId::of("camera", std::string_view("lobby"));

struct Access {
  Access()
      : client(
            [this](Message request, Answer answer) { REQUIRE(service.handle(request, answer)); }) {}

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

  std::unique_ptr<Directory> directory = make_memory_directory();
  std::unique_ptr<Executor> executor = make_inline_executor();
  DirectoryService service{*directory, *executor};
  DirectoryClient client;
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
  const auto all =
      access.ask<std::vector<ActorRecord>>([&](auto done) { access.client.actors(done); });
  REQUIRE(all.ok());
  CHECK(all->empty());
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
  const auto all =
      access.ask<std::vector<ActorRecord>>([&](auto done) { access.client.actors(done); });
  CHECK(*all == std::vector<ActorRecord>{change.next});
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

  const auto stranger =
      access.ask<bool>([&](auto done) { access.client.deregister_node(node, done); });
  REQUIRE_FALSE(stranger.ok());
  CHECK(stranger.error().code == Code::not_found);
}

TEST_CASE("nodes register, are listed and take leave") {
  Access access;
  NodeRecord wanted;
  wanted.id = node;
  wanted.address = "10.0.0.7:4400";
  wanted.roles = {"head", "cloud"};
  const auto record =
      access.ask<NodeRecord>([&](auto done) { access.client.register_node(wanted, done); });
  REQUIRE(record.ok());
  CHECK(record->id.epoch == 1);
  CHECK(record->roles == wanted.roles);
  REQUIRE(access.change(beginning()).ok());

  const auto list = [&] {
    return access.ask<std::vector<NodeRecord>>([&](auto done) { access.client.nodes(done); });
  };
  CHECK(*list() == std::vector<NodeRecord>{*record});
  REQUIRE(access.ask<bool>([&](auto done) { access.client.deregister_node(record->id, done); }));
  CHECK_FALSE(list()->front().alive);
  CHECK((*access.actor(lobby))->state == ActorRecord::State::retired);
}

TEST_CASE("a request of others is left to them") {
  Access access;
  bool answered = false;
  const Message other = Message::build<wire::StopNode>([](wire::StopNode::Builder) {});
  CHECK_FALSE(access.service.handle(other, [&](const Result<Message>&) { answered = true; }));
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
