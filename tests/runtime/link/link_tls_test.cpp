#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/runtime/link/link_proxy.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

// Certificates made now with the openssl command, as an operator would.
class Authority {
 public:
  explicit Authority(const std::string& name) : name_(name) {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=" +
        name + "' -keyout " + path(name + ".key") + " -out " + path(name + ".crt"));
  }
  // For a node, or for a client, of this name; good for 127.0.0.1 as well.
  TlsFiles issue(const std::string& node) const {
    std::ofstream(path(node + ".ext")) << "subjectAltName=DNS:" << node << ",DNS:127.0.0.1\n";
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=" + node +
        "' -keyout " + path(node + ".key") + " -out " + path(node + ".csr"));
    run("openssl x509 -req -days 2 -in " + path(node + ".csr") + " -CA " + path(name_ + ".crt") +
        " -CAkey " + path(name_ + ".key") + " -CAcreateserial -extfile " + path(node + ".ext") +
        " -out " + path(node + ".crt"));
    return {path(name_ + ".crt"), path(node + ".crt"), path(node + ".key")};
  }

 private:
  std::string path(const std::string& file) const { return folder_.path(file); }
  static void run(const std::string& command) {
    INFO(command);
    REQUIRE(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
  }
  SocketFolder folder_;
  std::string name_;
};

bool is_openssl_here() {
  return std::system("openssl version >/dev/null 2>&1") == 0;
}

void echo(const std::optional<NodeId>&, Message request, Answer answer) {
  answer(std::move(request));
}

}  // namespace

TEST_CASE("two nodes with certificates of one authority talk, and so does a client") {
  if (!is_openssl_here()) {
    WARN("SKIPPED: no openssl command to make certificates with");
    return;
  }
  Authority authority("authority");
  TestNode alpha(node_id("alpha"), "127.0.0.1:0", echo, authority.issue("alpha"));
  TestNode beta(node_id("beta"), "127.0.0.1:0", echo, authority.issue("beta"));
  alpha.hub().set_peer("beta", beta.address());
  REQUIRE(alpha.wait_for_ups(1));
  REQUIRE(beta.wait_for_ups(1));
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const Message message = message_of("secret", {blob_of(300'000, i)});
    alpha.hub().post("beta", envelope_of(i, Channel::stream, message));
    beta.hub().post("alpha", envelope_of(i, Channel::stream, message));
  }
  REQUIRE(alpha.wait_for_packets(50));
  REQUIRE(beta.wait_for_packets(50));
  for (std::uint64_t i = 0; i < 50; ++i) {
    CHECK(sequence_of(beta.seen().packets[i]) == i + 1);
  }
  auto client = connect_client(beta.address(), authority.issue("operator"), 5s);
  if (!client.ok()) FAIL(client.error().describe());
  CHECK((*client)->call(message_of("x"), 5s).ok());
}

TEST_CASE("a certificate of another authority is refused, and so is none") {
  if (!is_openssl_here()) {
    WARN("SKIPPED: no openssl command to make certificates with");
    return;
  }
  Authority authority("authority");
  Authority stranger("stranger");
  TestNode node(node_id("node"), "127.0.0.1:0", echo, authority.issue("node"));

  // It trusts the node's authority, but shows a certificate of its own.
  TlsFiles forged = stranger.issue("client");
  forged.authority = authority.issue("client").authority;
  auto client = connect_client(node.address(), forged, 5s);
  CHECK_FALSE(client.ok());
  CHECK(eventually([&] { return node.hub().counters().refused_malformed >= 1; }));

  // The other way round: we do not trust the node.
  CHECK_FALSE(connect_client(node.address(), stranger.issue("client"), 5s).ok());

  const auto refused = node.hub().counters().refused_malformed;
  CHECK_FALSE(connect_client(node.address(), {}, 5s).ok());
  CHECK(eventually([&] { return node.hub().counters().refused_malformed > refused; }));

  CHECK(connect_client(node.address(), authority.issue("client"), 5s).ok());
}

TEST_CASE("a node may only bear the name in its certificate, whichever side dials") {
  if (!is_openssl_here()) {
    WARN("SKIPPED: no openssl command to make certificates with");
    return;
  }
  Authority authority("authority");
  const TlsFiles mallory = authority.issue("mallory");
  TestNode beta(node_id("beta"), "127.0.0.1:0", {}, authority.issue("beta"));
  TestNode false_alpha(node_id("alpha"), "127.0.0.1:0", {}, mallory);
  false_alpha.hub().set_peer("beta", beta.address());
  CHECK(eventually([&] { return beta.hub().counters().refused_malformed >= 2; }));
  CHECK(beta.seen().ups.empty());

  TestNode false_omega(node_id("omega"), "127.0.0.1:0", {}, mallory);
  beta.hub().set_peer("omega", false_omega.address());
  CHECK(eventually([&] { return false_omega.hub().counters().refused_malformed >= 1; }));
  CHECK(beta.seen().ups.empty());
}

TEST_CASE("a TLS file that is missing or wrong is named") {
  SocketFolder folder;
  SystemClock clock;
  const auto open = [&](const std::string& file) {
    return open_link_hub({node_id("n"), "127.0.0.1:0", TlsFiles{file, file, file}}, {},
                         std::make_shared<BufferPool>(0), clock);
  };
  auto hub = open(folder.path("none.pem"));
  REQUIRE_FALSE(hub.ok());
  CHECK(hub.error().code == Code::not_found);
  CHECK(hub.error().message.find("none.pem") != std::string::npos);
  std::ofstream(folder.path("bad.pem")) << "no certificate\n";
  hub = open(folder.path("bad.pem"));
  REQUIRE_FALSE(hub.ok());
  CHECK(hub.error().code == Code::invalid_argument);
}
