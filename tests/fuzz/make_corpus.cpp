// Writes the fuzz targets' first inputs, made from real objects as the runtime encodes them:
//   fuzz_make_corpus tests/fuzz/corpus
// The cluster files and the model card are those of the repository and of the tests.
#include <capnp/message.h>
#include <kj/async-io.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "runtime/link/link_stream.hpp"
#include "runtime/link/wire_packet.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/system.capnp.h"
#include "tests/fuzz/fuzz_actor.hpp"

namespace omma::fuzz {
namespace {

namespace fs = std::filesystem;

class Corpus {
 public:
  explicit Corpus(fs::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, const std::string& name, std::span<const std::byte> bytes) {
    fs::create_directories(folder_ / target);
    std::ofstream(folder_ / target / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  void add(const std::string& target, const std::string& name, const std::string& text) {
    add(target, name, std::as_bytes(std::span(text)));
  }
  void copy(const std::string& target, const fs::path& file) {
    fs::create_directories(folder_ / target);
    fs::copy_file(file, folder_ / target / file.filename(), fs::copy_options::overwrite_existing);
  }

 private:
  fs::path folder_;
};

Message tag_message(std::uint64_t sequence, std::size_t payload_bytes = 0) {
  std::vector<Blob> payloads;
  if (payload_bytes > 0) {
    payloads.push_back(Blob::copy_of(std::vector<std::byte>(payload_bytes, std::byte{7})));
  }
  return Message::build<FrameTag>(
      [&](FrameTag::Builder out) {
        out.setCamera("lobby");
        out.setSequence(sequence);
        out.initHops(1)[0].setStage("capture");
      },
      std::move(payloads));
}

Message subscribe_message(bool reliable) {
  return Message::build<Subscribe>([&](Subscribe::Builder out) {
    out.setMessageType(type_id_of<FrameTag>());
    out.setReliable(reliable);
    out.setWindowBytes(1 << 20);
    out.setFormType(type_id_of<FrameTag>());
    out.getForm().initAs<FrameTag>().setCamera("wanted");
  });
}

Envelope envelope_of(std::uint64_t sequence, Channel channel, Message message) {
  return Envelope{.stream = {{1, 0}, {7, 7}, channel},
                  .lives = {1, 1},
                  .target_epoch = 1,
                  .sequence = sequence,
                  .credit_bytes = std::max<std::size_t>(message.size_bytes(), 64),
                  .correlation = sequence % 2,
                  .trace = {2, sequence},
                  .message = std::move(message)};
}

// --- Packets -------------------------------------------------------------------------------------

std::vector<std::byte> call_of(capnp::MessageBuilder& builder) {
  const auto words = capnp::messageToFlatArray(builder);
  const auto bytes = std::as_bytes(std::span(words.begin(), words.size()));
  return {bytes.begin(), bytes.end()};
}

void add_packets(Corpus& corpus) {
  auto io = kj::setupAsyncIo();
  auto pool = std::make_shared<BufferPool>(std::size_t{1} << 20);
  auto pipe = io.provider->newTwoWayPipe();
  LinkStream stream(kj::mv(pipe.ends[0]), pool, std::size_t{1} << 20);
  const std::map<std::string, std::vector<Packet>> calls = {
      {"envelope", {envelope_of(1, Channel::stream, tag_message(1))}},
      {"payload", {envelope_of(1, Channel::fresh, tag_message(1, 100))}},
      {"reference", {envelope_of(1, Channel::fresh, tag_message(1, 16 << 10))}},
      {"empty", {Envelope{}}},
      {"ack_and_probe",
       {Ack{.stream = {{7, 7}, {1, 0}, Channel::control},
            .lives = {1, 1},
            .next = 2,
            .received = 1,
            .credit_limit_bytes = 1 << 20,
            .probe = 1},
        Probe{{{1, 0}, {7, 7}, Channel::stream}, {1, 0}, 1, 1, 3}}},
      {"batch",
       {envelope_of(1, Channel::control, subscribe_message(true)),
        envelope_of(1, Channel::stream, tag_message(1)),
        envelope_of(2, Channel::stream, tag_message(2))}}};
  for (const auto& [name, packets] : calls) {
    capnp::MallocMessageBuilder builder(static_cast<kj::uint>(inline_words_of(packets) + 64));
    auto params = builder.initRoot<wire::Door::DeliverParams>();
    encode(packets, params.initPackets(static_cast<kj::uint>(packets.size())), stream);
    corpus.add("wire_packets", name, call_of(builder));
  }
  capnp::MallocMessageBuilder request;
  encode(Message::build<wire::RunApp>([](wire::RunApp::Builder out) { out.setApp("hello"); }),
         request.initRoot<wire::Door::RequestParams>().initBody(), stream);
  corpus.add("wire_packets", "request", call_of(request));
  capnp::MallocMessageBuilder hello;
  encode(NodeId{"east", {1, 2}, 3},
         hello.initRoot<wire::Door::HelloParams>().initHello().initSelf());
  corpus.add("wire_packets", "hello", call_of(hello));
}

// --- Requests ------------------------------------------------------------------------------------

ActorRecord actor_record() {
  return {.id = {1, 2},
          .type = "tracker",
          .name = "east",
          .config = std::vector<std::byte>(16),
          .epoch = 3,
          .life = 2,
          .state = ActorRecord::State::active,
          .node = NodeId{"cloud", {4, 5}, 6}};
}

// As messages.cpp reads it: the type's place in its table, a payload with its size, the words.
void add_message(Corpus& corpus, std::uint8_t place, const std::string& name,
                 const Message& message) {
  std::vector<std::byte> bytes{std::byte{place}};
  const auto payloads = message.payloads();
  bytes.push_back(static_cast<std::byte>(payloads.empty() ? 0 : payloads[0].size()));
  if (!payloads.empty()) {
    bytes.insert(bytes.end(), payloads[0].bytes().begin(), payloads[0].bytes().end());
  }
  const Blob words = message.flat_words();
  bytes.insert(bytes.end(), words.bytes().begin(), words.bytes().end());
  corpus.add("messages", name, bytes);
}

void add_messages(Corpus& corpus) {
  add_message(corpus, 0, "actor_record",
              Message::build<wire::ActorRecord>(
                  [](wire::ActorRecord::Builder out) { write(out, actor_record()); }));
  NodeRecord node;
  node.id = {"cloud", {4, 5}, 6};
  node.address = "unix:/run/cloud.sock";
  node.roles = {"head", "cloud"};
  add_message(
      corpus, 1, "node_record",
      Message::build<wire::NodeRecord>([&](wire::NodeRecord::Builder out) { write(out, node); }));
  add_message(corpus, 2, "move_record",
              Message::build<wire::MoveRecord>([](wire::MoveRecord::Builder out) {
                write(out, MoveRecord{.id = {1, 2},
                                      .type = "tracker",
                                      .name = "east",
                                      .from = "a",
                                      .to = "b",
                                      .reason = "by hand"});
              }));
  StageSpec spec;
  spec.id = {1, 2};
  spec.type = "tracker";
  spec.config.resize(24);
  add_message(
      corpus, 3, "stage_spec",
      Message::build<wire::StageSpec>([&](wire::StageSpec::Builder out) { write(out, spec); }));
  add_message(corpus, 5, "snapshot_piece",
              Message::build<wire::SnapshotPiece>(
                  [](wire::SnapshotPiece::Builder out) {
                    out.setTotalBytes(40);
                    out.initRoutes(1)[0].setNode("east");
                  },
                  {Blob::copy_of(std::vector<std::byte>(40))}));
  const std::vector<Checkpoint> checkpoints = {
      {.id = {1, 2}, .epoch = 3, .number = 1, .state = Blob::copy_of(std::vector<std::byte>(70))},
      {.id = {1, 3}, .epoch = 4, .number = 2, .state = Blob::copy_of(std::vector<std::byte>(9))}};
  add_message(corpus, 6, "save_checkpoints",
              Message::build<wire::SaveCheckpoints>(
                  [&](wire::SaveCheckpoints::Builder out) {
                    auto heads = out.initHeads(2);
                    for (unsigned i = 0; i < 2; ++i) write(heads[i], checkpoints[i]);
                  },
                  {*packed_states(checkpoints)}));
  add_message(corpus, 8, "actor_list",
              Message::build<wire::ActorList>([](wire::ActorList::Builder out) {
                auto actors = out.initActors(2);
                for (auto actor : actors) write(actor, actor_record());
              }));
  add_message(corpus, 12, "run_app", Message::build<wire::RunApp>([](wire::RunApp::Builder out) {
                out.setApp("people_count");
                auto parameters = out.initParameters(1);
                parameters[0].setName("camera");
                parameters[0].setValue("east");
              }));
}

// --- Snapshots -----------------------------------------------------------------------------------

void add_snapshots(Corpus& corpus) {
  for (const bool durable : {false, true}) {
    NullPort port;
    CellCore core(relay_identity(durable), relay_type(), port);
    core.start();
    core.on_packet(envelope_of(1, Channel::control, subscribe_message(true)));
    const auto add = [&](const std::string& name) {
      const auto bytes = encode(*core.snapshot());
      corpus.add("snapshots", name + (durable ? "_durable" : ""), bytes->bytes());
    };
    add("subscribed");
    for (std::uint64_t i = 1; i <= 7; ++i) {
      core.on_packet(envelope_of(i, Channel::stream, tag_message(i)));
    }
    add("busy");
    core.on_packet(envelope_of(9, Channel::stream, tag_message(9, 100)));
    port.clock.advance(std::chrono::milliseconds(200));
    core.on_time();
    core.flush_acks();
    add("late");
  }
}

// --- Plays of a cell -----------------------------------------------------------------------------

// As cells.cpp reads them: see Play::step there.
void add_plays(Corpus& corpus) {
  const auto envelope = [](std::uint8_t channel, std::uint8_t sequence, std::uint8_t kind,
                           std::uint8_t number) {
    return std::string{0, 0, char(channel), 1,         1, 1, 1, char(sequence), 64, 1, 1, 0,
                       1, 1, char(number),  char(kind)};
  };
  const std::string flush{6};
  const std::string wait{5, 60};
  const std::string move{8, 0};
  const std::string kept{7, 1};
  const std::string ack{3, 0, 0, 1, 1, 1, 2, 1, char(250), 0, 0, 1, 0, 0, 0, 0, 0, 0};
  std::string stream;
  for (std::uint8_t i = 1; i <= 6; ++i) stream += envelope(1, i, 0, i);
  for (const char durable : {'\0', '\1'}) {
    const std::string begin = std::string{durable} + envelope(0, 1, 1, 2);
    const std::string name = durable != 0 ? "_durable" : "";
    corpus.add("cells", "stream" + name, begin + stream + flush + ack + wait + kept + flush);
    corpus.add("cells", "moved" + name, begin + stream + move + stream + flush + move + wait);
    corpus.add("cells", "unsubscribed" + name, begin + stream + envelope(0, 2, 2, 0) + flush);
    corpus.add("cells", "throws" + name, begin + envelope(1, 1, 0, 13) + flush + wait + move);
  }
}

void make(const fs::path& folder, const fs::path& source) {
  Corpus corpus(folder);
  add_packets(corpus);
  add_messages(corpus);
  add_snapshots(corpus);
  add_plays(corpus);
  corpus.copy("cluster_files", source / "clusters/demo.yaml");
  corpus.copy("cluster_files", source / "clusters/moves.yaml");
  corpus.add("cluster_files", "cycle.yaml", std::string("cluster: a\nhead: a\nnodes: &n [*n]\n"));
  corpus.copy("model_cards", source / "models/omma-detector.json");
}

}  // namespace
}  // namespace omma::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_make_corpus tests/fuzz/corpus\n");
    return 2;
  }
  omma::fuzz::make(argv[1], OMMA_SOURCE_DIR);
  return 0;
}
