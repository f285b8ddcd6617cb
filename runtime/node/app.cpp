#include "runtime/node/app.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

constexpr const char* model_help = "a detector by name (omma models) or a .pt file";
constexpr const char* durable_help =
    "true: no crash loses or repeats a frame of a video of your own; also --durable alone";
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
  const auto known = [&](const ParameterInfo& info) { return info.name == name; };
  if (std::none_of(asked_.begin(), asked_.end(), known)) {
    asked_.push_back({name, fallback, help, false});
  }
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
  const std::string durable = text("durable", "false", durable_help);
  if (cluster_ == nullptr) return;
  if (auto found = cluster_->camera(camera_, out); !found) return fail(found.error());
  if (durable != "true" && durable != "false") {
    fail({Code::invalid_argument, "--durable is true or false, not '" + durable + "'"});
  }
  if (durable != "true" || out.getDurable()) return;
  if (out.getNode().size() > 0) {
    fail(
        {Code::invalid_argument, "camera '" + camera_ +
                                     "' is shared by all who watch it; write `durable: true` at it "
                                     "in the cluster file instead of --durable"});
  }
  out.setDurable(true);
}

void AppQuery::model(ShardConfig::Builder out) {
  const std::string wanted = text("model", "", model_help);
  if (cluster_ == nullptr) return;
  if (auto found = cluster_->model(wanted, out); !found) return fail(found.error());
  if (camera_.empty()) return;
  capnp::MallocMessageBuilder builder;
  auto watched = builder.initRoot<CameraConfig>();
  camera(watched);
  out.setDurable(watched.getDurable());
}

std::string AppQuery::label(const std::string& fallback) {
  const std::string wanted = text("label", fallback, "what to look for, of the model's labels");
  if (cluster_ == nullptr) return wanted;
  const std::string model = text("model", "", model_help);
  const auto labels = cluster_->labels(model);
  if (!labels) {
    fail(labels.error());
  } else if (std::find(labels->begin(), labels->end(), wanted) == labels->end()) {
    std::string all;
    for (const std::string& label : *labels) all += (all.empty() ? "" : ", ") + label;
    fail({Code::invalid_argument, (model.empty() ? "the model" : "model '" + model + "'") +
                                      " has no label '" + wanted + "'; its labels are " + all +
                                      "; choose one with --label"});
  }
  return wanted;
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
