#include "runtime/link/page_server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

namespace omma::test {
namespace {

// A connection of a plain client.
class Visitor {
 public:
  explicit Visitor(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  }
  ~Visitor() { ::close(socket_); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  bool connected() const { return connected_; }
  void send(const std::string& text) {
    REQUIRE(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  // All until the other side closes.
  std::string read_all() {
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  const int socket_;
  bool connected_ = false;
};

std::string ask(const std::string& address, const std::string& request_line) {
  Visitor visitor(address);
  REQUIRE(visitor.connected());
  visitor.send(request_line + " HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
  return visitor.read_all();
}

const PageOptions options{"127.0.0.1:0", "/metrics", "text/plain; version=0.0.4"};

}  // namespace

TEST_CASE("each GET of the page is answered with a page made for it") {
  int made = 0;
  auto server = open_page_server(
      options, [&]() -> Result<std::string> { return "page " + std::to_string(++made) + "\n"; });
  REQUIRE(server.ok());
  const std::string address = (*server)->listen_address();
  const std::string first = ask(address, "GET /metrics");
  CHECK(first.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(first.find("Content-Type: text/plain; version=0.0.4\r\n") != std::string::npos);
  CHECK(first.ends_with("\r\n\r\npage 1\n"));
  CHECK(ask(address, "GET /metrics?name=all").ends_with("\r\n\r\npage 2\n"));
  CHECK(ask(address, "HEAD /metrics").ends_with("\r\n\r\n"));
}

TEST_CASE("other paths and methods are refused, and make no page") {
  bool made = false;
  auto server = open_page_server(options, [&]() -> Result<std::string> {
    made = true;
    return std::string("page\n");
  });
  REQUIRE(server.ok());
  const std::string address = (*server)->listen_address();
  CHECK(ask(address, "GET /").starts_with("HTTP/1.1 404"));
  CHECK(ask(address, "POST /metrics").starts_with("HTTP/1.1 405"));
  CHECK(ask(address, "no request at all").starts_with("HTTP/1.1 501"));
  CHECK_FALSE(made);
}

TEST_CASE("a page that cannot be made is an answer that says why") {
  auto server = open_page_server(options, []() -> Result<std::string> {
    return Error{Code::unavailable, "the cells are silent"};
  });
  REQUIRE(server.ok());
  const std::string answer = ask((*server)->listen_address(), "GET /metrics");
  CHECK(answer.starts_with("HTTP/1.1 503"));
  CHECK(answer.find("the cells are silent") != std::string::npos);
}

TEST_CASE("a page of megabytes comes whole") {
  const std::string page(3 << 20, 'x');
  auto server = open_page_server(options, [&]() -> Result<std::string> { return page; });
  REQUIRE(server.ok());
  const std::string answer = ask((*server)->listen_address(), "GET /metrics");
  CHECK(answer.size() > page.size());
  CHECK(answer.ends_with(page));
}

TEST_CASE("visitors past the limit are turned away, and the others go on") {
  auto server =
      open_page_server(options, []() -> Result<std::string> { return std::string("page\n"); });
  REQUIRE(server.ok());
  const std::string address = (*server)->listen_address();
  std::vector<std::unique_ptr<Visitor>> silent;
  for (int i = 0; i < 16; ++i) silent.push_back(std::make_unique<Visitor>(address));
  Visitor late(address);
  CHECK(late.read_all().empty());
  silent[3]->send("GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
  CHECK(silent[3]->read_all().ends_with("page\n"));
}

TEST_CASE("an address that is taken or no address is an error that names it") {
  auto server =
      open_page_server(options, []() -> Result<std::string> { return std::string("page\n"); });
  REQUIRE(server.ok());
  PageOptions taken = options;
  taken.listen_address = (*server)->listen_address();
  const auto second =
      open_page_server(taken, []() -> Result<std::string> { return std::string(); });
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == Code::unavailable);
  CHECK(second.error().message.find(taken.listen_address) != std::string::npos);
}

}  // namespace omma::test
