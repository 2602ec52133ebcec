// Whether a failed write may have happened.
//
// A call's error is definite (nothing has changed) unless outcome_unknown() says otherwise: then the
// write may be applied already, may be applied later, or never. Only writes can end so.
#pragma once

#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/strings.h"

namespace revd {

inline constexpr std::string_view kOutcomeUnknown = "outcome=unknown";

inline bool outcome_unknown(const Error& error) { return error.detail() == kOutcomeUnknown; }

inline Error make_outcome_unknown(const Error& why) {
  return Error(ErrorCode::kUnknown, str_cat("it isn't known whether the write was applied: ", why.text()))
      .with_detail(std::string(kOutcomeUnknown));
}

}  // namespace revd
