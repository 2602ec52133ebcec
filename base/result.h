// Result<T> and Error: how every fallible call in revd answers.
//
// An Error is a code (gRPC's status codes, plus two that never leave the process), a text for
// people, the place it was made, and sometimes a detail for programs ("compact_revision=7"). Success costs no
// allocation. TRY passes an error on.
#pragma once

#include <cstdint>
#include <expected>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace revd {

enum class ErrorCode : uint8_t {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
  // The two below never leave the process.
  kWouldBlock = 100,  // a page isn't in memory; the caller loads it and repeats the step
  kIo = 101,          // this node's own disk or socket failed
};

// The code's name as gRPC spells it ("InvalidArgument"), or "WouldBlock" / "Io".
std::string_view error_code_name(ErrorCode code);

class [[nodiscard]] Error {
 public:
  // A plain function or constructor call is enough: the place is filled in by the compiler.
  Error(ErrorCode code, std::string text, std::source_location where = std::source_location::current())
      : code_(code), where_(where), text_(std::move(text)) {}

  ErrorCode code() const { return code_; }
  const std::string& text() const { return text_; }
  const std::source_location& where() const { return where_; }
  // "name=value" for programs, apart from the text; empty if there is none.
  const std::string& detail() const { return detail_; }
  Error with_detail(std::string detail) && {
    detail_ = std::move(detail);
    return std::move(*this);
  }
  // "DataLoss: wal/0001.wal: bad checksum (reader.cc:88)", for logs.
  std::string describe() const;

 private:
  ErrorCode code_;
  std::source_location where_;
  std::string text_;
  std::string detail_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}                     // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }

  // Require ok().
  T& value() & {
    check_ok();
    return *state_;
  }
  const T& value() const& {
    check_ok();
    return *state_;
  }
  T&& value() && {
    check_ok();
    return std::move(*state_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Require !ok().
  const Error& error() const& {
    CHECK(!ok());
    return state_.error();
  }
  Error&& error() && {
    CHECK(!ok());
    return std::move(state_.error());
  }

 private:
  void check_ok() const { CHECK_MSG(ok(), state_.error().describe()); }
  std::expected<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const { CHECK_MSG(ok(), state_.error().describe()); }
  const Error& error() const& {
    CHECK(!ok());
    return state_.error();
  }
  Error&& error() && {
    CHECK(!ok());
    return std::move(state_.error());
  }

 private:
  std::expected<void, Error> state_;
};

using Status = Result<void>;

}  // namespace revd

// NOLINTBEGIN(cppcoreguidelines-macro-usage): only a macro can return from its caller.
#define REVD_CONCAT_INNER(a, b) a##b
#define REVD_CONCAT(a, b) REVD_CONCAT_INNER(a, b)

// TRY(expression): evaluates a Status; returns its error from the enclosing function.
#define TRY(expression)                          \
  do {                                           \
    auto revd_try_status = (expression);         \
    if (!revd_try_status.ok()) [[unlikely]]      \
      return std::move(revd_try_status).error(); \
  } while (false)

// TRY_ASSIGN(auto x, expression): the same for a Result<T>, whose value goes to x.
#define TRY_ASSIGN(target, expression) \
  TRY_ASSIGN_INNER(REVD_CONCAT(revd_try_result_, __LINE__), target, expression)
#define TRY_ASSIGN_INNER(temporary, target, expression) \
  auto temporary = (expression);                        \
  if (!temporary.ok()) [[unlikely]]                     \
    return std::move(temporary).error();                \
  target = std::move(temporary).value()
// NOLINTEND(cppcoreguidelines-macro-usage)
