// AppModules: the apps of a node. Some are compiled in; the others are in modules, from files that
// the cluster file or a user names, or from peers, by the hash of their content.
//
// A module is loaded from the node's own copy, <cache>/<hash>/: whoever builds his app anew in
// place changes nothing that runs, and what is given to peers is what runs here. What is loaded
// stays loaded until the process ends.
//
// Thread-safe. load(), fetch() and what content() does block on disks and peers: for executors'
// jobs only.
#pragma once

#include "runtime/content/content_exchange.hpp"
#include "runtime/node/app_module.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace omma {

class AppModules {
 public:
  struct Options {
    std::string stamp;                  // Of this build: omma/stamp.hpp.
    std::filesystem::path cache;        // The node's own copies.
    std::set<std::string> taken_types;  // Actor types that no app may bring.
  };
  // What is wanted of a module: an app by its name, or an actor type; the other is empty.
  struct Wish {
    std::string app;
    std::string actor_type;
  };

  AppModules(AppList compiled_in, Options options, BufferPool& pool);

  // A module, or all modules in a folder. What is loaded already is no error; another module that
  // brings an app or an actor type of the same name is a conflict.
  Result<void> load(const std::filesystem::path& file_or_folder);
  // From a peer that has loaded it; `first` is asked before the others. Names what each answered.
  Result<void> fetch(const Wish& wish, const std::string& first = {});
  // A peer's FindAppModule: answered with AppModuleFound.
  Result<Message> find(const Message& request) const;
  ContentExchange& content() { return content_; }

  // They stay where they are.
  std::vector<const App*> apps() const;
  // not_found names the nearest.
  Result<const App*> app(const std::string& name) const;

 private:
  struct Loaded {
    ContentHash hash;
    std::filesystem::path file;  // In the cache.
    std::vector<const App*> apps;
  };

  Result<void> load_file(const std::filesystem::path& file);
  Result<void> load_copy(const std::filesystem::path& file, const ContentHash& hash);
  Result<std::filesystem::path> copy(const std::filesystem::path& file, const ContentHash& hash);
  Result<ContentFile> in_cache(const ContentHash& hash) const;
  Result<void> check_names(const std::filesystem::path& file, const AppList& apps) const;
  const Loaded* loaded_with(const Wish& wish) const;
  bool has(const Wish& wish) const;

  const Options options_;
  ContentExchange content_;
  std::mutex loading_;  // One module at a time; before mutex_.
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  AppList apps_;
  std::vector<Loaded> modules_;
  mutable std::mutex copies_mutex_;
  mutable std::map<ContentHash, ContentFile> copies_;  // Read once; guarded by copies_mutex_.
};

}  // namespace omma
