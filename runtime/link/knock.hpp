// knock: does anybody listen at an address? The one idea: a refusal is the other machine's own word
// that no process listens there, while silence says nothing at all.
//
// Blocks; any thread.
#pragma once

#include "runtime/base/time.hpp"

#include <string>

namespace omma {

// True only if a connection to the address ("unix:/path", "10.0.0.7:4400") was refused:
// ECONNREFUSED from every address that the name stands for, or no such socket file. False when
// somebody listens, and when nothing came in time or the name or route is unknown. (A firewall that
// rejects instead of dropping refuses in the other machine's place: do not put one between nodes.)
bool is_refused(const std::string& address, Duration timeout);

}  // namespace omma
