// The rows of the speed table, each a measurement that prints one line of JSON, and the other ends
// of those that need two processes. `address` is where the near process listens for the far one:
// "127.0.0.1:0" or "unix:/path".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace omma::bench {

// --- The runtime's
// --------------------------------------------------------------------------------
void measure_local(std::uint64_t messages);
void measure_round_trip(const std::string& address, std::size_t count);
void measure_rate(const std::string& address, std::uint64_t messages);
void measure_payload(const std::string& address, std::size_t bytes, std::uint64_t count);
// Round trips while pictures of 6.2 MB go the same way as fast as they can.
void measure_beside_pictures(const std::string& address, std::size_t count);
// With a port or path of its own: the far process is told it before this one listens.
void measure_idle_actors(const std::string& address, std::size_t count);

// The far process. `what` says which actors it begins by itself.
void be_far_node(const std::string& what, const std::string& near_address);

// --- Their baselines
// ------------------------------------------------------------------------------
void measure_bare_caf(std::uint64_t messages);
void measure_bare_rpc(const std::string& address, std::size_t count);
void be_far_rpc(const std::string& near_address);
void measure_caf_net(const std::string& what, std::uint64_t count);
void be_far_caf();
void measure_raw_tcp(std::size_t bytes, std::uint64_t count);
void be_far_raw_tcp(const std::string& near_address);

// --- Shared memory, from link to link, and copying within a process
void measure_shared(std::size_t bytes, std::uint64_t count);
void be_far_shared(const std::string& near_address);
void measure_memcpy(std::size_t bytes, std::uint64_t count);

}  // namespace omma::bench
