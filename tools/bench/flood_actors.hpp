// Actors that send as many small messages as they can: a source publishes bursts of boxes to a
// reliable subscriber, who reads each and says after every burst that the next may come.
//
//   BoxSource --Boxes (stream, exactly once)--> BoxSink
//       ^----------------- Go -------------------/
#pragma once

#include "runtime/base/check.hpp"
#include "runtime/cell/actor_type.hpp"
#include "tools/bench/boxes.hpp"

#include <cstdint>
#include <future>
#include <memory>
#include <string>

namespace omma::bench {

// What every bench actor is named and placed by.
struct Party {
  static std::string title(PartyConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(PartyConfig::Reader config) {
    return {.node = config.getNode(), .near_camera = {}, .role = {}};
  }
};

// How much, and what came of it. The source's node waits for `seconds`.
struct Flood {
  std::uint64_t messages = 0;  // Measured; before them come as many as `warm_up`.
  std::uint64_t warm_up = 0;
  std::uint64_t burst = 64;       // Messages of one turn.
  std::uint64_t bursts_open = 1;  // Sent and not read yet.
  std::promise<double> seconds;
};

class BoxSource final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "box_source";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<Go>;
  using Publishes = omma::Publishes<Boxes>;

  explicit BoxSource(Flood& flood) : flood_(flood), boxes_(*this) {}

  void on_subscribers_changed(Turn& turn) override {
    if (sent_ > 0 || boxes_.subscribers().empty()) return;
    for (std::uint64_t i = 0; i < flood_.bursts_open; ++i) publish_burst(turn);
  }

  void on(Go::Reader go, Turn& turn) {
    const std::uint64_t all = flood_.warm_up + flood_.messages;
    if (began_ == Instant{} && go.getRead() >= flood_.warm_up) {
      began_ = turn.now();
      read_before_ = go.getRead();
    }
    if (go.getRead() >= all) {
      const std::chrono::duration<double> took = turn.now() - began_;
      flood_.seconds.set_value(took.count() * static_cast<double>(flood_.messages) /
                               static_cast<double>(all - read_before_));
      return;
    }
    publish_burst(turn);
  }

 private:
  void publish_burst(Turn& turn) {
    for (std::uint64_t i = 0; i < flood_.burst && sent_ < flood_.warm_up + flood_.messages; ++i) {
      boxes_.publish(turn, [&](Boxes::Builder out) { write_boxes(out, ++sent_); });
    }
  }

  Flood& flood_;
  Outlet<Boxes> boxes_;
  std::uint64_t sent_ = 0;
  std::uint64_t read_before_ = 0;
  Instant began_{};
};

class BoxSink final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "box_sink";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<Boxes>;
  using Publishes = omma::Publishes<>;

  BoxSink(PartyConfig::Reader config, std::uint64_t burst)
      : source_node_(config.getOther()), burst_(burst) {}

  void on_start(Turn& turn) override {
    const auto source = turn.stage<BoxSource>([&](PartyConfig::Builder out) {
      out.setName("source");
      out.setNode(source_node_);
    });
    SubscribeOptions options;
    options.delivery = DeliveryClass::reliable;
    turn.subscribe<Boxes>(source, options);
  }

  void on(Boxes::Reader boxes, Turn& turn) {
    OMMA_CHECK(boxes.getNumber() == read_ + 1, boxes.getNumber(), read_);
    ++read_;
    sum_ += read_boxes(boxes);
    if (read_ % burst_ != 0) return;
    turn.send<Go>(Ref<BoxSource>{turn.sender(), nullptr},
                  [&](Go::Builder out) { out.setRead(read_); });
  }

 private:
  const std::string source_node_;
  const std::uint64_t burst_;
  std::uint64_t read_ = 0;
  float sum_ = 0;
};

}  // namespace omma::bench
