#include "apps/omma/machine_places.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace omma {
namespace {

constexpr long tmpfs_magic = 0x01021994;  // statfs(2)
constexpr std::size_t commit_bytes = 4096;
constexpr int commits_timed = 21;
constexpr int commit_places = 64;  // A megabyte of the directory's log is written over and over.

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int operator*() const { return number_; }
  bool ok() const { return number_ >= 0; }

 private:
  const int number_;
};

Error system_error(const std::string& what) {
  return {Code::unavailable, what + ": " + std::strerror(errno)};
}

// A file without a name, gone when it is closed.
int open_trial_file(const std::filesystem::path& folder) {
  std::string pattern = (folder / ".omma-doctor-XXXXXX").string();
  const int file = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(pattern.c_str());
  return file;
}

Result<void> connect_once(int family, const sockaddr* address, socklen_t length) {
  const Descriptor listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.ok()) return system_error("socket");
  if (::bind(*listener, address, length) != 0) return system_error("bind");
  if (::listen(*listener, 1) != 0) return system_error("listen");
  sockaddr_storage bound{};
  socklen_t bound_length = sizeof bound;
  auto* bound_address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(*listener, bound_address, &bound_length) != 0)
    return system_error("getsockname");
  const Descriptor client(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!client.ok()) return system_error("socket");
  // Nothing is waited for: a connection to oneself is made at once or not at all.
  if (::connect(*client, bound_address, bound_length) != 0 && errno != EINPROGRESS) {
    return system_error("connect");
  }
  return {};
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Code::over_limit, "the path has " + std::to_string(path.size()) +
                                       " bytes, limit " +
                                       std::to_string(sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

void try_unix_path(AddressFacts& facts, const std::string& path) {
  auto address = unix_address(path);
  if (!address) {
    facts.state = AddressFacts::State::impossible;
    facts.why = address.error().message;
    return;
  }
  // A file that nobody listens at was left behind by a dead process and will be replaced.
  const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool answers =
      ::connect(*client, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0 ||
      errno == EAGAIN;
  if (answers) facts.state = AddressFacts::State::busy;
}

void try_tcp(AddressFacts& facts, std::string host, const std::string& port) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int unknown =
      ::getaddrinfo(host == "*" ? nullptr : host.c_str(), port.c_str(), &hints, &list);
  if (unknown != 0) {
    facts.state = AddressFacts::State::impossible;
    facts.why = ::gai_strerror(unknown);
    return;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  const Descriptor socket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // As a node does: a port that only old connections still hold is free.
  const int yes = 1;
  ::setsockopt(*socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(*socket, list->ai_addr, list->ai_addrlen) == 0 && ::listen(*socket, 1) == 0) return;
  facts.why = std::strerror(errno);
  facts.state = errno == EADDRINUSE      ? AddressFacts::State::busy
                : errno == EADDRNOTAVAIL ? AddressFacts::State::elsewhere
                                         : AddressFacts::State::impossible;
}

}  // namespace

std::filesystem::path nearest_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::path nearest = folder;
  while (!std::filesystem::is_directory(nearest, ignored) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  return nearest;
}

FolderFacts try_folder(std::string what, const std::filesystem::path& folder) {
  FolderFacts facts;
  facts.what = std::move(what);
  facts.folder = folder;
  facts.nearest = nearest_folder(folder);
  const Descriptor file(open_trial_file(facts.nearest));
  if (!file.ok()) {
    facts.written = system_error("cannot write in " + facts.nearest.string());
    return facts;
  }
  struct statvfs space {};
  if (::fstatvfs(*file, &space) == 0) facts.free_bytes = space.f_bavail * space.f_frsize;
  struct statfs kind {};
  if (::fstatfs(*file, &kind) == 0) facts.in_memory = kind.f_type == tmpfs_magic;
  return facts;
}

CommitFacts time_commits(const std::filesystem::path& folder) {
  CommitFacts facts;
  facts.folder = folder;
  const Descriptor file(open_trial_file(folder));
  const std::array<char, commit_bytes> bytes{};
  bool fine = file.ok();
  for (int place = 0; fine && place < commit_places; ++place) {
    fine = ::write(*file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  fine = fine && ::fsync(*file) == 0;
  const SystemClock clock;
  std::vector<Duration> times;
  for (int commit = 0; fine && commit < commits_timed; ++commit) {
    const Instant begin = clock.now();
    const off_t place = static_cast<off_t>(commit % commit_places * commit_bytes);
    fine = ::pwrite(*file, bytes.data(), bytes.size(), place) > 0 && ::fdatasync(*file) == 0;
    times.push_back(clock.now() - begin);
  }
  if (!fine) {
    facts.tried = system_error("cannot commit to the disk");
    return facts;
  }
  std::sort(times.begin(), times.end());
  facts.median = times[times.size() / 2];
  facts.worst = times.back();
  return facts;
}

AttemptFacts try_unix_socket(const std::filesystem::path& folder) {
  const std::string path = (folder / (".omma-doctor-" + std::to_string(::getpid()))).string();
  AttemptFacts facts{"in " + folder.string(), {}};
  auto address = unix_address(path);
  if (!address) {
    facts.tried = address.error();
    return facts;
  }
  facts.tried =
      connect_once(AF_UNIX, reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  ::unlink(path.c_str());
  return facts;
}

AttemptFacts try_loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return {"127.0.0.1",
          connect_once(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address)};
}

AddressFacts try_address(const std::string& node, const std::string& address) {
  AddressFacts facts;
  facts.node = node;
  facts.address = address;
  constexpr std::string_view unix_prefix = "unix:";
  if (address.starts_with(unix_prefix)) {
    try_unix_path(facts, address.substr(unix_prefix.size()));
    return facts;
  }
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) {
    facts.state = AddressFacts::State::impossible;
    facts.why = "neither unix:/path nor host:port";
    return facts;
  }
  try_tcp(facts, address.substr(0, colon), address.substr(colon + 1));
  return facts;
}

}  // namespace omma
