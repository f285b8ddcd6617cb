#include "runtime/model/model_store.hpp"

#include <catch2/catch.hpp>

#include <chrono>

#include "runtime/base/limits.hpp"
#include "tests/runtime/model/model_folder.hpp"

namespace omma {
namespace {

using test::ModelFolder;
using test::tiny_card;

bool mentions(const Error& error, const std::string& text) {
  return error.message.find(text) != std::string::npos;
}

nlohmann::json card_named(const std::string& name) {
  auto card = tiny_card();
  card["name"] = name;
  card["file"] = name + ".pt";
  return card;
}

void write_model(const ModelFolder& folder, const std::string& name, const std::string& bytes) {
  folder.write(name + ".pt", bytes);
  folder.write(name + ".json", card_named(name).dump());
}

TEST_CASE("a model is found by its name and by its path") {
  const ModelFolder folder;
  write_model(folder, "street", "weights");
  ModelStore store({folder.path() / "absent", folder.path()});
  for (const std::string& how : {std::string("street"), (folder.path() / "street.pt").string()}) {
    const auto model = store.find(how);
    REQUIRE(model.ok());
    CHECK(model->card.name == "street");
    CHECK(model->path == folder.path() / "street.pt");
    CHECK(model->size_bytes == 7);
    CHECK(model->hash == sha256(std::as_bytes(std::span(std::string_view("weights")))));
  }
}

TEST_CASE("an unknown name is answered with the nearest there is") {
  const ModelFolder folder;
  write_model(folder, "person-2000", "a");
  write_model(folder, "person-2002", "b");
  write_model(folder, "street", "c");
  ModelStore store({folder.path()});
  const auto typo = store.find("steet");
  REQUIRE_FALSE(typo.ok());
  CHECK(typo.error().code == Code::not_found);
  CHECK(mentions(typo.error(), "did you mean 'street'"));
  CHECK(mentions(typo.error(), folder.path().string()));
  const auto part = store.find("2002");
  REQUIRE_FALSE(part.ok());
  CHECK(mentions(part.error(), "did you mean 'person-2002'"));
  const auto other = store.find("xyzzy");
  REQUIRE_FALSE(other.ok());
  CHECK_FALSE(mentions(other.error(), "did you mean"));
}

TEST_CASE("a model without a card is refused, and the message says where the card belongs") {
  const ModelFolder folder;
  const auto path = folder.write("street.pt", "weights");
  ModelStore store({folder.path()});
  for (const std::string& how : {std::string("street"), path.string()}) {
    const auto model = store.find(how);
    REQUIRE_FALSE(model.ok());
    CHECK(model.error().code == Code::invalid_argument);
    CHECK(mentions(model.error(), (folder.path() / "street.json").string()));
  }
}

TEST_CASE("a model with other bytes than its card's hash is refused with both hashes") {
  const ModelFolder folder;
  write_model(folder, "street", "weights");
  auto card = card_named("street");
  const std::string right = sha256(std::as_bytes(std::span(std::string_view("weights")))).hex();
  card["sha256"] = right;
  folder.write("street.json", card.dump());
  ModelStore store({folder.path()});
  CHECK(store.find("street").ok());

  folder.write("street.pt", "Weights");
  // Within the file system's grain of time the file would look the same.
  std::filesystem::last_write_time(
      folder.path() / "street.pt",
      std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  const auto changed = store.find("street");
  REQUIRE_FALSE(changed.ok());
  CHECK(changed.error().code == Code::corrupt);
  CHECK(mentions(changed.error(), right));
  CHECK(mentions(changed.error(),
                 sha256(std::as_bytes(std::span(std::string_view("Weights")))).hex()));
}

TEST_CASE("a file that has the wrong card beside it, or no file beside a card, is refused") {
  const ModelFolder folder;
  folder.write("street.pt", "weights");
  folder.write("street.json", card_named("lobby").dump());
  ModelStore store({folder.path()});
  const auto wrong = store.find((folder.path() / "street.pt").string());
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().code == Code::invalid_argument);
  CHECK(mentions(wrong.error(), "lobby.pt"));
  const auto absent = store.find("lobby");
  REQUIRE_FALSE(absent.ok());
  CHECK(absent.error().code == Code::not_found);
  const auto no_file = store.find((folder.path() / "hall.pt").string());
  REQUIRE_FALSE(no_file.ok());
  CHECK(no_file.error().code == Code::not_found);
}

TEST_CASE("a model or a card past its limit is refused before it is read") {
  const ModelFolder folder;
  write_model(folder, "street", "weights");
  // Sparse: takes no room.
  std::filesystem::resize_file(folder.path() / "street.pt", limits::model_file_bytes_max + 1);
  ModelStore store({folder.path()});
  const auto model = store.find("street");
  REQUIRE_FALSE(model.ok());
  CHECK(model.error().code == Code::over_limit);
  CHECK(mentions(model.error(), std::to_string(limits::model_file_bytes_max)));

  std::filesystem::resize_file(folder.path() / "street.json", limits::model_card_bytes_max + 1);
  const auto card = store.find("street");
  REQUIRE_FALSE(card.ok());
  CHECK(card.error().code == Code::over_limit);
}

TEST_CASE("a listing holds what can be served, each name once, and says why the rest cannot") {
  const ModelFolder first;
  const ModelFolder second;
  write_model(first, "street", "first");
  write_model(second, "street", "second");
  write_model(second, "hall", "hall");
  second.write("broken.json", "{");
  second.write("bare.pt", "weights");
  ModelStore store({first.path(), second.path()});
  const auto listing = store.list();
  REQUIRE(listing.models.size() == 2);
  CHECK(listing.models[0].card.name == "hall");
  CHECK(listing.models[1].card.name == "street");
  CHECK(listing.models[1].path == first.path() / "street.pt");
  REQUIRE(listing.refused.size() == 2);
  CHECK(mentions(listing.refused[0], "broken.json"));
  CHECK(mentions(listing.refused[1], "bare.pt"));
}

}  // namespace
}  // namespace omma
