#include "engine/write_batch.h"

#include "base/strings.h"

namespace revd {

namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kTreeNameBytesMax = 31;

enum class OpCode : uint8_t { kTree = 1, kPut = 2, kErase = 3 };

}  // namespace

WriteBatch::WriteBatch() { clear(); }

void WriteBatch::clear() {
  bytes_.assign(1, static_cast<char>(kVersion));
  tree_.clear();
  count_ = 0;
}

void WriteBatch::select_tree(std::string_view tree) {
  CHECK_MSG(!tree.empty() && tree.size() <= kTreeNameBytesMax, "a tree's name has 1 to 31 bytes");
  if (tree == tree_) return;
  tree_ = tree;
  ByteWriter writer(bytes_);
  writer.u8(static_cast<uint8_t>(OpCode::kTree));
  writer.length_prefixed(tree);
}

void WriteBatch::put(std::string_view tree, std::string_view key, std::string_view value) {
  select_tree(tree);
  ByteWriter writer(bytes_);
  writer.u8(static_cast<uint8_t>(OpCode::kPut));
  writer.length_prefixed(key);
  writer.length_prefixed(value);
  ++count_;
}

void WriteBatch::erase(std::string_view tree, std::string_view key) {
  select_tree(tree);
  ByteWriter writer(bytes_);
  writer.u8(static_cast<uint8_t>(OpCode::kErase));
  writer.length_prefixed(key);
  ++count_;
}

Status for_each_op(ByteSpan encoded, const std::function<Status(const BatchOp&)>& visit) {
  const auto malformed = [](std::string_view what) {
    return Error(ErrorCode::kDataLoss, str_cat("write batch: ", what));
  };
  ByteReader reader(encoded);
  if (const uint8_t version = reader.u8(); !reader.ok() || version != kVersion)
    return malformed(str_cat("version ", version, "; this program reads version ", kVersion));
  BatchOp op;
  while (reader.remaining() > 0) {
    const uint8_t code = reader.u8();
    switch (static_cast<OpCode>(code)) {
      case OpCode::kTree:
        op.tree = reader.length_prefixed();
        if (!reader.ok() || op.tree.empty() || op.tree.size() > kTreeNameBytesMax)
          return malformed("a bad tree name");
        continue;
      case OpCode::kPut:
        op.erase = false;
        op.key = reader.length_prefixed();
        op.value = reader.length_prefixed();
        break;
      case OpCode::kErase:
        op.erase = true;
        op.key = reader.length_prefixed();
        op.value = {};
        break;
      default: return malformed(str_cat("unknown operation ", code));
    }
    if (!reader.ok()) return malformed("cut short");
    if (op.tree.empty()) return malformed("an operation before any tree");
    TRY(visit(op));
  }
  return {};
}

}  // namespace revd
