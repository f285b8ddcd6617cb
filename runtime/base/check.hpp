// OMMA_CHECK: an invariant of ours. When it fails the process stops and prints the expression and
// the values named after it: a wrong answer that goes on is worse than a stop.
//   OMMA_CHECK(next <= limit, next, limit);
#pragma once

#include <sstream>
#include <string>

namespace omma::detail {

[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               const std::string& values);

template <class... Values>
std::string join_values(const Values&... values) {
  std::ostringstream out;
  ((out << values << ' '), ...);
  return out.str();
}

}  // namespace omma::detail

#define OMMA_CHECK(expression, ...)                                    \
  (static_cast<bool>(expression)                                       \
       ? static_cast<void>(0)                                          \
       : ::omma::detail::check_failed(#expression, __FILE__, __LINE__, \
                                      ::omma::detail::join_values(__VA_ARGS__)))
