#include "tests/runtime/model/torchscript_file.hpp"

#include <torch/script.h>

namespace omma::test {

void write_torchscript(const std::filesystem::path& path, const std::string& forward) {
  torch::jit::Module module("Tiny");
  module.register_attribute("training", c10::BoolType::get(), true);
  module.define(forward);
  module.save(path.string());
}

}  // namespace omma::test
