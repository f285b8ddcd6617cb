#include "runtime/observe/log.hpp"

#include "tests/support/temporary_folder.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>
#include <vector>

namespace omma {
namespace {

using Json = nlohmann::json;

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::shared_ptr<Log> log_to(const std::filesystem::path& file, const Clock& clock,
                            LogLevel level = LogLevel::info,
                            std::size_t file_bytes_max = limits::log_file_bytes_max) {
  auto log = make_log({.level = level,
                       .text_to_terminal = false,
                       .json_lines_file = file,
                       .json_file_bytes_max = file_bytes_max,
                       .node_name = "cam-east"},
                      clock);
  if (!log.ok()) FAIL(log.error().describe());
  return *std::move(log);
}

// What `write` prints to standard error.
std::vector<std::string> standard_error_of(const std::function<void()>& write) {
  TemporaryFolder folder;
  const auto file = folder.file("stderr");
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  const int captured = open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(dup2(captured, STDERR_FILENO) >= 0);
  write();
  std::fflush(stderr);
  REQUIRE(dup2(saved, STDERR_FILENO) >= 0);
  close(captured);
  close(saved);
  return lines_of(file);
}

TEST_CASE("a record becomes one JSON line with its time, place and fields") {
  TemporaryFolder folder;
  ManualClock clock;  // One second after the epoch.
  clock.advance(Duration(86'400'000'000'000 + 120'394'999));
  auto log = log_to(folder.file("node.jsonl"), clock);
  log->warn("link", "peer went away",
            {{"peer", "cloud"},
             {"dropped", 12},
             {"bytes", std::size_t{18'446'744'073'709'551'615u}},
             {"age_ms", 0.5},
             {"again", true}});
  const auto lines = lines_of(folder.file("node.jsonl"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] ==
        R"({"ts":"1970-01-02T00:00:01.120394Z","level":"warn","node":"cam-east",)"
        R"("component":"link","msg":"peer went away","fields":{"peer":"cloud","dropped":12,)"
        R"("bytes":18446744073709551615,"age_ms":0.5,"again":true}})");
}

TEST_CASE("each level has its call and its name") {
  TemporaryFolder folder;
  ManualClock clock;
  auto log = log_to(folder.file("node.jsonl"), clock, LogLevel::debug);
  log->debug("a", "m");
  log->info("a", "m");
  log->warn("a", "m");
  log->error("a", "m");
  std::vector<std::string> levels;
  for (const auto& line : lines_of(folder.file("node.jsonl"))) {
    levels.push_back(Json::parse(line)["level"]);
  }
  CHECK(levels == std::vector<std::string>{"debug", "info", "warn", "error"});
  for (const std::string& level : levels) {
    auto parsed = log_level_of(level);
    REQUIRE(parsed.ok());
    CHECK(to_string(*parsed) == level);
  }
  CHECK(log_level_of("loud").error().code == Code::invalid_argument);
}

TEST_CASE("records below the level are not written") {
  TemporaryFolder folder;
  ManualClock clock;
  auto log = log_to(folder.file("node.jsonl"), clock, LogLevel::warn);
  CHECK_FALSE(log->writes(LogLevel::info));
  CHECK(log->writes(LogLevel::warn));
  log->info("a", "below");
  log->warn("a", "at it");
  const auto lines = lines_of(folder.file("node.jsonl"));
  REQUIRE(lines.size() == 1);
  CHECK(Json::parse(lines[0])["msg"] == "at it");
}

TEST_CASE("any text survives the way through JSON") {
  TemporaryFolder folder;
  ManualClock clock;
  auto log = log_to(folder.file("node.jsonl"), clock);
  const std::string hostile = "quote \" backslash \\ line\nfeed tab\t nul" + std::string(1, '\0') +
                              "escape \x1b[31m gr\xc3\xbc\xc3\x9f {} {0} %s %v";
  log->info(hostile, hostile, {{hostile, hostile}});
  const auto lines = lines_of(folder.file("node.jsonl"));
  REQUIRE(lines.size() == 1);
  const Json line = Json::parse(lines[0]);
  CHECK(line["component"] == hostile);
  CHECK(line["msg"] == hostile);
  CHECK(line["fields"][hostile] == hostile);
}

TEST_CASE("bytes that are no UTF-8 are replaced and numbers that JSON lacks become words") {
  TemporaryFolder folder;
  ManualClock clock;
  auto log = log_to(folder.file("node.jsonl"), clock);
  log->info("a", "bad \xff\xfe bytes",
            {{"nan", std::nan("")}, {"inf", -std::numeric_limits<double>::infinity()}});
  const Json line = Json::parse(lines_of(folder.file("node.jsonl")).at(0));
  CHECK(line["msg"] == "bad \xef\xbf\xbd\xef\xbf\xbd bytes");
  CHECK(line["fields"]["nan"] == "nan");
  CHECK(line["fields"]["inf"] == "-inf");
}

TEST_CASE("an overlong text is cut between characters and its length named") {
  TemporaryFolder folder;
  ManualClock clock;
  auto log = log_to(folder.file("node.jsonl"), clock);
  std::string text(limits::log_text_bytes_max - 1, 'x');
  text += "\xc3\xbc and more";
  log->info("a", "m", {{"text", text}});
  const std::string written =
      Json::parse(lines_of(folder.file("node.jsonl")).at(0))["fields"]["text"];
  CHECK(written == std::string(limits::log_text_bytes_max - 1, 'x') + "... (" +
                       std::to_string(text.size()) + " bytes)");
}

TEST_CASE("the files of a log are bounded in size and number") {
  TemporaryFolder folder;
  ManualClock clock;
  constexpr std::size_t file_bytes_max = 2000;
  auto log = log_to(folder.file("node.jsonl"), clock, LogLevel::info, file_bytes_max);
  for (int i = 0; i < 200; ++i) log->info("a", "m", {{"number", i}});
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++files;
    CHECK(entry.file_size() <= file_bytes_max);
  }
  CHECK(files == limits::log_files_max);
  CHECK(Json::parse(lines_of(folder.file("node.jsonl")).back())["fields"]["number"] == 199);
  CHECK(log->records_lost() == 0);
}

TEST_CASE("records of many threads are whole lines") {
  TemporaryFolder folder;
  ManualClock clock;
  auto log = log_to(folder.file("node.jsonl"), clock);
  constexpr int thread_count = 4;
  constexpr int records = 200;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < thread_count; ++thread) {
    threads.emplace_back([&log, thread] {
      for (int i = 0; i < records; ++i) log->info("a", "m", {{"thread", thread}, {"number", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = lines_of(folder.file("node.jsonl"));
  REQUIRE(lines.size() == thread_count * records);
  std::vector<int> next(thread_count, 0);
  for (const std::string& line : lines) {
    const Json fields = Json::parse(line)["fields"];
    CHECK(fields["number"] == next[fields["thread"].get<std::size_t>()]++);
  }
}

TEST_CASE("a log file is continued after a restart and its folder is made") {
  TemporaryFolder folder;
  ManualClock clock;
  const auto file = folder.file("logs") / "cam-east" / "node.jsonl";
  log_to(file, clock)->info("a", "first");
  log_to(file, clock)->info("a", "second");
  CHECK(lines_of(file).size() == 2);
}

TEST_CASE("a log file that cannot be opened is named") {
  TemporaryFolder folder;
  ManualClock clock;
  std::ofstream(folder.file("plain")) << "no folder";
  const auto file = folder.file("plain") / "node.jsonl";
  auto log = make_log({.text_to_terminal = false, .json_lines_file = file}, clock);
  REQUIRE_FALSE(log.ok());
  CHECK(log.error().code == Code::unavailable);
  CHECK(log.error().message.find(file.string()) != std::string::npos);
}

TEST_CASE("a record that does not fit on the disk is counted as lost") {
  ManualClock clock;
  auto log = log_to("/dev/full", clock);
  log->info("a", "m");
  log->info("a", "m");
  CHECK(log->records_lost() == 2);
}

TEST_CASE("the terminal shows one aligned line a record without colours in a file") {
  ManualClock clock;
  const auto lines = standard_error_of([&] {
    auto log = make_log({.node_name = "cloud"}, clock);
    REQUIRE(log.ok());
    (*log)->info("link", "peer is up", {{"peer", "cam-east"}, {"rtt_us", 120}, {"tls", false}});
    (*log)->error("directory", "no");
    (*log)->debug("directory", "below the level");
    (*log)->warn("link", "two\nlines \x1b[2J", {{"why", "a b"}, {"text", ""}, {"quote", "\"="}});
  });
  REQUIRE(lines.size() == 3);
  constexpr std::size_t time_width = 13;  // "00:00:01.000 ", in local time.
  CHECK(lines[0].substr(time_width) ==
        "I cloud     link       peer is up               peer=cam-east rtt_us=120 tls=false");
  CHECK(lines[1].substr(time_width) == "E cloud     directory  no");
  CHECK(lines[2].substr(time_width) ==
        R"(W cloud     link       two\nlines \u001b[2J     why="a b" text="" quote="\"=")");
  CHECK(lines[0].substr(8, 5) == ".000 ");
}

TEST_CASE("a log without terminal and file is silent") {
  ManualClock clock;
  const auto lines = standard_error_of([&] {
    auto log = make_log({.text_to_terminal = false}, clock);
    REQUIRE(log.ok());
    CHECK_FALSE((*log)->writes(LogLevel::error));
    (*log)->error("a", "nobody listens");
  });
  CHECK(lines.empty());
}

}  // namespace
}  // namespace omma
