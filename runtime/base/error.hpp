// What can go wrong, as a value. Whatever can fail in normal running returns Result<T>; a broken
// invariant is a bug of ours and stops the process instead (base/check.hpp).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace omma {

// Chosen by what the caller should do, not by where it happened.
enum class Code : unsigned char {
  ok = 0,            // Never inside an Error; reserved so that 0 on the wire means success.
  invalid_argument,  // Fix the request: unchanged, it can never succeed.
  not_found,         // Fix the name: no such camera, model, actor or file.
  over_limit,        // Make it smaller: a named limit was passed.
  conflict,          // Read again and decide anew: somebody else was first.
  overloaded,        // Retry later: shed to keep a bound.
  unavailable,       // Retry elsewhere or later: the peer or device is gone for now.
  corrupt,           // Drop and report: bytes do not match their checksum, schema or format.
  unsupported,       // Drop and report: this build or machine cannot do it.
  internal,          // Report: a bug on the other side.
};

std::string_view to_string(Code code) noexcept;

// The message names the thing, the number, the limit and what to do, without a final period:
// "shard person-2000#1: batch of 40 frames, limit 32; lower batch_frames_max".
struct [[nodiscard]] Error {
  Code code = Code::internal;
  std::string message;

  // "not_found: no camera 'loby'; did you mean 'lobby'"
  std::string describe() const;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // The value; only when ok().
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  // The error; only when not ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace omma
