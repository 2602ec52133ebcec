#include "base/result.h"

namespace revd {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCancelled: return "Canceled";
    case ErrorCode::kUnknown: return "Unknown";
    case ErrorCode::kInvalidArgument: return "InvalidArgument";
    case ErrorCode::kDeadlineExceeded: return "DeadlineExceeded";
    case ErrorCode::kNotFound: return "NotFound";
    case ErrorCode::kAlreadyExists: return "AlreadyExists";
    case ErrorCode::kPermissionDenied: return "PermissionDenied";
    case ErrorCode::kResourceExhausted: return "ResourceExhausted";
    case ErrorCode::kFailedPrecondition: return "FailedPrecondition";
    case ErrorCode::kAborted: return "Aborted";
    case ErrorCode::kOutOfRange: return "OutOfRange";
    case ErrorCode::kUnimplemented: return "Unimplemented";
    case ErrorCode::kInternal: return "Internal";
    case ErrorCode::kUnavailable: return "Unavailable";
    case ErrorCode::kDataLoss: return "DataLoss";
    case ErrorCode::kUnauthenticated: return "Unauthenticated";
    case ErrorCode::kWouldBlock: return "WouldBlock";
    case ErrorCode::kIo: return "Io";
  }
  return "Unknown";
}

std::string Error::describe() const {
  std::string_view file = where_.file_name();
  if (auto slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  std::string out(error_code_name(code_));
  out += ": ";
  out += text_;
  if (!detail_.empty()) {
    out += " [";
    out += detail_;
    out += ']';
  }
  out += " (";
  out += file;
  out += ':';
  out += std::to_string(where_.line());
  out += ')';
  return out;
}

}  // namespace revd
