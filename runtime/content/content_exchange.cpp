#include "runtime/content/content_exchange.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/content/blob_assembly.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// One file in the making; errors name the path and the reason.
class FileWriter {
 public:
  static Result<FileWriter> create(const fs::path& path) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (file == nullptr)
      return failed(path, "opened", std::error_code(errno, std::generic_category()));
    return FileWriter(path, file);
  }
  Result<void> write(std::span<const std::byte> bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size()) return {};
    return failed(path_, "written", std::error_code(errno, std::generic_category()));
  }
  Result<void> close() {
    if (std::fclose(file_.release()) == 0) return {};
    return failed(path_, "written", std::error_code(errno, std::generic_category()));
  }
  static Error failed(const fs::path& path, const char* what, const std::error_code& why) {
    return Error{Code::unavailable, path.string() + " cannot be " + what + ": " + why.message() +
                                        "; make room or mend the node's data folder"};
  }

 private:
  FileWriter(fs::path path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  fs::path path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
};

Result<void> write_file(const fs::path& path, std::span<const std::byte> bytes) {
  auto file = FileWriter::create(path);
  if (!file) return file.error();
  if (auto written = file->write(bytes); !written) return written;
  return file->close();
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code gone;
    const std::uintmax_t size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

Message fetch_request(const ContentHash& hash, std::uint64_t offset) {
  return Message::build<wire::FetchBlob>([&](wire::FetchBlob::Builder out) {
    out.setHash({hash.bytes.data(), hash.bytes.size()});
    out.setOffset(offset);
  });
}

}  // namespace

// --- Peers ---------------------------------------------------------------------------------------

struct ContentExchange::Line {
  std::mutex mutex;
  std::condition_variable changed;
  // All below guarded by mutex.
  std::vector<std::string> peers;
  Ask ask;               // Empty: not connected.
  unsigned calling = 0;  // Threads inside `ask`.
};

ContentExchange::ContentExchange(ContentKind kind, BufferPool& pool)
    : kind_(std::move(kind)), pool_(pool), line_(std::make_shared<Line>()) {}

ContentExchange::~ContentExchange() {
  disconnect();
}

void ContentExchange::connect(std::vector<std::string> peers, Ask ask) {
  std::lock_guard lock(line_->mutex);
  line_->peers = std::move(peers);
  line_->ask = std::move(ask);
}

void ContentExchange::disconnect() {
  std::unique_lock lock(line_->mutex);
  line_->ask = nullptr;
  line_->changed.notify_all();
  line_->changed.wait(lock, [this] { return line_->calling == 0; });
}

std::vector<std::string> ContentExchange::peers() const {
  std::lock_guard lock(line_->mutex);
  return line_->peers;
}

Result<Message> ContentExchange::ask(const std::string& peer, Message request) {
  std::unique_lock lock(line_->mutex);
  const Ask ask = line_->ask;
  if (!ask) return Error{Code::unavailable, "this node is not connected"};
  ++line_->calling;
  lock.unlock();
  auto answered = std::make_shared<std::optional<Result<Message>>>();
  ask(peer, std::move(request), [line = line_, answered](Result<Message> answer) {
    std::lock_guard answering(line->mutex);
    *answered = std::move(answer);
    line->changed.notify_all();
  });
  lock.lock();
  --line_->calling;
  line_->changed.notify_all();
  line_->changed.wait(lock, [&] { return answered->has_value() || !line_->ask; });
  if (*answered) return **std::move(answered);
  return Error{Code::unavailable, "this node is stopping"};
}

// --- Fetching ------------------------------------------------------------------------------------

Result<ContentFile> ContentExchange::fetch(const std::string& name, const ContentHash& hash) {
  std::lock_guard one_at_a_time(fetching_);
  auto here = kind_.find(hash);
  if (here || here.error().code != Code::not_found) return here;
  std::string answers;
  bool all_lack_it = true;
  const std::vector<std::string> all = peers();
  for (const std::string& peer : all) {
    auto fetched = take_from(peer, hash);
    if (fetched) return kind_.find(hash);
    all_lack_it = all_lack_it && fetched.error().code == Code::not_found;
    answers += "; " + peer + ": " + fetched.error().message;
  }
  if (all.empty()) answers = "; no peer is known";
  count(&Counters::failed);
  return Error{all_lack_it ? Code::not_found : Code::unavailable,
               kind_.noun + " " + name + " with SHA-256 " + hash.hex() +
                   " is not here and came from no peer" + answers + "; " + kind_.remedy};
}

Result<ContentFile> ContentExchange::fetch_from(const std::string& peer, const ContentHash& hash) {
  std::lock_guard one_at_a_time(fetching_);
  auto here = kind_.find(hash);
  if (here || here.error().code != Code::not_found) return here;
  if (auto fetched = take_from(peer, hash); !fetched) {
    count(&Counters::failed);
    return fetched.error();
  }
  return kind_.find(hash);
}

Result<void> ContentExchange::take_from(const std::string& peer, const ContentHash& hash) {
  const fs::path partial = kind_.cache / (hash.hex() + ".partial");
  std::error_code failed;
  fs::remove_all(partial, failed);  // Of a fetch that was cut short.
  fs::create_directories(partial, failed);
  if (failed) return FileWriter::failed(partial, "made", failed);
  auto received = receive(peer, hash, partial);
  if (received) {
    const fs::path whole = kind_.cache / hash.hex();
    fs::remove_all(whole, failed);  // One that was damaged: it would have been found else.
    fs::rename(partial, whole, failed);
    if (failed) received = FileWriter::failed(whole, "made", failed);
  }
  std::error_code ignored;
  if (!received) fs::remove_all(partial, ignored);
  if (received) count(&Counters::fetched);
  return received;
}

Result<void> ContentExchange::receive(const std::string& peer, const ContentHash& hash,
                                      const fs::path& folder) {
  BlobAssembly assembly(hash, kind_.file_bytes_max);
  std::optional<FileWriter> file;
  while (!file || !assembly.complete()) {
    auto answer = ask(peer, fetch_request(hash, assembly.next_offset()));
    if (!answer) return answer.error();
    if (!answer->is<wire::BlobChunk>() || answer->payloads().size() != 1) {
      return Error{Code::corrupt, "its answer is no piece of a file"};
    }
    const auto chunk = answer->as<wire::BlobChunk>();
    const std::span<const std::byte> piece = answer->payloads()[0].bytes();
    if (auto added = assembly.add(chunk.getTotalBytes(), piece); !added) return added;
    if (!file) {
      const std::string name = chunk.getFileName();
      const auto card = chunk.getCard();
      if (auto may = kind_.may_take(name, card.size()); !may) return may;
      if (auto room = make_room(chunk.getTotalBytes()); !room) return room;
      if (card.size() > 0) {
        auto carded = write_file((folder / name).replace_extension(".json"),
                                 std::as_bytes(std::span(card.begin(), card.size())));
        if (!carded) return carded;
      }
      auto created = FileWriter::create(folder / name);
      if (!created) return created.error();
      file = *std::move(created);
    }
    if (auto written = file->write(piece); !written) return written;
    count(&Counters::fetched_bytes, piece.size());
  }
  if (auto closed = file->close(); !closed) return closed;
  if (auto right = assembly.check(); !right) return right;
  return kind_.check(folder, hash);
}

// On the disk, and within the cache's limit.
Result<void> ContentExchange::make_room(std::uint64_t bytes) {
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  std::uint64_t used = 0;
  std::error_code failed;
  for (fs::directory_iterator it(kind_.cache, failed), end; !failed && it != end;
       it.increment(failed)) {
    std::error_code unreadable;
    if (!ContentHash::from_hex(it->path().filename().string())) continue;
    kept.emplace_back(fs::last_write_time(it->path(), unreadable), it->path());
    used += bytes_in(it->path());
  }
  std::sort(kept.begin(), kept.end());
  for (const auto& [written, folder] : kept) {
    if (used + bytes <= kind_.cache_bytes_max) break;
    used -= std::min(used, bytes_in(folder));
    fs::remove_all(folder, failed);
    count(&Counters::evicted);
  }
  const fs::space_info space = fs::space(kind_.cache, failed);
  if (failed || space.available >= bytes) return {};
  return Error{Code::unavailable, "the disk of " + kind_.cache.string() + " has " +
                                      std::to_string(space.available) + " bytes left, " +
                                      std::to_string(bytes) + " are needed; make room"};
}

// --- Serving -------------------------------------------------------------------------------------

Result<Message> ContentExchange::serve(const Message& request) {
  const auto wanted = request.as<wire::FetchBlob>();
  ContentHash hash;
  if (wanted.getHash().size() != hash.bytes.size()) {
    return Error{Code::invalid_argument,
                 "a SHA-256 has 32 bytes, this has " + std::to_string(wanted.getHash().size())};
  }
  std::copy(wanted.getHash().begin(), wanted.getHash().end(), hash.bytes.begin());
  auto found = kind_.find(hash);
  if (!found) return found.error();
  const std::uint64_t offset = wanted.getOffset();
  if (offset > found->size_bytes) {
    return Error{Code::invalid_argument, "offset " + std::to_string(offset) + " in a file of " +
                                             std::to_string(found->size_bytes) + " bytes"};
  }
  auto piece = pool_.take(static_cast<std::size_t>(
      std::min<std::uint64_t>(limits::blob_chunk_bytes, found->size_bytes - offset)));
  if (!piece) return piece.error();
  std::ifstream file(found->path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(piece->data()), static_cast<std::streamsize>(piece->size()));
  std::string card;
  const bool with_card = offset == 0 && !found->card_path.empty();
  if (with_card) {
    std::ifstream text(found->card_path, std::ios::binary);
    card.assign(std::istreambuf_iterator<char>(text), {});
  }
  if (static_cast<std::size_t>(file.gcount()) != piece->size() || (with_card && card.empty())) {
    return Error{Code::unavailable,
                 kind_.noun + " " + found->path.string() + " cannot be read whole"};
  }
  count(&Counters::served_chunks);
  return Message::build<wire::BlobChunk>(
      [&](wire::BlobChunk::Builder out) {
        out.setTotalBytes(found->size_bytes);
        out.setFileName(found->path.filename().string());
        out.setCard({reinterpret_cast<const kj::byte*>(card.data()), card.size()});
      },
      {std::move(*piece).share()});
}

void ContentExchange::count(std::uint64_t Counters::*counter, std::uint64_t by) {
  std::lock_guard lock(mutex_);
  counters_.*counter += by;
}

ContentExchange::Counters ContentExchange::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace omma
