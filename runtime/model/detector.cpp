#include "runtime/model/detector.hpp"

#include <string>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

kernels::PlanarOptions planar_options(const ModelInput& input) {
  kernels::PlanarOptions options;
  options.red_first = input.color == ColorOrder::rgb;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    options.scale[plane] = (input.high - input.low) / 255.0F / input.scale[plane];
    options.offset[plane] = (input.low - input.mean[plane]) / input.scale[plane];
  }
  return options;
}

bool is_bgr(const kernels::ImageView& view) {
  return view.data != nullptr && view.channels == 3 && view.width > 0 && view.height > 0;
}

}  // namespace

DetectOptions DetectOptions::of(const ModelCard& card) {
  if (!card.recommended) return {};
  return {card.recommended->score, card.recommended->nms_iou};
}

Result<std::unique_ptr<Detector>> Detector::load(const ModelFile& model,
                                                 const NetworkOptions& options) {
  if (model.card.kind != ModelKind::detector) {
    return Error{Code::invalid_argument, "model " + model.card.name + " is of kind '" +
                                             std::string(to_string(model.card.kind)) +
                                             "', a detector is needed; `omma models` lists them"};
  }
  auto network = Network::load(model, options);
  if (!network) return network.error();
  return std::unique_ptr<Detector>(new Detector(*std::move(network)));
}

Detector::Detector(std::unique_ptr<Network> network)
    : network_(std::move(network)), planar_(planar_options(network_->card().input)) {}

std::size_t Detector::values_per_picture() const {
  const ModelInput& input = card().input;
  return std::size_t{3} * static_cast<std::size_t>(input.height) *
         static_cast<std::size_t>(input.width);
}

Result<std::vector<std::vector<kernels::Detection>>> Detector::detect(
    std::span<const DetectorPicture> pictures, const DetectOptions& options) {
  if (pictures.empty()) return std::vector<std::vector<kernels::Detection>>{};
  // Before memory for the batch is taken.
  if (pictures.size() > limits::batch_frames_max) {
    return Error{Code::over_limit, "detector " + card().name + ": batch of " +
                                       std::to_string(pictures.size()) + " pictures, limit " +
                                       std::to_string(limits::batch_frames_max) + "; split it"};
  }
  for (const DetectorPicture& picture : pictures) {
    if (is_bgr(picture.bgr) && picture.source_width > 0 && picture.source_height > 0) continue;
    return Error{Code::invalid_argument,
                 "detector " + card().name + ": a picture of " + std::to_string(picture.bgr.width) +
                     "x" + std::to_string(picture.bgr.height) + " pixels, " +
                     std::to_string(picture.bgr.channels) + " channels, of a source of " +
                     std::to_string(picture.source_width) + "x" +
                     std::to_string(picture.source_height) + "; send BGR pictures of at least 1x1"};
  }
  const std::size_t size = values_per_picture();
  if (batch_.size() < size * pictures.size()) batch_.resize(size * pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    fill(pictures[i].bgr, std::span(batch_).subspan(i * size, size));
  }
  const ModelInput& input = card().input;
  auto outputs = network_->run(
      {std::span<const float>(batch_).first(size * pictures.size()),
       {static_cast<std::int64_t>(pictures.size()), input.channels, input.height, input.width}});
  if (!outputs) return outputs.error();
  std::vector<std::vector<kernels::Detection>> found;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    found.push_back(decode(*outputs, i, pictures[i], options));
  }
  return found;
}

void Detector::fill(const kernels::ImageView& picture, std::span<float> planes) {
  const ModelInput& input = card().input;
  if (picture.width == input.width && picture.height == input.height) {
    kernels::bgr_to_planar(picture, planar_, planes);
    return;
  }
  resized_.resize(values_per_picture());
  const auto target = kernels::dense_view(resized_.data(), input.width, input.height, 3);
  kernels::resize(picture, target);
  kernels::bgr_to_planar(target, planar_, planes);
}

std::vector<kernels::Detection> Detector::decode(const std::vector<Tensor>& outputs,
                                                 std::size_t index, const DetectorPicture& picture,
                                                 const DetectOptions& options) {
  const auto rows = static_cast<std::size_t>(card().outputs[0][1]);
  const std::size_t classes = card().classes.size();
  kernels::DecodeOptions decoding;
  decoding.source_width = static_cast<float>(picture.source_width);
  decoding.source_height = static_cast<float>(picture.source_height);
  decoding.score_min = options.score_min;
  decoding.overlap_max = options.nms_iou;
  auto decoded = kernels::decode_detections(
      outputs[0].values().subspan(index * rows * 4, rows * 4),
      outputs[1].values().subspan(index * rows * classes, rows * classes), rows, classes, decoding);
  counters_.rows_rejected += decoded.rejected;
  counters_.candidates_over_limit += decoded.over_limit;
  return std::move(decoded.detections);
}

}  // namespace omma
