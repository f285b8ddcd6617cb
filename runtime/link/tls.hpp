// Mutual TLS 1.2 or later from PEM files. A node's certificate carries the node's name, as common
// name and as DNS name: a dialled node must show the name that was dialled, and a node that dials
// must say the name that its certificate shows. A client checks the host part of the address.
#pragma once

#include <kj/compat/tls.h>

#include <string>

#include "runtime/base/error.hpp"
#include "runtime/link/link.hpp"

namespace omma {

// not_found when a file cannot be read, invalid_argument when it is not what it should be.
Result<kj::Own<kj::TlsContext>> make_tls_context(const TlsFiles& files);

// The name in the other side's certificate; empty without one.
std::string certificate_name(kj::PeerIdentity& identity);

}  // namespace omma
