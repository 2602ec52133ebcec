// GroupConfiguration: who is in the group, the payload of a configuration entry.
//
// A new data directory's log begins with one: a group of one node. A plain value and its encoding. Decoding
// bytes from the log: kDataLoss if malformed, kUnimplemented for a version that this build doesn't know.
// Format: mvcc/README.md, "Configuration entry".
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace revd {

struct GroupMember {
  NodeId id;
  Uuid node;  // random, made with the data directory
  friend bool operator==(const GroupMember&, const GroupMember&) = default;
};

struct GroupConfiguration {
  ClusterId cluster;
  std::vector<GroupMember> members;
  friend bool operator==(const GroupConfiguration&, const GroupConfiguration&) = default;
};

std::string encode_configuration(const GroupConfiguration& configuration);
Result<GroupConfiguration> decode_configuration(ByteSpan bytes);

}  // namespace revd
