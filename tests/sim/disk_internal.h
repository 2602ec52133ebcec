// Shared by disk.cc and disk_perform.cc.
#pragma once

#include "base/disk.h"

namespace revd {

inline bool on_file(DiskOp::Kind kind) {
  switch (kind) {
    case DiskOp::Kind::kOpen:
    case DiskOp::Kind::kRename:
    case DiskOp::Kind::kRemove:
    case DiskOp::Kind::kMakeDirectory:
    case DiskOp::Kind::kSyncDirectory:
    case DiskOp::Kind::kList: return false;
    default: return true;
  }
}

// "write", for error texts.
const char* sim_op_name(DiskOp::Kind kind);

}  // namespace revd
