// PageFile: creating and opening. README, "Commit protocol", lists what a crash can leave and what open makes
// of it.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "btree/page_file.h"
#include "btree/page_store.h"

namespace revd::btree {

namespace {

constexpr uint64_t kFirstBlocks = 512;  // 2 MiB: both places of superblocks and some room

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// One of the four places of a superblock, as it was read.
struct Found {
  unsigned generation = 0;
  size_t copy = 0;
  bool readable = false;  // decoded
  Superblock superblock;
  Hash128 hash;
};

std::vector<Found> read_superblocks(Disk& disk, FileHandle file, Error& first_error) {
  std::vector<Found> all;
  bool any_error = false;
  AlignedBuffer buffer(kSuperblockBytes);
  for (unsigned generation : {0u, 1u}) {
    for (size_t copy = 0; copy < kSuperblockCopyBlocks.size(); ++copy) {
      Found found{.generation = generation, .copy = copy, .readable = false, .superblock = {}, .hash = {}};
      Status status = read_exactly(disk, file, superblock_offset(generation, copy), buffer.span());
      if (status.ok()) {
        auto decoded = Superblock::decode(buffer.span());
        if (!decoded.ok()) {
          status = decoded.error();
        } else if (decoded->generation() == generation) {
          found.readable = true;
          found.superblock = std::move(decoded).value();
          found.hash = Superblock::stored_hash(buffer.span());
        }
      }
      if (!status.ok() && !std::exchange(any_error, true)) first_error = status.error();
      all.push_back(std::move(found));
    }
  }
  return all;
}

// The state of a store that goes on from `chosen`.
StoreState state_of(const Found& chosen, const std::vector<Found>& all) {
  const Superblock& superblock = chosen.superblock;
  StoreState state{.superblock = superblock,
                   .hash = chosen.hash,
                   .predecessor_intact = false,
                   .wrong_copies = {},
                   .next_checkpoint = superblock.sequence.next()};
  for (const Found& found : all) {
    const bool same = found.readable && found.hash == chosen.hash;
    const bool predecessor = found.readable && found.superblock.sequence == superblock.predecessor &&
                             found.hash == superblock.predecessor_hash;
    const bool right = found.generation == chosen.generation ? same : predecessor;
    if (!right) state.wrong_copies.push_back({.generation = found.generation, .copy = found.copy});
    state.predecessor_intact = state.predecessor_intact || predecessor;
    // Numbers aren't used twice, and the next one belongs into the other generation.
    if (!found.readable) continue;
    while (state.next_checkpoint <= found.superblock.sequence)
      state.next_checkpoint = state.next_checkpoint.next().next();
  }
  return state;
}

Status check_roots(PageStore& store) {
  ReadContext context;
  for (const TreeRoot& tree : store.live()) {
    if (tree.height == 0) continue;
    TRY(store.fetch(context,
                    {.tree = tree.id, .pointer = tree.root, .level = static_cast<uint8_t>(tree.height - 1)}));
  }
  return {};
}

Status write_first_superblock(Env& env, FileHandle file, Superblock& superblock, Hash128& hash) {
  superblock.file = env.random.uuid();
  superblock.sequence = CheckpointId(1);
  superblock.file_blocks = kFirstBlocks;
  AlignedBuffer bytes(kSuperblockBytes);
  hash = superblock.encode(bytes.span());
  TRY(truncate_file(env.disk, file, 0));  // of an earlier attempt
  TRY(truncate_file(env.disk, file, kFirstBlocks * kBlockBytes));
  for (size_t copy = 0; copy < kSuperblockCopyBlocks.size(); ++copy)
    TRY(write_fully(env.disk, file, superblock_offset(1, copy), bytes.span(), false));
  return sync_file(env.disk, file);
}

}  // namespace

Result<std::unique_ptr<PageFile>> PageFile::create(Env& env, const std::string& path,
                                                   const PageFileOptions& options) {
  auto existing = open_file(env.disk, path, {.direct = options.direct, .read_only = true});
  if (existing.ok()) {
    TRY(close_file(env.disk, existing->file));
    return Error(ErrorCode::kAlreadyExists, str_cat(path, ": exists"));
  }
  if (existing.error().code() != ErrorCode::kNotFound) return existing.error();
  const std::string temporary = path + ".new";
  TRY_ASSIGN(const OpenedFile opened,
             open_file(env.disk, temporary, {.create = true, .direct = options.direct}));
  StoreState state;
  Status status = write_first_superblock(env, opened.file, state.superblock, state.hash);
  if (status.ok()) status = rename_file(env.disk, temporary, path);
  if (status.ok()) status = sync_directory(env.disk, directory_of(path));
  if (!status.ok()) {
    const Status closed = close_file(env.disk, opened.file);
    return status.error();
  }
  state.next_checkpoint = state.superblock.sequence.next();
  auto store = std::make_unique<PageStore>(env, path, opened.file, options, std::move(state));
  return std::unique_ptr<PageFile>(new PageFile(std::move(store)));
}

Result<std::unique_ptr<PageFile>> PageFile::open(Env& env, const std::string& path,
                                                 const PageFileOptions& options, const Accept& accept) {
  TRY_ASSIGN(const OpenedFile opened, open_file(env.disk, path, {.direct = options.direct}));
  // After a failed sync the page cache may show what the disk doesn't have: see to that the disk has it, then
  // read from there.
  Status status = sync_file(env.disk, opened.file);
  if (status.ok()) {
    DiskOp drop;
    drop.kind = DiskOp::Kind::kDropCache;
    drop.file = opened.file;
    if (auto dropped = env.disk.wait(drop); !dropped.ok()) status = dropped.error();
  }
  Error reason(ErrorCode::kDataLoss, "no superblock");
  std::vector<Found> all;
  if (status.ok()) all = read_superblocks(env.disk, opened.file, reason);
  if (!status.ok()) {
    const Status closed = close_file(env.disk, opened.file);
    return status.error();
  }
  std::vector<Found> candidates;
  std::ranges::copy_if(all, std::back_inserter(candidates), &Found::readable);
  std::ranges::sort(candidates, std::greater(),
                    [](const Found& f) { return std::pair(f.superblock.sequence, f.hash.low); });
  const auto same = [](const Found& a, const Found& b) { return a.hash == b.hash; };
  candidates.erase(std::ranges::unique(candidates, same).begin(), candidates.end());
  FileHandle file = opened.file;
  for (const Found& candidate : candidates) {
    if (file == kNoFile) {
      TRY_ASSIGN(const OpenedFile again, open_file(env.disk, path, {.direct = options.direct}));
      file = again.file;
    }
    // The store owns the handle from here on.
    auto store = std::make_unique<PageStore>(env, path, std::exchange(file, kNoFile), options,
                                             state_of(candidate, all));
    status = check_roots(*store);
    if (status.ok() && (!accept || accept(candidate.superblock)))
      return std::unique_ptr<PageFile>(new PageFile(std::move(store)));
    reason = status.ok() ? Error(ErrorCode::kDataLoss, "the superblock isn't one that the log knows")
                         : status.error();
    env.logger.warning("btree", "superblock rejected",
                       {{"path", path},
                        {"sequence", std::to_string(candidate.superblock.sequence.value())},
                        {"error", reason.text()}});
  }
  if (file != kNoFile) {
    const Status closed = close_file(env.disk, file);
    if (!closed.ok()) reason = closed.error();
  }
  return Error(ErrorCode::kDataLoss, str_cat(path, ": no superblock can be used: ", reason.text()));
}

}  // namespace revd::btree
