// Writes small TorchScript files, so that tests need no trained network.
#pragma once

#include <filesystem>
#include <string>

namespace omma::test {

// `forward` is the TorchScript source of the method: "def forward(self, x):\n  return x\n".
void write_torchscript(const std::filesystem::path& path, const std::string& forward);

}  // namespace omma::test
