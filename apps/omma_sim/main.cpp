// omma-sim: the cluster's own code in virtual time, under faults that seeds draw.
//
//   omma-sim --seeds 10000                 # all hold, or the seeds that do not
//   omma-sim --seed 4711                   # one, with its trace
//   omma-sim --seed 4711 --shrink          # the fewest happenings that still break it
//   omma-sim --nodes 1000 --actors 100000  # one large one
//   omma-sim --drain 10000                 # how long until a node with so many actors is empty
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "apps/omma_sim/campaign.hpp"
#include "apps/omma_sim/drain.hpp"
#include "apps/omma_sim/shrink.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"

namespace {

using namespace omma;
using namespace omma::sim;

double seconds_of(Duration duration) {
  return static_cast<double>(duration.count()) * 1e-9;
}

double milliseconds_at(const std::vector<Duration>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
  return seconds_of(sorted[index]) * 1e3;
}

void print_line(const std::string& line) {
  std::printf("%s\n", line.c_str());
}

void print(const Verdict& verdict) {
  for (const Broken& broken : verdict.broken) {
    std::printf("BROKEN %s: %s\n", broken.invariant.c_str(), broken.what.c_str());
  }
  std::printf(
      "digest %016llx, %llu events in %.1f virtual seconds, %zu moved, %zu called off, "
      "%zu refused, %zu crashes: %s\n",
      static_cast<unsigned long long>(verdict.digest),
      static_cast<unsigned long long>(verdict.events), seconds_of(verdict.virtual_time),
      verdict.moved, verdict.aborted, verdict.refused, verdict.crashes,
      verdict.holds() ? "all invariants hold" : "BROKEN");
}

int run_one(std::uint64_t seed, const PlanSize& size, bool shorter, bool quiet) {
  Plan plan = draw_plan(seed, size);
  if (shorter) {
    if (simulate(plan).holds()) {
      std::printf("seed %llu breaks nothing\n", static_cast<unsigned long long>(seed));
      return 0;
    }
    plan = shrink(std::move(plan));
  }
  if (!quiet) {
    for (const Happening& happening : plan.happenings) {
      std::printf("plan %s\n", text_of(happening).c_str());
    }
  }
  const Verdict verdict = simulate(plan, quiet ? Trace() : Trace(print_line));
  print(verdict);
  return verdict.holds() ? 0 : 1;
}

int run_many(const CampaignOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const Campaign sum = run_campaign(options);
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (const Campaign::Failure& failure : sum.failures) {
    std::printf("seed %llu BROKEN %s: %s\n", static_cast<unsigned long long>(failure.seed),
                failure.first.invariant.c_str(), failure.first.what.c_str());
  }
  std::printf(
      "%llu seeds in %.1f s, %.0f virtual seconds, %llu events; %zu moved, %zu called off, %zu "
      "refused, %zu left by crashes; %zu crashes; pause p50 %.2f ms, p99 %.2f ms: %zu broken\n",
      static_cast<unsigned long long>(sum.seeds), wall, seconds_of(sum.virtual_time),
      static_cast<unsigned long long>(sum.events), sum.moved, sum.aborted, sum.refused,
      sum.unanswered, sum.crashes, milliseconds_at(sum.pauses, 0.5),
      milliseconds_at(sum.pauses, 0.99), sum.failures.size());
  if (!sum.failures.empty()) {
    std::printf("to see why: omma-sim --seed %llu --shrink\n",
                static_cast<unsigned long long>(sum.failures.front().seed));
  }
  return sum.failures.empty() ? 0 : 1;
}

int run_drain(std::size_t actors, std::int64_t link_ms, std::int64_t commit_ms, std::size_t open) {
  const Drain drain = drain_node(actors, std::chrono::milliseconds(link_ms),
                                 std::chrono::milliseconds(commit_ms), open);
  std::printf(
      "%zu actors moved away, %zu kept, in %.2f virtual seconds, %zu at a time, links %lld "
      "ms one way, directory %lld ms; pause p50 %.2f ms, p99 %.2f ms\n",
      drain.moved, drain.kept, seconds_of(drain.took), open, static_cast<long long>(link_ms),
      static_cast<long long>(commit_ms), seconds_of(drain.pause_p50) * 1e3,
      seconds_of(drain.pause_p99) * 1e3);
  return drain.kept == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs clusters in virtual time under faults and checks their invariants"};
  CampaignOptions options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  std::uint64_t seed = 0;
  bool shorter = false;
  bool quiet = false;
  bool no_faults = false;
  bool no_moves = false;
  std::string mutant;
  app.add_option("--seeds", options.seeds, "How many seeds to run")->capture_default_str();
  app.add_option("--first-seed", options.first_seed, "The first of them")->capture_default_str();
  app.add_option("--threads", options.threads, "Simulations at a time")->capture_default_str();
  app.add_option("--failures", options.failures_max, "End after so many broken seeds")
      ->capture_default_str();
  auto* one = app.add_option("--seed", seed, "Run this one and print its trace");
  app.add_option("--nodes", options.size.nodes, "Nodes of each; drawn if not given");
  app.add_option("--actors", options.size.actors, "Actors of each; drawn if not given");
  app.add_flag("--shrink", shorter, "With --seed: leave out what is not needed to break it");
  app.add_flag("--quiet", quiet, "With --seed: no trace");
  app.add_flag("--no-faults", no_faults, "Moves only");
  app.add_flag("--no-moves", no_moves, "Faults only");
  std::size_t drained = 0;
  std::int64_t link_ms = 1;
  std::int64_t commit_ms = 2;
  std::size_t at_a_time = limits::drain_moves_open_max;
  app.add_option("--drain", drained, "Time the draining of a node with so many actors");
  app.add_option("--link-ms", link_ms, "With --drain: delay one way")->capture_default_str();
  app.add_option("--commit-ms", commit_ms, "With --drain: a transaction of the directory")
      ->capture_default_str();
  app.add_option("--at-a-time", at_a_time, "With --drain: moves under way")->capture_default_str();
  app.add_option("--mutant", mutant, "Plant this bug (a build with OMMA_MUTANTS only)");
  CLI11_PARSE(app, argc, argv);
  options.size.faults = !no_faults;
  options.size.moves = !no_moves;
  if (!mutant.empty() && !mutants::plant(mutant)) {
    std::fprintf(stderr, "omma-sim: no mutant '%s' in this build\n", mutant.c_str());
    return 2;
  }
  if (drained > 0) return run_drain(drained, link_ms, commit_ms, at_a_time);
  if (one->count() > 0) return run_one(seed, options.size, shorter, quiet);
  if (options.size.nodes > 100 && app.count("--seeds") == 0) options.seeds = 1;
  const int result = run_many(options);
  if (options.size.nodes > 100) {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    std::printf("%ld MiB at most\n", used.ru_maxrss / 1024);
  }
  return result;
}
