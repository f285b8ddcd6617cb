#include "runtime/model/tensor_memory.hpp"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/model/network.hpp"
#include "tests/runtime/model/model_folder.hpp"
#include "tests/runtime/model/torchscript_file.hpp"

namespace omma {
namespace {

TEST_CASE("a second run makes no large block, whichever thread it runs on") {
  const test::ModelFolder folder;
  test::write_torchscript(folder.path() / "tiny.pt", R"(
def forward(self, x):
    y = torch.sin(x)
    z = torch.cos(y)
    return (y + z).sum([2, 3])
)");
  auto card = test::tiny_card();
  card["kind"] = "attributes";
  card["input"]["shape"] = {1, 3, 256, 256};
  card["outputs"] = {{1, 3}};
  card.erase("classes");
  card.erase("boxes");
  folder.write("tiny.json", card.dump());
  const auto model = ModelStore({folder.path()}).find("tiny");
  REQUIRE(model.ok());
  auto network = Network::load(*model, {});
  REQUIRE(network.ok());
  const std::vector<float> batch(4 * 3 * 256 * 256, 1);
  REQUIRE((*network)->run({batch, {4, 3, 256, 256}}).ok());
  const TensorMemoryStats first = tensor_memory_stats();
  CHECK(first.blocks_made > 0);
  CHECK(first.bytes_idle > 0);
  CHECK(first.bytes_idle <= limits::tensor_idle_bytes_max);

  REQUIRE((*network)->run({batch, {4, 3, 256, 256}}).ok());
  std::thread([&] { (void)(*network)->run({batch, {4, 3, 256, 256}}).ok(); }).join();
  const TensorMemoryStats later = tensor_memory_stats();
  CHECK(later.blocks_made == first.blocks_made);
  CHECK(later.blocks_reused > first.blocks_reused);
  CHECK(later.bytes_in_use == first.bytes_in_use);
  CHECK(later.bytes_idle == first.bytes_idle);
}

}  // namespace
}  // namespace omma
