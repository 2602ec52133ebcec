#include "mvcc/store_core.h"

#include "base/mutant.h"

namespace revd {

StoreCore::StoreCore(Env& the_env, Backend& the_backend, const StoreTrees& the_trees)
    : env(the_env),
      backend(the_backend),
      trees(the_trees),
      keys(trees.key_index),
      revisions(trees.revisions),
      leases(trees.leases),
      sessions(trees.sessions),
      meta(trees.meta, trees.alarms) {}

Result<std::unique_ptr<StoreCore>> StoreCore::open(Env& env, Backend& backend) {
  StoreTrees trees;
  TRY_ASSIGN(trees.revisions, backend.ensure_tree("revisions", {.leaf_page_bytes = 16384}));
  TRY_ASSIGN(trees.key_index, backend.ensure_tree("key_index", {.leaf_page_bytes = 8192}));
  TRY_ASSIGN(trees.leases, backend.ensure_tree("leases"));
  TRY_ASSIGN(trees.sessions, backend.ensure_tree("sessions"));
  TRY_ASSIGN(trees.alarms, backend.ensure_tree("alarms"));
  TRY_ASSIGN(trees.meta, backend.ensure_tree("meta"));
  std::unique_ptr<StoreCore> core(new StoreCore(env, backend, trees));
  TRY(core->load());
  return core;
}

Status StoreCore::load() {
  {
    WriteTxn first = backend.begin_write();
    TRY(meta.check_format(first));
    backend.commit(std::move(first), backend.applied());
  }
  Snapshot snapshot = backend.snapshot();
  const ReadView view(snapshot, ReadMode::kBlocking);
  TRY_ASSIGN(const Revision last, revisions.last(view));
  working.revision = last.main;
  TRY_ASSIGN(working.floor, meta.floor(view));
  TRY_ASSIGN(working.tombstones, meta.tombstones(view));
  written_tombstones = working.tombstones;
  TRY_ASSIGN(compaction, meta.compaction(view));
  TRY_ASSIGN(alarms, meta.alarms(view));
  working.applied = backend.applied();
  published = working;
  return {};
}

WriteTxn& StoreCore::writer(bool want_sliced) {
  CHECK(!txn || sliced == want_sliced);
  if (!txn) {
    sliced = want_sliced;
    WriteOptions options;
    options.preserve_published = sliced;
    options.mode = sliced ? ReadMode::kNonBlocking : ReadMode::kBlocking;
    txn.emplace(backend.begin_write(options));
  }
  return *txn;
}

Status StoreCore::write_meta() {
  if (working.tombstones == written_tombstones) return {};
  TRY(meta.put_tombstones(*txn, working.tombstones));
  written_tombstones = working.tombstones;
  return {};
}

Status StoreCore::publish() {
  if (!txn) return {};
  TRY(write_meta());
  AppliedPosition applied = working.applied;
  if (MUTANT(AppliedIndexSplit)) applied.index = applied.index.next();
  WriteTxn ending = std::move(*txn);
  txn.reset();
  backend.commit(std::move(ending), applied);
  published = working;
  if (listener != nullptr) listener->on_published();
  return {};
}

}  // namespace revd
