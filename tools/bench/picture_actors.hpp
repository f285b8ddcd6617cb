// Actors that send large payloads one way, as a camera sends pictures: a job of the source's own
// brings the next one, and starts only while the subscriber keeps up.
//
//   PictureSource --Picture + payload (stream, exactly once)--> PictureSink
//         ^-------------------- Taken -------------------------/
#pragma once

#include "runtime/base/limits.hpp"
#include "tools/bench/flood_actors.hpp"

#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <utility>

namespace omma::bench {

struct PictureRun {
  Blob pixels;
  std::uint64_t warm_up = 0;
  std::uint64_t count = 0;  // 0: without an end.
  std::promise<double> seconds;
};

class PictureSource final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "picture_source";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<NextPicture, Taken>;
  using Publishes = omma::Publishes<Picture>;

  explicit PictureSource(PictureRun& run) : run_(run), pictures_(*this) {}

  void on_subscribers_changed(Turn& turn) override {
    if (!std::exchange(begun_, true)) next(turn);
  }

  void on(NextPicture::Reader, Turn& turn) {
    if (run_.count != 0 && sent_ == run_.warm_up + run_.count) return;
    pictures_.publish(turn, [&](Picture::Builder out) { out.setNumber(++sent_); }, {run_.pixels});
    next(turn);
  }

  void on(Taken::Reader taken, Turn& turn) {
    if (taken.getPictures() == run_.warm_up) began_ = turn.now();
    if (run_.count == 0 || taken.getPictures() != run_.warm_up + run_.count) return;
    const std::chrono::duration<double> took = turn.now() - began_;
    run_.seconds.set_value(took.count());
  }

 private:
  static void next(Turn& turn) {
    turn.run(
        []() -> Result<Message> {
          return Message::build<NextPicture>([](NextPicture::Builder) {});
        },
        {.executor = ExecutorKind::io, .when_unblocked = true});
  }

  PictureRun& run_;
  Outlet<Picture> pictures_;
  bool begun_ = false;
  std::uint64_t sent_ = 0;
  Instant began_{};
};

class PictureSink final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "picture_sink";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<Picture>;
  using Publishes = omma::Publishes<>;

  explicit PictureSink(PartyConfig::Reader config) : source_node_(config.getOther()) {}

  void on_start(Turn& turn) override {
    const auto source = turn.stage<PictureSource>([&](PartyConfig::Builder out) {
      out.setName("pictures");
      out.setNode(source_node_);
    });
    SubscribeOptions options;
    options.delivery = DeliveryClass::reliable;
    options.window_bytes = limits::recorder_window_bytes;
    turn.subscribe<Picture>(source, options);
  }

  void on(Picture::Reader picture, Turn& turn) {
    OMMA_CHECK(picture.getNumber() == taken_ + 1, picture.getNumber(), taken_);
    ++taken_;
    turn.send<Taken>(Ref<PictureSource>{turn.sender(), nullptr},
                     [&](Taken::Builder out) { out.setPictures(taken_); });
  }

 private:
  const std::string source_node_;
  std::uint64_t taken_ = 0;
};

}  // namespace omma::bench
