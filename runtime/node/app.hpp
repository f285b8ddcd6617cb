// App: an analytics program. It brings its own actor type, and says with which configuration it
// answers a query; the runtime places, starts, shares and retires the actors.
//
//   std::unique_ptr<App> make_my_app() {
//     return make_camera_app<MyActor>("my_app", "counts red cars",
//                                     [](AppQuery& query, MyConfig::Builder config) {
//       query.camera(config.initRouter().initCamera());
//       config.setShade(query.number("shade", 0.5, "how red, 0..1"));
//     });
//   }
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/cell/actor_type.hpp"
#include "schemas/results.capnp.h"
#include "schemas/stages.capnp.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace omma {

// What a user wrote after the app's name: --camera lobby --camera street --line a=1,2:3,4
using Parameters = std::multimap<std::string, std::string>;

struct ParameterInfo {
  std::string name;
  std::string fallback;  // Empty: none.
  std::string help;      // One sentence.
  bool repeatable = false;
};

// Cameras and models as a configuration names them.
class ClusterView {
 public:
  virtual ~ClusterView() = default;
  // By name from the cluster file, or an own video by its path. not_found names the nearest.
  virtual Result<void> camera(const std::string& name_or_path, CameraConfig::Builder out) const = 0;
  // By name from the model store, or a .pt file by its path; empty for the one that ships.
  virtual Result<void> model(const std::string& name_or_path, ShardConfig::Builder out) const = 0;
  // What that model can tell apart.
  virtual Result<std::vector<std::string>> labels(const std::string& name_or_path) const = 0;
};

// One query while an app fills in its configuration. Asking for a parameter is also how an app
// documents it: without a cluster every call records its name and gives the fallback.
class AppQuery {
 public:
  AppQuery(const Parameters& parameters, const ClusterView* cluster, std::string camera)
      : parameters_(parameters), cluster_(cluster), camera_(std::move(camera)) {}

  std::string text(const std::string& name, const std::string& fallback, const std::string& help);
  double number(const std::string& name, double fallback, const std::string& help);
  // A parameter that may be given several times.
  std::vector<std::string> each(const std::string& name, const std::string& help);
  // The camera that this configuration is for; a camera app is asked once for each --camera. With
  // --durable a video of one's own is durable, as a camera of the cluster file is that says so.
  void camera(CameraConfig::Builder out);
  const std::string& camera_name() const { return camera_; }
  // All that the query names.
  std::vector<std::string> camera_names() const;
  // The detector, by --model; durable if the camera is.
  void model(ShardConfig::Builder out);
  // What of the detector's labels to look for, by --label.
  std::string label(const std::string& fallback);
  // Another actor with a ResultRow outlet that is part of the answer.
  void also(std::shared_ptr<const StageSpec> input) { also_.push_back(std::move(input)); }
  // The query cannot be answered; the first such error is what the user sees.
  void fail(Error error);

  const std::optional<Error>& error() const { return error_; }
  const std::vector<ParameterInfo>& asked() const { return asked_; }
  const std::vector<std::shared_ptr<const StageSpec>>& others() const { return also_; }

 private:
  const Parameters& parameters_;
  const ClusterView* cluster_;  // Null while documenting.
  std::string camera_;
  std::vector<ParameterInfo> asked_;
  std::vector<std::shared_ptr<const StageSpec>> also_;
  std::optional<Error> error_;
};

class App {
 public:
  // Fills in one configuration and names its actor.
  using Configure = std::function<std::shared_ptr<const StageSpec>(AppQuery& query)>;

  // The first type is that of the actors that configure() names; the others come along with it.
  App(std::string name, std::string summary, bool watches_cameras, std::vector<ActorType> types,
      Configure configure)
      : name_(std::move(name)),
        summary_(std::move(summary)),
        watches_cameras_(watches_cameras),
        types_(std::move(types)),
        configure_(std::move(configure)) {}

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::vector<ActorType>& types() const { return types_; }
  std::vector<ParameterInfo> parameters() const;
  // The actors whose ResultRow outlets make the query's answer. not_found for an unknown
  // parameter, with the nearest name; else what the configuration found wrong.
  Result<std::vector<StageSpec>> start(const Parameters& parameters,
                                       const ClusterView& cluster) const;

 private:
  std::string name_;
  std::string summary_;
  bool watches_cameras_;
  std::vector<ActorType> types_;
  Configure configure_;
};

namespace detail {

template <class A, class... Others, class Fill>
std::unique_ptr<App> app_of(std::string name, std::string summary, bool watches_cameras,
                            Fill fill) {
  static_assert(A::Publishes::template contains<ResultRow>,
                "omma: the first actor of an app answers its queries: its Publishes names "
                "omma::ResultRow");
  return std::make_unique<App>(
      std::move(name), std::move(summary), watches_cameras,
      std::vector<ActorType>{actor_type<A>(), actor_type<Others>()...}, [fill](AppQuery& query) {
        return Turn::make_stage_ref<A>(
                   [&](typename A::Config::Builder config) { fill(query, config); })
            .spec;
      });
}

}  // namespace detail

// An app of one actor, which may name actors of Others in turn: types that the app brings along.
// fill: (AppQuery&, A::Config::Builder)
template <class A, class... Others, class Fill>
std::unique_ptr<App> make_app(std::string name, std::string summary, Fill fill) {
  return detail::app_of<A, Others...>(std::move(name), std::move(summary), false, std::move(fill));
}

// An app with one actor for each --camera.
template <class A, class... Others, class Fill>
std::unique_ptr<App> make_camera_app(std::string name, std::string summary, Fill fill) {
  return detail::app_of<A, Others...>(std::move(name), std::move(summary), true, std::move(fill));
}

}  // namespace omma
