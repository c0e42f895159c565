// SPDX-License-Identifier: MIT
// Answers as servers give them. That servers understand the requests is shown by tests/vector/milvus_test.py.
#include "vector/milvus_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vector/milvus_calls.h"
#include "vector/milvus_wire.h"

namespace penstock::milvus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void put_pair(WireWriter& to, std::uint32_t field, std::string_view key, std::string_view value) {
  to.message(field, [&] {
    to.text(1, key);
    to.text(2, value);
  });
}

// schema.FieldData of texts, of kind 6 (VarChar) or 9 (JSON).
void put_texts(WireWriter& to, std::uint32_t field, std::string_view name, std::uint32_t kind,
               const std::vector<std::string>& texts) {
  to.message(field, [&] {
    to.number(1, kind == 6 ? 21 : 23);
    to.text(2, name);
    to.message(3, [&] {
      to.message(kind, [&] {
        for (const std::string& text : texts) to.text(1, text);
      });
    });
  });
}

template <class Answer, class Fill>
Answer read_from(Fill&& fill) {
  WireWriter to;
  fill(to);
  Answer answer;
  EXPECT_TRUE(read(to.take(), answer));
  return answer;
}

TEST(MilvusAnswer, HasAStatus) {
  const auto answer = read_from<StatusAnswer>([](WireWriter& to) {
    to.number(1, 49);
    to.text(2, "rate limit");
    to.number(3, 8);
    to.number(4, 1);
    to.text(5, "a detail that nobody asked for");
  });
  EXPECT_EQ(answer.status.legacy_code, 49);
  EXPECT_EQ(answer.status.code, 8);
  EXPECT_EQ(answer.status.reason, "rate limit");
  EXPECT_TRUE(answer.status.retriable);
  EXPECT_FALSE(answer.status.is_ok());
  StatusAnswer empty;
  EXPECT_TRUE(read("", empty));
  EXPECT_TRUE(empty.status.is_ok());
}

TEST(MilvusAnswer, DescribesACollection) {
  const auto answer = read_from<CollectionAnswer>([](WireWriter& to) {
    to.message(1, [&] {});
    to.message(2, [&] {
      to.text(1, "photos");
      to.text(2, "classical/1");
      to.message(4, [&] {
        to.number(1, 100);
        to.text(2, "id");
        to.number(3, 1);
        to.number(5, 21);
        put_pair(to, 6, "max_length", "65535");
      });
      to.message(4, [&] {
        to.text(2, "vector");
        to.number(5, 101);
        put_pair(to, 6, "dim", "512");
      });
    });
    put_pair(to, 13, "penstock.description", "another");
  });
  EXPECT_EQ(answer.description, "classical/1");
  ASSERT_EQ(answer.fields.size(), 2U);
  EXPECT_EQ(answer.fields[0].name, "id");
  EXPECT_TRUE(answer.fields[0].is_primary);
  EXPECT_FALSE(answer.fields[0].makes_ids);
  EXPECT_EQ(answer.fields[1].type, 101);
  EXPECT_EQ(answer.fields[1].dimension, "512");
}

TEST(MilvusAnswer, HasTheDescriptionAsAPropertyWhereTheServerForgetsIt) {
  const auto answer = read_from<CollectionAnswer>([](WireWriter& to) {
    put_pair(to, 13, "penstock.description", "classical/1");
    to.message(2, [&] { to.text(1, "photos"); });
  });
  EXPECT_EQ(answer.description, "classical/1");
}

TEST(MilvusAnswer, NamesTheMetricOfTheVectors) {
  const auto answer = read_from<IndexAnswer>([](WireWriter& to) {
    to.message(2, [&] {
      put_pair(to, 3, "metric_type", "IP");
      to.text(4, "another");
    });
    to.message(2, [&] {
      to.text(1, "its name");
      put_pair(to, 3, "index_type", "HNSW");
      put_pair(to, 3, "metric_type", "COSINE");
      to.text(4, "vector");
    });
  });
  EXPECT_EQ(answer.metric, "COSINE");
}

TEST(MilvusAnswer, HasRowsInColumns) {
  const auto answer = read_from<QueryAnswer>([](WireWriter& to) {
    put_texts(to, 2, "metadata", 9, {R"({"a":1})", "{}"});
    to.message(2, [&] {
      to.text(2, "vector");
      to.message(4, [&] {
        to.number(1, 2);
        to.message(2, [&] { to.floats(1, std::vector<float>{1, 2, 3, 4}); });
      });
    });
    put_texts(to, 2, "id", 6, {"x", "y"});
  });
  EXPECT_THAT(answer.ids, ElementsAre("x", "y"));
  EXPECT_THAT(answer.metadata, ElementsAre(R"({"a":1})", "{}"));
  EXPECT_THAT(answer.vectors, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(answer.count, IsEmpty());
}

TEST(MilvusAnswer, HasACount) {
  const auto answer = read_from<QueryAnswer>([](WireWriter& to) {
    to.message(2, [&] {
      to.text(2, "count(*)");
      to.message(3, [&] { to.message(3, [&] { to.number(1, 20'008); }); });
    });
  });
  EXPECT_THAT(answer.count, ElementsAre(20'008));
}

TEST(MilvusAnswer, HasNeighborsWithScores) {
  const auto answer = read_from<SearchAnswer>([](WireWriter& to) {
    to.message(2, [&] {
      to.number(1, 1);
      put_texts(to, 3, "metadata", 9, {"{}", R"({"b":2})"});
      to.floats(4, std::vector<float>{0.5F, 1});
      to.message(5, [&] {
        to.message(2, [&] {
          to.text(1, "near");
          to.text(1, "far");
        });
      });
    });
    to.text(3, "photos");
  });
  EXPECT_THAT(answer.ids, ElementsAre("near", "far"));
  EXPECT_THAT(answer.scores, ElementsAre(0.5F, 1));
  EXPECT_THAT(answer.metadata, ElementsAre("{}", R"({"b":2})"));
}

TEST(MilvusAnswer, SaysWhichRowsWereRefused) {
  const auto answer = read_from<MutationAnswer>([](WireWriter& to) {
    to.number(4, 3);
    to.number(4, 5);
    to.number(8, 10);
  });
  EXPECT_EQ(answer.upserted, 10);
  EXPECT_THAT(answer.refused, ElementsAre(3, 5));
}

TEST(MilvusAnswer, SaysWhatIsFlushed) {
  const auto answer = read_from<FlushAnswer>([](WireWriter& to) {
    to.message(3, [&] {
      to.text(1, "photos");
      to.message(2, [&] {
        to.number(1, 471);
        to.number(1, 472);
      });
    });
    to.message(6, [&] {
      to.text(1, "photos");
      to.number(2, 99);
    });
  });
  EXPECT_THAT(answer.segments, ElementsAre(471, 472));
  EXPECT_EQ(answer.time, 99U);
  EXPECT_TRUE(read_from<FlushStateAnswer>([](WireWriter& to) { to.number(2, 1); }).is_flushed);
}

TEST(MilvusAnswer, IsRefusedWhenItIsDamaged) {
  SearchAnswer search;
  EXPECT_FALSE(read("\x12\x02\x22\x03", search));  // scores that end too early
  QueryAnswer query;
  EXPECT_FALSE(read("\x12\x7f", query));
  StatusAnswer status;
  EXPECT_FALSE(read("\xff", status));
}

TEST(MilvusError, SaysWhatToDo) {
  const auto error = [](std::int64_t code, std::int64_t legacy, bool retriable = false) {
    CallStatus status;
    status.code = code;
    status.legacy_code = legacy;
    status.retriable = retriable;
    status.reason = "why";
    return error_of(status);
  };
  EXPECT_EQ(error(100, 4).code(), ErrorCode::kNotFound);  // no collection
  EXPECT_EQ(error(0, 4).code(), ErrorCode::kNotFound);
  EXPECT_EQ(error(1100, 5).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error(1400, 0).code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(error(9, 53).code(), ErrorCode::kResourceExhausted);  // the quota of memory
  EXPECT_EQ(error(100, 4).message(), "why (code 100)");
  // May succeed when it is called again: too many requests, not ready, not loaded, and what the server says so of.
  for (const Error& passing : {error(8, 49), error(1, 56), error(101, 1), error(65535, 1, true)}) {
    EXPECT_EQ(passing.code(), ErrorCode::kUnavailable);
    EXPECT_TRUE(passing.retryable());
  }
  // What Milvus Lite says of any exception, and Milvus of any failure that it has no code for.
  EXPECT_FALSE(error(1, 1).retryable());
  EXPECT_FALSE(error(65535, 1).retryable());
}

}  // namespace
}  // namespace penstock::milvus
