#include "apps/omma/machine_places.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace omma {
namespace {

using State = AddressFacts::State;

// Listens on the loopback interface as long as it lives.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* bound = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    REQUIRE(::bind(socket_, bound, length) == 0);
    REQUIRE(::listen(socket_, 1) == 0);
    REQUIRE(::getsockname(socket_, bound, &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(socket_); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  const int socket_;
  int port_ = 0;
};

std::size_t entries_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST_CASE("a folder that is not there yet is tried in the nearest one above it") {
  const TemporaryFolder folder;
  const FolderFacts facts = try_folder("data", folder.path() / "a" / "b");
  CHECK(facts.written);
  CHECK(facts.nearest == folder.path());
  CHECK(facts.free_bytes > 0);
  CHECK(try_folder("data", folder.path()).nearest == folder.path());
  CHECK(entries_in(folder.path()) == 0);
}

TEST_CASE("a folder that nobody can write in is found out by writing") {
  const FolderFacts facts = try_folder("data", "/proc/omma-data");
  REQUIRE_FALSE(facts.written);
  CHECK(facts.nearest == "/proc");
  const CommitFacts commits = time_commits("/proc");
  REQUIRE_FALSE(commits.tried);
  CHECK(commits.tried.error().code == Code::unavailable);
}

TEST_CASE("commits are timed and leave nothing behind") {
  const TemporaryFolder folder;
  const CommitFacts facts = time_commits(folder.path());
  REQUIRE(facts.tried);
  CHECK(facts.median > Duration(0));
  CHECK(facts.worst >= facts.median);
  CHECK(entries_in(folder.path()) == 0);
}

TEST_CASE("a port is busy while somebody listens there and free afterwards") {
  std::string address;
  {
    const Listener listener;
    address = listener.address();
    CHECK(try_address("box", address).state == State::busy);
  }
  CHECK(try_address("box", address).state == State::free);
  CHECK(try_address("box", "192.0.2.1:4400").state == State::elsewhere);
  CHECK(try_address("box", "no-port").state == State::impossible);
}

TEST_CASE("a Unix socket's path is free unless somebody answers there, and has a limit") {
  const TemporaryFolder folder;
  CHECK(try_address("box", "unix:" + folder.file("box.sock").string()).state == State::free);
  std::ofstream(folder.file("left.sock")) << "no socket";
  CHECK(try_address("box", "unix:" + folder.file("left.sock").string()).state == State::free);
  const AddressFacts facts =
      try_address("box", "unix:" + folder.file(std::string(120, 'x')).string());
  CHECK(facts.state == State::impossible);
  CHECK(facts.why.find("limit 107") != std::string::npos);
}

TEST_CASE("sockets are tried for real and leave nothing behind") {
  const TemporaryFolder folder;
  CHECK(try_unix_socket(folder.path()).tried);
  CHECK(entries_in(folder.path()) == 0);
  CHECK_FALSE(try_unix_socket(folder.path() / "none").tried);
  CHECK(try_loopback().tried);
}

}  // namespace
}  // namespace omma
