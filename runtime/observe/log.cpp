#include "runtime/observe/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace omma {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warn", "error"};

// Widths of the terminal's columns; a longer name pushes the rest of its line to the right.
constexpr std::size_t node_column = 9;
constexpr std::size_t component_column = 10;
constexpr std::size_t message_column = 24;

spdlog::level::level_enum spdlog_level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// At most limits::log_text_bytes_max of it, never ending inside a UTF-8 sequence.
std::string bounded(std::string_view text) {
  if (text.size() <= limits::log_text_bytes_max) return std::string(text);
  std::size_t end = limits::log_text_bytes_max;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  for (int back = 0; back < 3 && continues(end); ++back) --end;
  return std::string(text.substr(0, end)) + "... (" + std::to_string(text.size()) + " bytes)";
}

// Quoted and escaped as in JSON; bytes that are no UTF-8 become U+FFFD.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Text that cannot move the terminal's cursor or pretend to be another record.
std::string one_line(std::string_view text) {
  const std::string shown = bounded(text);
  if (!has_control_characters(shown)) return shown;
  const std::string escaped = quoted(shown);
  return escaped.substr(1, escaped.size() - 2);
}

Json json_of(const LogField::Value& value) {
  struct Visitor {
    Json operator()(std::string_view text) const { return bounded(text); }
    Json operator()(double number) const {
      // JSON has no such numbers.
      if (std::isnan(number)) return "nan";
      if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
      return number;
    }
    Json operator()(std::int64_t number) const { return number; }
    Json operator()(std::uint64_t number) const { return number; }
    Json operator()(bool truth) const { return truth; }
  };
  return std::visit(Visitor{}, value);
}

std::string text_of(const LogField::Value& value) {
  const auto* text = std::get_if<std::string_view>(&value);
  if (text == nullptr) {
    const Json number = json_of(value);
    return number.is_string() ? number.get<std::string>() : number.dump();
  }
  const bool plain = !text->empty() && text->find_first_of(" \"=") == std::string_view::npos &&
                     !has_control_characters(*text);
  return plain ? bounded(*text) : quoted(bounded(*text));
}

void append_column(std::string& line, std::string_view text, std::size_t width) {
  line += text;
  line.append(text.size() < width ? width - text.size() : 0, ' ');
}

// "2026-11-24T07:01:43.120394Z"
std::string utc_text(WallTime time) {
  using std::chrono::floor;
  const std::chrono::sys_time<Duration> utc{time.time_since_epoch()};
  const auto day = floor<std::chrono::days>(utc);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::microseconds>(utc - day));
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

class SpdlogLog final : public Log {
 public:
  SpdlogLog(const LogOptions& options, const Clock& clock)
      : level_(options.level), node_name_(options.node_name), clock_(clock) {
    if (options.text_to_terminal) {
      terminal_ = std::make_unique<spdlog::logger>(
          "terminal", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
      set_up(*terminal_, "%H:%M:%S.%e %^%L%$ %v");
    }
    if (!options.json_lines_file.empty()) {
      // The current file is one of them.
      const std::size_t older_files_max = limits::log_files_max - 1;
      file_ = std::make_unique<spdlog::logger>(
          "file",
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
              options.json_lines_file.string(), options.json_file_bytes_max, older_files_max));
      set_up(*file_, "%v");
    }
  }

  bool writes(LogLevel level) const override { return level >= level_ && (terminal_ || file_); }
  std::uint64_t records_lost() const override { return records_lost_; }

 private:
  void write(LogLevel level, std::string_view component, std::string_view message,
             Fields fields) override {
    if (!writes(level)) return;
    const WallTime now = clock_.wall_now();
    const spdlog::log_clock::time_point time(
        std::chrono::duration_cast<spdlog::log_clock::duration>(now.time_since_epoch()));
    const auto as = spdlog_level_of(level);
    if (terminal_) terminal_->log(time, {}, as, text_line(component, message, fields));
    if (file_) file_->log(time, {}, as, json_line(now, level, component, message, fields));
  }

  void set_up(spdlog::logger& logger, const char* pattern) {
    logger.set_level(spdlog::level::trace);  // Chosen by writes().
    logger.flush_on(spdlog::level::trace);
    logger.set_pattern(pattern);
    logger.set_error_handler([this](const std::string&) { ++records_lost_; });
  }

  std::string text_line(std::string_view component, std::string_view message, Fields fields) const {
    std::string line;
    append_column(line, one_line(node_name_), node_column);
    append_column(line += ' ', one_line(component), component_column);
    append_column(line += ' ', one_line(message), fields.size() == 0 ? 0 : message_column);
    for (const LogField& field : fields) {
      line += ' ' + one_line(field.key) + '=' + text_of(field.value);
    }
    return line;
  }

  std::string json_line(WallTime now, LogLevel level, std::string_view component,
                        std::string_view message, Fields fields) const {
    Json line;
    line["ts"] = utc_text(now);
    line["level"] = to_string(level);
    line["node"] = node_name_;
    line["component"] = component;
    line["msg"] = bounded(message);
    Json& values = line["fields"] = Json::object();
    for (const LogField& field : fields) values[std::string(field.key)] = json_of(field.value);
    return line.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  const LogLevel level_;
  const std::string node_name_;
  const Clock& clock_;
  std::atomic<std::uint64_t> records_lost_{0};
  std::unique_ptr<spdlog::logger> terminal_;
  std::unique_ptr<spdlog::logger> file_;
};

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  return level_names[static_cast<std::size_t>(level)];
}

Result<LogLevel> log_level_of(std::string_view text) {
  const auto found = std::find(level_names.begin(), level_names.end(), text);
  if (found != level_names.end()) return static_cast<LogLevel>(found - level_names.begin());
  return Error{Code::invalid_argument,
               "no log level '" + std::string(text) + "'; choose debug, info, warn or error"};
}

Result<std::shared_ptr<Log>> make_log(const LogOptions& options, const Clock& clock) {
  try {
    return std::shared_ptr<Log>(std::make_shared<SpdlogLog>(options, clock));
  } catch (const spdlog::spdlog_ex& failure) {
    return Error{Code::unavailable, "log file " + options.json_lines_file.string() +
                                        " cannot be written (" + failure.what() +
                                        "); name a file in a writable folder"};
  }
}

}  // namespace omma
