// Where a link listens and connects: "unix:/path", "127.0.0.1:4400", "[::1]:0", "*:4400".
#pragma once

#include <kj/async-io.h>

#include <string>

#include "runtime/base/error.hpp"

namespace omma {

bool is_unix_address(const std::string& address);
// "10.0.0.7" of "10.0.0.7:4400"; what a client expects in the certificate.
std::string host_of(const std::string& address);

struct Listener {
  kj::Own<kj::ConnectionReceiver> receiver;
  std::string address;  // With the port that it got.
};

// Binds. A Unix socket's file is for its owner only (0600); one that a dead process left behind is
// replaced, one that answers is not. unavailable says which address and why.
Result<Listener> listen_on(kj::AsyncIoContext& io, const std::string& address);
// Removes the file of a Unix socket.
void forget_address(const std::string& address);

// TCP is told not to wait for more bytes, and to give up on a peer that acknowledges nothing.
void tune(kj::AsyncIoStream& stream, const std::string& address);

}  // namespace omma
