#include <cuda_runtime_api.h>

#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

#include "kernels/cuda/device.hpp"

namespace omma::kernels::cuda {
namespace {

bool skipped() {
  const Failure failure = device_failure();
  if (failure != nullptr) WARN("SKIPPED: " << failure);
  return failure != nullptr;
}

// Device memory that holds a copy of a vector.
template <class T>
class DeviceCopy {
 public:
  explicit DeviceCopy(const std::vector<T>& values) : count_(values.size()) {
    REQUIRE(cudaMalloc(&data_, count_ * sizeof(T)) == cudaSuccess);
    REQUIRE(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice) ==
            cudaSuccess);
  }
  DeviceCopy(const DeviceCopy&) = delete;
  DeviceCopy& operator=(const DeviceCopy&) = delete;
  ~DeviceCopy() { cudaFree(data_); }

  T* data() const { return static_cast<T*>(data_); }
  std::vector<T> on_host() const {
    std::vector<T> values(count_);
    REQUIRE(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost) ==
            cudaSuccess);
    return values;
  }

 private:
  void* data_ = nullptr;
  std::size_t count_;
};

std::vector<std::uint8_t> random_pixels(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(count);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  return pixels;
}

TEST_CASE("planar conversion on the device is that of the host, bit for bit") {
  if (skipped()) return;
  for (const auto& [width, height] :
       {std::pair{1, 1}, std::pair{31, 7}, std::pair{32, 8}, std::pair{33, 9}, std::pair{448, 336},
        std::pair{1921, 1081}}) {
    for (const bool red_first : {false, true}) {
      INFO(width << "x" << height << ", red first " << red_first);
      const std::ptrdiff_t stride = width * 3 + 5;
      const auto pixels = random_pixels(static_cast<std::size_t>(stride * height), 5);
      const PlanarOptions options{.scale = {0.0173F, 0.0175F, 0.0171F},
                                  .offset = {-2.03F, -1.8F, -2.1F},
                                  .red_first = red_first};
      std::vector<float> want(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                              3);
      kernels::bgr_to_planar({pixels.data(), width, height, stride, 3}, options, want);
      const DeviceCopy<std::uint8_t> in(pixels);
      const DeviceCopy<float> out(std::vector<float>(want.size()));
      REQUIRE(bgr_to_planar({in.data(), width, height, stride, 3}, options, out.data(), nullptr) ==
              nullptr);
      CHECK(out.on_host() == want);
    }
  }
}

TEST_CASE("the motion step on the device counts and adapts as the host does") {
  if (skipped()) return;
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{33, 9}, std::pair{160, 120}}) {
    INFO(width << "x" << height);
    const auto count = static_cast<std::size_t>(width * height);
    MotionDetector host;
    const auto first = random_pixels(count, 1);
    host.update(dense_view(first.data(), width, height, 1));
    std::vector<std::uint16_t> levels;
    for (const std::uint8_t pixel : first)
      levels.push_back(static_cast<std::uint16_t>(pixel * 256));
    const DeviceCopy<std::uint16_t> background(levels);
    for (unsigned seed = 2; seed < 8; ++seed) {
      const auto next = random_pixels(count, seed);
      const float share = host.update(dense_view(next.data(), width, height, 1));
      const DeviceCopy<std::uint8_t> picture(next);
      const DeviceCopy<std::uint32_t> changed(std::vector<std::uint32_t>{0});
      REQUIRE(motion_step(dense_view(std::as_const(picture).data(), width, height, 1), {},
                          background.data(), changed.data(), nullptr) == nullptr);
      CHECK(static_cast<float>(changed.on_host()[0]) / static_cast<float>(count) == share);
    }
  }
}

}  // namespace
}  // namespace omma::kernels::cuda
