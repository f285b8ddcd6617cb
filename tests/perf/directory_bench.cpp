// How many compare-and-sets a second the directory carries on this machine's disk: each alone in
// its transaction, and as DirectoryService groups them, with so many requests open at a time.
//   directory_bench [folder=.] [seconds=3]
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/node/directory_access.hpp"

namespace omma {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

// One actor's record that moves to and fro; a change at a time.
struct Mover {
  RecordChange next() const {
    auto change = move_actor(record, record.id, record.epoch, node, node);
    OMMA_CHECK(change.ok(), record.epoch);
    return *std::move(change);
  }
  ActorRecord record;
  NodeId node;
};

std::vector<Mover> movers(Directory& directory, std::size_t count) {
  auto node = directory.register_node("a", {1, 2}, "unix:/a", {});
  OMMA_CHECK(node.ok(), "register");
  std::vector<Mover> made;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<std::byte> config(200);
    auto change =
        activate(std::nullopt, ActorId{i + 1, i * 7919}, "tracker", "lobby", config, node->id);
    OMMA_CHECK(change.ok() && directory.compare_and_set(*change)->applied, i);
    made.push_back({change->next, node->id});
  }
  return made;
}

void print(const char* what, std::size_t open, std::vector<double>& ms, double seconds,
           double transactions) {
  std::sort(ms.begin(), ms.end());
  std::printf("%-9s %4zu open: %7.0f CAS/s, %5.0f transactions/s, p50 %.2f ms, p99 %.2f ms\n", what,
              open, static_cast<double>(ms.size()) / seconds, transactions / seconds,
              ms[ms.size() / 2], ms[ms.size() * 99 / 100]);
}

void measure_alone(Directory& directory, double seconds) {
  std::vector<Mover> all = movers(directory, 1);
  std::vector<double> ms;
  const auto start = Steady::now();
  while (seconds_since(start) < seconds) {
    const auto begun = Steady::now();
    const RecordChange change = all[0].next();
    OMMA_CHECK(directory.compare_and_set(change)->applied, change.next.epoch);
    all[0].record = change.next;
    ms.push_back(seconds_since(begun) * 1e3);
  }
  print("ungrouped", 1, ms, seconds_since(start), static_cast<double>(ms.size()));
}

// Each mover asks again as soon as it is answered, from the thread that answers.
class GroupedRun {
 public:
  GroupedRun(Directory& directory, std::size_t open, double seconds)
      : all_(movers(directory, open)),
        executor_(make_thread_executor("omma-directory", 1)),
        service_(directory, *executor_),
        client_([this](const Message& request, const Answer& answer) {
          service_.handle(request, answer);
        }),
        seconds_(seconds) {}

  void run() {
    start_ = Steady::now();
    open_ = all_.size();
    for (Mover& mover : all_) ask(mover);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return open_ == 0; });
    print("grouped", all_.size(), ms_, seconds_since(start_),
          static_cast<double>(service_.counters().transactions));
  }

 private:
  void ask(Mover& mover) {
    const auto begun = Steady::now();
    client_.compare_and_set(mover.next(), [this, &mover, begun](Result<ChangeOutcome> outcome) {
      OMMA_CHECK(outcome.ok() && outcome->applied, mover.record.epoch);
      mover.record = *outcome->current;
      {
        const std::lock_guard lock(mutex_);
        ms_.push_back(seconds_since(begun) * 1e3);
        if (seconds_since(start_) >= seconds_) {
          --open_;
          return done_.notify_all();
        }
      }
      ask(mover);
    });
  }

  std::vector<Mover> all_;
  std::unique_ptr<Executor> executor_;
  DirectoryService service_;
  DirectoryClient client_;
  const double seconds_;
  Steady::time_point start_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t open_ = 0;
  std::vector<double> ms_;
};

// A fresh file each time, so that no run pays for another's log.
template <class Measure>
void on_fresh_file(const std::filesystem::path& folder, Measure measure) {
  const auto file = folder / ("directory-bench-" + std::to_string(std::rand()) + ".sqlite");
  {
    auto directory = open_sqlite_directory(file);
    if (!directory.ok()) {
      std::fprintf(stderr, "%s\n", directory.error().describe().c_str());
      std::exit(1);
    }
    measure(**directory);
  }
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    std::filesystem::remove(file.string() + suffix);
  }
}

}  // namespace
}  // namespace omma

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  omma::on_fresh_file(folder,
                      [&](omma::Directory& directory) { omma::measure_alone(directory, seconds); });
  for (const std::size_t open : {std::size_t{1}, std::size_t{16}, std::size_t{256}}) {
    omma::on_fresh_file(folder, [&](omma::Directory& directory) {
      omma::GroupedRun(directory, open, seconds).run();
    });
  }
}
