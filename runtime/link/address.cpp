#include "runtime/link/address.hpp"

#include <fcntl.h>
#include <kj/exception.h>
#include <kj/io.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr std::string_view unix_prefix = "unix:";

Error cannot_listen(const std::string& address, const std::string& why) {
  return Error{Code::unavailable, "cannot listen on '" + address + "': " + why};
}

std::string system_error() {
  return std::strerror(errno);
}

// True when a process answers at this socket file.
bool is_answered(const sockaddr_un& name) {
  const kj::AutoCloseFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  return result == 0 || errno != ECONNREFUSED;
}

Result<Listener> listen_on_unix(kj::AsyncIoContext& io, const std::string& address) {
  const std::string path = address.substr(unix_prefix.size());
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return cannot_listen(address, "path of " + std::to_string(path.size()) + " bytes, limit 1 to " +
                                      std::to_string(sizeof name.sun_path - 1));
  }
  std::memcpy(name.sun_path, path.c_str(), path.size());
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) return cannot_listen(address, "a file that is no socket");
    if (is_answered(name)) return cannot_listen(address, "another process listens there");
    ::unlink(path.c_str());
  }
  kj::AutoCloseFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return cannot_listen(address, system_error());
  // Nobody gets in between bind and chmod: connecting is refused until listen.
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    return cannot_listen(address, system_error());
  }
  return Listener{io.lowLevelProvider->wrapListenSocketFd(kj::mv(fd)), address};
}

}  // namespace

bool is_unix_address(const std::string& address) {
  return address.starts_with(unix_prefix);
}

std::string host_of(const std::string& address) {
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

Result<Listener> listen_on(kj::AsyncIoContext& io, const std::string& address) {
  if (is_unix_address(address)) return listen_on_unix(io, address);
  Listener listener;
  auto failure = kj::runCatchingExceptions([&] {
    auto parsed = io.provider->getNetwork().parseAddress(address.c_str()).wait(io.waitScope);
    listener.receiver = parsed->listen();
    const auto colon = address.rfind(':');
    listener.address =
        address.substr(0, colon) + ":" + std::to_string(listener.receiver->getPort());
  });
  KJ_IF_MAYBE (exception, failure) {
    return cannot_listen(address, exception->getDescription().cStr());
  }
  return kj::mv(listener);
}

void forget_address(const std::string& address) {
  if (is_unix_address(address)) ::unlink(address.substr(unix_prefix.size()).c_str());
}

void tune(kj::AsyncIoStream& stream, const std::string& address) {
  if (is_unix_address(address)) return;
  const int on = 1;
  stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  using std::chrono::duration_cast;
  const auto patience = 5 * limits::suspect_after;
  const int milliseconds =
      static_cast<int>(duration_cast<std::chrono::milliseconds>(patience).count());
  stream.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

}  // namespace omma
