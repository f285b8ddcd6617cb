#include "runtime/model/network.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "runtime/base/limits.hpp"
#include "tests/runtime/model/model_folder.hpp"
#include "tests/runtime/model/torchscript_file.hpp"

namespace omma {
namespace {

using test::ModelFolder;

bool mentions(const Error& error, const std::string& text) {
  return error.message.find(text) != std::string::npos;
}

// A network on pictures of 4x2 with outputs of these shapes for one frame.
Result<std::unique_ptr<Network>> load_network(const std::string& forward,
                                              const nlohmann::json& outputs,
                                              NetworkOptions options = {}) {
  const ModelFolder folder;
  test::write_torchscript(folder.path() / "tiny.pt", forward);
  auto card = test::tiny_card();
  card["kind"] = "attributes";
  card["input"]["shape"] = {1, 3, 2, 4};
  card["outputs"] = outputs;
  card.erase("classes");
  card.erase("boxes");
  folder.write("tiny.json", card.dump());
  ModelStore store({folder.path()});
  const auto model = store.find("tiny");
  REQUIRE(model.ok());
  return Network::load(*model, options);
}

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

TEST_CASE("a network gives its outputs with the batch's size first") {
  auto network = load_network(R"(
def forward(self, x):
    return x.sum([2, 3]), x[:, 0, 0]
)",
                              {{1, 3}, {1, 4}});
  REQUIRE(network.ok());
  for (const std::int64_t frames : {1, 3, 2}) {
    const auto values = counting(static_cast<std::size_t>(frames) * 24);
    const auto outputs = (*network)->run({values, {frames, 3, 2, 4}});
    REQUIRE(outputs.ok());
    REQUIRE(outputs->size() == 2);
    CHECK((*outputs)[0].shape == std::vector<std::int64_t>{frames, 3});
    REQUIRE((*outputs)[0].values().size() == static_cast<std::size_t>(frames) * 3);
    // Plane k holds 8k to 8k + 7.
    CHECK((*outputs)[0].values()[0] == 28);
    CHECK((*outputs)[0].values().back() == static_cast<float>(28 + 64 * (frames * 3 - 1)));
    REQUIRE((*outputs)[1].values().size() == static_cast<std::size_t>(frames) * 4);
    CHECK((*outputs)[1].values().back() == static_cast<float>(24 * (frames - 1) + 3));
    for (const Tensor& output : *outputs) {
      CHECK(reinterpret_cast<std::uintptr_t>(output.blob.data()) % 64 == 0);
    }
  }
}

TEST_CASE("other outputs than the card's are refused when loaded, and both are named") {
  const std::string forward = "def forward(self, x):\n    return x.sum([2, 3])\n";
  const auto shape = load_network(forward, {{1, 5}});
  REQUIRE_FALSE(shape.ok());
  CHECK(shape.error().code == Code::invalid_argument);
  CHECK(mentions(shape.error(), "[1, 3]"));
  CHECK(mentions(shape.error(), "[1, 5]"));
  const auto count = load_network(forward, {{1, 3}, {1, 3}});
  REQUIRE_FALSE(count.ok());
  CHECK(count.error().code == Code::invalid_argument);
  const auto type =
      load_network("def forward(self, x):\n    return x.sum([2, 3]).int()\n", {{1, 3}});
  REQUIRE_FALSE(type.ok());
  CHECK(type.error().code == Code::invalid_argument);
  CHECK(mentions(type.error(), "Int"));
  const auto none = load_network("def forward(self, x):\n    return 3\n", {{1, 3}});
  REQUIRE_FALSE(none.ok());
  CHECK(mentions(none.error(), "no tensors"));
}

TEST_CASE("a network that accepts one frame alone, or another size, is refused when loaded") {
  const auto one =
      load_network("def forward(self, x):\n    return x.reshape([1, 24])\n", {{1, 24}});
  REQUIRE_FALSE(one.ok());
  CHECK(one.error().code == Code::invalid_argument);
  CHECK(mentions(one.error(), "any batch size"));
  const auto fixed =
      load_network("def forward(self, x):\n    return torch.zeros([1, 3])\n", {{1, 3}});
  REQUIRE_FALSE(fixed.ok());
  CHECK(mentions(fixed.error(), "[2, 3]"));
}

TEST_CASE("a network of two inputs is refused") {
  const auto network = load_network("def forward(self, x, y):\n    return x + y\n", {{1, 3, 2, 4}});
  REQUIRE_FALSE(network.ok());
  CHECK(network.error().code == Code::invalid_argument);
  CHECK(mentions(network.error(), "2 inputs"));
}

TEST_CASE("a network that writes to its input leaves the caller's batch as it was") {
  auto network =
      load_network("def forward(self, x):\n    return x.mul_(0.0) + 1.0\n", {{1, 3, 2, 4}});
  REQUIRE(network.ok());
  const auto values = counting(24);
  const auto outputs = (*network)->run({values, {1, 3, 2, 4}});
  REQUIRE(outputs.ok());
  CHECK(outputs->front().values()[5] == 1);
  CHECK(values == counting(24));
}

TEST_CASE("an output that is the input itself outlives the caller's batch") {
  auto network = load_network("def forward(self, x):\n    return x\n", {{1, 3, 2, 4}});
  REQUIRE(network.ok());
  auto values = counting(24);
  const auto outputs = (*network)->run({values, {1, 3, 2, 4}});
  REQUIRE(outputs.ok());
  std::fill(values.begin(), values.end(), -1.0F);
  CHECK(outputs->front().values()[5] == 5);
}

TEST_CASE("a batch of another form than the card's is refused") {
  auto network = load_network("def forward(self, x):\n    return x.sum([2, 3])\n", {{1, 3}});
  REQUIRE(network.ok());
  const auto values = counting(24 * (limits::batch_frames_max + 1));
  const std::int64_t past = static_cast<std::int64_t>(limits::batch_frames_max) + 1;
  const auto large = (*network)->run({values, {past, 3, 2, 4}});
  REQUIRE_FALSE(large.ok());
  CHECK(large.error().code == Code::over_limit);
  CHECK(mentions(large.error(), "batch of 33 frames, limit 32"));
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{}, {0, 3, 2, 4}, {-1, 3, 2, 4}, {1, 3, 4, 2}, {1, 3, 2}}) {
    const auto refused = (*network)->run({values, shape});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::invalid_argument);
  }
}

TEST_CASE("what fails inside LibTorch is an error of one line") {
  auto network = load_network(R"(
def forward(self, x):
    assert bool(x.max() < 100.0), "too bright"
    return x.sum([2, 3])
)",
                              {{1, 3}});
  REQUIRE(network.ok());
  const std::vector<float> bright(24, 200.0F);
  const auto outputs = (*network)->run({bright, {1, 3, 2, 4}});
  REQUIRE_FALSE(outputs.ok());
  CHECK(outputs.error().code == Code::unavailable);
  CHECK(outputs.error().message.find('\n') == std::string::npos);
  INFO(outputs.error().message);
  CHECK(mentions(outputs.error(), "too bright"));
  const auto dark = counting(24);
  CHECK((*network)->run({dark, {1, 3, 2, 4}}).ok());
}

TEST_CASE("a file that is not TorchScript is refused") {
  const ModelFolder folder;
  folder.write("tiny.pt", "these are no weights");
  folder.write("tiny.json", test::tiny_card().dump());
  const auto model = ModelStore({folder.path()}).find("tiny");
  REQUIRE(model.ok());
  const auto network = Network::load(*model, {});
  REQUIRE_FALSE(network.ok());
  CHECK(network.error().code == Code::corrupt);
  CHECK(mentions(network.error(), "tiny.pt"));
}

TEST_CASE("a device that is not there is an error, never another device") {
  const auto network = load_network("def forward(self, x):\n    return x.sum([2, 3])\n", {{1, 3}},
                                    {1, Device{Device::Kind::cuda, 100}});
  REQUIRE_FALSE(network.ok());
  CHECK(network.error().code == Code::unsupported);
  CHECK(mentions(network.error(), "cuda:100"));
}

TEST_CASE("a number of threads that cannot be meant is refused") {
  for (const int threads : {0, -1, limits::network_threads_max + 1}) {
    const auto network =
        load_network("def forward(self, x):\n    return x.sum([2, 3])\n", {{1, 3}}, {threads, {}});
    REQUIRE_FALSE(network.ok());
    CHECK(network.error().code == Code::invalid_argument);
  }
}

TEST_CASE("devices are read as they are written") {
  CHECK(*Device::parse("cpu") == Device{});
  CHECK(*Device::parse("cuda") == Device{Device::Kind::cuda, 0});
  CHECK(*Device::parse("cuda:3") == Device{Device::Kind::cuda, 3});
  CHECK(Device::parse("cuda:3")->text() == "cuda:3");
  for (const char* text : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cuda:128", "cpu:0"}) {
    INFO(text);
    REQUIRE_FALSE(Device::parse(text).ok());
    CHECK(Device::parse(text).error().code == Code::invalid_argument);
  }
}

TEST_CASE("the shared embedders and the model of attributes load and give finite numbers") {
  ModelStore store({std::filesystem::path(OMMA_SHARED_DIR) / "models"});
  for (const char* name :
       {"person-reidentification-retail-0287", "person-reidentification-retail-0288",
        "vehicle-attributes-recognition-barrier-0039"}) {
    const auto model = store.find(name);
    if (!model && model.error().code == Code::not_found) {
      WARN("SKIPPED: no " << name << " in the optional test data");
      continue;
    }
    REQUIRE(model.ok());
    auto network = Network::load(*model, {});
    INFO((network ? std::string(name) : network.error().describe()));
    REQUIRE(network.ok());
    const ModelInput& input = model->card.input;
    const std::vector<float> gray(
        static_cast<std::size_t>(2 * 3 * input.height) * static_cast<std::size_t>(input.width),
        128);
    const auto outputs = (*network)->run({gray, {2, 3, input.height, input.width}});
    REQUIRE(outputs.ok());
    CHECK(outputs->size() == model->card.outputs.size());
    for (const Tensor& output : *outputs) {
      for (const float value : output.values()) CHECK(std::isfinite(value));
    }
  }
}

}  // namespace
}  // namespace omma
