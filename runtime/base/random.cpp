#include "runtime/base/random.hpp"

#include <random>

namespace omma {

std::uint64_t SystemRandom::next() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace omma
