#include "actors/query_session.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "actors/result_row.hpp"
#include "tests/actors/state_check.hpp"
#include "tests/support/virtual_world.hpp"

namespace omma::test {
namespace {

// Gives rows when told to; loses its state with its life.
class Teller final : public Actor {
 public:
  static constexpr const char* type_name = "teller";
  using Config = HelloConfig;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<ResultRow>;
  static std::string title(Config::Reader config) { return config.getGreeting(); }
  static PlacementWish wish(Config::Reader) { return {}; }
  explicit Teller(Config::Reader) { live = this; }

  static inline Teller* live = nullptr;
  Outlet<ResultRow> rows{*this};
};

Message row(const char* camera, std::uint64_t frame, std::int64_t number) {
  return Message::build<ResultRow>([&](ResultRow::Builder out) {
    out.setKind("crossing");
    out.initTag().setCamera(camera);
    out.getTag().setSequence(frame);
    auto field = out.initFields(1)[0];
    field.setName("n");
    field.initValue().setInteger(number);
  });
}

struct SessionWorld : VirtualWorld {
  explicit SessionWorld(bool every_result = true) {
    types.add(StateCheck<QuerySession>::in(actor_type<QuerySession>()));
    types.add(actor_type<Teller>());
    teller = stage<Teller>([](HelloConfig::Builder out) { out.setGreeting("t"); });
    session = stage<QuerySession>([&](QuerySessionConfig::Builder out) {
      out.setName("s");
      out.setEveryResult(every_result);
      auto input = out.initInputs(1)[0];
      input.setIdHigh(teller.id.high);
      input.setIdLow(teller.id.low);
      input.setType("teller");
      input.setConfig({reinterpret_cast<const kj::byte*>(teller.spec->config.data()),
                       teller.spec->config.size()});
    });
    activate(*session.spec);
    settle();
  }

  void tell(const Message& message) {
    command(teller, [&](Turn& turn) { Teller::live->rows.publish(turn, message); });
    settle();
  }
  void tell(std::uint64_t frame, std::int64_t number, const char* camera = "lobby") {
    tell(row(camera, frame, number));
  }
  // The teller's node dies; it comes back elsewhere and the session hears of it.
  void crash() {
    kill(teller.id);
    activate(*teller.spec);
    // Whatever it is sent next tells of its new life.
    command(session, [&](Turn& turn) {
      SubscribeOptions options;
      options.delivery = DeliveryClass::reliable;
      turn.change_subscription(teller.id, teller.spec, type_id_of<ResultRow>(), true,
                               std::move(options));
    });
    settle();
    advance(std::chrono::seconds(5));
    REQUIRE_FALSE(Teller::live->rows.subscribers().empty());
  }
  // "frame/number" of all results that the session has.
  std::vector<std::string> results() {
    // What a move would take with it is what there is.
    const Message state = StateCheck<QuerySession>::type.save(*StateCheck<QuerySession>::last);
    std::vector<std::string> all;
    for (auto kept : state.as<QuerySessionState>().getResults()) {
      const auto result = kept.getResult();
      all.push_back(std::string(result.getTag().getCamera()) + " " +
                    std::to_string(result.getTag().getSequence()) + "/" +
                    std::to_string(result.getFields()[0].getValue().getInteger()));
    }
    return all;
  }

  Ref<Teller> teller;
  Ref<QuerySession> session;
};

using Rows = std::vector<std::string>;

TEST_CASE("what an input repeats after a crash is a result once") {
  SessionWorld world;
  world.tell(7, 1);
  world.tell(8, 2);
  world.tell(9, 3);
  world.tell(9, 4);
  world.crash();
  // From frame 8 on again, and of frame 9 one more than had come.
  world.tell(8, 2);
  world.tell(9, 3);
  world.tell(9, 4);
  world.tell(9, 5);
  world.tell(10, 6);
  CHECK(world.results() ==
        Rows{"lobby 7/1", "lobby 8/2", "lobby 9/3", "lobby 9/4", "lobby 9/5", "lobby 10/6"});
}

TEST_CASE("a second crash repeats as little as the first") {
  SessionWorld world;
  world.tell(1, 1);
  world.tell(2, 2);
  for (int i = 0; i < 2; ++i) {
    world.crash();
    world.tell(1, 1);
    world.tell(2, 2);
  }
  world.tell(3, 3);
  CHECK(world.results() == Rows{"lobby 1/1", "lobby 2/2", "lobby 3/3"});
}

TEST_CASE("cameras are told apart") {
  SessionWorld world;
  world.tell(9, 1, "lobby");
  world.tell(2, 2, "street");
  world.crash();
  world.tell(3, 3, "street");
  world.tell(9, 1, "lobby");
  CHECK(world.results() == Rows{"lobby 9/1", "street 2/2", "street 3/3"});
}

TEST_CASE("rows of no frame, and of an input that lost nothing, are never repeated ones") {
  SessionWorld world;
  world.tell(9, 1);
  world.tell(5, 2);  // Late news of an earlier frame.
  world.tell(0, 3, "");
  world.tell(0, 3, "");
  world.crash();
  world.tell(0, 3, "");
  CHECK(world.results() == Rows{"lobby 9/1", "lobby 5/2", " 0/3", " 0/3", " 0/3"});
}

TEST_CASE("a live input that begins anew is followed, not taken for a repetition") {
  SessionWorld world(false);
  world.tell(5000, 1);
  world.crash();
  world.tell(4990, 2);
  world.tell(0, 3);
  world.tell(1, 4);
  CHECK(world.results() == Rows{"lobby 5000/1", "lobby 0/3", "lobby 1/4"});
}

TEST_CASE("an input's end comes once") {
  SessionWorld world;
  const Message end = Message::build<ResultRow>([](ResultRow::Builder out) {
    out.setKind("end");
    out.initTag().setCamera("lobby");
    out.getTag().setSequence(1);
    out.getTag().setEnd(true);
    out.initFields(1);
  });
  world.tell(0, 1);
  world.tell(end);
  world.crash();
  world.tell(0, 1);
  world.tell(end);
  CHECK(world.results().size() == 2);
}

TEST_CASE("a fetch that waits is answered by the session as it is after a move") {
  capnp::MallocMessageBuilder builder;
  auto config = builder.initRoot<QuerySessionConfig>();
  config.setName("s");
  config.initInputs(1)[0].setIdLow(9);
  const auto make = [&] { return std::make_unique<QuerySession>(config.asReader()); };
  const auto before = make();
  const Message fetch =
      Message::build<FetchRequest>([](FetchRequest::Builder out) { out.setWaitMs(1000); });
  Turn::Context request;
  request.sender = {3, 4};
  request.correlation = 77;
  request.expects_reply = true;
  request.message = fetch;
  Turn asked(request);
  before->on(fetch.as<FetchRequest>(), asked);
  CHECK(asked.take_effects().sends.empty());

  const auto after = make();
  const Message state =
      Message::build<QuerySessionState>([&](QuerySessionState::Builder out) { before->save(out); });
  REQUIRE(after->load(state.as<QuerySessionState>()).ok());
  Turn::Context news;
  news.sender = {0, 9};
  news.message = row("lobby", 1, 1);
  Turn told(news);
  after->on(news.message.as<ResultRow>(), told);
  const TurnEffects effects = told.take_effects();
  REQUIRE(effects.sends.size() == 1);
  CHECK(effects.sends[0].target == ActorId{3, 4});
  CHECK(effects.sends[0].correlation == 77);
  CHECK(effects.sends[0].is_reply);
  CHECK(effects.sends[0].message.as<ResultBatch>().getResults().size() == 1);
  REQUIRE(effects.timers.size() == 1);
  CHECK_FALSE(effects.timers[0].after.has_value());
}

// What a client is given, and from whom.
struct Given {
  ActorId session;
  std::uint64_t life = 0;
  std::vector<std::uint64_t> cursors;
  friend bool operator==(const Given&, const Given&) = default;
};

class Client final : public Actor {
 public:
  static constexpr const char* type_name = "client";
  using Config = HelloConfig;
  using Accepts = omma::Accepts<ResultBatch>;
  using Publishes = omma::Publishes<>;
  static std::string title(Config::Reader config) { return config.getGreeting(); }
  static PlacementWish wish(Config::Reader) { return {}; }
  explicit Client(Config::Reader) {}

  static inline Given given;
  void on(ResultBatch::Reader batch, Turn&) {
    given = {{batch.getSessionHigh(), batch.getSessionLow()}, batch.getLife(), {}};
    for (auto result : batch.getResults()) given.cursors.push_back(result.getCursor());
  }
};

TEST_CASE("a result's name outlives moves and crashes, and a next life gives others") {
  SessionWorld world;
  world.types.add(actor_type<Client>());
  const auto client = world.stage<Client>([](HelloConfig::Builder out) { out.setGreeting("c"); });
  const auto fetch = [&] {
    Client::given = {};
    world.command(client, [&](Turn& turn) {
      turn.request<FetchRequest>(world.session, [](FetchRequest::Builder) {});
    });
    world.settle();
    world.advance(std::chrono::seconds(5));
    return Client::given;
  };
  world.tell(1, 1);
  world.tell(2, 2);
  const Given before = fetch();
  CHECK(before == Given{world.session.id, 1, {1, 2}});
  REQUIRE(world.move(world.session.id).ok());
  CHECK(fetch() == before);
  REQUIRE(world.fail_over(world.session.id).ok());
  CHECK(fetch() == before);
  world.kill(world.session.id);  // As omma stop and omma run with the same name.
  world.activate(*world.session.spec);
  CHECK(fetch() == Given{world.session.id, 4, {}});
}

}  // namespace
}  // namespace omma::test
