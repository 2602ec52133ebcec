// What the system says about this process. Any thread.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace revd {

// Bytes of physical memory that this process holds; 0 if /proc isn't there.
uint64_t resident_memory_bytes();
// How many descriptors this process may have open.
uint64_t open_file_limit();
// Raises that to what the administrator allows (the hard limit), and gives the new limit.
Result<uint64_t> raise_open_file_limit();

}  // namespace revd
