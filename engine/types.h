// The names that layers above the engine use for what lies below it.
//
// mvcc and server see the log and the page file through this folder alone.
#pragma once

#include "btree/cursor.h"
#include "btree/page_file.h"
#include "btree/read_mode.h"
#include "btree/snapshot.h"
#include "btree/superblock.h"
#include "btree/write_txn.h"
#include "wal/wal.h"

namespace revd {

using btree::AppliedPosition;
using btree::Cursor;
using btree::PageRequest;
using btree::ReadMode;
using btree::Snapshot;
using btree::TreeId;
using btree::TreeOptions;
using btree::ValueRef;
using btree::WriteOptions;
using btree::WriteTxn;

using LogEntry = wal::Entry;
using LogEntryType = wal::EntryType;
using LogPosition = wal::LogPosition;
using AppendToken = wal::AppendToken;

}  // namespace revd
