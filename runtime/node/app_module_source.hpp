// AppModuleSource: makes what app modules bring known to one node while it runs: their actor types
// to its host, their apps to its control service.
//
// Thread-safe. Loading and asking peers is done on a thread of its own, so that it holds up nobody.
#pragma once

#include "runtime/cell/executor.hpp"
#include "runtime/node/app_modules.hpp"
#include "runtime/node/host.hpp"
#include "runtime/observe/log.hpp"

#include <functional>
#include <memory>
#include <string>

namespace omma {

class AppModuleSource final : public ActorTypeSource {
 public:
  struct Options {
    Duration linger{};  // Of the stages that modules bring.
    // Why no client may name a module to load; empty: it may.
    std::string closed_to_clients;
  };

  // Adds the types of all apps that `modules` has.
  AppModuleSource(AppModules& modules, ActorTypes& types, Log& log, Options options);

  void bring(const std::string& type, const std::string& peer,
             std::function<void(Result<void>)> done) override;
  // Makes the app known, if it can be: from this file, or (no file) from a peer unless it is here.
  // not_found names the nearest there is.
  void bring_app(const std::string& name, const std::string& module_file,
                 std::function<void(Result<void>)> done);

  const AppModules& modules() const { return modules_; }

 private:
  void run(std::function<Result<void>()> work, std::function<void(Result<void>)> done);
  void adopt();

  AppModules& modules_;
  ActorTypes& types_;
  Log& log_;
  const Options options_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace omma
