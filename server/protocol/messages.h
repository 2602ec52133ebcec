// What a request's and an answer's frames carry: a header each, then the struct's own content.
//
// Pure functions. Decoding takes any bytes and checks them against the bytes that are there; what
// it gives owns its memory. Format: README.md, "Requests and answers".
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "mvcc/command/struct_codec.h"
#include "mvcc/command/types.h"
#include "server/protocol/frame.h"
#include "server/protocol/methods.h"

namespace revd {

// In front of every request. All fields may be left out.
struct RequestHeader {
  uint64_t timeout_ms = 0;  // from the request's arrival on; 0: none
  // A write of a session: applied once, however often it comes (mvcc, "Sessions"). session 0: no session.
  SessionId session;
  uint64_t sequence = 0;
  uint64_t lowest_unacknowledged = 0;
  uint64_t credit_bytes = 0;  // a stream's first credit; 0: the server's choice, and none is asked for later

  static constexpr auto fields() {
    using Self = RequestHeader;
    return std::tuple(&Self::timeout_ms, &Self::session, &Self::sequence, &Self::lowest_unacknowledged,
                      &Self::credit_bytes);
  }
  friend bool operator==(const RequestHeader&, const RequestHeader&) = default;
};

// In front of every answer, error answers included.
struct AnswerHeader {
  ClusterId cluster;
  NodeId member;  // who answers
  int64_t revision =
      0;  // of the snapshot read, or just after the write; 0 in errors that never reached the store
  Term term;
  LogIndex applied_index;

  static constexpr auto fields() {
    using Self = AnswerHeader;
    return std::tuple(&Self::cluster, &Self::member, &Self::revision, &Self::term, &Self::applied_index);
  }
  friend bool operator==(const AnswerHeader&, const AnswerHeader&) = default;
};

// More credit for the stream that the frame's request id names.
struct CreditMessage {
  uint64_t bytes = 0;

  static constexpr auto fields() { return std::tuple(&CreditMessage::bytes); }
  friend bool operator==(const CreditMessage&, const CreditMessage&) = default;
};

namespace protocol {

struct DecodedRequest {
  RequestHeader header;
  Request request;
  uint64_t content_bytes = 0;  // of the request's struct, without its header
};

// The body of a frame of type_of(request).
std::string encode_request(const RequestHeader& header, const Request& request);
// kUnimplemented for a type that isn't in the table, kInvalidArgument for a body that isn't of its type.
Result<DecodedRequest> decode_request(uint16_t type, ByteSpan body, DecodeLimits limits = {});

struct DecodedAnswer {
  AnswerHeader header;
  Result<Response> outcome = Error(ErrorCode::kInternal, "no answer");
};

std::string encode_answer(const AnswerHeader& header, const Response& response);
std::string encode_error(const AnswerHeader& header, const Error& error);
// The outer Result fails for bytes that aren't an answer to a request of `type`; the error that the
// server answered is in `outcome`.
Result<DecodedAnswer> decode_answer(uint16_t type, bool is_error, ByteSpan body);

// A goodbye's frame, whole: why the connection ends.
std::string encode_goodbye(const Error& reason);
Error decode_goodbye(ByteSpan body);

}  // namespace protocol
}  // namespace revd
