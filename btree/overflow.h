// Overflow objects in the page store: long values and the rests of long keys.
//
// Borrows the store for the time of a call. Errors: as read_mode.h and PageStore::fetch. A read that misses
// keeps what it has in the ReadContext and goes on from there, so that an object larger than what the cache
// has room for is read all the same. Page layout: overflow_format.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "btree/node_view.h"
#include "btree/page_store.h"

namespace revd::btree {

// Appends the object's `bytes` bytes to `out`; `out` is as before after an error.
Status read_object(PageStore& store, ReadContext& context, TreeId tree, const PagePointer& root,
                   uint64_t bytes, std::string& out);
// Makes an object out of at least one byte. After an error none of its pages is left. Needs an open
// transaction.
Result<PagePointer> write_object(PageStore& store, TreeId tree, std::string_view bytes);
// Appends references to all pages of the object, for PageStore::release; reads its index pages.
Status collect_object(PageStore& store, ReadContext& context, TreeId tree, const PagePointer& root,
                      uint64_t bytes, std::vector<PagePointer>& pages);

// The same in terms of node cells.
inline uint64_t rest_bytes(const OverflowRef& rest) { return rest.total_bytes - kMaxInlineKeyBytes; }
// The whole key of slot i, replacing `key`.
Status read_key(PageStore& store, ReadContext& context, TreeId tree, const NodeView& node, size_t i,
                std::string& key);
// Settles a tied search (node_view.h).
Result<Position> settle_tie(PageStore& store, ReadContext& context, TreeId tree, const NodeView& node,
                            std::string_view key, Position tied);

}  // namespace revd::btree
