#include "runtime/link/knock.hpp"

#include <fcntl.h>
#include <kj/io.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "runtime/link/address.hpp"

namespace omma {
namespace {

// What became of a connection attempt; ETIMEDOUT when nothing did in time.
int outcome_of(const sockaddr* name, socklen_t name_bytes, Duration timeout) {
  const kj::AutoCloseFd probe(
      ::socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return errno;
  if (::connect(probe.get(), name, name_bytes) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{probe.get(), POLLOUT, 0};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  if (::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(milliseconds, 1))) != 1) {
    return ETIMEDOUT;
  }
  int failure = 0;
  socklen_t bytes = sizeof failure;
  if (::getsockopt(probe.get(), SOL_SOCKET, SO_ERROR, &failure, &bytes) != 0) return errno;
  return failure;
}

bool is_unix_refused(const std::string& address, Duration timeout) {
  const std::string path = address.substr(address.find(':') + 1);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) return false;
  std::memcpy(name.sun_path, path.c_str(), path.size());
  const int outcome = outcome_of(reinterpret_cast<const sockaddr*>(&name), sizeof name, timeout);
  return outcome == ECONNREFUSED || outcome == ENOENT;
}

}  // namespace

bool is_refused(const std::string& address, Duration timeout) {
  if (is_unix_address(address)) return is_unix_refused(address, timeout);
  const std::string port = address.substr(address.rfind(':') + 1);
  if (port.empty()) return false;  // Which would stand for any.
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host_of(address).c_str(), port.c_str(), &wanted, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (outcome_of(one->ai_addr, one->ai_addrlen, timeout) != ECONNREFUSED) return false;
  }
  return true;
}

}  // namespace omma
