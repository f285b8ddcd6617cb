// The simulator itself: that a seed is a run, and that shrinking keeps what breaks.
#include "apps/omma_sim/simulation.hpp"

#include <catch2/catch.hpp>

#include "apps/omma_sim/campaign.hpp"

namespace omma::sim {
namespace {

TEST_CASE("one seed is one run, bit for bit; another is another") {
  const Verdict first = simulate(draw_plan(7, {}));
  const Verdict again = simulate(draw_plan(7, {}), [](const std::string&) {});
  CHECK(first.digest == again.digest);
  CHECK(first.events == again.events);
  CHECK(first.events > 1000);
  CHECK(first.digest != simulate(draw_plan(8, {})).digest);
}

TEST_CASE("the invariants hold over a handful of seeds") {
  CampaignOptions options;
  options.seeds = 40;
  options.threads = 2;
  const Campaign campaign = run_campaign(options);
  for (const Campaign::Failure& failure : campaign.failures) {
    UNSCOPED_INFO("seed " << failure.seed << ": " << failure.first.invariant << " "
                          << failure.first.what);
  }
  CHECK(campaign.failures.empty());
  CHECK(campaign.moved > 0);
  CHECK(campaign.crashes > 0);
}

}  // namespace
}  // namespace omma::sim
