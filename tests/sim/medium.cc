#include "tests/sim/medium.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"

namespace revd {

namespace {

constexpr uint64_t kAllChanges = std::numeric_limits<uint64_t>::max();

struct Mood {
  SimCrashOdds data;
  uint32_t names_kept = 0;  // per mille
};

Mood draw_mood(Random& random, const SimCrashOptions& options) {
  Mood mood;
  mood.names_kept = random.chance(1, 3) ? 0 : random.chance(1, 2) ? 1000 : 700;
  switch (random.below(4)) {
    case 0: mood.data = {.lost = 1000, .keep_all_metadata = false, .lose_all_metadata = true}; break;
    case 1: mood.data = {.lost = 0, .keep_all_metadata = true, .lose_all_metadata = false}; break;
    default:
      mood.data.lost = static_cast<uint32_t>(random.between(20, 900));
      if (options.torn) mood.data.torn = (1000 - mood.data.lost) / 6;
      if (options.garbage) mood.data.garbage = (1000 - mood.data.lost) / 6;
  }
  return mood;
}

std::string text_of(const FileImage& image, uint64_t size) {
  std::string text(size, '\0');
  image.read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
  return text;
}

}  // namespace

SimMedium SimMedium::crash(Random& random, const SimCrashOptions& options) const {
  SimMedium after = *this;
  const Mood mood = draw_mood(random, options);
  for (const auto& [token, effect] : in_flight_) {
    SimEffect begun = effect;
    begun.durable = false;  // each of its sectors may still be lost
    if (random.chance(1, 2)) (void)after.apply(begun).ok();
  }
  after.in_flight_.clear();
  after.handles_.clear();
  after.names_.power_cut(random, mood.names_kept);
  after.collect();
  for (const auto& [id, shared] : after.files_)
    if (!shared->settled()) after.file(id).power_cut(random, mood.data);
  return after;
}

void SimMedium::kill(uint64_t owner, Random& random) {
  // Only one process at a time writes to a medium, so all that is in flight was the dead one's.
  const std::map<uint64_t, SimEffect> begun = std::move(in_flight_);
  in_flight_.clear();
  for (const auto& [token, effect] : begun)
    if (random.chance(1, 2)) (void)apply(effect).ok();
  close_all(owner);
}

void SimMedium::settle() {
  for (const auto& [id, shared] : files_)
    if (!shared->settled()) file(id).sync(kAllChanges);
  names_.sync_all();
  collect();
}

uint64_t SimMedium::begin(SimEffect effect) {
  const uint64_t token = next_token_++;
  in_flight_.emplace(token, std::move(effect));
  return token;
}

Result<uint64_t> SimMedium::apply(const SimEffect& effect) {
  switch (effect.kind) {
    case DiskOp::Kind::kOpen:
      if (names_.find(effect.path).ok()) break;
      TRY(names_.add(effect.path, SimFileId(next_file_)));
      files_.emplace(SimFileId(next_file_++), std::make_shared<SimFile>());
      break;
    case DiskOp::Kind::kWrite:
      if (effect.durable)
        file(effect.file).write_durable(effect.offset, effect.bytes);
      else
        file(effect.file).write(effect.offset, effect.bytes, {});
      return uint64_t{effect.bytes->size()};
    case DiskOp::Kind::kAllocate: file(effect.file).allocate(effect.offset, effect.length); break;
    case DiskOp::Kind::kPunch: file(effect.file).punch(effect.offset, effect.length); break;
    case DiskOp::Kind::kTruncate: file(effect.file).truncate(effect.length); break;
    case DiskOp::Kind::kRename:
      TRY(names_.rename(effect.path, effect.path2));
      collect();
      break;
    case DiskOp::Kind::kRemove:
      TRY(names_.remove(effect.path));
      collect();
      break;
    case DiskOp::Kind::kMakeDirectory: {
      const Status added = names_.add(effect.path, kDirectory);
      if (!added.ok() && added.error().code() != ErrorCode::kAlreadyExists) return added.error();
      break;
    }
    default: break;  // reads and syncs change nothing here
  }
  return uint64_t{0};
}

Result<SimFileId> SimMedium::open(const std::string& path, const DiskOp::OpenOptions& options) {
  Result<SimFileId> found = names_.find(path);
  if (found.ok()) {
    if (options.create && options.exclusive) return Error(ErrorCode::kAlreadyExists, "File exists");
    if (*found == kDirectory) return Error(ErrorCode::kIo, "Is a directory");
    return found;
  }
  if (!options.create) return found;
  if (capacity_bytes != 0 && used_bytes() >= capacity_bytes)
    return Error(ErrorCode::kResourceExhausted, "No space left on device");
  SimEffect creation;
  creation.kind = DiskOp::Kind::kOpen;
  creation.path = path;
  TRY(apply(creation));
  return names_.find(path);
}

FileHandle SimMedium::add_handle(SimHandle handle) {
  const FileHandle number(next_handle_++);
  handles_.emplace(number, std::move(handle));
  return number;
}

const SimHandle* SimMedium::handle(FileHandle file) const {
  const auto found = handles_.find(file);
  return found == handles_.end() ? nullptr : &found->second;
}

void SimMedium::close(FileHandle file) {
  handles_.erase(file);
  collect();
}

void SimMedium::close_all(uint64_t owner) {
  std::erase_if(handles_, [&](const auto& entry) { return entry.second.owner == owner; });
  collect();
}

Status SimMedium::lock(FileHandle file) {
  SimHandle& mine = handles_.at(file);
  for (const auto& [number, other] : handles_)
    if (number != file && other.locked && other.file == mine.file)
      return Error(ErrorCode::kFailedPrecondition, "locked by another process");
  mine.locked = true;
  return {};
}

SimFile& SimMedium::file(SimFileId id) {
  std::shared_ptr<SimFile>& shared = files_.at(id);
  if (shared.use_count() > 1) shared = std::make_shared<SimFile>(*shared);
  return *shared;
}

uint64_t SimMedium::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [id, file] : files_) used += file->cached().allocated_bytes();
  return used;
}

Status SimMedium::room_for(SimFileId id, uint64_t offset, uint64_t length) const {
  if (capacity_bytes == 0) return {};
  if (used_bytes() + file(id).cached().missing_bytes(offset, length) <= capacity_bytes) return {};
  return Error(ErrorCode::kResourceExhausted, "No space left on device");
}

void SimMedium::collect() {
  std::set<SimFileId> used = names_.referenced();
  for (const auto& [number, handle] : handles_) used.insert(handle.file);
  for (const auto& [token, effect] : in_flight_) used.insert(effect.file);
  std::erase_if(files_, [&](const auto& entry) { return !used.contains(entry.first); });
}

SimFileId SimMedium::find(const std::string& path) const {
  const Result<SimFileId> found = names_.find(clean_path(path));
  CHECK_MSG(found.ok() && *found != kDirectory, path);
  return *found;
}

bool SimMedium::exists(const std::string& path) const { return names_.find(clean_path(path)).ok(); }

void SimMedium::make_directory(const std::string& path) {
  const std::string clean = clean_path(path);
  CHECK_MSG(names_.add(clean, kDirectory).ok(), path);
  names_.sync(parent_path(clean), names_.latest_change());
}

uint64_t SimMedium::size(const std::string& path) const { return file(find(path)).size(); }

std::string SimMedium::read(const std::string& path) const {
  const SimFile& from = file(find(path));
  return text_of(from.cached(), from.size());
}

std::string SimMedium::read_durable(const std::string& path) const {
  const SimFile& from = file(find(path));
  return text_of(from.durable(), from.durable_size());
}

void SimMedium::overwrite(const std::string& path, uint64_t offset, ByteSpan bytes) {
  const Result<SimFileId> id = open(clean_path(path), {.create = true});
  CHECK_MSG(id.ok(), path);
  names_.sync(parent_path(clean_path(path)), names_.latest_change());
  file(*id).overwrite(offset, bytes);
}

void SimMedium::flip(const std::string& path, uint64_t offset, std::byte mask) {
  CHECK_MSG(offset < size(path), path);
  file(find(path)).flip(offset, mask);
}

void SimMedium::truncate(const std::string& path, uint64_t size) {
  SimFile& target = file(find(path));
  target.truncate(size);
  target.sync(target.latest_change());
}

void SimMedium::remove(const std::string& path) {
  const std::string clean = clean_path(path);
  CHECK_MSG(names_.remove(clean).ok(), path);
  names_.sync(parent_path(clean), names_.latest_change());
  collect();
}

}  // namespace revd
