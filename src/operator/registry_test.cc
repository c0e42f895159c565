// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <penstock/operator.h>

namespace penstock {
namespace {

class Nothing final : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override { return input; }
  Status process(Batch, Emitter&) override { return {}; }
};

OperatorInfo sample_info() {
  return {.name = "sample.op",
          .summary = "For this test.",
          .options =
              {{.name = "path", .kind = OptionKind::kText, .doc = "A path.", .required = true, .example = "\"a.csv\""},
               {.name = "limit", .kind = OptionKind::kBytes, .doc = "Bytes.", .default_value = "1MiB"},
               {.name = "mode", .kind = OptionKind::kChoice, .doc = "A mode.", .choices = {"fast", "slow"}},
               {.name = "names", .kind = OptionKind::kTexts, .doc = "Names."}},
          .make = [](const Options&) -> Result<std::unique_ptr<Operator>> { return std::make_unique<Nothing>(); }};
}

Result<Options> check(const Options& options) {
  const Registry registry;
  return registry.check_options(sample_info(), options);
}

TEST(Registry, FillsInDefaultsAndReadsBytes) {
  const Result<Options> options = check({{"path", "x"}});
  ASSERT_TRUE(options) << options.error().to_text();
  EXPECT_EQ(options->integer("limit"), 1 << 20);
  EXPECT_FALSE(options->has("mode"));
}

TEST(Registry, AcceptsOneTextForAList) {
  const Result<Options> options = check({{"path", "x"}, {"names", "only"}});
  ASSERT_TRUE(options) << options.error().to_text();
  EXPECT_EQ(options->texts("names"), std::vector<std::string>{"only"});
}

TEST(OptionValue, IsShownAsInATomlFile) {
  EXPECT_EQ(OptionValue("a \"b\" \\ \n").to_text(), R"("a \"b\" \\ \n")");
  EXPECT_EQ(OptionValue(OptionValue::List{"x", 1, true}).to_text(), R"(["x", 1, true])");
  EXPECT_EQ(OptionValue(OptionValue::Table{{"id", "int64"}, {"unit price", "float64"}}).to_text(),
            R"({ id = "int64", "unit price" = "float64" })");
}

TEST(Registry, NamesTheMissingOption) {
  const Result<Options> options = check({});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().message(), "operator \"sample.op\" needs the option \"path\"");
  EXPECT_EQ(options.error().hint(), "for instance path = \"a.csv\"");
}

TEST(Registry, SuggestsTheNearestOption) {
  OptionValue value("x");
  value.place = {"job.toml", 4, 3};
  const Result<Options> options = check({{"paht", value}});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().to_text(),
            "job.toml:4:3: operator \"sample.op\" has no option \"paht\"\n  try: did you mean \"path\"?");
}

TEST(Registry, RefusesTheWrongKind) {
  EXPECT_EQ(check({{"path", 7}}).error().message(), "option \"path\" must be a text, but is an integer: 7");
  EXPECT_EQ(check({{"path", "x"}, {"mode", "fsat"}}).error().message(),
            "option \"mode\" must be one of fast, slow, but is \"fsat\"");
}

TEST(Registry, RefusesANameTwice) {
  Registry registry;
  EXPECT_TRUE(registry.add(sample_info()));
  EXPECT_EQ(registry.add(sample_info()).error().code(), ErrorCode::kAlreadyExists);
}

TEST(Registry, SuggestsTheNearestOperator) {
  Registry registry;
  ASSERT_TRUE(registry.add(sample_info()));
  const auto made = registry.make("sampel.op", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().to_text(), "unknown operator: \"sampel.op\"\n  try: did you mean \"sample.op\"?");
}

TEST(ParseBytes, ReadsPowersOfThousandAndOf1024) {
  EXPECT_EQ(*parse_bytes("1000"), 1000);
  EXPECT_EQ(*parse_bytes("1.5k"), 1500);
  EXPECT_EQ(*parse_bytes("512MiB"), std::int64_t{512} << 20);
  EXPECT_EQ(*parse_bytes("2 GB"), 2'000'000'000);
  for (const char* wrong : {"", "MiB", "-1", "1 elephant", "1e400"}) EXPECT_FALSE(parse_bytes(wrong)) << wrong;
}

TEST(ParseDuration, ReadsTheCommonUnits) {
  EXPECT_EQ(*parse_duration("250ms"), 250'000);
  EXPECT_EQ(*parse_duration("1.5s"), 1'500'000);
  EXPECT_EQ(*parse_duration("5m"), 300'000'000);
  EXPECT_EQ(*parse_duration("2"), 2'000'000);
  EXPECT_FALSE(parse_duration("soon"));
}

TEST(ErrorPolicy, IsReadFromATextOrATable) {
  EXPECT_EQ(error_policy_from_option("skip")->action, ErrorPolicy::Action::kSkip);
  const auto policy = error_policy_from_option(
      OptionValue::Table{{"action", "quarantine"}, {"path", "bad.jsonl"}, {"max_attempts", 3}, {"backoff", "5ms"}});
  ASSERT_TRUE(policy) << policy.error().to_text();
  EXPECT_EQ(policy->quarantine_path, "bad.jsonl");
  EXPECT_EQ(policy->max_attempts, 3U);
  EXPECT_EQ(policy->backoff_micros, 5000);
  EXPECT_EQ(error_policy_from_option("skpi").error().hint(), "did you mean \"skip\"?");
}

TEST(StopSignal, NeverGoesBack) {
  StopSignal stop;
  stop.request(StopSignal::State::kCancel);
  stop.request(StopSignal::State::kDrain);
  EXPECT_TRUE(stop.cancelled());
}

}  // namespace
}  // namespace penstock
