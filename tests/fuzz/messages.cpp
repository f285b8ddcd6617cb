// What a peer or a client may ask of a node: a type, and words that claim to be of it. Whatever
// passes the check at the door must be readable without a second thought.
#include "runtime/base/message.hpp"

#include <array>
#include <vector>

#include "runtime/base/message_check.hpp"
#include "runtime/node/wire_checks.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"
#include "schemas/frame.capnp.h"
#include "schemas/results.capnp.h"
#include "schemas/system.capnp.h"
#include "tests/fuzz/byte_tape.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace omma::fuzz {
namespace {

constexpr auto types = std::to_array<std::uint64_t>(
    {type_id_of<wire::ActorRecord>(), type_id_of<wire::NodeRecord>(),
     type_id_of<wire::MoveRecord>(), type_id_of<wire::StageSpec>(), type_id_of<wire::ReserveMove>(),
     type_id_of<wire::SnapshotPiece>(), type_id_of<wire::SaveCheckpoints>(),
     type_id_of<wire::FetchedCheckpoint>(), type_id_of<wire::ActorList>(),
     type_id_of<wire::NodeList>(), type_id_of<wire::MoveList>(), type_id_of<wire::LeaseGranted>(),
     type_id_of<wire::RunApp>(), type_id_of<wire::ProcessList>(), type_id_of<wire::BlobChunk>(),
     type_id_of<wire::DrainReport>()});

// Equal records are written as equal bytes.
template <class T, class Record>
std::vector<std::byte> bytes_of(const Record& record) {
  const Blob words =
      Message::build<T>([&](typename T::Builder out) { write(out, record); }).flat_words();
  return {words.bytes().begin(), words.bytes().end()};
}

template <class T, class Record>
void must_come_through(const Record& record) {
  const auto once = bytes_of<T>(record);
  const auto again = Message::from_wire(type_id_of<T>(), Blob::copy_of(once), {});
  OMMA_CHECK(again.ok(), once.size());
  const auto read_again = read(again->template as<T>());
  if constexpr (requires { read_again->id; }) {
    OMMA_CHECK(read_again.has_value(), once.size());
    OMMA_CHECK(bytes_of<T>(*read_again) == once, once.size());
  } else {
    OMMA_CHECK(bytes_of<T>(read_again) == once, once.size());
  }
}

void read_lists(const Message& message) {
  if (message.is<wire::ActorList>()) {
    for (auto actor : message.as<wire::ActorList>().getActors()) static_cast<void>(read(actor));
  }
  if (message.is<wire::NodeList>()) {
    for (auto node : message.as<wire::NodeList>().getNodes()) static_cast<void>(read(node));
  }
  if (message.is<wire::MoveList>()) {
    for (auto move : message.as<wire::MoveList>().getMoves()) static_cast<void>(read(move));
  }
  if (message.is<wire::SaveCheckpoints>()) {
    const Blob packed = message.payloads().empty() ? Blob() : message.payloads().front();
    static_cast<void>(unpacked(message.as<wire::SaveCheckpoints>().getHeads(), packed));
  }
}

void read_all(const Message& message) {
  if (message.is<wire::ActorRecord>()) {
    if (auto record = read(message.as<wire::ActorRecord>())) {
      must_come_through<wire::ActorRecord>(*record);
    }
  }
  if (message.is<wire::NodeRecord>()) {
    must_come_through<wire::NodeRecord>(read(message.as<wire::NodeRecord>()));
  }
  if (message.is<wire::MoveRecord>()) {
    must_come_through<wire::MoveRecord>(read(message.as<wire::MoveRecord>()));
  }
  if (message.is<wire::StageSpec>()) {
    must_come_through<wire::StageSpec>(read(message.as<wire::StageSpec>()));
  }
  if (message.is<wire::ReserveMove>()) {
    static_cast<void>(read(message.as<wire::ReserveMove>().getRecord()));
  }
  read_lists(message);
}

}  // namespace
}  // namespace omma::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace omma;
  fuzz::ByteTape tape(data, size);
  const std::uint64_t type = fuzz::types[tape.below(fuzz::types.size())];
  std::vector<Blob> payloads;
  if (const std::size_t payload = tape.byte(); payload > 0) {
    payloads.push_back(fuzz::blob_of(tape.bytes(payload)));
  }
  const auto message = Message::from_wire(type, fuzz::blob_of(tape.bytes(size)), payloads);
  if (!message || !check_body(*message)) return 0;
  fuzz::read_all(*message);  // Throws nothing.
  return 0;
}
