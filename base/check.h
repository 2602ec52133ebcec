// CHECK: an invariant that holds unless the program itself is wrong.
//
// Stays on in release builds and aborts with the condition, file and line. Bytes that come from a
// disk or a network never reach a CHECK: they are errors (base/result.h).
#pragma once

#include <string_view>

namespace revd {

// Prints one line to stderr and aborts. `detail` may be empty.
[[noreturn]] void check_failed(const char* condition, const char* file, int line, std::string_view detail);

}  // namespace revd

// NOLINTBEGIN(cppcoreguidelines-macro-usage): the condition's text and place are only known here.
#define CHECK(condition)                                        \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::revd::check_failed(#condition, __FILE__, __LINE__, {}); \
  } while (false)

#define CHECK_MSG(condition, detail)                                  \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::revd::check_failed(#condition, __FILE__, __LINE__, (detail)); \
  } while (false)
// NOLINTEND(cppcoreguidelines-macro-usage)
