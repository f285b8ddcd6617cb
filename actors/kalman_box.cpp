#include "actors/kalman_box.hpp"

#include <algorithm>
#include <cstddef>

namespace omma {
namespace {

std::array<float, 4> coordinates(const kernels::Box& box) {
  return {(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, box.width(), box.height()};
}

const KalmanAxisNoise& noise_of(std::size_t axis, const KalmanBoxNoise& noise) {
  return axis < 2 ? noise.centre : noise.size;
}

float squared(float value) {
  return value * value;
}

}  // namespace

KalmanBox::KalmanBox(const kernels::Box& first, const KalmanBoxNoise& noise) : noise_(noise) {
  const std::array<float, 4> measured = coordinates(first);
  for (std::size_t i = 0; i < axes_.size(); ++i) axes_[i].position = measured[i];
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    axes_[i].position_variance = squared(noise_of(i, noise_).measured * height());
    axes_[i].velocity_variance = squared(noise_of(i, noise_).first_velocity * height());
  }
}

// A box that shrinks away in the prediction must not take the noise, and so the filter's
// willingness to learn, to zero with it.
float KalmanBox::height() const {
  return std::max(axes_[3].position, 1.0F);
}

void KalmanBox::predict() {
  const float scale = height();
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const KalmanAxisNoise& noise = noise_of(i, noise_);
    Axis& axis = axes_[i];
    axis.position += axis.velocity;
    axis.position_variance +=
        2 * axis.covariance + axis.velocity_variance + squared(noise.position_drift * scale);
    axis.covariance += axis.velocity_variance;
    axis.velocity_variance += squared(noise.velocity_drift * scale);
  }
  // The size stays a size.
  for (std::size_t i = 2; i < 4; ++i) axes_[i].position = std::max(axes_[i].position, 1.0F);
}

void KalmanBox::correct(const kernels::Box& measured, float score) {
  const std::array<float, 4> values = coordinates(measured);
  const float scale = height() * (1 + noise_.unsure * (1 - std::clamp(score, 0.0F, 1.0F)));
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    Axis& axis = axes_[i];
    const float total = axis.position_variance + squared(noise_of(i, noise_).measured * scale);
    const float innovation = values[i] - axis.position;
    const float position_gain = axis.position_variance / total;
    const float velocity_gain = axis.covariance / total;
    axis.position += position_gain * innovation;
    axis.velocity += velocity_gain * innovation;
    axis.velocity_variance -= velocity_gain * axis.covariance;
    axis.covariance *= 1 - position_gain;
    axis.position_variance *= 1 - position_gain;
  }
}

kernels::Box KalmanBox::box() const {
  const float half_width = axes_[2].position / 2;
  const float half_height = axes_[3].position / 2;
  return {axes_[0].position - half_width, axes_[1].position - half_height,
          axes_[0].position + half_width, axes_[1].position + half_height};
}

}  // namespace omma
