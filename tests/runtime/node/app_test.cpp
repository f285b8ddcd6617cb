#include "runtime/node/app.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/nearest_name.hpp"
#include "schemas/results.capnp.h"
#include "tests/support/puppet.hpp"

namespace omma::test {
namespace {

// Knows the cameras lobby and street and one model.
class SmallCluster final : public ClusterView {
 public:
  Result<void> camera(const std::string& name, CameraConfig::Builder out) const override {
    const std::vector<std::string> known = {"lobby", "street"};
    if (name != "lobby" && name != "street") {
      return Error{Code::not_found, "no camera '" + name + "'" + suggestion_for(name, known)};
    }
    out.setName(name);
    if (name == "street") out.setNode("east");  // As in a cluster file.
    return {};
  }
  Result<void> model(const std::string& name, ShardConfig::Builder out) const override {
    if (!name.empty()) return Error{Code::not_found, "no model '" + name + "'"};
    out.setModel("shipped");
    return {};
  }
  Result<std::vector<std::string>> labels(const std::string&) const override {
    return std::vector<std::string>{"person", "bicycle"};
  }
};

// Watches one camera of each configuration.
struct Watcher final : PuppetActor {
  static constexpr const char* type_name = "watcher";
  using Config = RouterConfig;
  using Publishes = omma::Publishes<ResultRow>;
  static std::string title(RouterConfig::Reader config) { return config.getCamera().getName(); }
  static PlacementWish wish(RouterConfig::Reader) { return {}; }
  explicit Watcher(RouterConfig::Reader) : PuppetActor(nobody()) {}
  static Script& nobody() {
    static Script script;
    return script;
  }
};

struct Asked {
  std::string mood;
  double shade = 0;
  std::vector<std::string> lines;
};

std::unique_ptr<App> watching(Asked& asked) {
  return make_camera_app<Watcher>("watch", "watches",
                                  [&asked](AppQuery& query, RouterConfig::Builder config) {
                                    asked.mood = query.text("mood", "calm", "how to feel");
                                    asked.shade = query.number("shade", 0.5, "how red, 0..1");
                                    asked.lines = query.each("line", "a line");
                                    query.camera(config.initCamera());
                                    capnp::MallocMessageBuilder scratch;
                                    query.model(scratch.initRoot<ShardConfig>());
                                  });
}

TEST_CASE("an app's parameters are documented without a cluster") {
  Asked asked;
  const auto app = watching(asked);
  CHECK(app->name() == "watch");
  CHECK(app->summary() == "watches");
  CHECK(app->types().front().name == "watcher");
  const auto parameters = app->parameters();
  REQUIRE(parameters.size() == 6);
  CHECK(parameters[0].name == "camera");
  CHECK(parameters[0].repeatable);
  CHECK(parameters[1].name == "mood");
  CHECK(parameters[1].fallback == "calm");
  CHECK(parameters[1].help == "how to feel");
  CHECK_FALSE(parameters[1].repeatable);
  CHECK(parameters[2].fallback == "0.5");
  CHECK(parameters[3].name == "line");
  CHECK(parameters[3].repeatable);
  CHECK(parameters[4].name == "durable");
  CHECK(parameters[4].fallback == "false");
  CHECK(parameters[5].name == "model");
}

TEST_CASE("an app is configured once for each camera") {
  Asked asked;
  const auto app = watching(asked);
  const auto started = app->start({{"camera", "lobby"},
                                   {"camera", "street"},
                                   {"mood", "grim"},
                                   {"shade", "0.25"},
                                   {"line", "a"},
                                   {"line", "b"}},
                                  SmallCluster());
  REQUIRE(started.ok());
  REQUIRE(started->size() == 2);
  CHECK((*started)[0].name == "lobby");
  CHECK((*started)[1].name == "street");
  CHECK((*started)[0].id != (*started)[1].id);
  CHECK(asked.mood == "grim");
  CHECK(asked.shade == 0.25);
  CHECK(asked.lines == std::vector<std::string>{"a", "b"});
  // The same query again names the same actors.
  const auto again = app->start({{"camera", "lobby"}, {"shade", "1"}}, SmallCluster());
  CHECK(again->front().id == started->front().id);
  CHECK(asked.mood == "calm");
}

TEST_CASE("what an app cannot use is refused with a remedy") {
  Asked asked;
  const auto app = watching(asked);
  const auto refusal = [&](Parameters parameters) {
    const auto started = app->start(parameters, SmallCluster());
    REQUIRE_FALSE(started.ok());
    return started.error();
  };
  const Error unknown = refusal({{"camera", "lobby"}, {"shad", "1"}});
  CHECK(unknown.code == Code::not_found);
  CHECK(unknown.message == "watch has no parameter --shad; did you mean 'shade'");
  CHECK(refusal({{"shade", "1"}}).code == Code::invalid_argument);
  CHECK(refusal({{"shade", "1"}}).message.find("--camera") != std::string::npos);
  const Error nearby = refusal({{"camera", "loby"}});
  CHECK(nearby.code == Code::not_found);
  CHECK(nearby.message == "no camera 'loby'; did you mean 'lobby'");
  CHECK(refusal({{"camera", "lobby"}, {"model", "x"}}).code == Code::not_found);
  for (const char* text : {"", "red", "1x", "0,5", "nan", "inf", " 1"}) {
    INFO("shade " << text);
    const Error error = refusal({{"camera", "lobby"}, {"shade", text}});
    CHECK(error.code == Code::invalid_argument);
    CHECK(error.message.find("--shade takes a number, not '" + std::string(text) + "'") == 0);
  }
}

TEST_CASE("a parameter that is no list is given once") {
  Asked asked;
  const auto app = watching(asked);
  const auto started =
      app->start({{"camera", "lobby"}, {"mood", "grim"}, {"mood", "merry"}}, SmallCluster());
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == Code::invalid_argument);
  CHECK(started.error().message.find("--mood") != std::string::npos);
}

TEST_CASE("the first thing that a configuration finds wrong is what the user sees") {
  const auto app = make_app<Watcher>("pick", "picks", [](AppQuery& query, RouterConfig::Builder) {
    if (query.text("want", "", "what").empty()) query.fail({Code::over_limit, "first"});
    query.fail({Code::internal, "second"});
  });
  const auto started = app->start({}, SmallCluster());
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == Code::over_limit);
  CHECK(started.error().message == "first");
}

TEST_CASE("an app without cameras has one actor and takes no camera") {
  const auto app = make_app<Watcher>("one", "is one", [](AppQuery& query, RouterConfig::Builder) {
    query.also(puppet("companion").spec);
  });
  CHECK(app->parameters().empty());
  const auto started = app->start({}, SmallCluster());
  REQUIRE(started.ok());
  REQUIRE(started->size() == 2);
  CHECK((*started)[0].type == "watcher");
  CHECK((*started)[1].name == "companion");
  CHECK(app->start({{"camera", "lobby"}}, SmallCluster()).error().code == Code::not_found);
}

TEST_CASE("a video of one's own is durable when asked for, and so is the network it shares") {
  bool shard_durable = false;
  bool camera_durable = false;
  const auto app =
      make_camera_app<Watcher>("keep", "keeps", [&](AppQuery& query, RouterConfig::Builder config) {
        capnp::MallocMessageBuilder builder;
        auto shard = builder.initRoot<ShardConfig>();
        query.model(shard);
        query.camera(config.initCamera());
        shard_durable = shard.getDurable();
        camera_durable = config.getCamera().getDurable();
      });
  const auto plain = app->start({{"camera", "lobby"}}, SmallCluster());
  REQUIRE(plain.ok());
  CHECK_FALSE(shard_durable);
  CHECK_FALSE(camera_durable);
  const auto durable = app->start({{"camera", "lobby"}, {"durable", "true"}}, SmallCluster());
  REQUIRE(durable.ok());
  CHECK(shard_durable);
  CHECK(camera_durable);
  CHECK(durable->front().id != plain->front().id);
  CHECK(app->start({{"camera", "lobby"}, {"durable", "yes"}}, SmallCluster()).error().message ==
        "--durable is true or false, not 'yes'");
  // Others watch a camera of the cluster file as well.
  const auto shared = app->start({{"camera", "street"}, {"durable", "true"}}, SmallCluster());
  REQUIRE_FALSE(shared.ok());
  CHECK(shared.error().message.find("write `durable: true` at it in the cluster file") !=
        std::string::npos);
}

TEST_CASE("a label that the model does not know is refused with those it knows") {
  std::string label;
  const auto app = make_camera_app<Watcher>(
      "look", "looks",
      [&](AppQuery& query, RouterConfig::Builder) { label = query.label("person"); });
  CHECK(app->start({{"camera", "lobby"}}, SmallCluster()).ok());
  CHECK(label == "person");
  CHECK(app->start({{"camera", "lobby"}, {"label", "bicycle"}}, SmallCluster()).ok());
  CHECK(label == "bicycle");
  const auto refused = app->start({{"camera", "lobby"}, {"label", "cat"}}, SmallCluster());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::invalid_argument);
  CHECK(refused.error().message ==
        "the model has no label 'cat'; its labels are person, bicycle; choose one with --label");
}

}  // namespace
}  // namespace omma::test
