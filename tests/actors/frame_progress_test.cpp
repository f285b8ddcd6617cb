#include "actors/frame_progress.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

using Verdict = FrameProgress::Verdict;

TEST_CASE("each frame is dealt with once, and gaps are no matter") {
  FrameProgress progress(true);
  CHECK(progress.see(0) == Verdict::next);
  CHECK(progress.see(1) == Verdict::next);
  CHECK(progress.see(1) == Verdict::repeated);
  CHECK(progress.see(7) == Verdict::next);
  CHECK(progress.see(6) == Verdict::repeated);
  CHECK(progress.next() == 8);
}

TEST_CASE("recorded video that starts over is the same video, however far back") {
  FrameProgress progress(true);
  progress.restore(1'000'000);
  CHECK(progress.see(0) == Verdict::repeated);
  CHECK(progress.see(999'999) == Verdict::repeated);
  CHECK(progress.see(1'000'000) == Verdict::next);
}

TEST_CASE("a live camera further back than a checkpoint can be has begun anew") {
  FrameProgress progress(false);
  progress.restore(5000);
  CHECK(progress.see(5000 - limits::repeated_frames_max) == Verdict::repeated);
  CHECK(progress.see(5000 - limits::repeated_frames_max - 1) == Verdict::begun_again);
  CHECK(progress.see(5000 - limits::repeated_frames_max) == Verdict::next);
}

}  // namespace
}  // namespace omma
