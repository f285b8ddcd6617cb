// What this process takes of the machine's memory.
#pragma once

#include <cstdint>
#include <optional>

namespace omma {

// Bytes that are in memory now, of /proc/self/statm; none where the system has no such file.
std::optional<std::uint64_t> resident_bytes();

}  // namespace omma
