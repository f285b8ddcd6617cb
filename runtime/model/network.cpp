#include "runtime/model/network.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/cuda.h>
#include <torch/script.h>
#include <torch/version.h>

#include <charconv>
#include <exception>
#include <numeric>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr std::size_t blob_alignment_bytes = 64;

// LibTorch's messages have dozens of lines; one tells the user why. What goes wrong in a running
// graph is said in the last line, after a trace of the graph's source, anything else in the first.
std::string telling_line(std::string_view text) {
  constexpr std::string_view blank = " \n";
  constexpr std::string_view in_graph = "The following operation failed in the TorchScript";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return "no reason given";
  text = text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
  if (text.substr(0, in_graph.size()) == in_graph) {
    return std::string(text.substr(text.rfind('\n') + 1));
  }
  return std::string(text.substr(0, text.find('\n')));
}

std::string reason_of(const std::exception& error) {
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error)) {
    return telling_line(torch_error->what_without_backtrace());
  }
  return telling_line(error.what());
}

// LibTorch keeps the number of threads per thread; setting it costs about as much as a small layer,
// so it is set only where it changes.
void use_threads(int threads) {
  thread_local int threads_set = 0;
  if (threads_set == threads) return;
  at::set_num_threads(threads);
  threads_set = threads;
}

torch::Device torch_device(const Device& device) {
  if (device.kind == Device::Kind::cpu) return torch::Device(torch::kCPU);
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device.index));
}

Result<void> check_device(const Device& device) {
  if (device.kind == Device::Kind::cpu) return {};
  // Another integer type in each version of LibTorch.
  const auto count =
      torch::cuda::is_available() ? static_cast<std::int64_t>(torch::cuda::device_count()) : 0;
  if (device.index < count) return {};
  return Error{Code::unsupported,
               "device " + device.text() + " is asked for and this process sees " +
                   std::to_string(count) +
                   " CUDA devices; use 'cpu', or a build with a LibTorch for CUDA on a machine "
                   "with a GPU"};
}

bool is_plain(const at::Tensor& tensor) {
  return tensor.is_contiguous() &&
         reinterpret_cast<std::uintptr_t>(tensor.data_ptr()) % blob_alignment_bytes == 0;
}

// Shares the tensor's memory unless it is the caller's own or lies in a form that a Blob may not
// have.
Tensor share(at::Tensor tensor, const at::Tensor& input) {
  if (!is_plain(tensor) || tensor.is_alias_of(input)) {
    tensor = tensor.clone(at::MemoryFormat::Contiguous);
  }
  Tensor out;
  out.shape = tensor.sizes().vec();
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(tensor.data_ptr()),
                                         tensor.nbytes());
  out.blob = Blob::wrap(std::make_shared<const at::Tensor>(std::move(tensor)), bytes);
  return out;
}

// A network may return one tensor, a tuple or a list of them; an empty list stands for the rest.
std::vector<at::Tensor> tensors_of(const c10::IValue& value) {
  std::vector<at::Tensor> out;
  if (value.isTensor()) {
    out.push_back(value.toTensor());
  } else if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) {
      if (!element.isTensor()) return {};
      out.push_back(element.toTensor());
    }
  } else if (value.isTensorList()) {
    for (const at::Tensor& element : value.toTensorVector()) out.push_back(element);
  }
  return out;
}

std::string shapes_text(const std::vector<std::vector<std::int64_t>>& shapes) {
  std::string out;
  for (const auto& shape : shapes) out += (out.empty() ? "" : " ") + shape_text(shape);
  return out;
}

std::string tensors_text(const std::vector<at::Tensor>& tensors) {
  std::string out;
  for (const at::Tensor& tensor : tensors) {
    if (!out.empty()) out += ' ';
    if (tensor.scalar_type() != at::kFloat) out += c10::toString(tensor.scalar_type());
    out += shape_text(tensor.sizes().vec());
  }
  return out.empty() ? "no tensors" : out;
}

}  // namespace

Result<Device> Device::parse(std::string_view text) {
  if (text == "cpu") return Device{};
  if (text == "cuda") return Device{Kind::cuda, 0};
  constexpr std::string_view prefix = "cuda:";
  if (text.substr(0, prefix.size()) == prefix) {
    const std::string_view digits = text.substr(prefix.size());
    int index = -1;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    // The index of a device is one byte in LibTorch.
    if (failed == std::errc() && end == digits.data() + digits.size() && index >= 0 &&
        index < 128) {
      return Device{Kind::cuda, index};
    }
  }
  return Error{Code::invalid_argument,
               "device '" + std::string(text) + "' is unknown; write cpu, cuda or cuda:N"};
}

std::string Device::text() const {
  return kind == Kind::cpu ? "cpu" : "cuda:" + std::to_string(index);
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out;
  for (const std::int64_t size : shape) out += (out.empty() ? "[" : ", ") + std::to_string(size);
  return out.empty() ? "[]" : out + "]";
}

struct Network::Torch {
  ModelCard card;
  NetworkOptions options;
  torch::jit::Module module;
  bool writes_input = false;  // The graph changes its input in place.

  std::string title() const { return "model " + card.name; }
  std::vector<std::int64_t> shape_for(std::int64_t frames, std::vector<std::int64_t> one) const {
    one.front() = frames;
    return one;
  }
  Result<void> optimise(const std::string& path);
  Result<void> warm_up();
  Result<void> check_batch(const TensorView& batch) const;
  Result<void> check_outputs(const std::vector<at::Tensor>& outputs, std::int64_t frames) const;
  Result<std::vector<at::Tensor>> forward(const at::Tensor& input);
};

Result<void> Network::Torch::optimise(const std::string& path) {
  try {
    module = torch::jit::load(path, torch_device(options.device));
  } catch (const std::exception& error) {
    return Error{Code::corrupt,
                 "model " + path + " is not TorchScript that LibTorch " + TORCH_VERSION +
                     " loads: " + reason_of(error) +
                     "; export it with torch.jit.save of the same or an older version"};
  }
  try {
    // A module that was frozen before it was saved has no attribute 'training' left.
    if (module.hasattr("training")) {
      module.eval();
      module = torch::jit::freeze(module);
    }
    module = torch::jit::optimize_for_inference(module);
    const std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph();
    if (graph->inputs().size() != 2) {
      return Error{Code::invalid_argument,
                   "model " + path + " takes " + std::to_string(graph->inputs().size() - 1) +
                       " inputs, 1 is served: a batch of pictures; export it with that alone"};
    }
    writes_input = torch::jit::AliasDb(graph).hasWriters(graph->inputs()[1]);
  } catch (const std::exception& error) {
    return Error{Code::unsupported, "model " + path +
                                        " cannot be frozen and optimised: " + reason_of(error) +
                                        "; export it with torch.jit.script or torch.jit.trace"};
  }
  return {};
}

// Runs one frame and two: the first to have everything allocated and the shapes compared, the
// second because a network exported for one frame alone would fail only when load comes.
Result<void> Network::Torch::warm_up() {
  const c10::InferenceMode no_gradients;
  use_threads(options.threads);
  for (const std::int64_t frames : {1, 2}) {
    const auto input =
        at::zeros({frames, card.input.channels, card.input.height, card.input.width});
    auto outputs = forward(input);
    if (!outputs) {
      return Error{Code::invalid_argument,
                   outputs.error().message +
                       "; is the card's input.shape the network's, and does it "
                       "accept any batch size"};
    }
    if (auto checked = check_outputs(*outputs, frames); !checked) return checked.error();
  }
  return {};
}

Result<void> Network::Torch::check_batch(const TensorView& batch) const {
  const std::int64_t frames = batch.shape.empty() ? 0 : batch.shape.front();
  if (frames > static_cast<std::int64_t>(limits::batch_frames_max)) {
    return Error{Code::over_limit, title() + ": batch of " + std::to_string(frames) +
                                       " frames, limit " +
                                       std::to_string(limits::batch_frames_max) + "; split it"};
  }
  const auto expected = shape_for(std::max<std::int64_t>(frames, 1),
                                  {1, card.input.channels, card.input.height, card.input.width});
  if (batch.shape != expected) {
    return Error{Code::invalid_argument, title() + ": batch of shape " + shape_text(batch.shape) +
                                             ", the card's input is " + shape_text(expected) +
                                             "; resize the pictures"};
  }
  const std::int64_t values = std::accumulate(expected.begin(), expected.end(), std::int64_t{1},
                                              [](std::int64_t a, std::int64_t b) { return a * b; });
  OMMA_CHECK(static_cast<std::int64_t>(batch.values.size()) == values, batch.values.size(), values);
  return {};
}

Result<void> Network::Torch::check_outputs(const std::vector<at::Tensor>& outputs,
                                           std::int64_t frames) const {
  bool same = outputs.size() == card.outputs.size();
  std::vector<std::vector<std::int64_t>> expected;
  for (std::size_t i = 0; i < card.outputs.size(); ++i) {
    expected.push_back(shape_for(frames, card.outputs[i]));
    same = same && outputs[i].scalar_type() == at::kFloat && outputs[i].sizes() == expected[i];
  }
  if (same) return {};
  return Error{Code::invalid_argument,
               title() + ": for " + std::to_string(frames) + " frames the network gives " +
                   tensors_text(outputs) + ", the card says float32 " + shapes_text(expected) +
                   "; correct the card's outputs or take the file that belongs to it"};
}

Result<std::vector<at::Tensor>> Network::Torch::forward(const at::Tensor& input) {
  try {
    // The graph is optimised already: profiling the first runs and specialising for their batch
    // size would make a stream's first frames slow, and again at each new size.
    const torch::jit::GraphOptimizerEnabledGuard optimised_before(false);
    at::Tensor placed = input.to(torch_device(options.device));
    if (writes_input && placed.is_alias_of(input)) placed = placed.clone();
    std::vector<at::Tensor> outputs = tensors_of(module.forward({placed}));
    for (at::Tensor& output : outputs) output = output.to(at::kCPU);
    return outputs;
  } catch (const std::exception& error) {
    return Error{Code::unavailable, title() + ": a run on " + options.device.text() +
                                        " with input " + shape_text(input.sizes().vec()) +
                                        " failed: " + reason_of(error)};
  }
}

Network::Network(std::unique_ptr<Torch> torch) : torch_(std::move(torch)) {}
Network::~Network() = default;

const ModelCard& Network::card() const {
  return torch_->card;
}
const NetworkOptions& Network::options() const {
  return torch_->options;
}

Result<std::unique_ptr<Network>> Network::load(const ModelFile& model,
                                               const NetworkOptions& options) {
  if (options.threads < 1 || options.threads > limits::network_threads_max) {
    return Error{Code::invalid_argument,
                 "model " + model.card.name + ": " + std::to_string(options.threads) +
                     " threads asked for, 1 to " + std::to_string(limits::network_threads_max) +
                     " are served"};
  }
  if (auto present = check_device(options.device); !present) return present.error();
  prepare_allocator();
  auto torch = std::make_unique<Torch>();
  torch->card = model.card;
  torch->options = options;
  if (auto done = torch->optimise(model.path.string()); !done) return done.error();
  if (auto done = torch->warm_up(); !done) return done.error();
  return std::unique_ptr<Network>(new Network(std::move(torch)));
}

Result<std::vector<Tensor>> Network::run(const TensorView& batch) {
  if (auto good = torch_->check_batch(batch); !good) return good.error();
  const c10::InferenceMode no_gradients;
  use_threads(torch_->options.threads);
  // LibTorch has no tensor of constants; forward() copies where the graph would write to it.
  const at::Tensor input =
      at::from_blob(const_cast<float*>(batch.values.data()), batch.shape, at::kFloat);
  auto outputs = torch_->forward(input);
  if (!outputs) return outputs.error();
  if (auto good = torch_->check_outputs(*outputs, batch.shape.front()); !good) return good.error();
  std::vector<Tensor> tensors;
  for (at::Tensor& output : *outputs) tensors.push_back(share(std::move(output), input));
  return tensors;
}

}  // namespace omma
