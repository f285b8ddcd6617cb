#include "runtime/model/model_exchange.hpp"

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <csignal>
#include <future>
#include <map>
#include <thread>

#include "runtime/base/limits.hpp"
#include "schemas/control.capnp.h"
#include "tests/runtime/model/model_folder.hpp"

namespace omma {
namespace {

using test::ModelFolder;
using test::tiny_card;
namespace fs = std::filesystem;

ContentHash hash_of(const std::string& bytes) {
  return sha256(std::as_bytes(std::span(bytes)));
}

// Three pieces, the last one short.
std::string weights() {
  std::string bytes(2 * limits::blob_chunk_bytes + 77, 'w');
  for (std::size_t i = 0; i < bytes.size(); i += 100) bytes[i] = static_cast<char>(i / 100);
  return bytes;
}

// One node: its own models, its cache, and a way to the others.
struct Station {
  ModelFolder own;
  TemporaryFolder data;
  BufferPool pool{std::size_t{8} << 20};
  ModelStore store{{own.path()}, data.path() / "models"};
  ModelExchange exchange{store, data.path() / "models", pool};

  void has(const std::string& bytes, nlohmann::json card = tiny_card()) const {
    own.write("tiny.pt", bytes);
    own.write("tiny.json", card.dump());
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(data.path())) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }
};

using Stations = std::map<std::string, Station*>;

// Peers that are not in the map are away.
void connect(Station& station, std::vector<std::string> peers, Stations stations) {
  station.exchange.content().connect(std::move(peers),
                                     [stations](const std::string& peer, const Message& request,
                                                const ContentExchange::Answer& answer) {
                                       const auto found = stations.find(peer);
                                       if (found == stations.end()) {
                                         return answer(Error{Code::unavailable, "peer is away"});
                                       }
                                       answer(found->second->exchange.content().serve(request));
                                     });
}

TEST_CASE("a model that a node lacks comes from the peer that has it, with its card") {
  Station here;
  Station empty;
  Station owner;
  const std::string bytes = weights();
  owner.has(bytes);
  connect(here, {"away", "empty", "owner"}, {{"empty", &empty}, {"owner", &owner}});
  const auto model = here.exchange.fetch("tiny", hash_of(bytes));
  REQUIRE(model.ok());
  CHECK(model->card.name == "tiny");
  CHECK(model->hash == hash_of(bytes));
  CHECK(model->size_bytes == bytes.size());
  CHECK(here.exchange.content().counters().fetched == 1);
  CHECK(here.exchange.content().counters().fetched_bytes == bytes.size());
  CHECK(owner.exchange.content().counters().served_chunks == 3);
  // From now on it is there by its name, and nobody is asked again.
  CHECK(here.store.find("tiny").ok());
  here.exchange.content().disconnect();
  CHECK(here.exchange.fetch("tiny", hash_of(bytes)).ok());
  CHECK(here.exchange.content().counters().fetched == 1);
  CHECK(here.files() == 2);
}

TEST_CASE("a node's own model of the same name stays what its name means") {
  Station here;
  Station owner;
  here.has("mine");
  owner.has("theirs");
  connect(here, {"owner"}, {{"owner", &owner}});
  REQUIRE(here.exchange.fetch("tiny", hash_of("theirs")).ok());
  CHECK(here.store.find("tiny")->hash == hash_of("mine"));
  CHECK(here.store.find_by_hash(hash_of("theirs")).ok());
  CHECK(here.store.list().models.size() == 1);
}

TEST_CASE("what a node has fetched it gives to others") {
  Station owner;
  Station middle;
  Station far;
  owner.has("weights");
  connect(middle, {"owner"}, {{"owner", &owner}});
  connect(far, {"middle"}, {{"middle", &middle}});
  REQUIRE(middle.exchange.fetch("tiny", hash_of("weights")).ok());
  CHECK(far.exchange.fetch("tiny", hash_of("weights")).ok());
}

TEST_CASE("when no peer has it the error says what each answered") {
  Station here;
  Station empty;
  connect(here, {"empty"}, {{"empty", &empty}});
  const auto none = here.exchange.fetch("tiny", hash_of("weights"));
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == Code::not_found);
  CHECK(none.error().message.find("; empty: no model with SHA-256") != std::string::npos);
  CHECK(here.exchange.content().counters().failed == 1);
  // A peer that is away may have it: worth another try.
  connect(here, {"empty", "away"}, {{"empty", &empty}});
  const auto later = here.exchange.fetch("tiny", hash_of("weights"));
  REQUIRE_FALSE(later.ok());
  CHECK(later.error().code == Code::unavailable);
  CHECK(later.error().message.find("; away: peer is away") != std::string::npos);
  CHECK(here.files() == 0);
}

TEST_CASE("other bytes than the hash names are refused and not kept") {
  Station here;
  Station owner;
  owner.has("weights");
  here.exchange.content().connect({"liar"}, [&](const std::string&, const Message& request,
                                                const ContentExchange::Answer& answer) {
    const auto honest = owner.exchange.content().serve(request);
    REQUIRE(honest.ok());
    const std::string other = "weightX";
    answer(Message::copy_of<wire::BlobChunk>(honest->as<wire::BlobChunk>(),
                                             {Blob::copy_of(std::as_bytes(std::span(other)))}));
  });
  const auto fetched = here.exchange.fetch("tiny", hash_of("weights"));
  REQUIRE_FALSE(fetched.ok());
  CHECK(fetched.error().message.find("its bytes have SHA-256 " + hash_of("weightX").hex()) !=
        std::string::npos);
  CHECK(here.files() == 0);
}

TEST_CASE("a file name that leads elsewhere is refused") {
  Station here;
  for (const char* name : {"../tiny.pt", "/etc/tiny.pt", "tiny", ".pt", ""}) {
    INFO("file name " << name);
    here.exchange.content().connect(
        {"liar"}, [&](const std::string&, const Message&, const ContentExchange::Answer& answer) {
          const std::string bytes = "weights";
          answer(Message::build<wire::BlobChunk>(
              [&](wire::BlobChunk::Builder out) {
                out.setTotalBytes(bytes.size());
                out.setFileName(name);
              },
              {Blob::copy_of(std::as_bytes(std::span(bytes)))}));
        });
    const auto fetched = here.exchange.fetch("tiny", hash_of("weights"));
    REQUIRE_FALSE(fetched.ok());
    CHECK(fetched.error().message.find("is no model") != std::string::npos);
  }
  CHECK(here.files() == 0);
}

TEST_CASE("a disk that takes no more is an error in words and leaves nothing behind") {
  Station here;
  Station owner;
  const std::string bytes = weights();
  owner.has(bytes);
  connect(here, {"owner"}, {{"owner", &owner}});
  std::signal(SIGXFSZ, SIG_IGN);  // A write past the limit then fails, as on a full disk.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{limits::blob_chunk_bytes, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto fetched = here.exchange.fetch("tiny", hash_of(bytes));
  setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE_FALSE(fetched.ok());
  CHECK(fetched.error().message.find("cannot be written: File too large") != std::string::npos);
  CHECK(here.files() == 0);
  CHECK(here.exchange.fetch("tiny", hash_of(bytes)).ok());
}

TEST_CASE("a data folder that is none is an error in words") {
  Station owner;
  owner.has("weights");
  TemporaryFolder data;
  std::ofstream(data.file("models")) << "a file";
  BufferPool pool(1 << 20);
  ModelStore store({}, data.file("models"));
  ModelExchange exchange(store, data.file("models"), pool);
  exchange.content().connect({"owner"}, [&](const std::string&, const Message& request,
                                            const ContentExchange::Answer& answer) {
    answer(owner.exchange.content().serve(request));
  });
  const auto fetched = exchange.fetch("tiny", hash_of("weights"));
  REQUIRE_FALSE(fetched.ok());
  CHECK(fetched.error().message.find("cannot be made") != std::string::npos);
}

TEST_CASE("a fetch that waits for a silent peer ends with the connection") {
  Station here;
  std::promise<ContentExchange::Answer> asked;
  here.exchange.content().connect(
      {"silent"}, [&](const std::string&, const Message&, ContentExchange::Answer answer) {
        asked.set_value(std::move(answer));
      });
  Result<ModelFile> fetched = Error{Code::internal, "not yet"};
  std::thread job([&] { fetched = here.exchange.fetch("tiny", hash_of("weights")); });
  const ContentExchange::Answer late = asked.get_future().get();
  here.exchange.content().disconnect();
  job.join();
  REQUIRE_FALSE(fetched.ok());
  CHECK(fetched.error().code == Code::unavailable);
  CHECK(fetched.error().message.find("this node is stopping") != std::string::npos);
  late(Error{Code::unavailable, "too late"});  // Nobody waits, and nothing happens.
}

TEST_CASE("a request that names no content is refused") {
  Station owner;
  owner.has("weights");
  const auto ask = [&](std::size_t hash_bytes, std::uint64_t offset) {
    const ContentHash hash = hash_of("weights");
    return owner.exchange.content().serve(
        Message::build<wire::FetchBlob>([&](wire::FetchBlob::Builder out) {
          out.setHash({hash.bytes.data(), hash_bytes});
          out.setOffset(offset);
        }));
  };
  CHECK(ask(31, 0).error().code == Code::invalid_argument);
  CHECK(ask(32, 8).error().code == Code::invalid_argument);
  REQUIRE(ask(32, 7).ok());
  CHECK(ask(32, 7)->payloads()[0].empty());
  CHECK(ask(32, 7)->as<wire::BlobChunk>().getCard().size() == 0);
}

}  // namespace
}  // namespace omma
