// Compiles.
#include "tests/compile_errors/actors.hpp"

namespace sample {

void use(omma::Turn& turn, SampleConfig::Reader config) {
  const auto counter = turn.stage_of<Counter>(config);
  turn.send<Beat>(counter, [](Beat::Builder out) { out.setNumber(1); });
  turn.subscribe<omma::ResultRow>(counter, {});
  turn.run([]() -> omma::Result<omma::Message> {
    return omma::Message::build<Beat>([](Beat::Builder) {});
  });
}

}  // namespace sample

OMMA_APP_MODULE(omma::make_app<sample::Counter>("sample", "adds up", sample::configure));
