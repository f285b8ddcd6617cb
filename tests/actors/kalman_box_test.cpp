#include "actors/kalman_box.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

using kernels::Box;

Box at(float x, float y, float height) {
  return {x, y, x + height / 2, y + height};
}

TEST_CASE("a fresh filter stands where its box was") {
  const KalmanBox filter(Box{10, 20, 30, 80}, {});
  CHECK(filter.box() == Box{10, 20, 30, 80});
}

TEST_CASE("a box that moves evenly is predicted where it will be") {
  KalmanBox filter(at(100, 50, 80), {});
  for (int frame = 1; frame <= 30; ++frame) {
    filter.predict();
    filter.correct(at(100 + 6 * static_cast<float>(frame), 50 - 2 * static_cast<float>(frame), 80),
                   1);
  }
  for (int frame = 0; frame < 5; ++frame) filter.predict();
  CHECK(filter.box().x1 == Approx(100 + 6 * 35).margin(1.5));
  CHECK(filter.box().y1 == Approx(50 - 2 * 35).margin(1.5));
  CHECK(filter.box().height() == Approx(80).margin(1));
}

TEST_CASE("an unsure measurement moves the filter less than a sure one") {
  KalmanBox sure(at(100, 50, 80), {});
  sure.predict();
  KalmanBox unsure = sure;
  sure.correct(at(120, 50, 80), 1);
  unsure.correct(at(120, 50, 80), 0.2F);
  CHECK(unsure.box().x1 > 100);
  CHECK(sure.box().x1 > unsure.box().x1 + 1);
}

TEST_CASE("a sudden change of size is followed more slowly than a change of place") {
  KalmanBox filter(at(100, 50, 80), {});
  for (int frame = 0; frame < 20; ++frame) {
    filter.predict();
    filter.correct(at(100, 50, 80), 1);
  }
  KalmanBox grown = filter;
  grown.predict();
  grown.correct(at(90, 30, 120), 1);  // Same centre, 40 pixels higher.
  KalmanBox moved = filter;
  moved.predict();
  moved.correct(at(140, 50, 80), 1);  // Same size, 40 pixels to the right.
  CHECK(grown.box().height() - 80 < moved.box().x1 - 100);
}

TEST_CASE("a filter is the same at every scale") {
  KalmanBox near(at(0, 0, 200), {});
  KalmanBox far(at(0, 0, 50), {});
  for (int frame = 1; frame < 12; ++frame) {
    near.predict();
    far.predict();
    near.correct(at(static_cast<float>(frame * frame), 8, 200), 0.7F);
    far.correct(at(static_cast<float>(frame * frame) / 4, 2, 50), 0.7F);
  }
  CHECK(near.box().x1 == Approx(4 * far.box().x1).epsilon(1e-4));
  CHECK(near.box().y2 == Approx(4 * far.box().y2).epsilon(1e-4));
}

TEST_CASE("the size never falls below a pixel, however long nothing is seen") {
  KalmanBox filter(at(0, 0, 40), {});
  for (int frame = 1; frame < 8; ++frame) {
    filter.predict();
    filter.correct(at(0, 0, 40 - 5 * static_cast<float>(frame)), 1);
  }
  for (int frame = 0; frame < 100; ++frame) filter.predict();
  CHECK(filter.box().width() >= 1);
  CHECK(filter.box().height() >= 1);
}

TEST_CASE("a filter made from a state goes on as the one it was taken from") {
  KalmanBox filter(at(5, 6, 70), {});
  filter.predict();
  filter.correct(at(9, 7, 71), 0.9F);
  KalmanBox copy(filter.state(), {});
  filter.predict();
  copy.predict();
  CHECK(copy.state() == filter.state());
}

}  // namespace
}  // namespace omma
