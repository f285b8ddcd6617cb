// CountingWorld: the whole of people_count in virtual time, from made-up cameras to the session's
// rows.
#pragma once

#include "actors/query_session.hpp"
#include "apps/hello/hello.hpp"
#include "apps/people_count/people_count.hpp"
#include "tests/actors/pipeline_world.hpp"
#include "tests/actors/state_check.hpp"

#include <string>
#include <vector>

namespace omma::test {

struct Counter;
struct Greeter;

struct CountingWorld : PipelineWorld {
  CountingWorld() {
    types.add(StateCheck<QuerySession>::in(actor_type<QuerySession>()));
    types.add(StateCheck<Counter>::in(make_people_count_app()->types().front()));
    types.add(StateCheck<Greeter>::in(make_hello_app()->types().front()));
  }

  // A line that the detector's person crosses again and again: x runs from 5 to 36.
  // `durable`: it and every stage before it.
  StageSpec counter(bool durable = false) {
    capnp::MallocMessageBuilder builder;
    auto config = builder.initRoot<PeopleCountConfig>();
    fill_tracker(config.initTracker(), "lobby");
    if (durable) {
      config.getTracker().getDetect().getRouter().getCamera().setDurable(true);
      config.getTracker().getShard().setDurable(true);
    }
    auto line = config.initLines(1)[0];
    line.setName("door");
    line.initA().setX(20);
    line.initB().setX(20);
    line.getB().setY(48);
    StageSpec spec;
    spec.type = "people_counter";
    spec.name = "lobby";
    spec.config = bytes_of_words(capnp::canonicalize(config.asReader()));
    spec.id = ActorId::of(spec.type, std::span<const std::byte>(spec.config));
    return spec;
  }

  void watch(const StageSpec& spec) {
    const auto session = stage<QuerySession>([&](QuerySessionConfig::Builder out) {
      out.setName("s");
      out.setEveryResult(true);
      auto input = out.initInputs(1)[0];
      input.setIdHigh(spec.id.high);
      input.setIdLow(spec.id.low);
      input.setType(spec.type);
      input.setConfig({reinterpret_cast<const kj::byte*>(spec.config.data()), spec.config.size()});
    });
    activate(*session.spec);
    settle();
  }

  // Kind, frame and numbers of each result.
  std::vector<std::string> results() const {
    const Message state = StateCheck<QuerySession>::type.save(*StateCheck<QuerySession>::last);
    std::vector<std::string> all;
    for (auto kept : state.as<QuerySessionState>().getResults()) {
      const auto row = kept.getResult();
      std::string text =
          std::string(row.getKind()) + " " + std::to_string(row.getTag().getSequence());
      for (auto field : row.getFields()) {
        if (field.getValue().isInteger())
          text += " " + std::to_string(field.getValue().getInteger());
      }
      all.push_back(text);
    }
    return all;
  }
};

}  // namespace omma::test
