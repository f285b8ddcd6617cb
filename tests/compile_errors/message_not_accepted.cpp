// says: omma: the target does not accept this message: its Accepts does not name it
#include "tests/compile_errors/actors.hpp"

namespace sample {

void use(omma::Turn& turn, SampleConfig::Reader config) {
  turn.send<omma::Tracks>(turn.stage_of<Counter>(config), [](omma::Tracks::Builder) {});
}

}  // namespace sample
