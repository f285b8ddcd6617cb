#include "runtime/base/nearest_name.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace omma {
namespace {

// A mistyped name of any length may be shown, but only this much of it is compared.
constexpr std::size_t compared_bytes_max = 256;

// Optimal string alignment distance: Levenshtein's with swaps of neighbours. Three rows suffice,
// since a swap looks two rows back.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view wanted,
                                        std::span<const std::string> known) {
  wanted = wanted.substr(0, compared_bytes_max);
  const std::size_t distance_max = std::max<std::size_t>(1, wanted.size() / 3);
  const std::string* nearest = nullptr;
  std::size_t nearest_distance = distance_max + 1;
  const std::string* container = nullptr;
  std::size_t containers = 0;
  for (const std::string& name : known) {
    const std::string_view compared = std::string_view(name).substr(0, compared_bytes_max);
    const std::size_t distance = edit_distance(wanted, compared);
    if (distance < nearest_distance) {
      nearest = &name;
      nearest_distance = distance;
    }
    if (!wanted.empty() && compared.find(wanted) != std::string_view::npos) {
      container = &name;
      ++containers;
    }
  }
  if (nearest != nullptr) return *nearest;
  if (containers == 1) return *container;
  return std::nullopt;
}

std::string suggestion_for(std::string_view wanted, std::span<const std::string> known) {
  if (const auto near = nearest_name(wanted, known)) return "; did you mean '" + *near + "'";
  std::string text;
  for (const std::string& name : known) {
    text += (text.empty() ? "; known are '" : ", '") + name + "'";
  }
  return text;
}

}  // namespace omma
