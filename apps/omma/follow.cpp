#include "apps/omma/follow.hpp"

#include <algorithm>
#include <thread>

namespace omma {
namespace {

constexpr Duration fetch_wait = std::chrono::seconds(2);
constexpr Duration connect_patience = std::chrono::seconds(2);
constexpr Duration reconnect_pause = std::chrono::milliseconds(250);
constexpr Duration reconnect_patience = std::chrono::seconds(30);

bool worth_another_try(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::overloaded;
}

}  // namespace

Result<ControlClient> connect_to(const RunningCluster& cluster) {
  return ControlClient::connect(cluster.head_address, cluster.tls, connect_patience);
}

Result<void> follow(const RunningCluster& cluster, ResultWriter& writer,
                    const FollowOptions& options) {
  const SystemClock clock;
  std::uint64_t cursor = std::max(options.from_cursor, writer.last_cursor());
  Instant give_up_at = clock.now() + reconnect_patience;
  auto client = connect_to(cluster);
  for (;;) {
    if (!client) {
      if (!worth_another_try(client.error()) || clock.now() >= give_up_at) return client.error();
      std::this_thread::sleep_for(reconnect_pause);
      client = connect_to(cluster);
      continue;
    }
    auto reply =
        client->fetch(options.session, cursor, options.until_end ? fetch_wait : Duration(0));
    if (!reply) {
      if (!worth_another_try(reply.error()) || clock.now() >= give_up_at) return reply.error();
      std::this_thread::sleep_for(reconnect_pause);
      client = connect_to(cluster);
      continue;
    }
    give_up_at = clock.now() + reconnect_patience;
    const auto batch = reply->as<ResultBatch>();
    if (auto written = writer.write(batch); !written) return written;
    if (options.on_batch) options.on_batch(batch);
    if (batch.getResults().size() > 0) {
      cursor = batch.getResults()[batch.getResults().size() - 1].getCursor();
      // Should the word get lost, the next fetch asks from the right cursor all the same.
      auto done = client->acknowledge(options.session, cursor);
      if (!done && !worth_another_try(done.error())) return done.error();
    }
    if (batch.getEnded() || (!options.until_end && batch.getResults().size() == 0)) return {};
  }
}

}  // namespace omma
