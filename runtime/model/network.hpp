// The door to LibTorch: a TorchScript file becomes a function from a batch of pictures to tensors.
// What is loaded is frozen, optimised and run once; a network whose outputs differ from its card is
// refused before anybody relies on it, and every later run is checked against the card as well.
//
// One thread at a time runs a Network; which thread may change. Owns the weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/model_card.hpp"
#include "runtime/model/model_store.hpp"
#include "runtime/model/tensor_memory.hpp"

namespace omma {

// Where a network computes: "cpu", "cuda" (the first GPU) or "cuda:N".
struct Device {
  enum class Kind : unsigned char { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;

  static Result<Device> parse(std::string_view text);
  std::string text() const;
  friend bool operator==(const Device&, const Device&) = default;
};

struct NetworkOptions {
  // Of one run. LibTorch's own default is all cores for each executor.
  int threads = 1;
  Device device;
};

// float32 values in row-major order that somebody else owns.
struct TensorView {
  std::span<const float> values;
  std::vector<std::int64_t> shape;
};

// The same, owned: shared and immutable.
struct Tensor {
  Blob blob;
  std::vector<std::int64_t> shape;

  std::span<const float> values() const {
    return {reinterpret_cast<const float*>(blob.data()), blob.size() / sizeof(float)};
  }
};

// "[1, 3, 256, 256]"
std::string shape_text(std::span<const std::int64_t> shape);

class Network {
 public:
  // Takes 0.5 to 3 seconds. corrupt: not TorchScript; invalid_argument: other inputs or outputs
  // than the card's; unsupported: a device that is not there, which is never replaced by another.
  static Result<std::unique_ptr<Network>> load(const ModelFile& model,
                                               const NetworkOptions& options);
  ~Network();

  const ModelCard& card() const;
  const NetworkOptions& options() const;

  // batch: [B, channels, height, width] as the card says, 1 <= B <= limits::batch_frames_max. The
  // outputs are the card's with B as first dimension. invalid_argument or over_limit for another
  // batch; unavailable when the device fails, for want of memory for example.
  Result<std::vector<Tensor>> run(const TensorView& batch);

 private:
  struct Torch;
  explicit Network(std::unique_ptr<Torch> torch);
  std::unique_ptr<Torch> torch_;
};

}  // namespace omma
