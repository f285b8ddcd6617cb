// A right actor, which each sample names or copies with one mistake.
#pragma once

#include <omma/app.hpp>

#include <cstdint>
#include <string>

#include "tests/compile_errors/beat.capnp.h"

namespace sample {

class Counter : public omma::Actor {
 public:
  static constexpr const char* type_name = "sample_counter";
  static constexpr bool is_stage = true;
  using Config = SampleConfig;
  using State = SampleState;
  using Accepts = omma::Accepts<Beat>;
  using Publishes = omma::Publishes<omma::ResultRow>;
  static std::string title(Config::Reader config) { return config.getName(); }

  explicit Counter(Config::Reader) {}
  void on(Beat::Reader beat, omma::Turn& turn) {
    sum_ += beat.getNumber();
    rows_.publish(turn, omma::result_row("sum", {{"sum", sum_}}));
  }
  void save(State::Builder out) const { out.setSum(sum_); }
  omma::Result<void> load(State::Reader in) {
    sum_ = in.getSum();
    return {};
  }

 private:
  omma::Outlet<omma::ResultRow> rows_{*this};
  std::uint64_t sum_ = 0;
};

inline void configure(omma::AppQuery&, SampleConfig::Builder config) {
  config.setName("sample");
}

}  // namespace sample
