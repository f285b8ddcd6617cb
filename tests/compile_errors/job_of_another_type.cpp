// says: omma: a job takes nothing, can be copied, and returns omma::Result<omma::Message>
#include "tests/compile_errors/actors.hpp"

namespace sample {

void use(omma::Turn& turn) {
  turn.run([] { return 42; });
}

}  // namespace sample
