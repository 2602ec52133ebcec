// RawClient: sends whatever bytes a test wants and keeps the frames that come back.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/env.h"
#include "server/protocol/handshake.h"
#include "server/protocol/messages.h"

namespace revd {

class RawClient {
 public:
  struct Answer {
    uint64_t id = 0;
    uint16_t type = 0;
    bool open = false;
    size_t frames = 0;
    AnswerHeader header;
    Result<Response> outcome = Error(ErrorCode::kInternal, "none");
  };

  RawClient(Env& env, const Address& at) {
    env.network.connect(at, [this](Result<std::unique_ptr<Connection>> connected) {
      if (!connected.ok()) {
        closed = true;
        return;
      }
      connection_ = std::move(*connected);
      read();
      write();
    });
  }

  void send(std::string bytes) {
    unsent_ += bytes;
    write();
  }
  void hello() { send(protocol::encode_hello({1, 1, 0, {"raw"}})); }
  void request(uint64_t id, const Request& request, const RequestHeader& header = {}) {
    std::string frame;
    protocol::append_frame(protocol::type_of(request), 0, id,
                           as_bytes(protocol::encode_request(header, request)), frame);
    send(std::move(frame));
  }
  void put(uint64_t id, std::string key, std::string value = "v") {
    PutRequest put;
    put.key = std::move(key);
    put.value = std::move(value);
    request(id, put);
  }
  void credit(uint64_t id, uint64_t bytes) {
    std::string frame;
    protocol::append_frame(protocol::kTypeCredit, 0, id, as_bytes(encode_message(CreditMessage{bytes})),
                           frame);
    send(std::move(frame));
  }
  void cancel(uint64_t id) {
    std::string frame;
    protocol::append_frame(protocol::kTypeCancel, 0, id, {}, frame);
    send(std::move(frame));
  }
  void stop_reading() { stopped_ = true; }
  void resume_reading() {
    stopped_ = false;
    read();
  }
  void close() { connection_ = nullptr; }

  const Answer* answer(uint64_t id) const {
    for (const Answer& answer : answers)
      if (answer.id == id) return &answer;
    return nullptr;
  }
  size_t answers_of(uint64_t id) const {
    size_t count = 0;
    for (const Answer& answer : answers) count += answer.id == id ? 1 : 0;
    return count;
  }

  std::optional<protocol::Welcome> welcome;
  std::optional<Error> goodbye;
  std::vector<Answer> answers;
  bool closed = false;
  bool broken = false;  // what came isn't the protocol
  size_t largest_frame = 0;

 private:
  void write() {
    if (!connection_ || writing_ || unsent_.empty()) return;
    writing_ = true;
    sending_ = std::exchange(unsent_, {});
    const ByteSpan piece = as_bytes(sending_);
    connection_->write({&piece, 1}, [this](Status status) {
      writing_ = false;
      if (status.ok()) write();
    });
  }
  void read() {
    if (!connection_ || stopped_ || reading_) return;
    reading_ = true;
    connection_->read(buffer_, [this](Result<size_t> count) {
      reading_ = false;
      if (!count.ok() || *count == 0) {
        closed = true;
        return;
      }
      received_.append(as_view(ByteSpan(buffer_).first(*count)));
      parse();
      read();
    });
  }
  void parse() {
    size_t begin = 0;
    if (!welcome) {
      auto parsed = protocol::parse_welcome(as_bytes(received_));
      if (!parsed.ok()) broken = true;
      if (!parsed.ok() || !parsed->has_value()) return;
      welcome = std::move((*parsed)->message);
      begin = (*parsed)->size;
    }
    while (!broken) {
      const auto frame = protocol::parse_frame(as_bytes(received_).subspan(begin), 1 << 24);
      if (!frame.ok()) broken = true;
      if (!frame.ok() || !frame->has_value()) break;
      take(**frame);
      begin += (*frame)->size;
    }
    received_.erase(0, begin);
  }
  void take(const protocol::Frame& frame) {
    largest_frame = std::max(largest_frame, frame.size);
    if (frame.header.type == protocol::kTypeGoodbye) {
      goodbye = protocol::decode_goodbye(frame.body);
      return;
    }
    Partial& partial = partial_[frame.header.request_id];
    partial.body.append(as_view(frame.body));
    ++partial.frames;
    if (frame.has(protocol::kFlagMore)) return;
    auto decoded =
        protocol::decode_answer(frame.header.type, frame.has(protocol::kFlagError), as_bytes(partial.body));
    if (!decoded.ok()) {
      broken = true;
      return;
    }
    answers.push_back({frame.header.request_id, frame.header.type, frame.has(protocol::kFlagOpen),
                       partial.frames, decoded->header, std::move(decoded->outcome)});
    partial_.erase(frame.header.request_id);
  }

  struct Partial {
    std::string body;
    size_t frames = 0;
  };
  std::map<uint64_t, Partial> partial_;
  std::string unsent_;
  std::string sending_;
  std::string received_;
  std::array<std::byte, 16 * 1024> buffer_;
  bool writing_ = false;
  bool reading_ = false;
  bool stopped_ = false;
  std::unique_ptr<Connection> connection_;
};

}  // namespace revd
