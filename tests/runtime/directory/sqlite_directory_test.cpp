// What the SQLite engine promises beyond every engine's contract: it lasts, and it refuses files
// that it must not touch.
#include "runtime/directory/directory.hpp"

#include "tests/runtime/directory/records.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace omma {
namespace {

std::unique_ptr<Directory> opened(const std::filesystem::path& file) {
  auto directory = open_sqlite_directory(file);
  if (!directory.ok()) FAIL(directory.error().describe());
  return *std::move(directory);
}

Error refusal_of(const std::filesystem::path& file) {
  auto directory = open_sqlite_directory(file);
  REQUIRE_FALSE(directory.ok());
  return directory.error();
}

bool mentions(const Error& error, const std::string& text) {
  return error.message.find(text) != std::string::npos;
}

// Runs SQL on the file behind the directory's back.
void meddle(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  CHECK(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_close(database) == SQLITE_OK);
}

TEST_CASE("a restart keeps every epoch, record and node") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  ActorRecord active;
  ActorRecord retired;
  NodeRecord node;
  {
    auto directory = opened(file);
    auto registered = directory->register_node("a", {1, 1}, "unix:/a", {"camera", "cloud"});
    REQUIRE(registered.ok());
    node = *registered;
    active = activate_now(*directory, "lobby", node.id);
    retired = retire_now(*directory, activate_now(*directory, "yard", node.id));
  }
  auto directory = opened(file);
  CHECK(stored(*directory, active.id) == active);
  CHECK(stored(*directory, retired.id) == retired);
  CHECK(directory->nodes()->front() == node);
  CHECK(activate_now(*directory, "yard", node.id).epoch == retired.epoch + 1);
  auto again = directory->register_node("a", {2, 2}, "unix:/a", {"camera"});
  REQUIRE(again.ok());
  CHECK(again->id.epoch == node.id.epoch + 1);
}

TEST_CASE("what was applied survives a process that is killed") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  const pid_t child = fork();
  if (child == 0) {
    auto directory = open_sqlite_directory(file);
    auto change = activate(std::nullopt, ActorId::of("camera", "lobby"), "camera", "lobby",
                           config_of(16), known(**directory, node_of("a")));
    auto outcome = (*directory)->compare_and_set(*change);
    _exit(outcome.ok() && outcome->applied ? 0 : 1);  // Nothing is closed or flushed.
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  auto directory = opened(file);
  CHECK(stored(*directory, ActorId::of("camera", "lobby")).epoch == 1);
}

TEST_CASE("a second opening is refused and names the process that has the directory") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  auto directory = opened(file);
  const Error error = refusal_of(file);
  CHECK(error.code == Code::unavailable);
  CHECK(mentions(error, "in use by process " + std::to_string(getpid())));

  const pid_t child = fork();
  if (child == 0) {
    auto second = open_sqlite_directory(file);
    _exit(!second.ok() && second.error().code == Code::unavailable ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);

  directory.reset();
  CHECK(open_sqlite_directory(file).ok());
}

TEST_CASE("a file that is no database is refused as corrupt and left alone") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  const std::string text(4096, 'x');
  std::ofstream(file) << text;
  const Error error = refusal_of(file);
  CHECK(error.code == Code::corrupt);
  CHECK(mentions(error, file.string()));
  std::ifstream in(file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == text);
}

TEST_CASE("a damaged page is found when the file is opened") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  {
    auto directory = opened(file);
    for (int i = 0; i < 200; ++i) {
      activate_now(*directory, "camera-" + std::to_string(i), node_of("a"));
    }
  }
  const auto size = std::filesystem::file_size(file);
  REQUIRE(size > 6 * 4096);
  {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(size - 4096));
    const std::string garbage(4096, '\x5a');
    out.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
  }
  CHECK(refusal_of(file).code == Code::corrupt);
}

TEST_CASE("a file cut short is found when it is opened") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  {
    auto directory = opened(file);
    for (int i = 0; i < 200; ++i) {
      activate_now(*directory, "camera-" + std::to_string(i), node_of("a"));
    }
  }
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3 * 4096);
  CHECK(refusal_of(file).code == Code::corrupt);
}

TEST_CASE("a record that makes no sense is reported and not used") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  { activate_now(*opened(file), "lobby", node_of("a")); }
  meddle(file, "UPDATE actors SET epoch = 0");
  auto directory = opened(file);
  auto found = directory->actor(ActorId::of("camera", "lobby"));
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code == Code::corrupt);
  CHECK(mentions(found.error(), "camera/lobby"));
  CHECK(directory->actors({}).error().code == Code::corrupt);
}

TEST_CASE("a file of a newer version is refused and left as it is") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  { opened(file); }
  meddle(file, "PRAGMA user_version = 4");
  const Error error = refusal_of(file);
  CHECK(error.code == Code::unsupported);
  CHECK(mentions(error, "has version 4, this program writes 3"));
  CHECK(refusal_of(file).code == Code::unsupported);
}

TEST_CASE("another program's database is refused and left as it is") {
  TemporaryFolder folder;
  const auto file = folder.file("other.db");
  meddle(file, "CREATE TABLE theirs (x)");
  const Error error = refusal_of(file);
  CHECK(error.code == Code::unsupported);
  CHECK(mentions(error, "another program"));
}

TEST_CASE("a folder that does not exist is named") {
  TemporaryFolder folder;
  const Error error = refusal_of(folder.file("nowhere") / "directory.db");
  CHECK(error.code == Code::unavailable);
  CHECK(mentions(error, "nowhere"));
}

TEST_CASE("a file that may only be read is refused") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  { opened(file); }
  using std::filesystem::perms;
  std::filesystem::permissions(folder.path(), static_cast<perms>(0755));
  std::filesystem::permissions(file, static_cast<perms>(0444));
  std::filesystem::permissions(file.string() + ".lock", static_cast<perms>(0666));
  // The superuser may write anything: be somebody else meanwhile.
  constexpr uid_t nobody = 65534;
  const bool superuser = geteuid() == 0;
  if (superuser) REQUIRE(seteuid(nobody) == 0);
  auto directory = open_sqlite_directory(file);
  if (superuser) REQUIRE(seteuid(0) == 0);
  REQUIRE_FALSE(directory.ok());
  CHECK(directory.error().code == Code::unavailable);
  CHECK(mentions(directory.error(), "read-only"));
}

TEST_CASE("a folder that may only be read is refused") {
  TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), static_cast<std::filesystem::perms>(0555));
  constexpr uid_t nobody = 65534;
  const bool superuser = geteuid() == 0;
  if (superuser) REQUIRE(seteuid(nobody) == 0);
  auto directory = open_sqlite_directory(folder.file("directory.db"));
  if (superuser) REQUIRE(seteuid(0) == 0);
  std::filesystem::permissions(folder.path(), static_cast<std::filesystem::perms>(0755));
  REQUIRE_FALSE(directory.ok());
  CHECK(directory.error().code == Code::unavailable);
  CHECK(mentions(directory.error(), "writable"));
}

}  // namespace
}  // namespace omma
