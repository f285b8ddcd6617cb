#include "runtime/model/model_store.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

namespace fs = std::filesystem;

// Regular files with this extension, sorted, so that every question is answered in the same order.
std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code unreadable;
    if (it->is_regular_file(unreadable) && it->path().extension() == extension) {
      files.push_back(it->path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path with_extension(fs::path path, const char* extension) {
  return path.replace_extension(extension);
}

Error no_card(const fs::path& torchscript, const fs::path& card) {
  return Error{Code::invalid_argument,
               "model " + torchscript.string() + " has no card; write " + card.string() +
                   " with its input, outputs and classes as models/omma-detector.json shows"};
}

Result<ModelCard> read_card(const fs::path& path) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  if (failed) return Error{Code::not_found, "model card " + path.string() + " cannot be read"};
  if (size > limits::model_card_bytes_max) {
    return Error{Code::over_limit,
                 "model card " + path.string() + " has " + std::to_string(size) + " bytes, limit " +
                     std::to_string(limits::model_card_bytes_max) + "; is it another file?"};
  }
  std::string text(size, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size) {
    return Error{Code::unavailable, "model card " + path.string() + " cannot be read whole"};
  }
  return parse_model_card(text, path.string());
}

}  // namespace

ModelStore::ModelStore(std::vector<fs::path> folders, fs::path cache)
    : folders_(std::move(folders)), cache_(std::move(cache)) {}

// The cache's too, without those that are being written.
std::vector<fs::path> ModelStore::folders() const {
  std::vector<fs::path> all = folders_;
  if (cache_.empty()) return all;
  std::error_code failed;
  for (fs::directory_iterator it(cache_, failed), end; !failed && it != end; it.increment(failed)) {
    if (ContentHash::from_hex(it->path().filename().string())) all.push_back(it->path());
  }
  std::sort(all.begin() + static_cast<std::ptrdiff_t>(folders_.size()), all.end());
  return all;
}

ModelStore::Listing ModelStore::list() {
  Listing listing;
  std::set<std::string> names;
  for (const fs::path& folder : folders()) {
    for (const fs::path& card_path : files_in(folder, ".json")) {
      Result<ModelCard> card = read_card(card_path);
      if (!card) {
        listing.refused.push_back(card.error());
        continue;
      }
      if (!names.insert(card->name).second) continue;
      Result<ModelFile> model = open_card(card_path, *std::move(card));
      if (model) {
        listing.models.push_back(*std::move(model));
      } else {
        listing.refused.push_back(model.error());
      }
    }
    for (const fs::path& torchscript : files_in(folder, ".pt")) {
      const fs::path card = with_extension(torchscript, ".json");
      if (!fs::exists(card)) listing.refused.push_back(no_card(torchscript, card));
    }
  }
  std::sort(listing.models.begin(), listing.models.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.card.name < b.card.name; });
  return listing;
}

Result<ModelFile> ModelStore::find(std::string_view name_or_path) {
  const fs::path path(name_or_path);
  if (path.extension() == ".pt") return open_file(path);
  return find_by_name(std::string(name_or_path));
}

Result<ModelFile> ModelStore::find_by_hash(const ContentHash& hash) {
  for (const fs::path& folder : folders()) {
    for (const fs::path& card_path : files_in(folder, ".json")) {
      Result<ModelCard> card = read_card(card_path);
      if (!card || (card->sha256 && *card->sha256 != hash)) continue;
      Result<ModelFile> model = open_card(card_path, *std::move(card));
      if (model && model->hash == hash) return model;
    }
  }
  return Error{Code::not_found, "no model with SHA-256 " + hash.hex() + " here"};
}

Result<ModelFile> ModelStore::find_by_name(const std::string& name) {
  std::vector<std::string> known;
  for (const fs::path& folder : folders()) {
    for (const fs::path& card_path : files_in(folder, ".json")) {
      Result<ModelCard> card = read_card(card_path);
      if (!card && card_path.stem() == name) return card.error();
      if (!card) continue;
      if (card->name == name) return open_card(card_path, *std::move(card));
      known.push_back(card->name);
    }
    const fs::path torchscript = folder / (name + ".pt");
    if (fs::exists(torchscript)) return open_file(torchscript);
  }
  std::string message = "no model '" + name + "' in ";
  for (const fs::path& folder : folders_) {
    message += (&folder == &folders_.front() ? "" : ", ") + folder.string();
  }
  if (folders_.empty()) message += "no folder at all";
  if (const auto nearest = nearest_name(name, known)) {
    message += "; did you mean '" + *nearest + "'";
  } else {
    message += "; `omma models` lists those there are, a file is given by its path ending in .pt";
  }
  return Error{Code::not_found, message};
}

Result<ModelFile> ModelStore::open_file(const fs::path& torchscript) {
  std::error_code failed;
  if (!fs::is_regular_file(torchscript, failed)) {
    return Error{Code::not_found, "no model file " + torchscript.string() + "; check the path"};
  }
  const fs::path card_path = with_extension(torchscript, ".json");
  if (!fs::exists(card_path)) return no_card(torchscript, card_path);
  Result<ModelCard> card = read_card(card_path);
  if (!card) return card.error();
  if (card->file != torchscript.filename()) {
    return Error{Code::invalid_argument,
                 "model card " + card_path.string() + " is of '" + card->file + "', not of '" +
                     torchscript.filename().string() +
                     "'; correct its field 'file' or put the right card there"};
  }
  return open_card(card_path, *std::move(card));
}

Result<ModelFile> ModelStore::open_card(const fs::path& card_path, ModelCard card) {
  ModelFile model;
  model.path = card_path.parent_path() / card.file;
  model.card_path = card_path;
  std::error_code failed;
  model.size_bytes = fs::file_size(model.path, failed);
  if (failed) {
    return Error{Code::not_found, "model card " + card_path.string() + " is of '" + card.file +
                                      "', which is not beside it; put it there or remove the card"};
  }
  if (model.size_bytes > limits::model_file_bytes_max) {
    return Error{Code::over_limit, "model " + model.path.string() + " has " +
                                       std::to_string(model.size_bytes) + " bytes, limit " +
                                       std::to_string(limits::model_file_bytes_max) +
                                       "; export it smaller, for example in float16"};
  }
  Result<ContentHash> hash = hash_of(model.path, model.size_bytes);
  if (!hash) return hash.error();
  model.hash = *hash;
  if (card.sha256 && *card.sha256 != model.hash) {
    return Error{Code::corrupt, "model " + model.path.string() + " has SHA-256 " +
                                    model.hash.hex() + ", its card says " + card.sha256->hex() +
                                    "; fetch the file again, or correct the card if the model was "
                                    "exported anew"};
  }
  model.card = std::move(card);
  return model;
}

Result<ContentHash> ModelStore::hash_of(const fs::path& path, std::uintmax_t size_bytes) {
  std::error_code failed;
  const fs::file_time_type changed = fs::last_write_time(path, failed);
  if (failed) return Error{Code::unavailable, "model " + path.string() + " cannot be read"};
  const fs::path key = fs::absolute(path, failed);
  {
    const std::lock_guard lock(mutex_);
    const auto found = hashes_.find(key);
    if (found != hashes_.end() && found->second.size_bytes == size_bytes &&
        found->second.changed == changed) {
      return found->second.hash;
    }
  }
  Result<ContentHash> hash = sha256_of_file(path);
  if (!hash) return hash.error();
  const std::lock_guard lock(mutex_);
  hashes_[key] = HashedFile{size_bytes, changed, *hash};
  return *hash;
}

}  // namespace omma
