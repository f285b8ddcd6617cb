// The kernels of kernels/picture.hpp and kernels/motion.hpp on an NVIDIA device, for pictures that
// are there already: a decoder's output need not come to the host to be made a network's input.
//
// The functions of the host are the definition and these give the same numbers, bit for bit. All
// pointers are device memory of the caller's; work is queued on the caller's stream and the call
// does not wait for it. Safe from any thread, on the device the thread has chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/motion.hpp"
#include "kernels/picture.hpp"

struct CUstream_st;

namespace omma::kernels::cuda {

using Stream = CUstream_st*;  // A cudaStream_t; nullptr is the default stream.

// What CUDA says went wrong, or nullptr: the work is queued.
using Failure = const char*;

// nullptr when there is a device to work on; otherwise why not.
Failure device_failure();

// As kernels::bgr_to_planar; `bgr.data` and `planes` are device memory.
[[nodiscard]] Failure bgr_to_planar(ImageView bgr, const PlanarOptions& options, float* planes,
                                    Stream stream);

// One step of MotionDetector on a picture after its first: adds the number of changed pixels to
// *changed and takes the picture into the background (gray level times 256, width * height, row
// by row).
[[nodiscard]] Failure motion_step(ImageView gray, const MotionOptions& options,
                                  std::uint16_t* background, std::uint32_t* changed, Stream stream);

}  // namespace omma::kernels::cuda
