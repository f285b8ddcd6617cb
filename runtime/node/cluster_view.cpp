#include "runtime/node/cluster_view.hpp"

#include <filesystem>
#include <vector>

#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

void fill(CameraConfig::Builder out, const CameraSpec& camera) {
  out.setName(camera.name);
  out.setSource(camera.source);
  out.setNode(camera.node);
  out.setMode(camera.mode == CameraSpec::Mode::live ? CaptureMode::LIVE : CaptureMode::EVERY_FRAME);
  out.setPace(camera.pace == CameraSpec::Pace::by_timestamps ? Pace::BY_TIMESTAMPS
                                                             : Pace::AS_FAST_AS_POSSIBLE);
  out.setFramesMax(camera.frames_max.value_or(0));
  out.setDurable(camera.durable);
  if (camera.window) {
    out.setWindowX(static_cast<std::uint32_t>(camera.window->x));
    out.setWindowY(static_cast<std::uint32_t>(camera.window->y));
    out.setWindowWidth(static_cast<std::uint32_t>(camera.window->width));
    out.setWindowHeight(static_cast<std::uint32_t>(camera.window->height));
  }
}

std::string model_name(const std::string& name_or_path) {
  return name_or_path.empty() ? shipped_model_name : name_or_path;
}

}  // namespace

// A name of the cluster file; else a file or URL, watched as recorded video: every frame of it, as
// fast as the cluster can.
Result<void> FileClusterView::camera(const std::string& name_or_path,
                                     CameraConfig::Builder out) const {
  if (const CameraSpec* camera = cluster_.find_camera(name_or_path)) {
    fill(out, *camera);
    return {};
  }
  const bool address = name_or_path.find("://") != std::string::npos;
  const bool synthetic = name_or_path.starts_with("synthetic:");
  std::error_code ignored;
  if (!address && !synthetic && !std::filesystem::is_regular_file(name_or_path, ignored)) {
    std::vector<std::string> names;
    for (const CameraSpec& camera : cluster_.cameras) names.push_back(camera.name);
    return Error{Code::not_found, "no camera and no video file '" + name_or_path + "'" +
                                      suggestion_for(name_or_path, names)};
  }
  out.setName(name_or_path);
  out.setSource(address || synthetic ? name_or_path
                                     : std::filesystem::absolute(name_or_path).string());
  out.setMode(address ? CaptureMode::LIVE : CaptureMode::EVERY_FRAME);
  out.setPace(address ? Pace::BY_TIMESTAMPS : Pace::AS_FAST_AS_POSSIBLE);
  return {};
}

Result<void> FileClusterView::model(const std::string& name_or_path,
                                    ShardConfig::Builder out) const {
  const std::string wanted = model_name(name_or_path);
  Result<ModelFile> model = models_.find(wanted);
  if (!model) return model.error();
  if (model->card.kind != ModelKind::detector) {
    return Error{Code::invalid_argument,
                 "model '" + wanted + "' is no detector; omma models lists those that are"};
  }
  // A file given by its path is known to other nodes by the same path.
  out.setModel(wanted.ends_with(".pt") ? std::filesystem::absolute(wanted).string() : wanted);
  out.setModelHash(model->hash.hex());
  out.setBatchFramesMax(8);
  out.setBatchDelayMs(10);
  return {};
}

Result<std::vector<std::string>> FileClusterView::labels(const std::string& name_or_path) const {
  Result<ModelFile> model = models_.find(model_name(name_or_path));
  if (!model) return model.error();
  return model->card.classes;
}

}  // namespace omma
