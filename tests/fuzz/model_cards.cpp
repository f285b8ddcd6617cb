// A model card may hold anything: it is read, or refused with its name.
#include "runtime/model/model_card.hpp"

#include "runtime/base/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto card =
      omma::parse_model_card({reinterpret_cast<const char*>(data), size}, "fuzz.json");
  if (!card) {
    OMMA_CHECK(card.error().message.find("fuzz.json") != std::string::npos, card.error().message);
    return 0;
  }
  OMMA_CHECK(!card->name.empty() && !card->outputs.empty(), card->name, card->outputs.size());
  OMMA_CHECK(card->input.width > 0 && card->input.width <= omma::limits::frame_width_max,
             card->input.width);
  return 0;
}
