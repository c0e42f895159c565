// SPDX-License-Identifier: MIT
#include "store/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "store/json_fields.h"

namespace penstock {
namespace {

std::string written(JsonWriter::Form form) {
  JsonWriter out(form);
  out.begin_object().member("text", "a \"b\"\n\xc3\xa4 {},: \\");
  out.member("number", std::uint64_t{18446744073709551615U}).member("less", std::int64_t{-3}).member("part", 0.25);
  out.member("whole", 2.0).member("nan", std::numeric_limits<double>::quiet_NaN()).member("yes", true);
  out.key("nothing").null().key("empty").begin_array().end_array().key("none").begin_object().end_object();
  out.key("list").begin_array().value(1).begin_object().member("a", 1).end_object().value("z").end_array();
  out.key("made").json("{\n  \"x\": [\n    1\n  ]\n}").texts("texts", {"p", "q"}).end_object();
  return std::move(out).document();
}

TEST(JsonWriter, WritesWhatTheLibraryWouldWrite) {
  const std::string lines = written(JsonWriter::Form::kLines);
  const auto json = nlohmann::ordered_json::parse(lines);
  EXPECT_EQ(lines, json_document(json));
  EXPECT_EQ(json["text"], "a \"b\"\n\xc3\xa4 {},: \\");
  EXPECT_EQ(json["number"], 18446744073709551615U);
  EXPECT_TRUE(json["nan"].is_null());
  EXPECT_EQ(json["list"][1]["a"], 1);
  EXPECT_EQ(json["made"]["x"][0], 1);
}

TEST(JsonWriter, OnOneLineItSaysTheSame) {
  std::string compact = written(JsonWriter::Form::kCompact);
  compact.pop_back();
  EXPECT_EQ(compact.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::ordered_json::parse(compact), nlohmann::ordered_json::parse(written(JsonWriter::Form::kLines)));
}

TEST(JsonWriter, BytesThatAreNoUtf8AreReplaced) {
  JsonWriter out;
  out.value(std::string("x\xff"));
  EXPECT_EQ(nlohmann::json::parse(out.text()), "x\xef\xbf\xbd");
}

TEST(JsonWriter, OneLineIsPutOnSeveral) {
  const auto json = nlohmann::ordered_json::parse(written(JsonWriter::Form::kLines));
  EXPECT_EQ(json_on_lines(json.dump()), json_document(json));
  EXPECT_EQ(json_on_lines("[]"), "[]\n");
}

}  // namespace
}  // namespace penstock
