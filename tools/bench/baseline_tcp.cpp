// Baseline for large payloads: one process gathers a small header and the payload into a TCP
// socket, the other reads them into a buffer of its own. Nothing else.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/check.hpp"
#include "tools/bench/figures.hpp"
#include "tools/bench/peer_process.hpp"
#include "tools/bench/rows.hpp"

namespace omma::bench {
namespace {

struct Header {
  std::array<std::uint64_t, 8> words{};  // Of which the first is the payload's size.
};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) { OMMA_CHECK(fd >= 0, errno); }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

  void send_at_once() const {
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }

  // False at the end of the stream.
  bool read_all(void* memory, std::size_t size) const {
    auto* at = static_cast<char*>(memory);
    while (size > 0) {
      const auto got = ::read(fd_, at, size);
      if (got <= 0) return false;
      at += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  void gather(Header& header, std::vector<char>& payload) const {
    std::array<iovec, 2> parts{iovec{&header, sizeof header},
                               iovec{payload.data(), payload.size()}};
    std::size_t left = sizeof header + payload.size();
    std::size_t first = 0;
    while (left > 0) {
      const auto put = ::writev(fd_, parts.data() + first, static_cast<int>(parts.size() - first));
      OMMA_CHECK(put > 0, errno);
      left -= static_cast<std::size_t>(put);
      for (auto rest = static_cast<std::size_t>(put); rest > 0 && first < parts.size();) {
        const std::size_t part = std::min(rest, parts[first].iov_len);
        parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + part;
        parts[first].iov_len -= part;
        rest -= part;
        if (parts[first].iov_len == 0) ++first;
      }
    }
  }

 private:
  int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

void measure_raw_tcp(std::size_t bytes, std::uint64_t count) {
  const Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  OMMA_CHECK(::bind(listener.fd(), any, length) == 0 && ::listen(listener.fd(), 1) == 0, errno);
  OMMA_CHECK(::getsockname(listener.fd(), any, &length) == 0, errno);
  PeerProcess peer({"far", "raw", std::to_string(ntohs(address.sin_port))});
  const Socket socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  socket.send_at_once();
  peer.wait_until_ready();

  std::vector<char> payload(bytes, 7);
  const std::uint64_t warm_up = count / 10 + 1;
  auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < warm_up + count; ++i) {
    if (i == warm_up) began = std::chrono::steady_clock::now();
    Header header;
    header.words[0] = bytes;
    socket.gather(header, payload);
  }
  // The far end hangs up once it has read the last.
  ::shutdown(socket.fd(), SHUT_WR);
  char end = 0;
  socket.read_all(&end, 1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  print({{"count", count},
         {"bytes", bytes},
         {"gb_per_second", static_cast<double>(bytes * count) / took.count() / 1e9}});
}

void be_far_raw_tcp(const std::string& near_address) {
  const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(static_cast<std::uint16_t>(std::stoi(near_address)));
  OMMA_CHECK(
      ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
      errno);
  socket.send_at_once();
  say_ready({});
  std::vector<char> payload;
  Header header;
  while (socket.read_all(&header, sizeof header)) {
    payload.resize(header.words[0]);
    if (!socket.read_all(payload.data(), payload.size())) return;
  }
}

}  // namespace omma::bench
