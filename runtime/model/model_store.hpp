// Finds models: a TorchScript file `x.pt` with its card `x.json` beside it. The content hash is a
// model's identity; a file whose bytes are not what its card promises is never served.
//
// Thread-safe. Holds paths and hashes, no weights; files are read at each question, so that a model
// copied into a folder is found without a restart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/model/model_card.hpp"

namespace omma {

// A model that may be loaded: card, place and content agree.
struct ModelFile {
  ModelCard card;
  std::filesystem::path path;  // Of the TorchScript file.
  std::filesystem::path card_path;
  ContentHash hash;  // Of its bytes.
  std::uintmax_t size_bytes = 0;
};

class ModelStore {
 public:
  // Earlier folders win where two hold a model of the same name. A folder that does not exist is
  // an empty one. `cache` is searched last: in it each model has a folder, named by its hash
  // (ModelExchange puts them there).
  explicit ModelStore(std::vector<std::filesystem::path> folders, std::filesystem::path cache = {});

  struct Listing {
    std::vector<ModelFile> models;  // Sorted by name, each name once.
    std::vector<Error> refused;     // One for each card or TorchScript file that cannot be served.
  };
  Listing list();

  // By name ("person-vehicle-bike-detection-2002", looked up in the folders), or by the path of a
  // file that ends in .pt, anywhere. not_found names the nearest model there is; invalid_argument:
  // no card, or a wrong one; corrupt: other bytes than the card's hash; over_limit: too large.
  Result<ModelFile> find(std::string_view name_or_path);
  // Whatever its name. not_found when no file here has this content.
  Result<ModelFile> find_by_hash(const ContentHash& hash);

 private:
  // What a hash was computed of; another size or time of change means other content.
  struct HashedFile {
    std::uintmax_t size_bytes = 0;
    std::filesystem::file_time_type changed;
    ContentHash hash;
  };

  std::vector<std::filesystem::path> folders() const;
  Result<ModelFile> find_by_name(const std::string& name);
  Result<ModelFile> open_file(const std::filesystem::path& torchscript);
  Result<ModelFile> open_card(const std::filesystem::path& card_path, ModelCard card);
  Result<ContentHash> hash_of(const std::filesystem::path& path, std::uintmax_t size_bytes);

  const std::vector<std::filesystem::path> folders_;
  const std::filesystem::path cache_;
  std::mutex mutex_;
  std::map<std::filesystem::path, HashedFile> hashes_;  // Guarded by mutex_.
};

}  // namespace omma
