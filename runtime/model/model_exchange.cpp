#include "runtime/model/model_exchange.hpp"

#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

namespace fs = std::filesystem;

Result<void> may_take(const std::string& name, std::size_t card_bytes) {
  const fs::path path(name);
  const bool is_file = path.filename() == path && path.extension() == ".pt" && path.stem() != ".";
  if (is_file && card_bytes <= limits::model_card_bytes_max) return {};
  return Error{Code::corrupt, "a file named '" + name + "' with a card of " +
                                  std::to_string(card_bytes) + " bytes is no model"};
}

// The card must promise this very file, or the store would refuse what was fetched.
Result<void> check_card(const fs::path& folder, const ContentHash& hash) {
  if (ModelStore({folder}).find_by_hash(hash)) return {};
  return Error{Code::corrupt, "its card is of another file"};
}

ContentKind models(ModelStore& store, fs::path cache) {
  return {.noun = "model",
          .cache = std::move(cache),
          .file_bytes_max = limits::model_file_bytes_max,
          .cache_bytes_max = limits::model_cache_bytes_max,
          .remedy = "copy the file and its card to one node's model folder",
          .find = [&store](const ContentHash& hash) -> Result<ContentFile> {
            auto model = store.find_by_hash(hash);
            if (!model) return model.error();
            return ContentFile{model->path, model->card_path, model->size_bytes};
          },
          .may_take = may_take,
          .check = check_card};
}

}  // namespace

ModelExchange::ModelExchange(ModelStore& store, fs::path cache, BufferPool& pool)
    : store_(store), content_(models(store, std::move(cache)), pool) {}

Result<ModelFile> ModelExchange::fetch(const std::string& model, const ContentHash& hash) {
  if (auto fetched = content_.fetch(model, hash); !fetched) return fetched.error();
  return store_.find_by_hash(hash);
}

}  // namespace omma
