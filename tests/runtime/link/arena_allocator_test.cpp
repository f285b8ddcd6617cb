#include "runtime/link/arena_allocator.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "runtime/base/random.hpp"

using namespace omma;

namespace {

constexpr std::size_t page = ArenaAllocator::page_bytes;

// What the books should say, kept the simple way.
struct Model {
  struct Block {
    std::size_t size;
    bool held;
    std::multiset<ArenaAllocator::BorrowerId> lent_to;
  };
  std::map<std::size_t, Block> blocks;
  std::map<ArenaAllocator::BorrowerId, std::map<std::uint64_t, std::size_t>> borrowers;

  void forget_unused() {
    std::erase_if(blocks, [](const auto& entry) {
      return !entry.second.held && entry.second.lent_to.empty();
    });
  }
  std::size_t bytes_used() const {
    std::size_t sum = 0;
    for (const auto& [offset, block] : blocks) sum += block.size;
    return sum;
  }
  std::size_t bytes_lent() const {
    std::size_t sum = 0;
    for (const auto& [offset, block] : blocks) sum += block.lent_to.empty() ? 0 : block.size;
    return sum;
  }
  std::size_t loans() const {
    std::size_t sum = 0;
    for (const auto& [id, loans] : borrowers) sum += loans.size();
    return sum;
  }
  // Overlaps nothing that somebody holds or reads.
  bool is_free(std::size_t offset, std::size_t size) const {
    auto next = blocks.lower_bound(offset);
    if (next != blocks.end() && next->first < offset + size) return false;
    return next == blocks.begin() ||
           std::prev(next)->first + std::prev(next)->second.size <= offset;
  }
};

template <class Container>
auto any_of(Container& container, SeededRandom& random) {
  auto found = container.begin();
  std::advance(found, static_cast<std::ptrdiff_t>(random.below(container.size())));
  return found;
}

class Play {
 public:
  static constexpr std::size_t pages = 64;
  static constexpr ArenaAllocator::Limits limits{12, 20 * page};

  explicit Play(std::uint64_t seed) : random_(seed), arena_(pages * page, limits) {}

  void step() {
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
        return allocate();
      case 3:
        return release();
      case 4:
      case 5:
      case 6:
        return lend();
      case 7:
      case 8:
        return give_back();
      default:
        return come_or_go();
    }
  }
  void check() {
    model_.forget_unused();
    REQUIRE(arena_.stats().blocks == model_.blocks.size());
    REQUIRE(arena_.stats().bytes_used == model_.bytes_used());
    REQUIRE(arena_.stats().bytes_lent == model_.bytes_lent());
    REQUIRE(arena_.stats().loans == model_.loans());
  }
  void end_all() {
    for (auto& [offset, block] : model_.blocks) {
      if (block.held) arena_.release(offset);
    }
    for (const auto& [id, loans] : model_.borrowers) arena_.reclaim(id);
    REQUIRE(arena_.stats().blocks == 0);
    REQUIRE(arena_.stats().bytes_used == 0);
    REQUIRE(arena_.stats().loans == 0);
    REQUIRE(arena_.allocate(pages * page) == 0);  // One gap again.
  }
  std::size_t refused_loans() const { return refused_loans_; }
  std::size_t refused_blocks() const { return refused_blocks_; }

 private:
  void allocate() {
    const std::size_t bytes = 1 + random_.below(6 * page);
    const std::size_t whole = (bytes + page - 1) / page * page;
    const auto offset = arena_.allocate(bytes);
    if (!offset) {
      ++refused_blocks_;
      for (std::size_t at = 0; at + whole <= pages * page; at += page) {
        REQUIRE_FALSE(model_.is_free(at, whole));
      }
      return;
    }
    REQUIRE(*offset % page == 0);
    REQUIRE(*offset + whole <= pages * page);
    REQUIRE(model_.is_free(*offset, whole));
    model_.blocks[*offset] = {whole, true, {}};
  }
  std::optional<std::size_t> any_held() {
    std::vector<std::size_t> held;
    for (const auto& [offset, block] : model_.blocks) {
      if (block.held) held.push_back(offset);
    }
    if (held.empty()) return std::nullopt;
    return *any_of(held, random_);
  }
  void release() {
    const auto offset = any_held();
    if (!offset) return;
    arena_.release(*offset);
    model_.blocks[*offset].held = false;
  }
  void lend() {
    const auto offset = any_held();
    if (!offset || model_.borrowers.empty()) return;
    auto& [id, loans] = *any_of(model_.borrowers, random_);
    auto& block = model_.blocks[*offset];
    std::size_t lent = 0;
    for (const auto& [number, where] : loans) lent += model_.blocks[where].size;
    const std::size_t within = random_.below(block.size);
    const auto number = arena_.lend(id, *offset + within, 1 + random_.below(block.size - within));
    if (loans.size() == limits.loans_max || lent + block.size > limits.lent_bytes_max) {
      REQUIRE_FALSE(number.has_value());
      ++refused_loans_;
      return;
    }
    REQUIRE(number.has_value());
    REQUIRE(numbers_[id].insert(*number).second);
    loans[*number] = *offset;
    block.lent_to.insert(id);
  }
  void give_back() {
    if (model_.borrowers.empty()) return;
    auto& [id, loans] = *any_of(model_.borrowers, random_);
    if (loans.empty()) {
      REQUIRE_FALSE(arena_.give_back(id, 1 + random_.below(1000)));
      return;
    }
    const auto loan = any_of(loans, random_);
    const std::uint64_t number = loan->first;
    REQUIRE(arena_.give_back(id, number));
    REQUIRE_FALSE(arena_.give_back(id, number));
    auto& lent_to = model_.blocks[loan->second].lent_to;
    lent_to.erase(lent_to.find(id));
    loans.erase(loan);
  }
  void come_or_go() {
    if (model_.borrowers.size() < 4) {
      const auto id = arena_.add_borrower();
      REQUIRE(numbers_.count(id) == 0);
      model_.borrowers[id];
      return;
    }
    const auto gone = any_of(model_.borrowers, random_);
    arena_.reclaim(gone->first);
    for (const auto& [number, offset] : gone->second) {
      auto& lent_to = model_.blocks[offset].lent_to;
      lent_to.erase(lent_to.find(gone->first));
    }
    model_.borrowers.erase(gone);
  }

  SeededRandom random_;
  ArenaAllocator arena_;
  Model model_;
  std::map<ArenaAllocator::BorrowerId, std::set<std::uint64_t>> numbers_;
  std::size_t refused_loans_ = 0;
  std::size_t refused_blocks_ = 0;
};

}  // namespace

TEST_CASE("no block is given twice while it is held or lent, whatever borrowers do") {
  std::size_t refused_loans = 0;
  std::size_t refused_blocks = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Play play(seed);
    for (int i = 0; i < 300; ++i) {
      play.step();
      play.check();
    }
    play.end_all();
    refused_loans += play.refused_loans();
    refused_blocks += play.refused_blocks();
  }
  CHECK(refused_loans > 0);
  CHECK(refused_blocks > 0);
}

TEST_CASE("a block that three borrowers read is free when the last one has given it back") {
  ArenaAllocator arena(4 * page, {8, 8 * page});
  const auto block = arena.allocate(4 * page);
  REQUIRE(block == 0);
  const auto first = arena.add_borrower();
  const auto second = arena.add_borrower();
  const auto third = arena.add_borrower();
  const auto loan = arena.lend(first, 64, 100);
  REQUIRE(arena.lend(second, 0, 4 * page).has_value());
  REQUIRE(arena.lend(third, 0, 1).has_value());
  arena.release(*block);
  CHECK(arena.give_back(first, *loan));
  arena.reclaim(second);
  CHECK_FALSE(arena.allocate(1).has_value());
  arena.reclaim(third);
  CHECK(arena.allocate(4 * page) == 0);
}
