// A snapshot may hold anything: it is refused, or an actor goes on from it. What was accepted is
// written and read again without a change.
#include "runtime/cell/cell_snapshot.hpp"

#include <algorithm>

#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/fuzz_actor.hpp"

namespace omma::fuzz {
namespace {

Blob must_encode(const CellSnapshot& snapshot) {
  Result<Blob> bytes = encode(snapshot);
  OMMA_CHECK(bytes.ok(), bytes.error().describe());
  return *std::move(bytes);
}

void must_come_through(const CellSnapshot& snapshot) {
  const Blob once = must_encode(snapshot);
  const Result<CellSnapshot> read = decode_cell_snapshot(once);
  OMMA_CHECK(read.ok(), read.error().describe());
  const Blob again = must_encode(*read);
  OMMA_CHECK(std::ranges::equal(once.bytes(), again.bytes()), once.size(), again.size());
}

// As the same life after a move, and as the next one after a crash.
void must_go_on(CellSnapshot snapshot, bool crashed) {
  const bool same_life = snapshot.life == 1;
  NullPort port;
  CellCore::Identity identity = relay_identity(crashed);
  identity.epoch = same_life ? 2 : snapshot.life + 1;
  identity.life = same_life ? 1 : identity.epoch;
  if (identity.life == 0) return;
  CellCore core(identity, relay_type(), port);
  if (!core.prepare(std::move(snapshot), crashed ? "dead" : "")) return;
  core.go_live();
  for (int i = 0; i < 20; ++i) {
    port.clock.advance(std::chrono::milliseconds(300));
    if (core.next_deadline()) core.on_time();
    core.flush_acks();
    if (port.kept) core.on_checkpointed(std::exchange(port.kept, {})->number, {});
  }
  static_cast<void>(core.report());
  static_cast<void>(core.snapshot());
}

}  // namespace
}  // namespace omma::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace omma;
  const auto snapshot = decode_cell_snapshot(fuzz::blob_of({data, size}));
  if (!snapshot) return 0;
  fuzz::must_come_through(*snapshot);
  fuzz::must_go_on(*snapshot, false);
  fuzz::must_go_on(*snapshot, true);
  return 0;
}
