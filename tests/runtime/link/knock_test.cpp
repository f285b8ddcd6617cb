#include "runtime/link/knock.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "runtime/base/check.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace std::chrono_literals;

namespace omma {
namespace {

// A listening socket that never accepts: connections wait in its backlog.
class Ear {
 public:
  explicit Ear(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.c_str(), path.size());
    listen_at(reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  Ear() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_at(reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  ~Ear() { ::close(fd_); }
  Ear(const Ear&) = delete;
  Ear& operator=(const Ear&) = delete;

  sockaddr_in name() const {
    sockaddr_in name{};
    socklen_t bytes = sizeof name;
    OMMA_CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &bytes) == 0, errno);
    return name;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(ntohs(name().sin_port)); }

 private:
  void listen_at(const sockaddr* name, socklen_t bytes) const {
    OMMA_CHECK(::bind(fd_, name, bytes) == 0 && ::listen(fd_, 0) == 0, errno);
  }
  int fd_;
};

TEST_CASE("a port where nobody listens refuses, one where somebody does takes the knock") {
  std::string address;
  {
    const Ear ear;
    address = ear.address();
    CHECK_FALSE(is_refused(address, 1s));
  }
  CHECK(is_refused(address, 1s));
}

TEST_CASE("a name stands for all its addresses") {
  std::string port;
  {
    const Ear ear;
    port = ear.address().substr(ear.address().rfind(':'));
    // IPv6's localhost refuses, where it has an address, and IPv4's does not.
    CHECK_FALSE(is_refused("localhost" + port, 1s));
  }
  CHECK(is_refused("localhost" + port, 1s));
}

TEST_CASE("a peer that is silent does not refuse, and is waited for no longer than told") {
  const Ear ear;
  const sockaddr_in name = ear.name();
  // With the backlog full, the kernel drops what knocks.
  std::vector<int> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    static_cast<void>(
        ::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&name), sizeof name));
  }
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(is_refused(ear.address(), 100ms));
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took >= 100ms);
  CHECK(took < 5s);
  for (const int fd : waiting) ::close(fd);
}

TEST_CASE("a socket file refuses when its process is gone or it does not exist") {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "a.sock").string();
  CHECK(is_refused("unix:" + path, 1s));
  {
    const Ear ear(path);
    CHECK_FALSE(is_refused("unix:" + path, 1s));
  }
  CHECK(is_refused("unix:" + path, 1s));  // The file is still there.
}

TEST_CASE("what is no address, or leads nowhere, refuses nothing") {
  for (const char* address :
       {"", "unix:", "nonsense", "127.0.0.1:", "127.0.0.1:no", "no-such-host.invalid:4400"}) {
    INFO(address);
    CHECK_FALSE(is_refused(address, 100ms));
  }
  CHECK_FALSE(is_refused("unix:/" + std::string(200, 'x'), 100ms));
}

}  // namespace
}  // namespace omma
