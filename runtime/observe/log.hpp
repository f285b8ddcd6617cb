// Log: what a node tells people and tools. Each record is a level, a component, a short message
// that is the same every time, and fields that carry what varies:
//
//   log->warn("link", "peer went away", {{"peer", "cam-east"}, {"packets_dropped", 12}});
//
//   on a terminal   07:01:43.120 W cloud     link       peer went away  peer=cam-east ...
//   in a file       {"ts":"2026-11-24T07:01:43.120394Z","level":"warn","node":"cloud",
//                    "component":"link","msg":"peer went away","fields":{"peer":"cam-east",...}}
//
// Thread-safe. A call writes before it returns, so a crash takes no finished record along; so none
// is made for each frame. Files are bounded (limits::log_file_bytes_max, log_files_max).
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/time.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace omma {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

std::string_view to_string(LogLevel level) noexcept;
// invalid_argument names the levels there are.
Result<LogLevel> log_level_of(std::string_view text);

// A named value; keys are snake_case and end in their unit, "age_ms". Only views its text: made in
// the call's argument list and never kept.
class LogField {
 public:
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const std::string& text)
      : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, std::same_as<bool> auto truth) : key(name), value(truth) {}
  LogField(std::string_view name, std::floating_point auto number)
      : key(name), value(static_cast<double>(number)) {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) LogField(std::string_view name, Number number) : key(name) {
    if constexpr (std::is_signed_v<Number>) {
      value = static_cast<std::int64_t>(number);
    } else {
      value = static_cast<std::uint64_t>(number);
    }
  }

  std::string_view key;
  Value value;
};

struct LogOptions {
  LogLevel level = LogLevel::info;  // Records below it are not written.
  bool text_to_terminal = true;     // To standard error; coloured when that is a terminal.
  std::filesystem::path json_lines_file = {};  // Empty for none; its folder is made.
  std::size_t json_file_bytes_max = limits::log_file_bytes_max;  // Then it is rotated.
  std::string node_name = {};
};

class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  virtual ~Log() = default;

  void debug(std::string_view component, std::string_view message, Fields fields = {}) {
    write(LogLevel::debug, component, message, fields);
  }
  void info(std::string_view component, std::string_view message, Fields fields = {}) {
    write(LogLevel::info, component, message, fields);
  }
  void warn(std::string_view component, std::string_view message, Fields fields = {}) {
    write(LogLevel::warn, component, message, fields);
  }
  void error(std::string_view component, std::string_view message, Fields fields = {}) {
    write(LogLevel::error, component, message, fields);
  }

  // To leave out costly work for records that would not be written.
  virtual bool writes(LogLevel level) const = 0;
  // Records that could not be written: a full disk must not stop a node, but is not silent.
  virtual std::uint64_t records_lost() const = 0;

 private:
  virtual void write(LogLevel level, std::string_view component, std::string_view message,
                     Fields fields) = 0;
};

// unavailable when the file cannot be written (says which and why). With neither terminal nor file
// the log is silent. `clock` must outlive the log.
Result<std::shared_ptr<Log>> make_log(const LogOptions& options, const Clock& clock);

}  // namespace omma
