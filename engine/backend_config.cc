#include "engine/backend_config.h"

#include "base/strings.h"

namespace revd {

namespace {

Status in_range(const char* name, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) return {};
  return Error(ErrorCode::kInvalidArgument, str_cat(name, " is ", value, "; allowed: ", low, " to ", high));
}

}  // namespace

Status BackendConfig::validate() const {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  if (data_dir.empty()) return Error(ErrorCode::kInvalidArgument, "data_dir is empty; a directory is needed");
  TRY(in_range("cache_size_mb", cache_size_mb, 8, kMiB));
  TRY(in_range("flush_interval_ms", flush_interval_ms, 10, 3'600'000));
  TRY(in_range("wal_segment_bytes", wal_segment_bytes, 64 << 10, 1024 * kMiB));
  if (wal_segment_bytes % 4096 != 0)
    return Error(ErrorCode::kInvalidArgument,
                 str_cat("wal_segment_bytes is ", wal_segment_bytes, "; allowed: multiples of 4096"));
  TRY(in_range("checkpoint_log_bytes", checkpoint_log_bytes, wal_segment_bytes, uint64_t{1} << 40));
  TRY(in_range("wal_write_depth", wal_write_depth, 1, 4));
  TRY(in_range("grow_bytes_min", grow_bytes_min, 64 << 10, grow_bytes_max));
  TRY(in_range("grow_bytes_max", grow_bytes_max, grow_bytes_min, uint64_t{1} << 36));
  TRY(in_range("snapshot_age_ms_max", snapshot_age_ms_max, 100, 86'400'000));
  TRY(in_range("snapshot_pinned_bytes_max", snapshot_pinned_bytes_max, kMiB, uint64_t{1} << 40));
  return {};
}

}  // namespace revd
