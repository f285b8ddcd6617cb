#include "kernels/cuda/device.hpp"

#include <cuda_runtime.h>

namespace omma::kernels::cuda {
namespace {

constexpr unsigned block_width = 32;
constexpr unsigned block_height = 8;

dim3 block() {
  return {block_width, block_height, 1};
}

dim3 blocks(int width, int height) {
  return {(static_cast<unsigned>(width) + block_width - 1) / block_width,
          (static_cast<unsigned>(height) + block_height - 1) / block_height, 1};
}

Failure last_failure() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

// PlanarOptions in a form that device code may index.
struct PlaneFactors {
  float scale[3];
  float offset[3];
  bool red_first;
};

__global__ void planar_kernel(ImageView bgr, PlaneFactors factors, float* planes) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (x >= bgr.width || y >= bgr.height) return;
  const std::uint8_t* pixel = bgr.data + y * bgr.stride_bytes + 3 * x;
  const std::size_t plane = static_cast<std::size_t>(bgr.width) * bgr.height;
  float* out = planes + static_cast<std::size_t>(y) * bgr.width + x;
  for (int to = 0; to < 3; ++to) {
    const float value = pixel[factors.red_first ? 2 - to : to];
    // Rounded after each step as on the host: no fused multiply-add.
    out[to * plane] = __fadd_rn(__fmul_rn(value, factors.scale[to]), factors.offset[to]);
  }
}

__global__ void motion_kernel(ImageView gray, MotionOptions options, std::uint16_t* background,
                              std::uint32_t* changed) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  bool differs = false;
  if (x < gray.width && y < gray.height) {
    std::uint16_t& level = background[static_cast<std::size_t>(y) * gray.width + x];
    const int difference = gray.data[y * gray.stride_bytes + x] * 256 - level;
    differs = abs(difference) >= options.difference_min * 256;
    level = static_cast<std::uint16_t>(level + difference / (1 << options.adaptation_shift));
  }
  // One addition to memory a block: all threads are here, also those outside the picture.
  const int in_block = __syncthreads_count(differs);
  if (threadIdx.x == 0 && threadIdx.y == 0 && in_block > 0) {
    atomicAdd(changed, static_cast<std::uint32_t>(in_block));
  }
}

}  // namespace

Failure device_failure() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return cudaGetErrorString(error);
  return count > 0 ? nullptr : "no CUDA device";
}

Failure bgr_to_planar(ImageView bgr, const PlanarOptions& options, float* planes, Stream stream) {
  const PlaneFactors factors{{options.scale[0], options.scale[1], options.scale[2]},
                             {options.offset[0], options.offset[1], options.offset[2]},
                             options.red_first};
  planar_kernel<<<blocks(bgr.width, bgr.height), block(), 0, stream>>>(bgr, factors, planes);
  return last_failure();
}

Failure motion_step(ImageView gray, const MotionOptions& options, std::uint16_t* background,
                    std::uint32_t* changed, Stream stream) {
  motion_kernel<<<blocks(gray.width, gray.height), block(), 0, stream>>>(gray, options, background,
                                                                         changed);
  return last_failure();
}

}  // namespace omma::kernels::cuda
