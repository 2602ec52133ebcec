// The README's worked examples are what the code sends, byte by byte.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "mvcc/command/errors.h"
#include "server/protocol/handshake.h"
#include "server/protocol/messages.h"

namespace revd::protocol {
namespace {

std::string readme() {
  std::ifstream file(REVD_SOURCE_DIR "/server/protocol/README.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Sixteen bytes a line, as in the README's code blocks.
std::string hex_dump(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
    out += i + 1 == bytes.size() || i % 16 == 15 ? '\n' : ' ';
  }
  return out;
}

void expect_in_readme(std::string_view title, std::string_view bytes) {
  const std::string block = str_cat("**", title, "**\n```\n", hex_dump(bytes), "```\n");
  EXPECT_NE(readme().find(block), std::string::npos) << "the README should have:\n" << block;
}

std::string request_frame(uint64_t id, const RequestHeader& header, const Request& request) {
  std::string out;
  append_frame(type_of(request), 0, id, as_bytes(encode_request(header, request)), out);
  return out;
}

std::string answer_frame(uint16_t type, uint16_t flags, uint64_t id, std::string_view body) {
  std::string out;
  append_frame(type, flags, id, as_bytes(body), out);
  return out;
}

AnswerHeader a_header(int64_t revision) {
  AnswerHeader header;
  header.cluster = ClusterId(0x1234);
  header.member = NodeId(1);
  header.revision = revision;
  header.term = Term(2);
  header.applied_index = LogIndex(9);
  return header;
}

TEST(Golden, Handshake) {
  expect_in_readme("hello", encode_hello({1, 1, 0, {"demo"}}));
  ServerIntroduction self;
  self.version = "0.1.0";
  self.cluster = ClusterId(0x1234);
  self.member = NodeId(1);
  self.frame_body_max = 1638400;
  self.request_bytes_max = 1572864;
  self.requests_in_flight_max = 1024;
  self.bytes_in_flight_max = 8388608;
  self.idle_timeout_ms = 120000;
  expect_in_readme("welcome", encode_welcome(answer_hello({1, 1, 0, {}}, self)));
  expect_in_readme("refusal", encode_welcome(answer_hello({7, 9, 0, {}}, self)));
}

TEST(Golden, Put) {
  PutRequest put;
  put.key = "foo";
  put.value = "bar";
  expect_in_readme("put", request_frame(1, {}, put));
  PutResponse response;
  response.revision = 2;
  expect_in_readme("put's answer", answer_frame(16, 0, 1, encode_answer(a_header(2), response)));
  RequestHeader header;
  header.timeout_ms = 5000;
  header.session = SessionId(7);
  header.sequence = 1;
  header.lowest_unacknowledged = 1;
  expect_in_readme("put in a session", request_frame(2, header, put));
}

TEST(Golden, RangeAndItsAnswer) {
  RangeRequest range;
  range.key = "foo";
  expect_in_readme("range", request_frame(3, {}, range));
  RangeResponse response;
  response.revision = 2;
  response.count = 1;
  KeyValue& kv = response.kvs.emplace_back();
  kv.key = "foo";
  kv.create_revision = 2;
  kv.mod_revision = 2;
  kv.version = 1;
  kv.value = "bar";
  expect_in_readme("range's answer", answer_frame(17, 0, 3, encode_answer(a_header(2), response)));
}

TEST(Golden, ErrorAnswer) {
  expect_in_readme("error", answer_frame(17, kFlagError, 4, encode_error(a_header(9), compacted_error(5))));
}

TEST(Golden, Watch) {
  WatchCreateRequest watch;
  watch.key = "foo";
  watch.start_revision = 2;
  RequestHeader header;
  header.credit_bytes = 65536;
  expect_in_readme("watch", request_frame(5, header, watch));
  WatchResponse created;
  created.revision = 2;
  created.watch_id = WatchId(1);
  created.created = true;
  expect_in_readme("watch created", answer_frame(48, kFlagOpen, 5, encode_answer(a_header(2), created)));
}

template <size_t kIndex = 0>
void expect_every_method_in(const std::string& text) {
  if constexpr (kIndex < std::tuple_size_v<Methods>) {
    constexpr uint16_t kType = MethodAt<kIndex>::kType;
    const std::string row = str_cat("\n| ", kType, " | ", method_name(kType), " | ");
    EXPECT_NE(text.find(row), std::string::npos) << row;
    expect_every_method_in<kIndex + 1>(text);
  }
}

TEST(Golden, TableOfTypes) { expect_every_method_in(readme()); }

TEST(Golden, Control) {
  std::string credit;
  append_frame(kTypeCredit, 0, 5, as_bytes(encode_message(CreditMessage{4096})), credit);
  expect_in_readme("credit", credit);
  std::string cancel;
  append_frame(kTypeCancel, 0, 5, {}, cancel);
  expect_in_readme("cancel", cancel);
  expect_in_readme("goodbye", encode_goodbye(Error(ErrorCode::kInvalidArgument, "malformed header")));
}

}  // namespace
}  // namespace revd::protocol
