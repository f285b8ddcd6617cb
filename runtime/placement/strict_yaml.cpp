#include "runtime/placement/strict_yaml.hpp"

#include "runtime/base/nearest_name.hpp"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

namespace omma {
namespace {

// A message quotes what is wrong, which may be as long as the file.
constexpr std::size_t message_bytes_max = 1024;

// A whole number and nothing else; a quoted one is a text.
std::optional<std::uint64_t> whole_number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

struct TimeUnit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr TimeUnit time_units[] = {{"ns", 1},
                                   {"us", 1'000},
                                   {"ms", 1'000'000},
                                   {"s", 1'000'000'000},
                                   {"min", 60'000'000'000},
                                   {"h", 3'600'000'000'000}};

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

// Where documents begin. YAML::LoadAll would say, but has no end on some texts (yaml-cpp 0.7 finds
// one empty document after the other behind a stray bracket).
class DocumentStarts final : public YAML::EventHandler {
 public:
  const std::vector<YAML::Mark>& marks() const { return marks_; }

  void OnDocumentStart(const YAML::Mark& mark) override { marks_.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  std::vector<YAML::Mark> marks_;
};

}  // namespace

const char* kind_of(const YAML::Node& node) {
  if (node.IsScalar()) return "a text";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return "nothing";
}

YAML::Node YamlFile::parse(const std::string& text) {
  try {
    const YAML::Node document = YAML::Load(text);
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentStarts starts;
    for (int i = 0; i < 2 && parser.HandleNextDocument(starts); ++i) continue;
    if (starts.marks().size() > 1) {
      fail(starts.marks()[1], "a second document; keep to one, without '---' in between");
      return {};
    }
    return document;
  } catch (const YAML::Exception& failure) {
    fail(failure.mark, "not YAML: " + failure.msg + "; correct the line or the one before it");
    return {};
  }
}

void YamlFile::fail(const YAML::Mark& place, const std::string& message) {
  if (error_) return;
  std::string where = name_;
  if (!place.is_null()) {
    where += ":" + std::to_string(place.line + 1) + ":" + std::to_string(place.column + 1);
  }
  error_ = Error{Code::invalid_argument, where + ": " + message.substr(0, message_bytes_max)};
}

std::string YamlFile::expand(const YAML::Node& scalar) {
  const std::string& text = scalar.Scalar();
  std::string expanded;
  std::size_t begin = 0;
  while (true) {
    const std::size_t dollar = text.find("${", begin);
    if (dollar == std::string::npos) return expanded + text.substr(begin);
    expanded += text.substr(begin, dollar - begin);
    const std::size_t brace = text.find('}', dollar);
    if (brace == std::string::npos) {
      fail(scalar.Mark(), "'" + text + "' has '${' without '}'; close it");
      return expanded;
    }
    const std::string name = text.substr(dollar + 2, brace - dollar - 2);
    const auto variable = variables_.find(name);
    if (variable == variables_.end()) {
      std::vector<std::string> known;
      for (const auto& [known_name, value] : variables_) known.push_back(known_name);
      fail(scalar.Mark(), "unknown variable '${" + name + "}'" + suggestion_for(name, known));
      return expanded;
    }
    expanded += variable->second;
    begin = brace + 1;
  }
}

YamlMap::YamlMap(YamlFile& file, const YAML::Node& node, std::string what,
                 const std::vector<std::string>& known_keys)
    : file_(file), what_(std::move(what)), place_(node.Mark()) {
  if (!node.IsMap()) {
    file_.fail(place_, what_ + " is " + kind_of(node) + ", expected a map; write 'key: value' " +
                           "lines with the keys " + quoted_list(known_keys));
    return;
  }
  for (const auto& entry : node) {
    const YAML::Node& key_node = entry.first;
    if (!key_node.IsScalar()) {
      file_.fail(key_node.Mark(), what_ + ": a key is " + std::string(kind_of(key_node)) +
                                      "; write one of " + quoted_list(known_keys));
      continue;
    }
    const std::string& key = key_node.Scalar();
    if (std::find(known_keys.begin(), known_keys.end(), key) == known_keys.end()) {
      file_.fail(key_node.Mark(),
                 what_ + ": unknown key '" + key + "'" + suggestion_for(key, known_keys));
    } else if (!values_.emplace(key, entry.second).second) {
      file_.fail(key_node.Mark(), what_ + ": key '" + key + "' a second time; keep one");
    }
  }
}

YAML::Mark YamlMap::place(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? place_ : found->second.Mark();
}

YAML::Mark YamlMap::place(const std::string& key, std::size_t index) const {
  const YAML::Node list = node(key);
  return list.IsSequence() && index < list.size() ? list[index].Mark() : place(key);
}

void YamlMap::fail(const std::string& key, const std::string& message) const {
  file_.fail(place(key), what_ + ": " + message);
}

YAML::Node YamlMap::node(const std::string& key) const {
  const auto found = values_.find(key);
  if (found != values_.end()) return found->second;
  fail(key, "'" + key + "' is missing; add a line '" + key + ": ...'");
  return {};
}

YAML::Node YamlMap::scalar(const std::string& key, const char* expected) const {
  const YAML::Node value = node(key);
  if (value.IsScalar()) return value;
  if (has(key)) fail(key, "'" + key + "' is " + kind_of(value) + ", expected " + expected);
  return {};
}

std::string YamlMap::text(const std::string& key) const {
  const YAML::Node value = scalar(key, "a text");
  if (!value.IsScalar()) return {};
  std::string text = file_.expand(value);
  if (text.empty()) fail(key, "'" + key + "' is empty; write a text");
  return text;
}

std::vector<std::string> YamlMap::texts(const std::string& key) const {
  std::vector<std::string> texts;
  for (const YAML::Node& item : items(key)) {
    if (!item.IsScalar() || item.Scalar().empty()) {
      const std::string kind = item.IsScalar() ? "empty" : kind_of(item);
      file_.fail(item.Mark(),
                 what_ + ": an entry of '" + key + "' is " + kind + ", expected a text");
      continue;
    }
    texts.push_back(file_.expand(item));
  }
  return texts;
}

std::uint64_t YamlMap::number(const std::string& key, std::uint64_t min, std::uint64_t max) const {
  const YAML::Node value = scalar(key, "a whole number");
  if (!value.IsScalar()) return min;
  const bool quoted = value.Tag() == "!";
  const auto number = quoted ? std::nullopt : whole_number_of(value.Scalar());
  if (!number) {
    fail(key, "'" + key + "' is '" + value.Scalar() + "', expected a whole number from " +
                  std::to_string(min) + " to " + std::to_string(max) +
                  (quoted ? "; remove the quotes" : "; write digits only"));
    return min;
  }
  if (*number < min || *number > max) {
    fail(key, "'" + key + "' is " + value.Scalar() + ", allowed are " + std::to_string(min) +
                  " to " + std::to_string(max));
    return min;
  }
  return *number;
}

Duration YamlMap::duration(const std::string& key, Duration max) const {
  const YAML::Node value = scalar(key, "a time with its unit, like 500ms or 5s");
  if (!value.IsScalar()) return {};
  const std::string& text = value.Scalar();
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit_name = std::string_view(text).substr(digits);
  const auto number = whole_number_of(std::string_view(text).substr(0, digits));
  const auto* const unit =
      std::find_if(std::begin(time_units), std::end(time_units),
                   [&](const TimeUnit& candidate) { return candidate.name == unit_name; });
  if (!number || unit == std::end(time_units)) {
    fail(key, "'" + key + "' is '" + text +
                  "', expected a whole number with a unit (ns, us, ms, s, min, h), like 500ms");
    return {};
  }
  const auto max_ns = static_cast<std::uint64_t>(max.count());
  if (*number > max_ns / unit->nanoseconds) {
    fail(key, "'" + key + "' is " + text + ", the longest allowed is " +
                  std::to_string(max_ns / 1'000'000'000) + "s");
    return {};
  }
  return Duration(static_cast<Duration::rep>(*number * unit->nanoseconds));
}

std::size_t YamlMap::choice(const std::string& key, const std::vector<std::string>& names) const {
  const std::string wanted = text(key);
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  fail(key, "'" + key + "' is '" + wanted + "', expected one of " + quoted_list(names));
  return 0;
}

std::vector<YAML::Node> YamlMap::items(const std::string& key) const {
  const YAML::Node list = node(key);
  if (!list.IsSequence()) {
    if (has(key)) {
      fail(key, "'" + key + "' is " + kind_of(list) +
                    ", expected a list; write [a, b] or '- ' "
                    "lines");
    }
    return {};
  }
  return {list.begin(), list.end()};
}

}  // namespace omma
