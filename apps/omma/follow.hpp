// Following a session: fetch, write, acknowledge, again, until it has ended. A result is
// acknowledged only after it was written, and a lost connection is made again, so a client that is
// killed or cut off at any point loses nothing.
#pragma once

#include "apps/omma/cluster_home.hpp"
#include "apps/omma/control_client.hpp"
#include "apps/omma/result_writer.hpp"

#include <functional>
#include <string>

namespace omma {

struct FollowOptions {
  std::string session;
  std::uint64_t from_cursor = 0;                      // 0: what nobody has acknowledged yet.
  bool until_end = true;                              // Else: only what is there now.
  std::function<void(ResultBatch::Reader)> on_batch;  // Progress; may be empty.
};

// unavailable when the cluster stays out of reach for half a minute.
Result<void> follow(const RunningCluster& cluster, ResultWriter& writer,
                    const FollowOptions& options);

Result<ControlClient> connect_to(const RunningCluster& cluster);

}  // namespace omma
