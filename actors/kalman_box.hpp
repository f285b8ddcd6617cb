// Where a box will be in the next frame: a Kalman filter that takes the centre, width and height
// to move at constant velocity, each on its own.
//
// All noise is in proportion to the box's height, because an object twice as near moves, and is
// measured, twice as many pixels off. The four coordinates are independent, so the filter is four
// filters of two numbers each, and no matrix is inverted.
//
// A value: copying it copies all there is. Units are pixels and frames.
#pragma once

#include <array>

#include "kernels/box.hpp"

namespace omma {

// Standard deviations of one coordinate, as parts of the box's height.
struct KalmanAxisNoise {
  float measured;        // Of what a sure detector reports.
  float position_drift;  // What a frame adds to the position beyond the velocity.
  float velocity_drift;  // What a frame adds to the velocity.
  float first_velocity;  // Of an object seen once.
};

// Objects turn and stop within a few frames, but hardly change their size: a box that suddenly
// grows is mostly two objects in one box.
struct KalmanBoxNoise {
  KalmanAxisNoise centre{0.06F, 0.02F, 0.02F, 0.3F};
  KalmanAxisNoise size{0.08F, 0.01F, 0.005F, 0.05F};
  // A measurement of score s counts as 1 + unsure * (1 - s) times as noisy.
  float unsure = 2.0F;
};

class KalmanBox {
 public:
  // One coordinate: its estimate and the covariance of the estimate.
  struct Axis {
    float position = 0;
    float velocity = 0;  // A frame.
    float position_variance = 0;
    float covariance = 0;
    float velocity_variance = 0;
    friend bool operator==(const Axis&, const Axis&) = default;
  };
  // Centre x, centre y, width, height.
  using State = std::array<Axis, 4>;

  KalmanBox(const kernels::Box& first, const KalmanBoxNoise& noise);
  KalmanBox(const State& state, const KalmanBoxNoise& noise) : axes_(state), noise_(noise) {}

  // One frame later.
  void predict();
  // The object was measured, with this score (0..1), in the frame last predicted.
  void correct(const kernels::Box& measured, float score);

  kernels::Box box() const;
  const State& state() const noexcept { return axes_; }

 private:
  float height() const;

  State axes_;
  KalmanBoxNoise noise_;
};

}  // namespace omma
