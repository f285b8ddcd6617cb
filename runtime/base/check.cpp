#include "runtime/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace omma::detail {

void check_failed(const char* expression, const char* file, int line, const std::string& values) {
  std::fprintf(stderr, "%s:%d: check failed: %s; values: %s\n", file, line, expression,
               values.c_str());
  std::abort();
}

}  // namespace omma::detail
