// people_count: who crosses which line in which direction, how many are in each zone and in the
// picture, and an alert when there are too many.
//
//   omma run people_count --camera lobby --line door=384,150:384,575 --alert-over 20
//
// Whoever has the label that --label names is counted, "person" if it is left out.
//
// Rows: "frame" (people, and a count for each zone), "crossing" (line, direction, track, and the
// line's totals), "alert" (people, limit), "end" (all totals).
#include "apps/people_count/people_count.hpp"

#include <cstdio>
#include <filesystem>

#include "actors/frame_tag.hpp"
#include "actors/recorder.hpp"
#include "actors/track_boxes.hpp"
#include "actors/tracker.hpp"
#include "apps/people_count/people_tally.hpp"
#include "runtime/node/picture_text.hpp"

namespace omma {

// In:    Tracks of one camera, while somebody subscribes        Out: ResultRow
// Holds: nothing               Drops: a frame that was counted already, which comes again after a
//                                     crash upstream: filtered "counted already"
// Moves: the tally, and whether the end is reached              Dies: after its last subscriber
class PeopleCounter final : public Actor {
 public:
  static constexpr const char* type_name = "people_counter";
  static constexpr bool is_stage = true;
  static constexpr bool ends_frames = true;
  using Config = PeopleCountConfig;
  using State = PeopleCountState;
  using Accepts = omma::Accepts<Tracks>;
  using Publishes = omma::Publishes<ResultRow>;

  static CameraConfig::Reader camera_of(Config::Reader config) {
    return config.getTracker().getDetect().getRouter().getCamera();
  }
  static std::string title(Config::Reader config) { return camera_of(config).getName(); }
  static PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader) { return true; }  // No crash loses or doubles a count.

  explicit PeopleCounter(Config::Reader config)
      : config_(Message::copy_of<Config>(config)), tally_(config) {}

  void on_subscribers_changed(Turn& turn) override {
    const auto tracker = turn.stage_of<Tracker>(config_.as<Config>().getTracker());
    end_.keep_told(rows_.subscribers());
    if (end_.reached() && !rows_.subscribers().empty()) return tell_end(turn);
    if (!rows_.subscribers().empty()) {
      SubscribeOptions options;
      options.delivery = delivery_of(camera_of(config_.as<Config>()));
      return turn.subscribe<Tracks>(tracker, std::move(options));
    }
    turn.unsubscribe<Tracks>(tracker);
    if (!end_.reached()) return;
    end_.reset();  // Whoever asks next is told from the beginning.
    tally_ = PeopleTally(config_.as<Config>());
  }

  void on(Tracks::Reader tracks, Turn& turn) {
    if (tracks.getTag().getEnd()) {
      end_.reach(tracks.getTag());
      return tell_end(turn);
    }
    const auto findings = tally_.update(tracks.getTag().getSequence(), track_boxes(tracks));
    if (findings.empty()) return turn.filtered("counted already");
    for (const Finding& finding : findings) {
      rows_.publish(turn, result_row(finding.kind, tracks.getTag(), "count", turn, finding.fields));
    }
  }

  void on_peer_lost(const ActorId& peer, Turn& turn) override {
    end_.forget(peer);
    if (peer == turn.stage_of<Tracker>(config_.as<Config>().getTracker()).id) tally_.tracker_lost();
  }

  void save(State::Builder out) const {
    tally_.save(out);
    end_.save(out.initEnd());
  }
  Result<void> load(State::Reader in) {
    end_.load(in.getEnd());
    return tally_.load(in);
  }

 private:
  void tell_end(Turn& turn) {
    const Finding totals = tally_.totals();
    const Message row = result_row(totals.kind, end_.tag(), "count", turn, totals.fields);
    for (const Subscriber& subscriber : rows_.subscribers()) {
      if (end_.must_tell(subscriber.id)) rows_.publish_to(turn, subscriber, row);
    }
  }

  Outlet<ResultRow> rows_{*this};
  const Message config_;  // PeopleCountConfig.
  PeopleTally tally_;
  StreamEnd end_;
};

namespace {

// From 0, which it also is if not given, to `max`.
double number_within(AppQuery& query, const std::string& name, const std::string& help,
                     double max) {
  const double value = query.number(name, 0, help);
  if (value >= 0 && value <= max) return value;
  char range[64];
  std::snprintf(range, sizeof range, " takes a number from 0 to %g, not %g: ", max, value);
  query.fail({Code::invalid_argument, "--" + name + range + help});
  return 0;
}

void configure(AppQuery& query, PeopleCountConfig::Builder config) {
  auto tracker = config.initTracker();
  query.model(tracker.initShard());
  auto detect = tracker.initDetect();
  query.camera(detect.initRouter().initCamera());
  detect.setFramesPerSecondMax(static_cast<float>(
      number_within(query, "fps", "frames a second that are looked at, to 1000; 0: all", 1000)));
  detect.setMotionThreshold(static_cast<float>(
      number_within(query, "motion", "look only when this share of the picture changes, 0..1", 1)));
  tracker.initLabels(1).set(0, query.label("person"));
  read_lines(query, [&](unsigned count) { return config.initLines(count); });
  read_zones(query, [&](unsigned count) { return config.initZones(count); });
  config.setAlertOver(static_cast<std::uint32_t>(number_within(
      query, "alert-over", "say so when more people are in the picture; 0: never", 1e6)));

  const std::string folder = query.text("record", "", "write annotated video into this folder");
  if (folder.empty()) return;
  const std::string stem = std::filesystem::path(query.camera_name()).stem().string();
  query.also(Turn::make_stage_ref<Recorder>([&](RecorderConfig::Builder recorder) {
               recorder.setRouter(detect.getRouter());
               recorder.setTracker(tracker);
               recorder.setLines(config.getLines());
               recorder.setZones(config.getZones());
               recorder.setPath(folder + "/" + stem + ".mp4");
             }).spec);
}

}  // namespace

std::unique_ptr<App> make_people_count_app() {
  return make_camera_app<PeopleCounter>(
      "people_count", "counts people who cross lines, and who is where", configure);
}

}  // namespace omma
