// The operations of SimDisk, each with the faults that can strike it.
#include <algorithm>

#include "base/strings.h"
#include "tests/sim/disk.h"
#include "tests/sim/disk_internal.h"

namespace revd {

namespace {

Error io_error() { return {ErrorCode::kIo, "Input/output error"}; }
Error no_space() { return {ErrorCode::kResourceExhausted, "No space left on device"}; }

}  // namespace

const char* sim_op_name(DiskOp::Kind kind) {
  switch (kind) {
    case DiskOp::Kind::kOpen: return "open";
    case DiskOp::Kind::kClose: return "close";
    case DiskOp::Kind::kRead: return "read";
    case DiskOp::Kind::kWrite: return "write";
    case DiskOp::Kind::kSync: return "sync";
    case DiskOp::Kind::kAllocate: return "allocate";
    case DiskOp::Kind::kPunch: return "punch";
    case DiskOp::Kind::kTruncate: return "truncate";
    case DiskOp::Kind::kRename: return "rename";
    case DiskOp::Kind::kRemove: return "remove";
    case DiskOp::Kind::kMakeDirectory: return "make directory";
    case DiskOp::Kind::kSyncDirectory: return "sync directory";
    case DiskOp::Kind::kList: return "list";
    case DiskOp::Kind::kDropCache: return "drop cache";
    case DiskOp::Kind::kLock: return "lock";
  }
  return "unknown operation";
}

bool SimDisk::strikes(double probability, uint64_t& count) {
  if (probability <= 0 || random_.unit() >= probability) return false;
  ++count;
  loop_.note(SimEventKind::kFault, owner_->process, count);
  return true;
}

bool SimDisk::damage_allowed(const std::string& path, uint64_t offset, uint64_t length) const {
  return !faults.may_damage || faults.may_damage(path, offset, length);
}

std::string SimDisk::path_of(const DiskOp& op) const {
  return on_file(op.kind) ? medium_.handle(op.file)->path : op.path;
}

Result<uint64_t> SimDisk::perform(DiskOp& op, const SimEffect& effect) {
  const std::string path = path_of(op);
  Result<uint64_t> result = uint64_t{0};
  switch (op.kind) {
    case DiskOp::Kind::kOpen: result = perform_open(op); break;
    case DiskOp::Kind::kRead: result = perform_read(op, effect.file); break;
    case DiskOp::Kind::kWrite:
    case DiskOp::Kind::kAllocate:
    case DiskOp::Kind::kPunch:
    case DiskOp::Kind::kTruncate: result = perform_write(op, effect); break;
    case DiskOp::Kind::kSync: result = perform_sync(effect); break;
    case DiskOp::Kind::kClose: medium_.close(op.file); break;
    case DiskOp::Kind::kDropCache: medium_.file(effect.file).drop_cache(); break;
    case DiskOp::Kind::kLock: {
      const Status locked = medium_.lock(op.file);
      if (!locked.ok()) result = locked.error();
      break;
    }
    default: result = perform_on_names(op, effect);
  }
  if (result.ok()) return result;
  return Error(result.error().code(), str_cat(sim_op_name(op.kind), " ", path, op.path2.empty() ? "" : " -> ",
                                              op.path2, ": ", result.error().text()));
}

Result<uint64_t> SimDisk::perform_open(DiskOp& op) {
  if (strikes(faults.name_error, counts_.name_errors)) return io_error();
  if (op.open.create && strikes(faults.no_space, counts_.no_space)) return no_space();
  const std::string path = clean_path(op.path);
  TRY_ASSIGN(const SimFileId id, medium_.open(path, op.open));
  SimFile& file = medium_.file(id);
  // A direct read doesn't go through the cache.
  if (op.open.direct) file.drop_cache();
  op.file = medium_.add_handle(
      {.file = id, .path = op.path, .options = op.open, .owner = owner_->process, .locked = false});
  return file.size();
}

Result<uint64_t> SimDisk::perform_read(DiskOp& op, SimFileId id) {
  const std::string& path = medium_.handle(op.file)->path;
  const uint64_t length = op.read_into.size();
  if (strikes(faults.read_error, counts_.read_errors)) return io_error();
  if (faults.bad_sector > 0 && random_.unit() < faults.bad_sector) {
    const uint64_t sector = (op.offset + random_.below(length)) / kSectorBytes;
    if (sector * kSectorBytes < medium_.file(id).size() &&
        damage_allowed(path, sector * kSectorBytes, kSectorBytes))
      medium_.file(id).bad_sectors().insert(sector);
  }
  const SimFile& file = std::as_const(medium_).file(id);
  const auto bad = file.bad_sectors().lower_bound(op.offset / kSectorBytes);
  if (bad != file.bad_sectors().end() && *bad < (op.offset + length) / kSectorBytes) {
    ++counts_.bad_sectors;
    return io_error();
  }
  if (faults.stale_read > 0 && damage_allowed(path, op.offset, length) &&
      strikes(faults.stale_read, counts_.stale_reads))
    return file.read_stale(op.offset, op.read_into);
  return file.read(op.offset, op.read_into);
}

bool SimDisk::write_wrongly(const DiskOp& op, const SimEffect& effect) {
  const SimHandle& handle = *medium_.handle(op.file);
  const uint64_t length = op.write_from.size();
  SimFile& file = medium_.file(effect.file);
  // A buffered write is seen in the page cache, whatever the medium made of it.
  const bool buffered = !handle.options.direct;
  if (faults.lost_write > 0 && damage_allowed(handle.path, op.offset, length) &&
      strikes(faults.lost_write, counts_.lost_writes)) {
    file.write(op.offset, effect.bytes, {.cached = buffered, .medium = false});
    return true;
  }
  if (faults.misdirected_write <= 0 || file.size() < length) return false;
  const uint64_t target = random_.below((file.size() - length) / kSectorBytes + 1) * kSectorBytes;
  if (target == op.offset || !damage_allowed(handle.path, op.offset, length) ||
      !damage_allowed(handle.path, target, length) ||
      !strikes(faults.misdirected_write, counts_.misdirected_writes))
    return false;
  file.write(op.offset, effect.bytes, {.cached = buffered, .medium = false});
  if (op.durable)
    file.write_durable(target, effect.bytes);
  else
    file.write(target, effect.bytes, {.cached = !buffered, .medium = true});
  return true;
}

Result<uint64_t> SimDisk::perform_write(const DiskOp& op, const SimEffect& effect) {
  if (medium_.handle(op.file)->options.read_only) return Error(ErrorCode::kIo, "Bad file descriptor");
  const bool is_write = op.kind == DiskOp::Kind::kWrite;
  const uint64_t length = is_write ? op.write_from.size() : op.length;
  if (is_write || op.kind == DiskOp::Kind::kAllocate) {
    if (strikes(faults.no_space, counts_.no_space)) return no_space();
    TRY(medium_.room_for(effect.file, op.offset, length));
  }
  SimFile& file = medium_.file(effect.file);
  if (faults.stale_read > 0) file.keep_stale();
  if (strikes(faults.write_error, counts_.write_errors)) {
    if (is_write) file.write_partly(op.offset, effect.bytes, random_);
    return io_error();
  }
  if (!is_write) return medium_.apply(effect);
  std::set<uint64_t>& bad = file.bad_sectors();  // the drive puts a fresh sector in place of a bad one
  bad.erase(bad.lower_bound(op.offset / kSectorBytes), bad.lower_bound((op.offset + length) / kSectorBytes));
  if (op.durable && strikes(faults.durable_write_error, counts_.durable_write_errors)) {
    file.write_durable_failed(op.offset, effect.bytes, random_);
    return io_error();
  }
  if (write_wrongly(op, effect)) return length;
  return medium_.apply(effect);
}

Result<uint64_t> SimDisk::perform_sync(const SimEffect& effect) {
  SimFile& file = medium_.file(effect.file);
  if (strikes(faults.sync_error, counts_.sync_errors)) {
    file.sync_failed(effect.covers, random_);
    return io_error();
  }
  file.sync(effect.covers);
  return uint64_t{0};
}

Result<uint64_t> SimDisk::perform_on_names(DiskOp& op, const SimEffect& effect) {
  if (strikes(faults.name_error, counts_.name_errors)) return io_error();
  if (op.kind == DiskOp::Kind::kList) {
    TRY_ASSIGN(op.names, medium_.names().list(effect.path));
    return uint64_t{0};
  }
  if (op.kind == DiskOp::Kind::kSyncDirectory) {
    TRY_ASSIGN(const SimFileId id, medium_.names().find(effect.path));
    if (id != kDirectory) return Error(ErrorCode::kIo, "Not a directory");
    medium_.names().sync(effect.path, effect.covers);
    return uint64_t{0};
  }
  return medium_.apply(effect);
}

bool SimDisk::rot_somewhere() {
  const std::vector<std::string> paths = medium_.files();
  if (paths.empty()) return false;
  for (int attempt = 0; attempt < 16; ++attempt) {
    const std::string& path = paths[random_.below(paths.size())];
    const uint64_t size = medium_.size(path);
    if (size == 0) continue;
    const uint64_t offset = random_.below(size);
    if (!damage_allowed(path, offset, 1)) continue;
    medium_.flip(path, offset, static_cast<std::byte>(1U << random_.below(8)));
    ++counts_.rotten;
    loop_.note(SimEventKind::kFault, owner_->process, offset);
    return true;
  }
  return false;
}

}  // namespace revd
