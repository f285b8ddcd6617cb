#include "runtime/node/report_collection.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace omma {
namespace {

// Collects what cells report until all have answered or the time is over.
struct Collection {
  std::mutex mutex;
  std::vector<CellReport> reports;
  std::size_t wanted = 0;
  bool answered = false;
  std::function<void(std::vector<CellReport>, std::size_t)> done;

  void add(CellReport report) {
    std::unique_lock lock(mutex);
    reports.push_back(std::move(report));
    if (reports.size() == wanted) finish(lock);
  }
  void time_over() {
    std::unique_lock lock(mutex);
    finish(lock);
  }
  void finish(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(answered, true)) return;
    auto all = std::move(reports);
    const std::size_t silent = wanted - all.size();
    lock.unlock();
    done(std::move(all), silent);
  }
};

}  // namespace

void collect_reports(const Switchboard& switchboard, Host& host,
                     std::function<void(std::vector<CellReport>, std::size_t)> done) {
  const auto cells = switchboard.cells();
  auto collection = std::make_shared<Collection>();
  collection->wanted = cells.size();
  collection->done = std::move(done);
  if (cells.empty()) return collection->time_over();
  for (const auto& [id, cell] : cells) {
    cell.put(CellInput{CellInput::ReportWanted{
        [collection](CellReport report) { collection->add(std::move(report)); }}});
  }
  host.after(report_patience, [collection] { collection->time_over(); });
}

}  // namespace omma
