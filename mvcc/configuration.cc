#include "mvcc/configuration.h"

#include "base/strings.h"

namespace revd {
namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_configuration(const GroupConfiguration& configuration) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(kVersion);
  writer.u64(configuration.cluster.value());
  writer.varint(configuration.members.size());
  for (const GroupMember& member : configuration.members) {
    writer.u64(member.id.value());
    writer.uuid(member.node);
  }
  return bytes;
}

Result<GroupConfiguration> decode_configuration(ByteSpan bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.u8();
  if (reader.ok() && version != kVersion)
    return Error(ErrorCode::kUnimplemented, str_cat("configuration version ", int{version}, " is unknown"));
  GroupConfiguration configuration;
  configuration.cluster = ClusterId(reader.u64());
  const uint64_t count = reader.varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    GroupMember member;
    member.id = NodeId(reader.u64());
    member.node = reader.uuid();
    configuration.members.push_back(member);
  }
  if (!reader.finished()) return Error(ErrorCode::kDataLoss, "malformed configuration entry in the log");
  return configuration;
}

}  // namespace revd
