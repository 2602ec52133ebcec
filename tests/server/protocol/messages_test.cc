#include "server/protocol/messages.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "mvcc/command/errors.h"

namespace revd::protocol {
namespace {

RequestHeader a_request_header() {
  RequestHeader header;
  header.timeout_ms = 5000;
  header.session = SessionId(9);
  header.sequence = 3;
  header.lowest_unacknowledged = 2;
  header.credit_bytes = 65536;
  return header;
}

AnswerHeader an_answer_header() {
  AnswerHeader header;
  header.cluster = ClusterId(0xfeedfacecafebeefU);
  header.member = NodeId(1);
  header.revision = 17;
  header.term = Term(2);
  header.applied_index = LogIndex(99);
  return header;
}

// One request of every kind, with fields set where there are any.
std::vector<Request> every_request() {
  PutRequest put;
  put.key = "key";
  put.value = std::string("va\0lue", 6);
  put.lease = LeaseId(-5);
  RangeRequest range;
  range.key = "a";
  range.range_end = "b";
  range.limit = 10;
  DeleteRangeRequest erase;
  erase.key = "a";
  TxnRequest txn;
  txn.compare.emplace_back().key = "a";
  txn.success.emplace_back().one_of = put;
  WatchCreateRequest watch;
  watch.key = "w";
  watch.start_revision = 5;
  SessionOpenRequest session;
  session.ttl_ms = 1000;
  session.window = 64;
  return {put,
          range,
          RangePagesRequest{range, 1000},
          erase,
          txn,
          CompactRequest{7, true},
          LeaseGrantRequest{LeaseId(1), 5000},
          LeaseRevokeRequest{LeaseId(1)},
          LeaseKeepAliveRequest{{LeaseId(1), LeaseId(2)}},
          LeaseTimeToLiveRequest{LeaseId(1), true},
          LeaseLeasesRequest{},
          watch,
          WatchCancelRequest{WatchId(4)},
          WatchProgressRequest{},
          session,
          SessionCloseRequest{SessionId(1)},
          SessionKeepAliveRequest{{SessionId(1)}},
          PingRequest{},
          StatusRequest{},
          HashRequest{12},
          SnapshotRequest{},
          AlarmRequest{AlarmAction::kDisarm, {NodeId(1), AlarmCause::kDisk}}};
}

TEST(Messages, EveryRequestRoundTrips) {
  std::set<size_t> seen;
  for (const Request& request : every_request()) {
    const std::string body = encode_request(a_request_header(), request);
    const auto decoded = decode_request(type_of(request), as_bytes(body));
    ASSERT_TRUE(decoded.ok()) << method_name(type_of(request));
    EXPECT_EQ(decoded->header, a_request_header());
    EXPECT_EQ(decoded->request, request) << method_name(type_of(request));
    seen.insert(request.index());
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<Request>);
}

TEST(Messages, TypesAndNamesAreUnique) {
  std::set<uint16_t> types;
  std::set<std::string_view> names;
  for (const Request& request : every_request()) {
    types.insert(type_of(request));
    names.insert(method_name(type_of(request)));
  }
  EXPECT_EQ(types.size(), std::variant_size_v<Request>);
  EXPECT_EQ(names.size(), std::variant_size_v<Request>);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(method_name(type_of(Request(LeaseTimeToLiveRequest{}))), "lease_time_to_live");
  EXPECT_EQ(method_name(type_of(Request(AlarmRequest{}))), "alarm");
}

TEST(Messages, AnswersRoundTrip) {
  RangeResponse range;
  range.revision = 17;
  range.kvs.resize(3);
  range.kvs[1].key = "k";
  range.count = 3;
  const std::string body = encode_answer(an_answer_header(), range);
  const auto decoded = decode_answer(17, false, as_bytes(body));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->header, an_answer_header());
  ASSERT_TRUE(decoded->outcome.ok());
  EXPECT_EQ(*decoded->outcome, Response(range));
}

TEST(Messages, EveryErrorOfTheTableRoundTrips) {
  for (const ApiErrorRow& row : api_errors()) {
    const Error error = api_error(row.error);
    const auto decoded = decode_answer(16, true, as_bytes(encode_error(an_answer_header(), error)));
    ASSERT_TRUE(decoded.ok());
    ASSERT_FALSE(decoded->outcome.ok());
    EXPECT_EQ(decoded->outcome.error().code(), error.code());
    EXPECT_EQ(decoded->outcome.error().text(), row.text);
    EXPECT_EQ(as_api_error(decoded->outcome.error()), row.error);
  }
  const auto compacted = decode_answer(17, true, as_bytes(encode_error({}, compacted_error(42))));
  EXPECT_EQ(compact_revision_of(compacted->outcome.error()), 42);
}

TEST(Messages, CodesOfTheProcessNeverLeaveIt) {
  for (const ErrorCode code : {ErrorCode::kIo, ErrorCode::kWouldBlock}) {
    const auto decoded = decode_answer(16, true, as_bytes(encode_error({}, Error(code, "disk"))));
    EXPECT_EQ(decoded->outcome.error().code(), ErrorCode::kInternal);
  }
  ErrorAnswer foreign;
  foreign.code = static_cast<ErrorCode>(77);
  const auto decoded = decode_answer(16, true, as_bytes(std::string(1, '\0') + encode_message(foreign)));
  EXPECT_EQ(decoded->outcome.error().code(), ErrorCode::kUnknown);
}

TEST(Messages, UnknownTypeIsUnimplementedOnly) {
  const auto decoded = decode_request(4242, as_bytes(std::string_view("\0", 1)));
  EXPECT_EQ(decoded.error().code(), ErrorCode::kUnimplemented);
  EXPECT_FALSE(decode_answer(4242, false, as_bytes(std::string_view("\0", 1))).ok());
}

TEST(Messages, FieldsToComeAreSkipped) {
  const HashRequest request{12};
  std::string body = encode_request({}, request);
  body += "fields of a later version";
  const auto decoded = decode_request(82, as_bytes(body));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->request, Request(request));
  // The same in the header: its length says where it ends.
  const std::string header = encode_message(a_request_header()) + "later";
  body.clear();
  ByteWriter(body).length_prefixed(header);
  encode_message(request, body);
  const auto again = decode_request(82, as_bytes(body));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->header, a_request_header());
  EXPECT_EQ(again->request, Request(request));
}

TEST(Messages, TruncatedOrRandomBodiesAreErrorsOrRequests) {
  for (const Request& request : every_request()) {
    const std::string body = encode_request(a_request_header(), request);
    for (size_t size = 0; size < body.size(); ++size)
      (void)decode_request(type_of(request), as_bytes(body).first(size)).ok();
    for (uint64_t seed = 1; seed <= 300; ++seed) {
      SCOPED_TRACE(seed);
      Random random(seed);
      std::string changed = body;
      changed[random.below(changed.size())] = static_cast<char>(random.next());
      (void)decode_request(type_of(request), as_bytes(changed)).ok();
      (void)decode_answer(type_of(request), random.chance(1, 2), as_bytes(changed)).ok();
    }
  }
  EXPECT_FALSE(decode_request(16, {}).ok());  // even an empty header has its length
}

TEST(Messages, GoodbyeCarriesItsReason) {
  const std::string frame = encode_goodbye(Error(ErrorCode::kInvalidArgument, "bad frame"));
  const auto parsed = parse_frame(as_bytes(frame), 1024);
  ASSERT_TRUE(parsed.ok() && parsed->has_value());
  EXPECT_EQ((*parsed)->header.type, kTypeGoodbye);
  EXPECT_EQ(decode_goodbye((*parsed)->body).text(), "bad frame");
}

}  // namespace
}  // namespace revd::protocol
