// A TCP proxy on the loopback that can cut its connections in mid-stream, or swallow what passes
// as a network does that has lost its peer. Two threads a connection; for tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace omma::test {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

inline std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

inline int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

class LinkProxy {
 public:
  explicit LinkProxy(std::uint16_t target) : target_(target) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 64);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~LinkProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    cut();
    for (std::thread& pump : pumps_) pump.join();
    ::close(listener_);
    for (const int fd : sockets_) ::close(fd);
  }

  const std::string& address() const { return address_; }
  std::uint64_t bytes_passed() const { return bytes_passed_; }
  // Breaks every connection where it is.
  void cut() {
    std::lock_guard lock(mutex_);
    for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
  }
  void swallow(bool yes) { swallows_ = yes; }
  // The side that dialled reads no more; what it sends still passes.
  void stall_replies(bool yes) { stalls_replies_ = yes; }

 private:
  void accept_all() {
    while (true) {
      const int near = ::accept(listener_, nullptr, nullptr);
      if (near < 0) return;
      const int far = connect_to(target_);
      if (far < 0) {
        ::close(near);
        continue;
      }
      std::lock_guard lock(mutex_);
      sockets_.push_back(near);
      sockets_.push_back(far);
      pumps_.emplace_back([this, near, far] { pump(near, far, false); });
      pumps_.emplace_back([this, near, far] { pump(far, near, true); });
    }
  }
  void pump(int from, int to, bool replies) {
    std::vector<char> buffer(std::size_t{64} << 10);
    while (true) {
      pollfd gone{from, POLLRDHUP, 0};
      while (replies && stalls_replies_ && ::poll(&gone, 1, 10) == 0) continue;
      const auto got = ::recv(from, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      if (swallows_) continue;
      bytes_passed_ += static_cast<std::uint64_t>(got);
      for (ssize_t sent = 0; sent < got;) {
        const auto wrote =
            ::send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
        if (wrote <= 0) break;
        sent += wrote;
      }
    }
    ::shutdown(from, SHUT_RDWR);
    ::shutdown(to, SHUT_RDWR);
  }

  std::uint16_t target_;
  int listener_ = -1;
  std::string address_;
  std::atomic<bool> swallows_{false};
  std::atomic<bool> stalls_replies_{false};
  std::atomic<std::uint64_t> bytes_passed_{0};
  std::mutex mutex_;
  std::vector<int> sockets_;  // Closed at the end only, so that no number is used twice.
  std::list<std::thread> pumps_;
  std::thread acceptor_;
};

}  // namespace omma::test
