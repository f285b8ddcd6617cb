#include "runtime/model/model_card.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <span>

#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

using Json = nlohmann::json;

constexpr std::string_view box_form = "x1,y1,x2,y2 in 0..1";

// One JSON object of the card. The first refusal is kept and later questions are answered with
// defaults, so that a parser reads as the list of its fields and looks at failed() once.
class Fields {
 public:
  Fields(const Json& object, std::string_view origin, std::string prefix)
      : object_(object), origin_(origin), prefix_(std::move(prefix)) {}

  bool failed() const { return error_.has_value(); }
  Error error() const { return *error_; }
  bool has(const char* field) const { return object_.contains(field); }

  void refuse(const char* field, const std::string& what, const std::string& remedy) {
    if (failed()) return;
    std::string message = "model card ";
    message.append(origin_).append(": field '").append(prefix_).append(field).append("' ");
    error_ = Error{Code::invalid_argument, message.append(what).append("; ").append(remedy)};
  }

  // A refusal from an object inside this one.
  void adopt(Error inner) {
    if (!failed()) error_ = std::move(inner);
  }

  void allow_only(const std::vector<std::string>& known) {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto nearest = nearest_name(key, known);
      refuse(key.c_str(), "is unknown",
             nearest ? "did you mean '" + prefix_ + *nearest + "'"
                     : "take it out or put it into 'notes'");
    }
  }

  // The value, or null after a refusal.
  const Json* require(const char* field, const char* example) {
    const auto found = object_.find(field);
    if (found != object_.end()) return &*found;
    refuse(field, "is missing", std::string("add it, for example ") + example);
    return nullptr;
  }

  const Json* require_object(const char* field, const char* example) {
    const Json* value = require(field, example);
    if (!value || value->is_object()) return value;
    refuse(field, "is not an object", std::string("write it as ") + example);
    return nullptr;
  }

  std::string text(const char* field, const char* example) {
    const Json* value = require(field, example);
    if (!value) return {};
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
      refuse(field, "is not a text with at least one character",
             std::string("write it as ") + example);
      return {};
    }
    return value->get<std::string>();
  }

  std::string one_of(const char* field, const std::vector<std::string>& choices) {
    const std::string value = text(field, choices.front().c_str());
    if (failed() || std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    std::string list;
    for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
    refuse(field, "is '" + value + "'", "this runtime serves only: " + list);
    return {};
  }

  // Exactly `count` finite numbers.
  std::vector<float> numbers(const char* field, std::size_t count, const char* example) {
    const Json* value = require(field, example);
    if (!value) return {};
    std::vector<float> out;
    if (value->is_array()) {
      for (const Json& number : *value) {
        if (number.is_number()) out.push_back(number.get<float>());
      }
    }
    const bool finite =
        std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); });
    if (!value->is_array() || value->size() != count || out.size() != count || !finite) {
      refuse(field, "is not a list of " + std::to_string(count) + " numbers",
             std::string("write it as ") + example);
      return {};
    }
    return out;
  }

  float share(const char* field, const char* example) {
    const Json* value = require(field, example);
    if (!value) return 0;
    const float number = value->is_number() ? value->get<float>() : -1.0F;
    if (number >= 0 && number <= 1) return number;
    refuse(field, "is not a number from 0 to 1", std::string("write it as ") + example);
    return 0;
  }

  // A tensor's shape: positive sizes, batch dimension first and 1.
  std::vector<std::int64_t> shape(const char* field, const Json& value, const char* example) {
    std::vector<std::int64_t> out;
    bool good = value.is_array() && !value.empty() && value.size() <= 8;
    for (std::size_t i = 0; good && i < value.size(); ++i) {
      good = value[i].is_number_unsigned() && value[i].get<std::uint64_t>() >= 1 &&
             value[i].get<std::uint64_t>() <= (std::uint64_t{1} << 31);
      if (good) out.push_back(value[i].get<std::int64_t>());
    }
    if (good && out.front() == 1) return out;
    refuse(field, "is not a shape of whole numbers from 1 with a batch dimension of 1 first",
           std::string("write it as ") + example);
    return {};
  }

 private:
  const Json& object_;
  std::string_view origin_;
  std::string prefix_;
  std::optional<Error> error_;
};

Result<ModelInput> parse_input(const Json& json, std::string_view origin) {
  Fields fields(json, origin, "input.");
  fields.allow_only({"shape", "layout", "dtype", "color", "range", "mean", "scale"});
  fields.one_of("layout", {"NCHW"});
  fields.one_of("dtype", {"float32"});
  ModelInput input;
  if (const Json* value = fields.require("shape", "[1, 3, 384, 512]")) {
    const auto shape = fields.shape("shape", *value, "[1, 3, 384, 512]");
    if (!shape.empty() && (shape.size() != 4 || shape[1] != 3)) {
      fields.refuse("shape", "is not [1, 3, height, width]",
                    "only pictures of 3 colours are served");
    } else if (!shape.empty() &&
               (shape[2] > limits::frame_height_max || shape[3] > limits::frame_width_max)) {
      fields.refuse("shape",
                    "asks for " + std::to_string(shape[3]) + "x" + std::to_string(shape[2]) +
                        " pixels, limit " + std::to_string(limits::frame_width_max) + "x" +
                        std::to_string(limits::frame_height_max),
                    "export the model with a smaller input");
    } else if (!shape.empty()) {
      input.height = static_cast<int>(shape[2]);
      input.width = static_cast<int>(shape[3]);
    }
  }
  input.color = fields.one_of("color", {"BGR", "RGB"}) == "RGB" ? ColorOrder::rgb : ColorOrder::bgr;
  const auto range = fields.numbers("range", 2, "[0, 255]");
  if (range.size() == 2) {
    if (range[0] >= range[1]) fields.refuse("range", "is empty", "write it as [low, high]");
    input.low = range[0];
    input.high = range[1];
  }
  if (fields.has("mean")) {
    const auto mean = fields.numbers("mean", 3, "[0, 0, 0]");
    if (mean.size() == 3) std::copy(mean.begin(), mean.end(), input.mean.begin());
  }
  if (fields.has("scale")) {
    const auto scale = fields.numbers("scale", 3, "[1, 1, 1]");
    if (scale.size() == 3) std::copy(scale.begin(), scale.end(), input.scale.begin());
    if (std::count(input.scale.begin(), input.scale.end(), 0.0F) > 0) {
      fields.refuse("scale", "holds a 0", "values are divided by it");
    }
  }
  if (fields.failed()) return fields.error();
  return input;
}

std::vector<std::string> parse_classes(Fields& fields) {
  const char* example = R"(["person", "vehicle"])";
  std::vector<std::string> classes;
  const Json* value = fields.require("classes", example);
  if (!value) return classes;
  if (value->is_array()) {
    for (const Json& name : *value) {
      if (name.is_string() && !name.get_ref<const std::string&>().empty()) classes.push_back(name);
    }
  }
  if (classes.empty() || classes.size() != value->size()) {
    fields.refuse("classes", "is not a list of names", std::string("write it as ") + example);
  }
  return classes;
}

std::vector<std::vector<std::int64_t>> parse_outputs(Fields& fields) {
  const char* example = "[[1, 3072, 4], [1, 3072, 2]]";
  std::vector<std::vector<std::int64_t>> outputs;
  const Json* value = fields.require("outputs", example);
  if (!value) return outputs;
  if (!value->is_array() || value->empty() || value->size() > limits::payloads_per_message_max) {
    fields.refuse(
        "outputs",
        "is not a list of 1 to " + std::to_string(limits::payloads_per_message_max) + " shapes",
        std::string("write it as ") + example);
    return outputs;
  }
  for (const Json& shape : *value) outputs.push_back(fields.shape("outputs", shape, example));
  return outputs;
}

// What only one kind has, and what its decoder relies on.
void check_kind(Fields& fields, ModelCard& card) {
  if (card.kind == ModelKind::detector) {
    card.classes = parse_classes(fields);
    if (fields.text("boxes", "\"x1,y1,x2,y2 in 0..1\"").compare(0, box_form.size(), box_form) !=
        0) {
      fields.refuse("boxes", "does not begin with '" + std::string(box_form) + "'",
                    "only corners relative to the input's size are served: convert in the model");
    }
    const auto& out = card.outputs;
    const bool form = out.size() == 2 && out[0].size() == 3 && out[1].size() == 3 &&
                      out[0][1] == out[1][1] && out[0][2] == 4;
    if (!form) {
      fields.refuse("outputs", "is not boxes [1,N,4] and scores [1,N,C] as a detector has them",
                    "export the model with these two outputs or give its kind as 'attributes'");
    } else if (out[1][2] != static_cast<std::int64_t>(card.classes.size())) {
      fields.refuse("classes",
                    "has " + std::to_string(card.classes.size()) + " names for " +
                        std::to_string(out[1][2]) + " scores a box",
                    "name each column of the scores, in their order");
    }
  } else if (card.kind == ModelKind::embedder) {
    if (card.outputs.size() != 1 || card.outputs[0].size() != 2) {
      fields.refuse("outputs", "is not one vector [1,D] as an embedder has it",
                    "export the model with this output or give its kind as 'attributes'");
    }
  }
}

void read_optional(Fields& fields, const Json& json, std::string_view origin, ModelCard& card) {
  if (fields.has("sha256")) {
    auto hash = ContentHash::from_hex(fields.text("sha256", "64 hexadecimal digits"));
    if (hash) {
      card.sha256 = *hash;
    } else {
      fields.refuse("sha256", "is wrong: " + hash.error().message, "write what sha256sum prints");
    }
  }
  if (!fields.has("recommended")) return;
  const char* example = R"({"score": 0.3, "nms_iou": 0.5})";
  if (!fields.require_object("recommended", example)) return;
  Fields inner(json["recommended"], origin, "recommended.");
  inner.allow_only({"score", "nms_iou"});
  card.recommended =
      RecommendedThresholds{inner.share("score", "0.3"), inner.share("nms_iou", "0.5")};
  if (inner.failed()) fields.adopt(inner.error());
}

Result<ModelCard> parse_fields(const Json& json, std::string_view origin) {
  Fields fields(json, origin, "");
  fields.allow_only({"name", "kind", "file", "input", "outputs", "classes", "boxes", "licence",
                     "parameters", "sha256", "recommended", "notes"});
  ModelCard card;
  card.name = fields.text("name", "\"person-detector\"");
  if (card.name.size() > limits::name_bytes_max) {
    fields.refuse("name",
                  "has " + std::to_string(card.name.size()) + " bytes, limit " +
                      std::to_string(limits::name_bytes_max),
                  "shorten it");
  }
  const std::string kind = fields.one_of("kind", {"detector", "embedder", "attributes"});
  card.kind = kind == "embedder"     ? ModelKind::embedder
              : kind == "attributes" ? ModelKind::attributes
                                     : ModelKind::detector;
  card.file = fields.text("file", "\"person-detector.pt\"");
  if (card.file.find('/') != std::string::npos) {
    fields.refuse("file", "is a path", "give the name of a file in the card's own folder");
  }
  card.licence = fields.text("licence", "\"Apache-2.0\"");
  if (const Json* value = fields.require("parameters", "310000")) {
    if (value->is_number_unsigned()) {
      card.parameters = value->get<std::uint64_t>();
    } else {
      fields.refuse("parameters", "is not a whole number", "write how many weights the model has");
    }
  }
  const Json* input =
      fields.require_object("input", R"({"shape": [1, 3, 384, 512], "layout": "NCHW", ...})");
  card.outputs = parse_outputs(fields);
  if (!fields.failed()) check_kind(fields, card);
  if (!fields.failed()) read_optional(fields, json, origin, card);
  if (fields.failed()) return fields.error();
  auto parsed = parse_input(*input, origin);
  if (!parsed) return parsed.error();
  card.input = *parsed;
  return card;
}

}  // namespace

std::string_view to_string(ModelKind kind) {
  switch (kind) {
    case ModelKind::detector:
      return "detector";
    case ModelKind::embedder:
      return "embedder";
    case ModelKind::attributes:
      return "attributes";
  }
  return "unknown";
}

std::string_view to_string(ColorOrder color) {
  return color == ColorOrder::bgr ? "BGR" : "RGB";
}

Result<ModelCard> parse_model_card(std::string_view json, std::string_view origin) {
  Json document;
  try {
    document = Json::parse(json);
  } catch (const Json::exception& error) {
    return Error{Code::invalid_argument, "model card " + std::string(origin) +
                                             " is not JSON: " + error.what() +
                                             "; correct it or export the model again"};
  }
  if (!document.is_object()) {
    return Error{Code::invalid_argument, "model card " + std::string(origin) +
                                             " is not a JSON object; write {\"name\": ...}"};
  }
  return parse_fields(document, origin);
}

}  // namespace omma
