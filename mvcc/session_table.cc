#include "mvcc/session_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace revd {
namespace {

constexpr char kSessionKind = 'h';
constexpr char kAnswerKind = 'a';
constexpr char kDeadlineKind = 'd';

void append_be(std::string& out, uint64_t value) {
  std::byte raw[8];
  store_be(raw, value);
  out.append(reinterpret_cast<const char*>(raw), sizeof raw);
}
uint64_t parse_be(std::string_view bytes) { return load_be<uint64_t>(as_bytes(bytes).data()); }

std::string session_key(char kind, SessionId id) {
  std::string key(1, kind);
  append_be(key, id.value());
  return key;
}
std::string answer_key(SessionId id, uint64_t sequence) {
  std::string key = session_key(kAnswerKind, id);
  append_be(key, sequence);
  return key;
}
std::string deadline_key(LogTime deadline, SessionId id) {
  std::string key(1, kDeadlineKind);
  append_be(key, static_cast<uint64_t>(std::max<int64_t>(deadline.value(), 0)));
  append_be(key, id.value());
  return key;
}

Error damaged() { return Error(ErrorCode::kDataLoss, "damaged session entry"); }

}  // namespace

Result<std::optional<Session>> SessionTable::find(ReadView view, SessionId id) {
  TRY_ASSIGN(const bool found, view.get(tree_, session_key(kSessionKind, id), scratch_));
  if (!found) return std::optional<Session>();
  ByteReader reader(as_bytes(scratch_));
  Session session;
  session.ttl_ms = reader.signed_varint();
  session.window = reader.varint();
  session.last_time = LogTime(reader.signed_varint());
  session.lowest = reader.varint();
  session.listed_deadline = LogTime(reader.signed_varint());
  if (!reader.finished()) return damaged();
  return std::optional<Session>(session);
}

Status SessionTable::write(WriteTxn& txn, SessionId id, const Session& session) {
  scratch_.clear();
  ByteWriter writer(scratch_);
  writer.signed_varint(session.ttl_ms);
  writer.varint(session.window);
  writer.signed_varint(session.last_time.value());
  writer.varint(session.lowest);
  writer.signed_varint(session.listed_deadline.value());
  return txn.put(tree_, session_key(kSessionKind, id), scratch_);
}

Status SessionTable::add(WriteTxn& txn, SessionId id, Session session) {
  session.listed_deadline = session.deadline();
  TRY(txn.put(tree_, deadline_key(session.listed_deadline, id), {}));
  return write(txn, id, session);
}

Status SessionTable::touch(WriteTxn& txn, SessionId id, Session& session, LogTime time) {
  session.last_time = time;
  const LogTime deadline = session.deadline();
  const LogTime bound = deadline_after(session.listed_deadline, session.ttl_ms / 4);
  if (deadline > bound) {
    TRY(txn.erase(tree_, deadline_key(session.listed_deadline, id)));
    session.listed_deadline = deadline;
    TRY(txn.put(tree_, deadline_key(deadline, id), {}));
  }
  return write(txn, id, session);
}

Status SessionTable::remove(WriteTxn& txn, SessionId id, const Session& session) {
  Session last = session;
  TRY(forget_answers(txn, id, last, UINT64_MAX));
  TRY(txn.erase(tree_, deadline_key(session.listed_deadline, id)));
  TRY(txn.erase(tree_, session_key(kSessionKind, id)));
  return {};
}

Result<std::optional<CommandResult>> SessionTable::answer(ReadView view, SessionId id, uint64_t sequence) {
  TRY_ASSIGN(const bool found, view.get(tree_, answer_key(id, sequence), scratch_));
  if (!found) return std::optional<CommandResult>();
  TRY_ASSIGN(CommandResult result, decode_command_result(as_bytes(scratch_)));
  return std::optional<CommandResult>(std::move(result));
}

Status SessionTable::keep_answer(WriteTxn& txn, SessionId id, uint64_t sequence,
                                 const CommandResult& result) {
  scratch_.clear();
  encode_command_result(result, scratch_);
  return txn.put(tree_, answer_key(id, sequence), scratch_);
}

Status SessionTable::forget_answers(WriteTxn& txn, SessionId id, Session& session, uint64_t lowest) {
  if (lowest <= session.lowest) return {};
  const std::string prefix = session_key(kAnswerKind, id);
  for (;;) {
    std::string key;
    {
      TRY_ASSIGN(Cursor cursor, txn.cursor(tree_));
      TRY(cursor.seek(prefix));
      if (!cursor.valid() || !cursor.key().starts_with(prefix)) break;
      if (cursor.key().size() != 17) return damaged();
      if (parse_be(cursor.key().substr(9)) >= lowest) break;
      key = cursor.key();
    }
    TRY(txn.erase(tree_, key));
  }
  session.lowest = lowest;
  return {};
}

Result<bool> SessionTable::any(ReadView view) {
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek({&kSessionKind, 1}));
  return cursor.valid() && cursor.key().front() == kSessionKind;
}

Result<std::vector<SessionId>> SessionTable::due(ReadView view, LogTime now, size_t max) {
  std::vector<SessionId> ids;
  TRY_ASSIGN(Cursor cursor, view.cursor(tree_));
  TRY(cursor.seek({&kDeadlineKind, 1}));
  while (ids.size() < max && cursor.valid() && cursor.key().front() == kDeadlineKind) {
    if (cursor.key().size() != 17) return damaged();
    if (static_cast<int64_t>(parse_be(cursor.key().substr(1))) > now.value()) break;
    const SessionId id(parse_be(cursor.key().substr(9)));
    TRY_ASSIGN(const std::optional<Session> session, find(view, id));
    if (session && session->deadline() <= now) ids.push_back(id);
    TRY(cursor.next());
  }
  return ids;
}

}  // namespace revd
