#include "runtime/node/app_modules.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

namespace fs = std::filesystem;

Result<void> may_take(const std::string& name, std::size_t card_bytes) {
  const bool is_file = fs::path(name).filename() == name && name.ends_with(app_module_ending) &&
                       name.size() <= limits::name_bytes_max;
  if (is_file && card_bytes == 0) return {};
  return Error{Code::corrupt, "a file named '" + name + "' is no app module"};
}

bool brings(const App& app, const std::string& actor_type) {
  return std::any_of(app.types().begin(), app.types().end(),
                     [&](const ActorType& type) { return type.name == actor_type; });
}

std::string text_of(const AppModules::Wish& wish) {
  return wish.app.empty() ? "actor type '" + wish.actor_type + "'" : "app '" + wish.app + "'";
}

}  // namespace

AppModules::AppModules(AppList compiled_in, Options options, BufferPool& pool)
    : options_(std::move(options)),
      content_({.noun = "app module",
                .cache = options_.cache,
                .file_bytes_max = limits::app_module_bytes_max,
                .cache_bytes_max = limits::app_module_cache_bytes_max,
                .remedy = "name the module under apps: in the cluster file",
                .find = [this](const ContentHash& hash) { return in_cache(hash); },
                .may_take = may_take,
                .check = [](const fs::path&, const ContentHash&) { return Result<void>(); }},
               pool),
      apps_(std::move(compiled_in)) {}

// --- What is here -------------------------------------------------------------------------------

std::vector<const App*> AppModules::apps() const {
  std::lock_guard lock(mutex_);
  std::vector<const App*> all;
  for (const auto& app : apps_) all.push_back(app.get());
  return all;
}

Result<const App*> AppModules::app(const std::string& name) const {
  std::vector<std::string> names;
  for (const App* app : apps()) {
    if (app->name() == name) return app;
    names.push_back(app->name());
  }
  return Error{Code::not_found, "no app '" + name + "'" + suggestion_for(name, names)};
}

const AppModules::Loaded* AppModules::loaded_with(const Wish& wish) const {
  for (const Loaded& module : modules_) {
    for (const App* app : module.apps) {
      if (wish.app.empty() ? brings(*app, wish.actor_type) : app->name() == wish.app) {
        return &module;
      }
    }
  }
  return nullptr;
}

bool AppModules::has(const Wish& wish) const {
  std::lock_guard lock(mutex_);
  return loaded_with(wish) != nullptr;
}

Result<Message> AppModules::find(const Message& request) const {
  const auto wanted = request.as<wire::FindAppModule>();
  const Wish wish{wanted.getApp().cStr(), wanted.getActorType().cStr()};
  std::lock_guard lock(mutex_);
  const Loaded* const module = loaded_with(wish);
  if (module == nullptr) return Error{Code::not_found, "no module with " + text_of(wish)};
  return Message::build<wire::AppModuleFound>([&](wire::AppModuleFound::Builder out) {
    out.setHash({module->hash.bytes.data(), module->hash.bytes.size()});
    out.setFileName(module->file.filename().string());
  });
}

// The node's copy, if it is whole.
Result<ContentFile> AppModules::in_cache(const ContentHash& hash) const {
  std::error_code failed;
  std::lock_guard lock(copies_mutex_);
  const auto known = copies_.find(hash);
  if (known != copies_.end() &&
      fs::file_size(known->second.path, failed) == known->second.size_bytes && !failed) {
    return known->second;
  }
  for (fs::directory_iterator it(options_.cache / hash.hex(), failed), end; !failed && it != end;
       it.increment(failed)) {
    const auto found = sha256_of_file(it->path());
    std::error_code gone;
    const std::uintmax_t size = it->file_size(gone);
    if (!found || *found != hash || gone) continue;
    return copies_.insert_or_assign(hash, ContentFile{it->path(), {}, size}).first->second;
  }
  return Error{Code::not_found, "no app module with SHA-256 " + hash.hex()};
}

// --- Loading ------------------------------------------------------------------------------------

Result<void> AppModules::load(const fs::path& file_or_folder) {
  std::lock_guard one_at_a_time(loading_);
  std::error_code failed;
  if (!fs::is_directory(file_or_folder, failed)) return load_file(file_or_folder);
  std::vector<fs::path> files;
  for (fs::directory_iterator it(file_or_folder, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().string().ends_with(app_module_ending)) files.push_back(it->path());
  }
  if (failed) {
    return Error{Code::unavailable, "folder " + file_or_folder.string() +
                                        " of app modules cannot be read: " + failed.message()};
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (auto loaded = load_file(file); !loaded) return loaded;
  }
  return {};
}

Result<void> AppModules::load_file(const fs::path& file) {
  if (auto right = check_app_module(file, options_.stamp); !right) return right;
  const auto hash = sha256_of_file(file);
  if (!hash) return hash.error();
  const auto own = copy(file, *hash);
  if (!own) return own.error();
  return load_copy(*own, *hash);
}

Result<fs::path> AppModules::copy(const fs::path& file, const ContentHash& hash) {
  if (auto here = in_cache(hash)) return here->path;
  const fs::path folder = options_.cache / hash.hex();
  const fs::path partial = options_.cache / (hash.hex() + ".copy");
  const auto failed = [&](const std::error_code& why) {
    return Error{Code::unavailable, "app module " + file.string() + " cannot be copied to " +
                                        folder.string() + ": " + why.message()};
  };
  std::error_code why;
  fs::remove_all(folder, why);
  fs::remove_all(partial, why);
  if (fs::create_directories(partial, why); why) return failed(why);
  if (fs::copy_file(file, partial / file.filename(), why); why) return failed(why);
  if (fs::rename(partial, folder, why); why) return failed(why);
  return folder / file.filename();
}

// Holds loading_.
Result<void> AppModules::load_copy(const fs::path& file, const ContentHash& hash) {
  {
    std::lock_guard lock(mutex_);
    const auto same = [&](const Loaded& module) { return module.hash == hash; };
    if (std::any_of(modules_.begin(), modules_.end(), same)) return {};
    if (modules_.size() >= limits::app_modules_max) {
      return Error{Code::over_limit, "app module " + file.filename().string() +
                                         " is one too many, limit " +
                                         std::to_string(limits::app_modules_max) +
                                         "; put several apps into one module"};
    }
  }
  auto apps = open_app_module(file, options_.stamp);
  if (!apps) return apps.error();
  std::lock_guard lock(mutex_);
  if (auto fresh = check_names(file, *apps); !fresh) return fresh;
  Loaded module{hash, file, {}};
  for (auto& app : *apps) {
    module.apps.push_back(app.get());
    apps_.push_back(std::move(app));
  }
  modules_.push_back(std::move(module));
  return {};
}

// No name twice, within the module either.
Result<void> AppModules::check_names(const fs::path& file, const AppList& apps) const {
  std::map<std::string, std::string> app_names;
  std::map<std::string, std::string> type_names;
  for (const std::string& type : options_.taken_types) type_names[type] = "omma itself";
  for (const auto& app : apps_) {
    std::string owner = "app '" + app->name() + "', which is compiled in";
    for (const Loaded& module : modules_) {
      const auto& own = module.apps;
      if (std::find(own.begin(), own.end(), app.get()) == own.end()) continue;
      owner = "module " + module.file.string();
    }
    app_names[app->name()] = owner;
    for (const ActorType& type : app->types()) type_names[type.name] = owner;
  }
  const std::string here = "module " + file.string();
  const auto claim = [&](auto& taken, const std::string& what,
                         const std::string& name) -> Result<void> {
    const auto [found, fresh] = taken.emplace(name, here);
    if (fresh) return {};
    return Error{Code::conflict,
                 here + " brings the " + what + " '" + name + "', which " +
                     (found->second == here ? "it brings twice" : found->second + " has already") +
                     "; rename it, or restart the cluster if it is a newer build"};
  };
  for (const auto& app : apps) {
    if (auto fresh = claim(app_names, "app", app->name()); !fresh) return fresh;
    for (const ActorType& type : app->types()) {
      if (auto fresh = claim(type_names, "actor type", type.name); !fresh) return fresh;
    }
  }
  return {};
}

// --- From peers ---------------------------------------------------------------------------------

Result<void> AppModules::fetch(const Wish& wish, const std::string& first) {
  std::vector<std::string> peers = content_.peers();
  std::stable_partition(peers.begin(), peers.end(),
                        [&](const std::string& peer) { return peer == first; });
  const Message question = Message::build<wire::FindAppModule>([&](auto out) {
    out.setApp(wish.app);
    out.setActorType(wish.actor_type);
  });
  std::lock_guard one_at_a_time(loading_);
  if (has(wish)) return {};
  std::string answers;
  bool all_lack_it = true;
  for (const std::string& peer : peers) {
    const auto found = content_.ask(peer, question);
    ContentHash hash;
    if (!found || !found->is<wire::AppModuleFound>() ||
        found->as<wire::AppModuleFound>().getHash().size() != hash.bytes.size()) {
      answers += "; " + peer + ": " + (found ? "no answer to that" : found.error().message);
      all_lack_it = all_lack_it && !found && found.error().code == Code::not_found;
      continue;
    }
    const auto theirs = found->as<wire::AppModuleFound>().getHash();
    std::copy(theirs.begin(), theirs.end(), hash.bytes.begin());
    const auto file = content_.fetch_from(peer, hash);
    if (!file) {
      answers += "; " + peer + ": " + file.error().message;
      all_lack_it = false;
      continue;
    }
    if (auto loaded = load_copy(file->path, hash); !loaded) return loaded;
    if (has(wish)) return {};
    return Error{Code::corrupt, peer + " has a module for " + text_of(wish) + ", " +
                                    file->path.filename().string() + ", but it brings no such"};
  }
  if (peers.empty()) answers = "; no peer may be asked for one";
  return Error{all_lack_it ? Code::not_found : Code::unavailable,
               "no app module with " + text_of(wish) + " here" + answers};
}

}  // namespace omma
