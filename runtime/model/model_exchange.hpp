// ModelExchange: models go from node to node by the hash of their content. A node that lacks one
// asks its peers in turn, takes it in pieces, checks it, and keeps it on disk with its card; and it
// gives its own to peers that ask.
//
// What is fetched lies in <cache>/<hash>/, which appears there whole or not at all. The cache is
// bounded by limits::model_cache_bytes_max; the model fetched longest ago goes first.
//
// Thread-safe. fetch() and serve() block on peers and disks: for executors' jobs only.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/message.hpp"
#include "runtime/model/model_store.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace omma {

class ModelExchange {
 public:
  using Answer = std::function<void(Result<Message>)>;
  // Asks a peer node. Answers once, from any thread, however it goes.
  using Ask = std::function<void(const std::string& peer, Message request, Answer answer)>;

  struct Counters {
    std::uint64_t fetched = 0;  // Models.
    std::uint64_t fetched_bytes = 0;
    std::uint64_t failed = 0;         // No peer had it whole.
    std::uint64_t served_chunks = 0;  // To peers.
    std::uint64_t evicted = 0;        // From the cache, for want of room.
  };

  // `store` searches `cache`; both the store and the pool outlive the exchange.
  ModelExchange(ModelStore& store, std::filesystem::path cache, BufferPool& pool);
  ~ModelExchange();

  // Until then, and after disconnect(), a fetch is unavailable.
  void connect(std::vector<std::string> peers, Ask ask);
  // Fetches under way end; when it returns, `ask` is not called and will not be.
  void disconnect();

  // From the store, else from a peer. Names what each peer answered: not_found when none has it,
  // else unavailable. `model` is for people.
  Result<ModelFile> fetch(const std::string& model, const ContentHash& hash);
  // A peer's FetchBlob: answered with BlobChunk.
  Result<Message> serve(const Message& request);

  Counters counters() const;

 private:
  struct Line;
  Result<void> fetch_from(const std::string& peer, const ContentHash& hash);
  Result<void> receive(const std::string& peer, const ContentHash& hash,
                       const std::filesystem::path& folder);
  Result<Message> ask(const std::string& peer, Message request);
  Result<void> make_room(std::uint64_t bytes);
  void count(std::uint64_t Counters::*counter, std::uint64_t by = 1);

  ModelStore& store_;
  const std::filesystem::path cache_;
  BufferPool& pool_;
  const std::shared_ptr<Line> line_;  // To the peers; late answers may outlive the exchange.
  std::mutex fetching_;               // One model at a time.
  mutable std::mutex mutex_;
  Counters counters_;  // Guarded by mutex_.
};

}  // namespace omma
