#include "tests/sim/file.h"

#include <algorithm>
#include <limits>

namespace revd {

namespace {
constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();
constexpr SimCrashOdds kHalf{.lost = 400, .torn = 200};
}  // namespace

uint64_t SimFile::read(uint64_t offset, MutableByteSpan out) const {
  if (offset >= size_) return 0;
  const uint64_t count = std::min<uint64_t>(out.size(), size_ - offset);
  cached_.read(offset, out.first(count));
  return count;
}

uint64_t SimFile::read_stale(uint64_t offset, MutableByteSpan out) const {
  if (offset >= size_) return 0;
  const uint64_t count = std::min<uint64_t>(out.size(), size_ - offset);
  stale_.read(offset, out.first(count));
  return count;
}

void SimFile::show(uint64_t offset, ByteSpan bytes) {
  if (keep_stale_) {
    std::vector<std::byte> old(bytes.size());
    cached_.read(offset, old);
    stale_.write(offset, old);
  }
  cached_.write(offset, bytes);
}

void SimFile::add_pending(ChangeKind kind, uint64_t offset, uint64_t length, SharedBytes bytes) {
  pending_.push_back({.number = next_change_++,
                      .kind = kind,
                      .offset = offset,
                      .length = length,
                      .bytes = std::move(bytes),
                      .first = 0});
}

void SimFile::write(uint64_t offset, const SharedBytes& bytes, Reach reach) {
  const uint64_t end = offset + bytes->size();
  if (reach.cached) show(offset, *bytes);
  if (reach.medium) add_pending(ChangeKind::kData, offset, bytes->size(), bytes);
  if (reach.cached != reach.medium) diverged_ = true;
  if (end > size_) {
    size_ = end;
    add_pending(ChangeKind::kGrow, 0, end);
  }
}

void SimFile::write_partly(uint64_t offset, const SharedBytes& bytes, Random& random) {
  for (uint64_t at = 0; at < bytes->size(); at += kSectorBytes) {
    if (random.chance(1, 2)) continue;
    const auto from = bytes->begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kSectorBytes, bytes->size() - at));
    write(offset + at, std::make_shared<std::vector<std::byte>>(from, from + count), {});
  }
}

bool SimFile::needs_metadata(uint64_t offset, uint64_t end) const {
  if (end > durable_size_) return true;
  return std::any_of(pending_.begin(), pending_.end(), [&](const Change& change) {
    if (change.kind == ChangeKind::kTruncate) return change.length < end;
    return change.kind == ChangeKind::kPunch && change.offset < end && offset < change.end();
  });
}

void SimFile::commit_metadata() {
  for (size_t i = 0; i < pending_.size();) {
    if (changes_data(pending_[i])) {
      ++i;
      continue;
    }
    const Change change = pending_[i];
    apply(change, durable_, durable_size_);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    const size_t before = pending_.size();
    if (change.kind == ChangeKind::kTruncate) trim(change.length, kEverything, i);
    if (change.kind == ChangeKind::kPunch) trim(change.offset, change.end(), i);
    i = i + pending_.size() - before;
  }
}

void SimFile::trim(uint64_t from, uint64_t to, size_t count) {
  const auto overlaps = [&](const Change& change) {
    return changes_data(change) && change.offset < to && from < change.end();
  };
  const auto limit = pending_.begin() + static_cast<std::ptrdiff_t>(count);
  if (std::none_of(pending_.begin(), limit, overlaps)) return;
  std::vector<Change> rest;
  rest.reserve(pending_.size() + 1);
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Change& change = pending_[i];
    if (i >= count || !overlaps(change)) {
      rest.push_back(change);
      continue;
    }
    if (change.offset < from) {
      rest.push_back(change);
      rest.back().length = from - change.offset;
    }
    if (change.end() > to) {
      rest.push_back(change);
      rest.back().offset = to;
      rest.back().length = change.end() - to;
      rest.back().first = change.first + (to - change.offset);
    }
  }
  pending_ = std::move(rest);
}

void SimFile::write_durable(uint64_t offset, const SharedBytes& bytes) {
  const uint64_t end = offset + bytes->size();
  show(offset, *bytes);
  size_ = std::max(size_, end);
  if (needs_metadata(offset, end)) commit_metadata();
  trim(offset, end, pending_.size());
  durable_.write(offset, *bytes);
  durable_size_ = std::max(durable_size_, end);
}

void SimFile::write_durable_failed(uint64_t offset, const SharedBytes& bytes, Random& random) {
  const uint64_t end = offset + bytes->size();
  show(offset, *bytes);
  if (end > size_) {
    size_ = end;
    add_pending(ChangeKind::kGrow, 0, end);
  }
  trim(offset, end, pending_.size());
  keep_sectors({.number = 0, .offset = offset, .length = bytes->size(), .bytes = bytes, .first = 0}, durable_,
               random, kHalf);
  diverged_ = true;
}

void SimFile::truncate(uint64_t size) {
  if (size < size_) cached_.punch(size, kEverything);
  size_ = size;
  add_pending(ChangeKind::kTruncate, 0, size);
}

void SimFile::allocate(uint64_t offset, uint64_t length) {
  cached_.reserve(offset, length);
  size_ = std::max(size_, offset + length);
  add_pending(ChangeKind::kReserve, offset, length);
}

void SimFile::punch(uint64_t offset, uint64_t length) {
  cached_.punch(offset, length);
  add_pending(ChangeKind::kPunch, offset, length);
}

void SimFile::apply(const Change& change, FileImage& image, uint64_t& size) {
  switch (change.kind) {
    case ChangeKind::kData: image.write(change.offset, change.data()); break;
    case ChangeKind::kGrow: size = std::max(size, change.length); break;
    case ChangeKind::kTruncate:
      // Growing shows zeros, also where a lost growth had left bytes behind the end.
      image.punch(std::min(size, change.length), kEverything);
      size = change.length;
      break;
    case ChangeKind::kReserve:
      image.reserve(change.offset, change.length);
      size = std::max(size, change.end());
      break;
    case ChangeKind::kPunch: image.punch(change.offset, change.length); break;
  }
}

void SimFile::sync(uint64_t up_to) {
  size_t count = 0;
  while (count < pending_.size() && pending_[count].number <= up_to)
    apply(pending_[count++], durable_, durable_size_);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
}

void SimFile::sync_failed(uint64_t up_to, Random& random) {
  size_t count = 0;
  for (; count < pending_.size() && pending_[count].number <= up_to; ++count) {
    if (changes_data(pending_[count]))
      keep_sectors(pending_[count], durable_, random, kHalf);
    else
      apply(pending_[count], durable_, durable_size_);
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  diverged_ = true;
}

void SimFile::drop_cache() {
  if (!diverged_) return;
  cached_ = durable_;
  size_ = durable_size_;
  for (const Change& change : pending_) apply(change, cached_, size_);
  diverged_ = false;
}

void SimFile::keep_sectors(const Change& change, FileImage& image, Random& random, const SimCrashOdds& odds) {
  for (uint64_t at = change.offset; at < change.end();) {
    const uint64_t end = std::min((at / kSectorBytes + 1) * kSectorBytes, change.end());
    const ByteSpan sector = change.data().subspan(at - change.offset, end - at);
    const uint64_t draw = random.below(1000);
    if (draw < odds.lost) {
      // The old bytes stay.
    } else if (draw < odds.lost + odds.torn) {
      image.write(at, sector.first(random.below(sector.size())));
    } else if (draw < odds.lost + odds.torn + odds.garbage) {
      std::vector<std::byte> noise(sector.size());
      random.fill(noise);
      image.write(at, noise);
    } else {
      image.write(at, sector);
    }
    at = end;
  }
}

void SimFile::power_cut(Random& random, const SimCrashOdds& odds) {
  if (!pending_.empty()) {
    const bool all_data = odds.lost + odds.torn + odds.garbage == 0;
    size_t metadata = 0;
    for (const Change& change : pending_) metadata += changes_data(change) ? 0 : 1;
    // Changes of size and allocation go through the file system's journal: a prefix survives.
    size_t kept = odds.keep_all_metadata ? metadata : odds.lose_all_metadata ? 0 : random.below(metadata + 1);
    for (const Change& change : pending_) {
      if (!changes_data(change)) {
        if (kept > 0) {
          apply(change, durable_, durable_size_);
          --kept;
        }
      } else if (all_data) {
        apply(change, durable_, durable_size_);
      } else if (odds.lost < 1000) {
        keep_sectors(change, durable_, random, odds);
      }
    }
    pending_.clear();
    durable_.punch(durable_size_, kEverything);
  }
  cached_ = durable_;
  size_ = durable_size_;
  diverged_ = false;
}

void SimFile::overwrite(uint64_t offset, ByteSpan bytes) {
  const auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  write_durable(offset, copy);
}

void SimFile::flip(uint64_t offset, std::byte mask) {
  for (FileImage* image : {&cached_, &durable_}) {
    std::byte old{};
    image->read(offset, {&old, 1});
    old ^= mask;
    image->write(offset, {&old, 1});
  }
}

}  // namespace revd
