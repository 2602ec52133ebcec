// What a reader does when a page isn't in memory, and how it says which page that is.
//
// Plain values. All tree code runs the same way in both modes: in kNonBlocking a miss ends the step with
// ErrorCode::kWouldBlock and nothing changed; the caller hands the request to PageFile::load and repeats
// the step when that has ended.
#pragma once

#include <cstdint>
#include <string>

#include "btree/page_pointer.h"

namespace revd::btree {

enum class ReadMode : uint8_t {
  kBlocking,     // read through Disk::wait
  kNonBlocking,  // answer kWouldBlock
};

// One page to be read, and what it must turn out to be.
struct PageRequest {
  TreeId tree;
  PagePointer pointer;         // on disk
  uint8_t level = 0;           // nodes and overflow index pages: their level
  uint64_t covered_bytes = 0;  // overflow pages: bytes of the object that they hold
};

// Carried through one reader's calls; `missing` is set whenever a call answers kWouldBlock.
struct ReadContext {
  ReadMode mode = ReadMode::kBlocking;
  bool for_writing = false;  // a transaction's: may write dirty pages out to find a frame
  PageRequest missing{};
  // The beginning of the long value whose reading missed a page.
  PagePointer partial_root{};
  std::string partial{};
};

}  // namespace revd::btree
