#include "apps/omma/doctor_checks.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace omma {
namespace {

using State = Finding::State;

constexpr std::uint64_t megabyte = 1'000'000;
constexpr std::uint64_t gigabyte = 1'000 * megabyte;

const Error denied{Code::unavailable, "Permission denied"};

// A machine with which nothing is wrong.
MachineFacts good_machine() {
  MachineFacts facts;
  facts.libraries = {{"CAF", "0.17.6", "0.17.6"}};
  facts.codecs = {{CodecFacts::Kind::decoder, "h264", true, true}};
  facts.unix_socket = {"in /run/omma", {}};
  facts.loopback = {"127.0.0.1", {}};
  facts.descriptors = {4096, 1'048'576};
  facts.memory = MemoryFacts{8 * gigabyte, 4 * gigabyte, 0, 0};
  facts.cores = 4;
  facts.shared_memory = {{}, gigabyte};
  facts.clock = {"tsc", Duration(1), Duration(50'000'000), Duration(50'100'000), 2026, true};
  facts.kernel = {"Linux 6.1", true};
  facts.folders = {{"data of box", "/data/box", "/data", {}, 50 * gigabyte, false}};
  facts.commits = {{"/data", {}, std::chrono::microseconds(300), std::chrono::milliseconds(2)}};
  return facts;
}

bool mentions(const Finding& finding, const std::string& text) {
  return (finding.topic + finding.found + finding.remedy).find(text) != std::string::npos;
}

TEST_CASE("a machine with which nothing is wrong gives no warning and no advice") {
  for (const Finding& finding : check_machine(good_machine())) {
    INFO(finding.topic << ": " << finding.found);
    CHECK((finding.state == State::ok || finding.state == State::note));
    CHECK_FALSE(finding.found.empty());
    CHECK(finding.remedy.empty());
  }
}

TEST_CASE("whatever is warned of comes with advice") {
  MachineFacts facts = good_machine();
  facts.libraries = {{"CAF", "0.17.6", "0.18.7"}, {"LibTorch", "1.13.1", ""}};
  facts.codecs = {{CodecFacts::Kind::decoder, "hevc", false, false},
                  {CodecFacts::Kind::encoder, "libx264", true, false}};
  facts.unix_socket.tried = denied;
  facts.loopback.tried = denied;
  facts.descriptors = {64, 64};
  facts.memory = MemoryFacts{gigabyte, 200 * megabyte, 0, 0};
  facts.cores = 1;
  facts.shared_memory = {denied, {}};
  facts.clock = {"hpet", Duration(1), Duration(50'000'000), Duration(950'000'000), 2026, false};
  facts.folders.front().written = denied;
  facts.commits.front().median = std::chrono::milliseconds(6);
  facts.cluster_file = ClusterFileFacts{"a.yaml", Error{Code::invalid_argument, "a.yaml:1:1"}};
  facts.addresses = {{"box", "127.0.0.1:80", AddressFacts::State::busy, "", false},
                     {"far", "nowhere", AddressFacts::State::impossible, "no port", false}};
  facts.models = {{"/models", true, {}, {denied}}, {"/none", false, {}, {}}};
  facts.named_files = {{"video of camera east", "/east.mp4", false}};

  const auto findings = check_machine(facts);
  std::size_t failed = 0;
  for (const Finding& finding : findings) {
    if (finding.state == State::note) continue;
    INFO(finding.topic << ": " << finding.found);
    CHECK(finding.state != State::ok);
    CHECK_FALSE(finding.remedy.empty());
    failed += finding.state == State::failed ? 1 : 0;
  }
  CHECK(findings.size() == 22);
  CHECK(failed == 13);
}

TEST_CASE("a library must be of the version it was built with, or a newer one that promises more") {
  const auto state = [](const char* compiled, const char* loaded, bool newer_fits) {
    return check_library({"x", compiled, loaded, newer_fits}).state;
  };
  CHECK(state("0.17.6", "0.17.6", false) == State::ok);
  CHECK(state("1.13.1", "1.13.0", false) == State::ok);
  CHECK(state("0.17.6", "0.18.0", false) == State::failed);
  CHECK(state("3.40.1", "3.45.0", true) == State::ok);
  CHECK(state("3.40.1", "3.39.0", true) == State::failed);
  CHECK(state("59.37.100", "60.3.100", true) == State::failed);
  CHECK(state("1.13.1", "", false) == State::warning);
  CHECK(state("1.13.1", "new", false) == State::failed);
}

TEST_CASE("a busy address fails unless it is the running cluster's own") {
  AddressFacts facts{"box", "127.0.0.1:4400", AddressFacts::State::busy, "", false};
  CHECK(check_address(facts).state == State::failed);
  CHECK(mentions(check_address(facts), "127.0.0.1:4400 is in use"));
  facts.cluster_runs = true;
  CHECK(check_address(facts).state == State::ok);
  facts.state = AddressFacts::State::elsewhere;
  CHECK(check_address(facts).state == State::note);
}

TEST_CASE("a folder is warned of by the space that is left in it") {
  FolderFacts facts{"data of box", "/data/box", "/data", {}, 2 * gigabyte, false};
  CHECK(check_folder(facts).state == State::ok);
  CHECK(mentions(check_folder(facts), "to be made in /data"));
  facts.free_bytes = 500 * megabyte;
  CHECK(check_folder(facts).state == State::warning);
  facts.free_bytes = 50 * megabyte;
  CHECK(check_folder(facts).state == State::failed);
  facts.in_memory = true;
  CHECK(mentions(check_folder(facts), "gone with the machine's next start"));
}

TEST_CASE("commits of more than five milliseconds are warned of") {
  CommitFacts facts{"/data", {}, std::chrono::milliseconds(5), std::chrono::milliseconds(80)};
  CHECK(check_commit_time(facts).state == State::ok);
  facts.median += Duration(1);
  CHECK(check_commit_time(facts).state == State::warning);
  CHECK(mentions(check_commit_time(facts), "80.00 ms at most"));
}

TEST_CASE("memory, swap and descriptors have a level to warn at and one to fail at") {
  const auto memory = [](std::uint64_t available, std::uint64_t swap, std::uint64_t used) {
    return check_memory({8 * gigabyte, available, swap, used}).state;
  };
  CHECK(memory(gigabyte, 0, 0) == State::ok);
  CHECK(memory(gigabyte - 1, 0, 0) == State::warning);
  CHECK(memory(299 * megabyte, 0, 0) == State::failed);
  CHECK(memory(2 * gigabyte, gigabyte, gigabyte / 2) == State::ok);
  CHECK(memory(2 * gigabyte, gigabyte, gigabyte / 2 + 1) == State::warning);
  CHECK(check_descriptors({1024, 4096}).state == State::ok);
  CHECK(check_descriptors({1023, 4096}).state == State::warning);
  CHECK(check_descriptors({255, 4096}).state == State::failed);
}

TEST_CASE("clocks: one that stands still fails, a slow, jumping or unset one is warned of") {
  const ClockFacts good = good_machine().clock;
  ClockFacts clock = good;
  clock.steady_passed = Duration(0);
  CHECK(check_clock(clock).state == State::failed);
  clock = good;
  clock.source = "acpi_pm";
  CHECK(check_clock(clock).state == State::warning);
  clock = good;
  clock.wall_passed = clock.steady_passed - std::chrono::milliseconds(6);
  CHECK(mentions(check_wall_clock(clock), "jumped by -6.00 ms"));
  clock = good;
  clock.wall_year = 1970;
  CHECK(check_wall_clock(clock).state == State::warning);
  clock = good;
  clock.synchronised.reset();
  CHECK(check_wall_clock(clock).state == State::note);
  clock.synchronised = false;
  CHECK(check_wall_clock(clock).state == State::warning);
}

TEST_CASE("memory is read from the kernel's own lines") {
  const auto memory = parse_memory(
      "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\nSwapTotal: 100 kB\n"
      "SwapFree: 70 kB\nHugePages_Total: 0\n");
  REQUIRE(memory);
  CHECK(memory->total_bytes == 1'024'000);
  CHECK(memory->available_bytes == 614'400);
  CHECK(memory->swap_bytes == 102'400);
  CHECK(memory->swap_used_bytes == 30'720);
  const auto wrong = parse_memory("MemTotal: 1000 kB\n");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Code::corrupt);
}

TEST_CASE("what this machine has loaded is what the tests were built with") {
  const MachineFacts facts = look_at_machine({}, {});
  std::set<std::string> names;
  for (const LibraryVersion& library : facts.libraries) {
    INFO(library.name << " built with " << library.compiled << ", loaded " << library.loaded);
    CHECK(check_library(library).state == State::ok);
    names.insert(library.name);
  }
  for (const char* name : {"LibTorch", "CAF", "Cap'n Proto", "SQLite", "FFmpeg libavcodec"}) {
    CHECK(names.contains(name));
  }
  CHECK(check_clock(facts.clock).state != State::failed);
}

}  // namespace
}  // namespace omma
