#include "apps/omma_sim/campaign.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace omma::sim {

Campaign run_campaign(const CampaignOptions& options) {
  Campaign sum;
  std::mutex mutex;  // Around the sum.
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::size_t> failures{0};
  const auto work = [&] {
    while (failures < options.failures_max) {
      const std::uint64_t index = next.fetch_add(1);
      if (index >= options.seeds) return;
      const std::uint64_t seed = options.first_seed + index;
      const Verdict verdict = simulate(draw_plan(seed, options.size));
      std::lock_guard lock(mutex);
      ++sum.seeds;
      sum.events += verdict.events;
      sum.virtual_time += verdict.virtual_time;
      sum.moved += verdict.moved;
      sum.aborted += verdict.aborted;
      sum.refused += verdict.refused;
      sum.unanswered += verdict.unanswered;
      sum.crashes += verdict.crashes;
      sum.pauses.insert(sum.pauses.end(), verdict.pauses.begin(), verdict.pauses.end());
      if (verdict.holds()) continue;
      ++failures;
      sum.failures.push_back({seed, verdict.broken.front()});
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  std::sort(sum.pauses.begin(), sum.pauses.end());
  std::sort(sum.failures.begin(), sum.failures.end(),
            [](const auto& a, const auto& b) { return a.seed < b.seed; });
  return sum;
}

}  // namespace omma::sim
