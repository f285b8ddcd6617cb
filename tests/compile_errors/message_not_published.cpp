// says: omma: the publisher has no outlet of this message: its Publishes does not name it
#include "tests/compile_errors/actors.hpp"

namespace sample {

void use(omma::Turn& turn, SampleConfig::Reader config) {
  turn.subscribe<Beat>(turn.stage_of<Counter>(config), {});
}

}  // namespace sample
