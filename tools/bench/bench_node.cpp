#include "tools/bench/bench_node.hpp"

#include <chrono>
#include <cstdio>
#include <future>
#include <thread>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma::bench {
namespace {

constexpr Duration patience = std::chrono::seconds(20);
constexpr Duration settling = std::chrono::milliseconds(20);

template <class T>
T wait_for(std::future<Result<T>> future, const char* what) {
  OMMA_CHECK(future.wait_for(patience) == std::future_status::ready, what);
  Result<T> result = future.get();
  OMMA_CHECK(result.ok(), what, result.error().describe());
  return *std::move(result);
}

std::shared_ptr<SharedArena> arena_for(const BenchNode::Options& options) {
  if (!options.listen_address.starts_with("unix:")) return nullptr;
  auto arena = SharedArena::create(limits::arena_bytes);
  OMMA_CHECK(arena.ok(), arena.error().describe());
  return *std::move(arena);
}

}  // namespace

BenchNode::BenchNode(Options options, ActorTypes types)
    : types_(std::move(types)),
      arena_(arena_for(options)),
      pool_(std::make_shared<BufferPool>(limits::idle_buffer_bytes_max, arena_)),
      config_(options.threads),
      system_(config_),
      scheduler_(system_),
      compute_(make_thread_executor("bench-compute", 1)),
      io_(make_thread_executor("bench-io", 1)),
      directory_io_(make_thread_executor("bench-dir", 1)) {
  auto log = make_log(LogOptions{.level = LogLevel::warn}, clock_);
  OMMA_CHECK(log.ok(), log.error().describe());
  log_ = *std::move(log);
  if (options.head == options.name) {
    directory_ = make_memory_directory();
    service_ = std::make_unique<DirectoryService>(*directory_, *directory_io_);
  }
  const NodeId self{options.name, Incarnation::draw(random_), 0};
  core_ = std::make_unique<NodeCore>(self, NodeCoreParts{.scheduler = scheduler_,
                                                         .types = types_,
                                                         .clock = clock_,
                                                         .compute = *compute_,
                                                         .io = *io_,
                                                         .log = *log_,
                                                         .head = options.head,
                                                         .directory = service_.get()});
  LinkOptions link{self, options.listen_address, std::nullopt};
  link.arena = arena_;
  auto hub = open_link_hub(std::move(link), core_->link_handlers(), pool_, clock_);
  OMMA_CHECK(hub.ok(), hub.error().describe());
  hub_ = *std::move(hub);
  core_->attach(*hub_);
  if (!options.peer_address.empty()) hub_->set_peer(options.peer, options.peer_address);

  NodeRecord wanted;
  wanted.address = hub_->listen_address();
  std::promise<Result<bool>> signed_on;
  core_->sign_on(wanted, patience, [&](Result<void> done) {
    signed_on.set_value(done ? Result<bool>(true) : Result<bool>(done.error()));
  });
  wait_for(signed_on.get_future(), "to sign on");
  core_->begin_hosting();
  core_->open([](const Message&, const Answer& answer) {
    answer(Error{Code::unsupported, "a bench's node takes no clients"});
  });
}

BenchNode::~BenchNode() {
  core_->close();
  hub_.reset();
  directory_io_.reset();
  io_.reset();
  compute_.reset();
  core_.reset();
}

Cell BenchNode::begin(const StageSpec& spec) {
  auto begun = std::make_shared<std::promise<Result<ActorRecord>>>();
  core_->host().activate(spec, [begun](Result<ActorRecord> record) { begun->set_value(record); });
  wait_for(begun->get_future(), "to begin an actor");
  const auto cell = core_->host().cell(spec.id);
  OMMA_CHECK(cell.has_value(), spec.name);
  return *cell;
}

Accounts BenchNode::accounts() const {
  std::vector<Accounts> all;
  for (const auto& [id, cell] : core_->switchboard().cells()) {
    auto told = std::make_shared<std::promise<Accounts>>();
    cell.put(CellInput{CellInput::ReportWanted{
        [told](const CellReport& report) { told->set_value(accounts_of(report)); }}});
    all.push_back(told->get_future().get());
  }
  return merge(all);
}

void BenchNode::check_ledger() {
  std::this_thread::sleep_for(settling);
  for (const Violation& violation : ledger_check(accounts(), true)) {
    OMMA_CHECK(false, violation.law, violation.what, violation.numbers);
  }
}

}  // namespace omma::bench
