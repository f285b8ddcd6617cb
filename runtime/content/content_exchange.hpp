// ContentExchange: files go from node to node by the hash of their content. A node that lacks one
// asks its peers in turn, takes it in pieces, checks it, and keeps it on disk; and it gives its own
// to peers that ask. What a ContentKind says is all that tells models from app modules.
//
// What is fetched lies in <cache>/<hash>/, which appears there whole or not at all. The cache is
// bounded; what was fetched longest ago goes first.
//
// Thread-safe. fetch() and serve() block on peers and disks: for executors' jobs only.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/message.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

struct ContentFile {
  std::filesystem::path path;
  std::filesystem::path card_path;  // Of what travels with it; empty: nothing does.
  std::uint64_t size_bytes = 0;
};

struct ContentKind {
  std::string noun;  // "model": for people.
  std::filesystem::path cache;
  std::uint64_t file_bytes_max = 0;
  std::uint64_t cache_bytes_max = 0;
  // What is said to a user whom no peer could help, after "; ".
  std::string remedy;
  // What is here, in the cache or elsewhere; not_found when nothing has this content.
  std::function<Result<ContentFile>(const ContentHash& hash)> find;
  // Whether a peer's file of this name, with a card of this size, may be written to the cache: its
  // word is not enough.
  std::function<Result<void>(const std::string& file_name, std::size_t card_bytes)> may_take;
  // The file is whole in this folder, and its hash is right. Is it of any use?
  std::function<Result<void>(const std::filesystem::path& folder, const ContentHash& hash)> check;
};

class ContentExchange {
 public:
  using Answer = std::function<void(Result<Message>)>;
  // Asks a peer node. Answers once, from any thread, however it goes.
  using Ask = std::function<void(const std::string& peer, Message request, Answer answer)>;

  struct Counters {
    std::uint64_t fetched = 0;  // Files.
    std::uint64_t fetched_bytes = 0;
    std::uint64_t failed = 0;         // No peer had it whole.
    std::uint64_t served_chunks = 0;  // To peers.
    std::uint64_t evicted = 0;        // From the cache, for want of room.
  };

  // The pool outlives the exchange, and so does what the kind's functions refer to.
  ContentExchange(ContentKind kind, BufferPool& pool);
  ~ContentExchange();

  // Until then, and after disconnect(), a fetch is unavailable.
  void connect(std::vector<std::string> peers, Ask ask);
  // Fetches under way end; when it returns, `ask` is not called and will not be.
  void disconnect();
  std::vector<std::string> peers() const;
  // Waits for the peer's answer.
  Result<Message> ask(const std::string& peer, Message request);

  // From here, else from a peer. Names what each peer answered: not_found when none has it, else
  // unavailable. `name` is for people.
  Result<ContentFile> fetch(const std::string& name, const ContentHash& hash);
  // From this peer or not at all.
  Result<ContentFile> fetch_from(const std::string& peer, const ContentHash& hash);
  // A peer's FetchBlob: answered with BlobChunk.
  Result<Message> serve(const Message& request);

  Counters counters() const;

 private:
  struct Line;
  Result<void> take_from(const std::string& peer, const ContentHash& hash);
  Result<void> receive(const std::string& peer, const ContentHash& hash,
                       const std::filesystem::path& folder);
  Result<void> make_room(std::uint64_t bytes);
  void count(std::uint64_t Counters::*counter, std::uint64_t by = 1);

  const ContentKind kind_;
  BufferPool& pool_;
  const std::shared_ptr<Line> line_;  // To the peers; late answers may outlive the exchange.
  std::mutex fetching_;               // One file at a time.
  mutable std::mutex mutex_;
  Counters counters_;  // Guarded by mutex_.
};

}  // namespace omma
