// ModelExchange: models as they go from node to node (content_exchange.hpp), each file with its
// card. What is fetched is checked against its card and found by the store from then on.
//
// Thread-safe. fetch() and serve() block on peers and disks: for executors' jobs only.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/content/content_exchange.hpp"
#include "runtime/model/model_store.hpp"

#include <filesystem>
#include <string>

namespace omma {

class ModelExchange {
 public:
  // `store` searches `cache`; both the store and the pool outlive the exchange.
  ModelExchange(ModelStore& store, std::filesystem::path cache, BufferPool& pool);

  // From the store, else from a peer: see ContentExchange::fetch.
  Result<ModelFile> fetch(const std::string& model, const ContentHash& hash);
  ContentExchange& content() { return content_; }

 private:
  ModelStore& store_;
  ContentExchange content_;
};

}  // namespace omma
