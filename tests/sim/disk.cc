#include "tests/sim/disk.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "tests/sim/disk_internal.h"

namespace revd {

namespace {

bool aligned(uint64_t number) { return number % kIoAlignment == 0; }
bool aligned(const std::byte* memory) { return aligned(reinterpret_cast<uintptr_t>(memory)); }

bool changes_medium(const DiskOp& op) {
  switch (op.kind) {
    case DiskOp::Kind::kOpen: return op.open.create;
    case DiskOp::Kind::kWrite:
    case DiskOp::Kind::kSync:
    case DiskOp::Kind::kAllocate:
    case DiskOp::Kind::kPunch:
    case DiskOp::Kind::kTruncate:
    case DiskOp::Kind::kRename:
    case DiskOp::Kind::kRemove:
    case DiskOp::Kind::kMakeDirectory:
    case DiskOp::Kind::kSyncDirectory: return true;
    default: return false;
  }
}

uint64_t hash_text(std::string_view text) { return xxh3_64(as_bytes(text)); }

}  // namespace

SimDisk::SimDisk(SimLoop& loop, std::shared_ptr<SimIncarnation> owner, SimMedium& medium, Random random)
    : loop_(loop), owner_(std::move(owner)), medium_(medium), random_(random) {}

void SimDisk::check_usage(const DiskOp& op) const {
  for (const auto& [key, running] : running_) {
    CHECK_MSG(running.op != &op, "the operation is in flight already");
    if (op.kind == DiskOp::Kind::kClose)
      CHECK_MSG(running.op->file != op.file || !on_file(running.op->kind),
                "closed with operations in flight");
  }
  if (on_file(op.kind)) CHECK_MSG(medium_.handle(op.file) != nullptr, "the file isn't open");
  if (op.kind == DiskOp::Kind::kRead) {
    CHECK_MSG(aligned(op.read_into.data()) && aligned(op.read_into.size()) && aligned(op.offset),
              "alignment");
    CHECK_MSG(!op.read_into.empty(), "an empty read");
  }
  if (op.kind == DiskOp::Kind::kWrite) {
    CHECK_MSG(aligned(op.write_from.data()) && aligned(op.write_from.size()) && aligned(op.offset),
              "alignment");
    CHECK_MSG(!op.write_from.empty(), "an empty write");
  }
}

SimEffect SimDisk::effect_of(const DiskOp& op) const {
  SimEffect effect{.kind = op.kind,
                   .durable = op.durable,
                   .file = {},
                   .offset = op.offset,
                   .length = op.length,
                   .bytes = {},
                   .path = clean_path(op.path),
                   .path2 = clean_path(op.path2)};
  if (on_file(op.kind)) effect.file = medium_.handle(op.file)->file;
  if (op.kind == DiskOp::Kind::kWrite)
    effect.bytes = std::make_shared<std::vector<std::byte>>(op.write_from.begin(), op.write_from.end());
  if (op.kind == DiskOp::Kind::kSync) effect.covers = medium_.file(effect.file).latest_change();
  if (op.kind == DiskOp::Kind::kSyncDirectory) effect.covers = medium_.names().latest_change();
  return effect;
}

Duration SimDisk::draw_latency(const DiskOp& op) {
  Duration typical = latency.name;
  if (op.kind == DiskOp::Kind::kRead) typical = latency.read;
  if (op.kind == DiskOp::Kind::kWrite) typical = op.durable ? latency.sync : latency.write;
  if (op.kind == DiskOp::Kind::kSync || op.kind == DiskOp::Kind::kSyncDirectory) typical = latency.sync;
  const auto ns = static_cast<uint64_t>(typical.count());
  uint64_t drawn = ns / 2 + random_.below(ns + 1);
  if (random_.chance(1, 64)) drawn *= random_.between(2, 16);
  if (strikes(faults.slow, counts_.slow))
    drawn += random_.below(static_cast<uint64_t>(faults.slow_max.count()));
  return Duration(static_cast<int64_t>(drawn));
}

void SimDisk::submit(DiskOp& op) {
  if (!owner_->alive) return;
  check_usage(op);
  Running running{.op = &op, .token = 0, .effect = effect_of(op)};
  if (changes_medium(op)) running.token = medium_.begin(running.effect);
  auto slot = std::make_shared<SimLoop::Key>();
  *slot = loop_.schedule(owner_, SimEventKind::kDisk, draw_latency(op).count(),
                         [this, slot] { complete(*slot); });
  running_.emplace(*slot, std::move(running));
}

bool SimDisk::pass_point(SimIoPoint::Stage stage, const DiskOp& op) {
  const SimIoPoint point{.number = ++io_points_, .stage = stage, .op = op};
  if (hook_) hook_(point);
  if (owner_->alive && point.number == crash_point_ && cut_power_) cut_power_();
  return owner_->alive;
}

bool SimDisk::finish(const SimLoop::Key& key, DiskOp*& op) {
  auto node = running_.extract(key);
  const Running running = std::move(node.mapped());
  op = running.op;
  if (op->kind == DiskOp::Kind::kWrite)
    CHECK_MSG(std::memcmp(running.effect.bytes->data(), op->write_from.data(), op->write_from.size()) == 0,
              "a buffer changed while its write was under way");
  const bool counted = running.token != 0;
  if (counted && !pass_point(SimIoPoint::Stage::kBefore, *op)) return false;
  if (counted) medium_.end(running.token);
  op->result = perform(*op, running.effect);
  if (counted && faults.rot > 0 && random_.unit() < faults.rot) rot_somewhere();
  note(*op, running.effect);
  return !counted || pass_point(SimIoPoint::Stage::kAfter, *op);
}

void SimDisk::complete(const SimLoop::Key& key) {
  DiskOp* op = nullptr;
  if (!finish(key, op)) return;
  // The callback may destroy or reuse the operation.
  auto done = std::move(op->on_done);
  op->on_done = nullptr;
  if (done) done();
}

Result<uint64_t> SimDisk::wait(DiskOp& op) {
  submit(op);
  while (owner_->alive) {
    const SimLoop::Key key = running_.begin()->first;
    loop_.cancel(key);
    loop_.advance_to(key.time_ns);
    DiskOp* ended = nullptr;
    if (!finish(key, ended)) break;
    if (ended == &op) return op.result;
    loop_.schedule(owner_, SimEventKind::kDisk, 0, [ended] {
      auto done = std::move(ended->on_done);
      ended->on_done = nullptr;
      if (done) done();
    });
  }
  op.result = Error(ErrorCode::kIo, str_cat(sim_op_name(op.kind), ": the machine has lost its power"));
  return op.result;
}

void SimDisk::note(const DiskOp& op, const SimEffect& effect) {
  uint64_t digest =
      hash_text(str_cat(static_cast<int>(op.kind), " ", effect.file.value(), " ", op.offset, " ", op.length,
                        " ", effect.path, " ", effect.path2, " ", op.result.ok() ? *op.result : 0,
                        op.result.ok() ? "" : op.result.error().text()));
  if (effect.bytes) digest ^= xxh3_64(*effect.bytes, 1);
  if (op.kind == DiskOp::Kind::kRead && op.result.ok()) digest ^= xxh3_64(op.read_into.first(*op.result), 2);
  loop_.note(SimEventKind::kDisk, owner_->process, digest);
}

}  // namespace revd
