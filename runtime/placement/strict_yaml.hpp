// The door to yaml-cpp: reads maps whose keys are all known and whose values have the type, unit
// and range asked for.
//
// The first thing that is wrong is kept, with its place, and reading goes on with defaults, so that
// the reader of a file is a straight list of what it expects and asks once, at the end, for
// error(). Not thread-safe. Private to runtime/placement.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

class YamlFile {
 public:
  YamlFile(std::string name, const std::map<std::string, std::string>& variables)
      : name_(std::move(name)), variables_(variables) {}

  // The whole file; a null node after a syntax error.
  YAML::Node parse(const std::string& text);
  // Keeps the first failure only.
  void fail(const YAML::Mark& place, const std::string& message);
  const std::optional<Error>& error() const { return error_; }
  // The text with each ${name} replaced.
  std::string expand(const YAML::Node& scalar);

 private:
  std::string name_;
  const std::map<std::string, std::string>& variables_;
  std::optional<Error> error_;
};

class YamlMap {
 public:
  // `what` names the map in messages: "node 'cloud'". Fails when `node` is no map or has a key
  // twice or one that is not known.
  YamlMap(YamlFile& file, const YAML::Node& node, std::string what,
          const std::vector<std::string>& known_keys);

  bool has(const std::string& key) const { return values_.contains(key); }
  // Where the value is; where the map is, without one.
  YAML::Mark place(const std::string& key) const;
  // A failure at the value of `key`: "node 'cloud': ...".
  void fail(const std::string& key, const std::string& message) const;

  // Each of these requires the key. Variables are replaced in texts.
  std::string text(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::uint64_t number(const std::string& key, std::uint64_t min, std::uint64_t max) const;
  Duration duration(const std::string& key, Duration max) const;
  std::size_t choice(const std::string& key, const std::vector<std::string>& names) const;
  std::vector<YAML::Node> items(const std::string& key) const;
  YAML::Node node(const std::string& key) const;

  // Where item `index` of texts(key) is.
  YAML::Mark place(const std::string& key, std::size_t index) const;

 private:
  // Null, after a failure, when it is absent or no scalar.
  YAML::Node scalar(const std::string& key, const char* expected) const;

  YamlFile& file_;
  std::string what_;
  YAML::Mark place_;
  std::map<std::string, YAML::Node> values_;
};

// "a text", "a list", "a map" or "nothing".
const char* kind_of(const YAML::Node& node);

}  // namespace omma
