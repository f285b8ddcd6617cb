#include "runtime/node/app.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

constexpr const char* camera_help =
    "a camera of the cluster file, or a video file of your own; repeatable";

std::string shown(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

}  // namespace

std::string AppQuery::text(const std::string& name, const std::string& fallback,
                           const std::string& help) {
  asked_.push_back({name, fallback, help, false});
  const auto [first, last] = parameters_.equal_range(name);
  if (first == last) return fallback;
  if (std::next(first) != last) {
    fail({Code::invalid_argument, "--" + name + " is given several times; give it once"});
  }
  return first->second;
}

double AppQuery::number(const std::string& name, double fallback, const std::string& help) {
  const std::string given = text(name, shown(fallback), help);
  double value = 0;
  const char* end = given.data() + given.size();
  const auto parsed = std::from_chars(given.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value)) return value;
  fail({Code::invalid_argument, "--" + name + " takes a number, not '" + given + "': " + help});
  return fallback;
}

std::vector<std::string> AppQuery::each(const std::string& name, const std::string& help) {
  asked_.push_back({name, "", help, true});
  std::vector<std::string> all;
  const auto [first, last] = parameters_.equal_range(name);
  for (auto it = first; it != last; ++it) all.push_back(it->second);
  return all;
}

std::vector<std::string> AppQuery::camera_names() const {
  std::vector<std::string> names;
  const auto [first, last] = parameters_.equal_range("camera");
  for (auto it = first; it != last; ++it) names.push_back(it->second);
  return names;
}

void AppQuery::camera(CameraConfig::Builder out) {
  if (cluster_ == nullptr) return;
  if (auto found = cluster_->camera(camera_, out); !found) fail(found.error());
}

void AppQuery::model(ShardConfig::Builder out) {
  const std::string wanted = text("model", "", "a detector by name (omma models) or a .pt file");
  if (cluster_ == nullptr) return;
  if (auto found = cluster_->model(wanted, out); !found) fail(found.error());
}

void AppQuery::fail(Error error) {
  if (!error_ && cluster_ != nullptr) error_ = std::move(error);
}

std::vector<ParameterInfo> App::parameters() const {
  const Parameters none;
  AppQuery query(none, nullptr, "");
  configure_(query);
  std::vector<ParameterInfo> all;
  if (watches_cameras_) all.push_back({"camera", "", camera_help, true});
  all.insert(all.end(), query.asked().begin(), query.asked().end());
  return all;
}

Result<std::vector<StageSpec>> App::start(const Parameters& parameters,
                                          const ClusterView& cluster) const {
  std::vector<std::string> known;
  for (const ParameterInfo& info : this->parameters()) known.push_back(info.name);
  for (const auto& [name, value] : parameters) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Error{Code::not_found,
                   name_ + " has no parameter --" + name + suggestion_for(name, known)};
    }
  }
  std::vector<std::string> cameras = AppQuery(parameters, &cluster, "").camera_names();
  if (!watches_cameras_) cameras = {""};
  if (cameras.empty()) {
    return Error{Code::invalid_argument, name_ + " needs --camera: " + camera_help};
  }
  std::vector<StageSpec> inputs;
  for (const std::string& camera : cameras) {
    AppQuery query(parameters, &cluster, camera);
    const auto spec = configure_(query);
    if (query.error()) return *query.error();
    inputs.push_back(*spec);
    for (const auto& other : query.others()) inputs.push_back(*other);
  }
  return inputs;
}

}  // namespace omma
