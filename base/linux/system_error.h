// Errors made from errno values. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "base/result.h"
#include "base/strings.h"

namespace revd::os {

// "No space left on device": the system's text for an errno.
inline std::string errno_text(int number) { return std::generic_category().message(number); }

// kIo, "what: No space left on device".
inline Error io_error(std::string_view what, int number) {
  return Error(ErrorCode::kIo, str_cat(what, ": ", errno_text(number)));
}

}  // namespace revd::os
