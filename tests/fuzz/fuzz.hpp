// What the fuzz targets share. Each target is one file with one LLVMFuzzerTestOneInput, which must
// survive any bytes and checks what has to hold of what it accepts. libFuzzer calls it in the
// preset `fuzz`; in every other build replay.cpp runs it over the corpus.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace omma::fuzz {

// Aligned and in memory of its own, so that a sanitizer sees a step past its end.
inline Blob blob_of(std::span<const std::uint8_t> bytes) {
  return Blob::copy_of(std::as_bytes(bytes));
}

}  // namespace omma::fuzz
