#include "mvcc/key_index.h"

namespace revd {

Result<bool> KeyIndex::find(ReadView view, std::string_view key, KeyEntry& entry, bool with_spine) {
  TRY_ASSIGN(const bool found, view.get(tree_, key, scratch_));
  if (!found) return false;
  TRY(decode_key_entry(scratch_, entry, with_spine));
  return true;
}

Status KeyIndex::put(WriteTxn& txn, std::string_view key, const KeyEntry& entry) {
  scratch_.clear();
  encode_key_entry(entry, scratch_);
  return txn.put(tree_, key, scratch_);
}

}  // namespace revd
