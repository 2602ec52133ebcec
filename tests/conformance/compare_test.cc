#include "tests/conformance/compare.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/conformance/trace.h"

namespace revd {
namespace {

using nlohmann::json;

std::string difference(const char* op, const char* want, const char* got) {
  return first_difference(json::parse(op), json::parse(want), json::parse(got)).value_or("");
}

TEST(Compare, RevisionIsComparedOnlyIfRecorded) {
  EXPECT_EQ(difference("{}", R"({"ids":[1]})", R"({"ids":[1],"revision":4})"), "");
  EXPECT_EQ(difference("{}", R"({"ids":[1],"revision":5})", R"({"ids":[1],"revision":4})"), "revision");
  EXPECT_EQ(difference("{}", R"({"revision":5})", R"({"error":"x","code":"y"})"), "revision");
}

TEST(Compare, OfAnErrorTextAndCode) {
  EXPECT_EQ(difference("{}", R"({"error":"e","code":"c"})", R"({"error":"e","code":"c","more":1})"), "");
  EXPECT_EQ(difference("{}", R"({"error":"e","code":"c"})", R"({"error":"f","code":"c"})"), "error");
  EXPECT_EQ(difference("{}", R"({"error":"e","code":"c"})", R"({"error":"e","code":"d"})"), "code");
  EXPECT_EQ(difference("{}", R"({"error":"e","code":"c"})", R"({"revision":1})"), "error");
}

TEST(Compare, ExtraFieldsDiffer) {
  EXPECT_EQ(difference("{}", R"({"deleted":0})", R"({"deleted":0,"prev_kvs":[]})"), "prev_kvs");
  EXPECT_EQ(difference("{}", R"({"kvs":[{"key":"a"}]})", R"({"kvs":[{"key":"a","value":"v"}]})"),
            "kvs[0].value");
}

// Among equals of the sorted field the order is free.
TEST(Compare, SortedAnswersAsSequenceAndSet) {
  const char* op = R"({"sort_target":"VERSION"})";
  const char* want =
      R"({"kvs_sorted":[{"key":"a","version":1},{"key":"b","version":1},{"key":"c","version":2}]})";
  EXPECT_EQ(
      difference(op, want,
                 R"({"kvs":[{"key":"b","version":1},{"key":"a","version":1},{"key":"c","version":2}]})"),
      "");
  EXPECT_EQ(
      difference(op, want,
                 R"({"kvs":[{"key":"b","version":1},{"key":"c","version":2},{"key":"a","version":1}]})"),
      "kvs_sorted[1].version");
  EXPECT_EQ(
      difference(op, want,
                 R"({"kvs":[{"key":"a","version":1},{"key":"x","version":1},{"key":"c","version":2}]})"),
      "kvs_sorted");
  EXPECT_EQ(difference(op, want, R"({"kvs":[{"key":"a","version":1}]})"), "kvs_sorted");
  EXPECT_EQ(difference(op, want, R"({"error":"e","code":"c"})"), "code");
}

TEST(Compare, NestedAnswersBesideTheirOperations) {
  const char* op = R"({"success":[{"put":{}},{"range":{"sort_target":"MOD"}}],"failure":[]})";
  const char* want = R"({"succeeded":true,"responses":[{"put":{}},{"range":{"kvs_sorted":[
      {"key":"a","mod_revision":1},{"key":"b","mod_revision":1}]}}]})";
  EXPECT_EQ(difference(op, want, R"({"succeeded":true,"responses":[{"put":{}},{"range":{"kvs":[
      {"key":"b","mod_revision":1},{"key":"a","mod_revision":1}]}}]})"),
            "");
  EXPECT_EQ(difference(op, want, R"({"succeeded":true,"responses":[{"put":{}},{"range":{"kvs":[
      {"key":"b","mod_revision":1},{"key":"a","mod_revision":2}]}}]})"),
            "responses[1].range.kvs_sorted[1].mod_revision");
  EXPECT_EQ(difference(op, want, R"({"succeeded":true,"responses":[{"put":{}}]})"), "responses[1]");
  EXPECT_EQ(difference(op, want, R"({"succeeded":false,"responses":[]})"), "responses[0]");
}

TEST(Trace, BytesAreCharactersBelow256) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const json text = bytes_to_json(all);
  EXPECT_EQ(bytes_from_json(json::parse(text.dump())).value(), all);
  EXPECT_FALSE(bytes_from_json(json("\u0100")).ok());
  EXPECT_FALSE(bytes_from_json(json(7)).ok());
}

}  // namespace
}  // namespace revd
