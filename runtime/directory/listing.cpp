#include "runtime/directory/listing.hpp"

#include <charconv>
#include <cstdint>

namespace omma {
namespace {

// Of a record, beside its texts and its configuration: the struct, its pointers, their padding.
constexpr std::size_t fixed_bytes = 256;
constexpr std::size_t half_digits = 16;
constexpr std::string_view digits_known = "0123456789abcdef";

std::size_t listed_bytes(const ActorRecord& actor) {
  return fixed_bytes + actor.type.size() + actor.name.size() + actor.config.size() +
         actor.node.name.size();
}

// 32 digits.
ActorId id_in(const std::string& text) {
  ActorId id;
  const char* const middle = text.data() + half_digits;
  std::from_chars(text.data(), middle, id.high, 16);
  std::from_chars(middle, middle + half_digits, id.low, 16);
  return id;
}

}  // namespace

bool PageFiller::add(ActorRecord record) {
  bytes_ += listed_bytes(record);
  const bool full = page_.actors.size() >= count_max_ || bytes_ > limits::listed_records_bytes_max;
  page_.more = full && !page_.actors.empty();
  if (page_.more) return false;
  page_.actors.push_back(std::move(record));
  return true;
}

TitleWish::TitleWish(std::string_view wanted) : name(wanted) {
  const std::size_t stroke = wanted.find('/');
  if (stroke == std::string_view::npos) return;
  type = wanted.substr(0, stroke);
  type_name = wanted.substr(stroke + 1);
}

std::optional<std::pair<ActorId, ActorId>> ids_of(std::string_view digits) {
  const bool some = !digits.empty() && digits.size() <= 2 * half_digits;
  if (!some || digits.find_first_not_of(digits_known) != std::string_view::npos) {
    return std::nullopt;
  }
  std::string first(digits);
  std::string last(digits);
  first.resize(2 * half_digits, '0');
  last.resize(2 * half_digits, 'f');
  return std::pair(id_in(first), id_in(last));
}

}  // namespace omma
