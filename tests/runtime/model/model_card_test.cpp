#include "runtime/model/model_card.hpp"

#include <catch2/catch.hpp>

#include "tests/runtime/model/model_folder.hpp"

namespace omma {
namespace {

using test::tiny_card;
using Json = nlohmann::json;

TEST_CASE("a whole card is read as it is written") {
  Json json = tiny_card();
  json["sha256"] = std::string(64, 'a');
  json["recommended"] = {{"score", 0.25}, {"nms_iou", 0.6}};
  json["notes"] = "trained on nothing";
  json["input"]["color"] = "RGB";
  json["input"]["range"] = {0, 1};
  json["input"]["mean"] = {0.1, 0.2, 0.3};
  json["input"]["scale"] = {0.5, 0.5, 2};
  const auto card = parse_model_card(json.dump(), "tiny.json");
  REQUIRE(card.ok());
  CHECK(card->name == "tiny");
  CHECK(card->kind == ModelKind::detector);
  CHECK(card->file == "tiny.pt");
  CHECK(card->input ==
        ModelInput{3, 16, 32, ColorOrder::rgb, 0, 1, {0.1F, 0.2F, 0.3F}, {0.5F, 0.5F, 2}});
  CHECK(card->outputs == std::vector<std::vector<std::int64_t>>{{1, 2, 4}, {1, 2, 2}});
  CHECK(card->classes == std::vector<std::string>{"first", "second"});
  CHECK(card->licence == "MIT");
  CHECK(card->sha256->hex() == std::string(64, 'a'));
  CHECK(card->recommended->score == 0.25F);
  CHECK(card->recommended->nms_iou == 0.6F);
}

TEST_CASE("an embedder and a model of attributes need no classes and no boxes") {
  Json json = tiny_card();
  json.erase("classes");
  json.erase("boxes");
  json["kind"] = "embedder";
  json["outputs"] = {{1, 256}};
  CHECK(parse_model_card(json.dump(), "e.json").ok());
  json["kind"] = "attributes";
  json["outputs"] = {{1, 4, 1, 1}, {1, 7, 1, 1}};
  CHECK(parse_model_card(json.dump(), "a.json").ok());
}

struct Refusal {
  const char* what;
  const char* change;  // A JSON merge patch; null removes a field.
  const char* field;   // As the message must name it.
};

// clang-format off
const Refusal refusals[] = {
    {"unknown kind", R"({"kind": "segmenter"})", "'kind'"},
    {"kind of a wrong type", R"({"kind": 3})", "'kind'"},
    {"no name", R"({"name": null})", "'name'"},
    {"empty name", R"({"name": ""})", "'name'"},
    {"no file", R"({"file": null})", "'file'"},
    {"file elsewhere", R"({"file": "../other.pt"})", "'file'"},
    {"no licence", R"({"licence": null})", "'licence'"},
    {"no parameters", R"({"parameters": null})", "'parameters'"},
    {"parameters of a wrong type", R"({"parameters": "many"})", "'parameters'"},
    {"no input", R"({"input": null})", "'input'"},
    {"input of a wrong type", R"({"input": [1, 3, 16, 32]})", "'input'"},
    {"other layout", R"({"input": {"layout": "NHWC"}})", "'input.layout'"},
    {"no layout", R"({"input": {"layout": null}})", "'input.layout'"},
    {"other dtype", R"({"input": {"dtype": "float16"}})", "'input.dtype'"},
    {"other colours", R"({"input": {"color": "YUV"}})", "'input.color'"},
    {"no colours", R"({"input": {"color": null}})", "'input.color'"},
    {"gray input", R"({"input": {"shape": [1, 1, 16, 32]}})", "'input.shape'"},
    {"batch in the shape", R"({"input": {"shape": [8, 3, 16, 32]}})", "'input.shape'"},
    {"input of three dimensions", R"({"input": {"shape": [1, 3, 16]}})", "'input.shape'"},
    {"input of no width", R"({"input": {"shape": [1, 3, 16, 0]}})", "'input.shape'"},
    {"input of a negative width", R"({"input": {"shape": [1, 3, 16, -32]}})", "'input.shape'"},
    {"huge input", R"({"input": {"shape": [1, 3, 16, 9000]}})", "'input.shape'"},
    {"empty range", R"({"input": {"range": [1, 1]}})", "'input.range'"},
    {"range of one number", R"({"input": {"range": [255]}})", "'input.range'"},
    {"range past float", R"({"input": {"range": [0, 1e300]}})", "'input.range'"},
    {"mean of two numbers", R"({"input": {"mean": [1, 2]}})", "'input.mean'"},
    {"scale by zero", R"({"input": {"scale": [1, 0, 1]}})", "'input.scale'"},
    {"misspelt mean", R"({"input": {"means": [1, 2, 3]}})", "'input.means'"},
    {"no outputs", R"({"outputs": null})", "'outputs'"},
    {"outputs of a wrong type", R"({"outputs": [1, 2, 4]})", "'outputs'"},
    {"outputs with a batch", R"({"outputs": [[8, 2, 4], [8, 2, 2]]})", "'outputs'"},
    {"a detector without scores", R"({"outputs": [[1, 2, 4]]})", "'outputs'"},
    {"boxes of five numbers", R"({"outputs": [[1, 2, 5], [1, 2, 2]]})", "'outputs'"},
    {"other rows of scores", R"({"outputs": [[1, 2, 4], [1, 3, 2]]})", "'outputs'"},
    {"no classes", R"({"classes": null})", "'classes'"},
    {"too few classes", R"({"classes": ["first"]})", "'classes'"},
    {"classes of a wrong type", R"({"classes": ["first", 2]})", "'classes'"},
    {"no form of boxes", R"({"boxes": null})", "'boxes'"},
    {"other form of boxes", R"({"boxes": "cx,cy,w,h in 0..1"})", "'boxes'"},
    {"an embedder of two outputs", R"({"kind": "embedder"})", "'outputs'"},
    {"half a hash", R"({"sha256": "abcd"})", "'sha256'"},
    {"a score of 2", R"({"recommended": {"score": 2, "nms_iou": 0.5}})", "'recommended.score'"},
    {"no recommended overlap", R"({"recommended": {"score": 0.5}})", "'recommended.nms_iou'"},
    {"recommended of a wrong type", R"({"recommended": 0.5})", "'recommended'"},
    {"a misspelt field", R"({"recomended": {"score": 0.5, "nms_iou": 0.5}})", "'recomended'"},
};
// clang-format on

TEST_CASE("a card that cannot be served is refused with its path, the field and a remedy") {
  for (const Refusal& refusal : refusals) {
    INFO(refusal.what);
    Json json = tiny_card();
    json.merge_patch(Json::parse(refusal.change));
    const auto card = parse_model_card(json.dump(), "models/tiny.json");
    REQUIRE_FALSE(card.ok());
    const std::string& message = card.error().message;
    INFO(message);
    CHECK(card.error().code == Code::invalid_argument);
    CHECK(message.find("models/tiny.json") != std::string::npos);
    CHECK(message.find(std::string("field ") + refusal.field) != std::string::npos);
    CHECK(message.find("; ") != std::string::npos);
  }
}

TEST_CASE("a misspelt field is answered with the field that was meant") {
  Json json = tiny_card();
  json["license"] = "MIT";
  const auto card = parse_model_card(json.dump(), "tiny.json");
  REQUIRE_FALSE(card.ok());
  CHECK(card.error().message.find("did you mean 'licence'") != std::string::npos);
}

TEST_CASE("what is not a JSON object is refused") {
  for (const char* text : {"", "{", "[]", "null", "\xff", "{\"name\": \"\xff\"}"}) {
    const auto card = parse_model_card(text, "tiny.json");
    REQUIRE_FALSE(card.ok());
    CHECK(card.error().code == Code::invalid_argument);
    CHECK(card.error().message.find("tiny.json") != std::string::npos);
  }
}

}  // namespace
}  // namespace omma
