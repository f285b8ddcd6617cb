// A whole pipeline in virtual time: the built-in actors with made-up cameras, a detector without a
// network, and sinks that keep what they are sent.
#pragma once

#include "actors/camera.hpp"
#include "actors/model_shard.hpp"
#include "actors/recorder.hpp"
#include "actors/stream_router.hpp"
#include "actors/tracker.hpp"
#include "runtime/media/frame_source.hpp"
#include "tests/actors/probe.hpp"
#include "tests/actors/state_check.hpp"
#include "tests/support/virtual_world.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace omma::test {

// A source that counts its reads, and can be told to fail or to damage frames.
struct SourceScript {
  std::uint64_t frames = 40;
  int width = 64;
  int height = 48;
  double frames_per_second = 25;
  std::vector<std::uint64_t> damaged;
  std::uint64_t fails_at = UINT64_MAX;  // read() of this frame is an error that stays.
  bool missing = false;                 // open() fails.
  // What happened.
  std::uint64_t reads = 0;
  std::uint64_t opened = 0;
  std::uint64_t seeks = 0;
};

class ScriptedSource final : public FrameSource {
 public:
  ScriptedSource(SourceScript& script, BufferPool& pool) : script_(script), pool_(pool) {}

  Result<std::optional<CapturedFrame>> read() override {
    ++script_.reads;
    if (next_ >= script_.frames) return std::optional<CapturedFrame>();
    if (next_ == script_.fails_at) return Error{Code::unavailable, "the cable is out"};
    for (const std::uint64_t damaged : script_.damaged) {
      if (next_ != damaged) continue;
      ++next_;
      ++counters_.frames_corrupt;
      return Error{Code::corrupt, "a damaged frame"};
    }
    const auto bytes = static_cast<std::size_t>(script_.width * script_.height * 3);
    auto buffer = pool_.take(bytes);
    if (!buffer) return buffer.error();
    // The frame's number is in every pixel, so that a detector can tell which it was given.
    std::fill_n(buffer->data(), bytes, static_cast<std::uint8_t>(next_));
    ++counters_.frames_read;
    CapturedFrame frame{{std::move(*buffer).share(), script_.width, script_.height},
                        next_,
                        Duration(static_cast<std::int64_t>(static_cast<double>(next_) * 1e9 /
                                                           script_.frames_per_second))};
    ++next_;
    return std::optional<CapturedFrame>(std::move(frame));
  }
  SourceInfo info() const override {
    SourceInfo info;
    info.name = "script";
    info.width = script_.width;
    info.height = script_.height;
    info.frames_per_second = script_.frames_per_second;
    return info;
  }
  Counters counters() const override { return counters_; }
  Result<void> seek_to(std::uint64_t sequence) override {
    ++script_.seeks;
    next_ = sequence;
    return {};
  }

 private:
  SourceScript& script_;
  BufferPool& pool_;
  std::uint64_t next_ = 0;
  Counters counters_;
};

// Sees one person, whose place follows from the value of the first pixel, and one that is too
// unsure for most.
class FakeDetector final : public FrameDetector {
 public:
  struct Script {
    int input_width = 32;
    int input_height = 24;
    float score_recommended = 0;
    bool missing = false;
    unsigned failures = 0;             // So many runs fail first.
    std::vector<std::size_t> batches;  // Sizes of those that ran.
  };
  explicit FakeDetector(Script& script) : script_(script) {}

  Model model() const override {
    return {script_.input_width,
            script_.input_height,
            {"person", "vehicle"},
            script_.score_recommended};
  }
  Result<std::vector<std::vector<kernels::Detection>>> detect(
      std::span<const DetectorPicture> pictures, float score_min) override {
    if (script_.failures > 0) {
      --script_.failures;
      return Error{Code::unavailable, "the device is out of memory"};
    }
    script_.batches.push_back(pictures.size());
    std::vector<std::vector<kernels::Detection>> all;
    for (const DetectorPicture& picture : pictures) {
      const float x = static_cast<float>(picture.bgr.data[0] % 32);
      auto& found = all.emplace_back();
      found.push_back({{x, 4, x + 10, 30}, 0.9F, 0});
      if (score_min <= 0.2F) found.push_back({{x, 4, x + 5, 20}, 0.2F, 1});
    }
    return all;
  }

 private:
  Script& script_;
};

inline void fill_camera(CameraConfig::Builder out, const char* name,
                        CaptureMode mode = CaptureMode::EVERY_FRAME,
                        Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
  out.setName(name);
  out.setSource(name);
  out.setMode(mode);
  out.setPace(pace);
}

inline void fill_shard(ShardConfig::Builder out) {
  out.setModel("fake");
  out.setBatchFramesMax(4);
  out.setBatchDelayMs(20);
}

inline void fill_tracker(TrackerConfig::Builder out, const char* camera,
                         CaptureMode mode = CaptureMode::EVERY_FRAME,
                         Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
  fill_shard(out.initShard());
  fill_camera(out.initDetect().initRouter().initCamera(), camera, mode, pace);
}

inline std::uint64_t sum(const std::map<std::string, std::uint64_t>& counts) {
  std::uint64_t all = 0;
  for (const auto& [reason, count] : counts) all += count;
  return all;
}

inline bool adds_up(const StageCounts& counts) {
  return counts.received ==
         counts.emitted + sum(counts.filtered) + sum(counts.failed) + counts.held;
}

// Throws once, after the handler has changed the actor: the nth message of the type (from 1).
template <class A>
struct Fault {
  static inline unsigned after = 0;  // 0: none.
  static inline void (*dispatch)(Actor&, const Message&, Turn&) = nullptr;

  static ActorType in(ActorType type) {
    after = 0;
    dispatch = type.dispatch;
    type.dispatch = [](Actor& actor, const Message& message, Turn& turn) {
      dispatch(actor, message, turn);
      if (after > 0 && --after == 0) throw std::runtime_error("a fault of the test's making");
    };
    return type;
  }
};

// A type with faults, and a look at its state after each message.
template <class A>
ActorType checked(ActorType type) {
  return StateCheck<A>::in(Fault<A>::in(std::move(type)));
}

struct PipelineWorld : VirtualWorld {
  PipelineWorld() {
    types.add(checked<Camera>(actor_type<Camera>([this](CameraConfig::Reader config) {
      return std::make_unique<Camera>(config,
                                      [this](const SourceSpec& spec) { return open(spec); });
    })));
    types.add(checked<StreamRouter>(actor_type<StreamRouter>([this](RouterConfig::Reader config) {
      return std::make_unique<StreamRouter>(config, pool);
    })));
    types.add(checked<ModelShard>(actor_type<ModelShard>([this](ShardConfig::Reader config) {
      return std::make_unique<ModelShard>(
          config,
          [this](const std::string& model,
                 const std::string&) -> Result<std::unique_ptr<FrameDetector>> {
            ++models_loaded;
            if (detector.missing) return Error{Code::not_found, "no model '" + model + "'"};
            return std::unique_ptr<FrameDetector>(new FakeDetector(detector));
          });
    })));
    types.add(checked<Tracker>(actor_type<Tracker>()));
    types.add(checked<Recorder>(actor_type<Recorder>([this](RecorderConfig::Reader config) {
      return std::make_unique<Recorder>(config, recordings);
    })));
    types.add(actor_type<Probe>([this](HelloConfig::Reader config) {
      return std::make_unique<Probe>(notes[config.getGreeting()]);
    }));
  }

  Ref<Probe> probe(const char* name) {
    return stage<Probe>([&](HelloConfig::Builder out) { out.setGreeting(name); });
  }
  // A probe subscribes to a stage's T.
  template <class T, class A>
  void subscribe(const Ref<Probe>& who, const Ref<A>& publisher, SubscribeOptions options) {
    command(who, [&](Turn& turn) { turn.subscribe<T>(publisher, options); });
  }
  template <class T, class A>
  void unsubscribe(const Ref<Probe>& who, const Ref<A>& publisher) {
    command(who, [&](Turn& turn) { turn.unsubscribe<T>(publisher); });
  }
  // What it held is done, and it holds no more.
  void let_go(const Ref<Probe>& who, const char* name) {
    ProbeNotes& of = notes[name];
    command(who, [&](Turn& turn) {
      for (const HeldMessage& held : of.held) turn.release(held);
    });
    of.held.clear();
    of.holds = false;
  }

  Ref<Camera> camera(const char* name, CaptureMode mode = CaptureMode::EVERY_FRAME,
                     Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
    return stage<Camera>([&](CameraConfig::Builder out) { fill_camera(out, name, mode, pace); });
  }
  Ref<StreamRouter> router(const char* name, CaptureMode mode = CaptureMode::EVERY_FRAME,
                           Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
    return stage<StreamRouter>(
        [&](RouterConfig::Builder out) { fill_camera(out.initCamera(), name, mode, pace); });
  }
  Ref<Tracker> tracker(const char* name, CaptureMode mode = CaptureMode::EVERY_FRAME,
                       Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
    return stage<Tracker>([&](TrackerConfig::Builder out) { fill_tracker(out, name, mode, pace); });
  }
  Ref<ModelShard> shard() {
    return stage<ModelShard>([](ShardConfig::Builder out) { fill_shard(out); });
  }

  // Of the frames of one camera (the low half of its id).
  template <class A>
  StageCounts counts(const Ref<A>& of, std::uint64_t origin) {
    CellCore* cell = find(of.id);
    OMMA_CHECK(cell != nullptr, of.id.text());
    const CellReport report = cell->report();
    const auto found = report.stage.find(origin);
    return found == report.stage.end() ? StageCounts{} : found->second;
  }

  Result<std::unique_ptr<FrameSource>> open(const SourceSpec& spec) {
    SourceScript& script = sources[spec.url];
    if (script.missing) return Error{Code::not_found, "no file " + spec.url};
    ++script.opened;
    return std::unique_ptr<FrameSource>(new ScriptedSource(script, pool));
  }

  BufferPool pool{std::size_t{16} << 20};
  OpenRecordings recordings{pool};
  std::map<std::string, SourceScript> sources;  // By url.
  FakeDetector::Script detector;
  unsigned models_loaded = 0;
  std::map<std::string, ProbeNotes> notes;  // By the probe's name.
};

}  // namespace omma::test
