#include "runtime/node/app_module_source.hpp"

#include <utility>

namespace omma {

AppModuleSource::AppModuleSource(AppModules& modules, ActorTypes& types, Log& log, Options options)
    : modules_(modules),
      types_(types),
      log_(log),
      options_(std::move(options)),
      executor_(make_thread_executor("omma-modules", 1)) {
  adopt();
}

// Nobody adds types but this, and one call at a time: the constructor, then the executor's thread.
void AppModuleSource::adopt() {
  for (const App* app : modules_.apps()) {
    for (ActorType type : app->types()) {
      if (types_.find(type.name) != nullptr) continue;
      type.linger = options_.linger;
      types_.add(std::move(type));
    }
  }
}

void AppModuleSource::run(std::function<Result<void>()> work,
                          std::function<void(Result<void>)> done) {
  executor_->run(
      [this, work = std::move(work)]() -> Result<Message> {
        if (auto worked = work(); !worked) return worked.error();
        adopt();
        return Message();
      },
      [done = std::move(done)](const Result<Message>& result) {
        done(result ? Result<void>() : Result<void>(result.error()));
      });
}

void AppModuleSource::bring(const std::string& type, const std::string& peer,
                            std::function<void(Result<void>)> done) {
  run(
      [this, type, peer] {
        auto fetched = modules_.fetch({.app = "", .actor_type = type}, peer);
        if (fetched) log_.info("node", "app module fetched", {{"actor_type", type}});
        return fetched;
      },
      std::move(done));
}

void AppModuleSource::bring_app(const std::string& name, const std::string& module_file,
                                std::function<void(Result<void>)> done) {
  if (module_file.empty() && modules_.app(name)) return done({});
  if (!module_file.empty() && !options_.closed_to_clients.empty()) {
    return done(Error{Code::unsupported, "app module " + module_file +
                                             " is not loaded: " + options_.closed_to_clients});
  }
  run(
      [this, name, module_file]() -> Result<void> {
        const auto brought = module_file.empty() ? modules_.fetch({.app = name, .actor_type = ""})
                                                 : modules_.load(module_file);
        if (!brought && !module_file.empty()) return brought;
        const auto app = modules_.app(name);
        if (app) {
          log_.info("node", "app module loaded", {{"app", name}, {"file", module_file}});
          return {};
        }
        if (brought || brought.error().code == Code::not_found) return app.error();
        return Error{brought.error().code, app.error().message + "; " + brought.error().message};
      },
      std::move(done));
}

}  // namespace omma
