// SPDX-License-Identifier: MIT
// What a person sees who wrote a wrong expression.
#include <gtest/gtest.h>

#include "expression/expression_fixture.h"

namespace penstock::expression {
namespace {

void expect_messages(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    const Result<Expression> expression = Expression::compile(c.text, order_schema());
    if (expression) {
      ADD_FAILURE() << "compiled: " << c.text;
      continue;
    }
    EXPECT_EQ(expression.error().code(), ErrorCode::kInvalidArgument) << c.text;
    EXPECT_EQ(expression.error().to_text(), c.expected) << c.text;
  }
}

TEST(ExpressionMessage, ShowsTheTextWithCarets) {
  expect_messages({
      {"amout > 0 and country is not null",
       "there is no column \"amout\"\n  amout > 0 and country is not null\n  ^^^^^\n  try: did you mean \"amount\"?"},
      {"1 +", "found the end, expected a value\n  1 +\n     ^"},
      {"'Grüße' || amuont",
       "there is no column \"amuont\"\n  'Grüße' || amuont\n             ^^^^^^\n  try: did you mean \"amount\"?"},
      {"id > 0 and\n  amuont > 0\n  and paid",
       "there is no column \"amuont\"\n    amuont > 0\n    ^^^^^^\n  try: did you mean \"amount\"?"},
      {"id\t> amuont", "there is no column \"amuont\"\n  id > amuont\n       ^^^^^^\n  try: did you mean \"amount\"?"},
  });
}

TEST(ExpressionMessage, CutsLongTextsAroundTheSpot) {
  const std::string text = std::string(100, ' ') + "id = 1 and nix > 2 and " + std::string(100, '1');
  const std::string message = Expression::compile("1" + text, order_schema()).error().message();
  EXPECT_EQ(message, "found \"id\", expected an operator or the end\n  ..." + std::string(60, ' ') +
                         "id = 1 and nix > 2 and 11111111111111111...\n     " + std::string(60, ' ') + "^^");
}

TEST(ExpressionMessage, SaysWhatWasExpected) {
  expect_messages({
      {"", "the expression is empty\n  \n  ^\n  try: write for instance: amount > 0"},
      {"id id", "found \"id\", expected an operator or the end\n  id id\n     ^^"},
      {"(id", "found the end, expected \")\" to close the parenthesis\n  (id\n     ^"},
      {"id)", "found \")\", expected an operator or the end\n  id)\n    ^"},
      {"upper(country",
       "found the end, expected \",\" or \")\" in the arguments of upper\n  upper(country\n               ^"},
      {"id in 3", "found \"3\", expected \"(\" after `in`\n  id in 3\n        ^"},
      {"id is 3", "found \"3\", expected `null` or `not null` after `is`\n  id is 3\n        ^"},
      {"id between 1 or 2",
       "found \"or\", expected `and` between the two limits of `between`\n  id between 1 or 2\n               ^^"},
      {"case id when 1 then 2 end",
       "found \"id\", expected `when` after `case`\n  case id when 1 then 2 end\n       ^^\n"
       "  try: write case when x = 1 then … when x = 2 then … else … end"},
      {"case when paid then 2",
       "found the end, expected `when`, `else` or `end` in `case`\n  case when paid then 2\n                       ^"},
      {"1 < id < 3",
       "comparisons do not chain\n  1 < id < 3\n         ^\n  try: write a < b and b < c, or use parentheses"},
      {"and", "found \"and\", expected a value\n  and\n  ^^^\n  try: a column of that name stands in double quotes"},
      {"id && paid", "\"&&\" is not part of the language\n  id && paid\n     ^^\n  try: write `and`"},
      {"country = 'de",
       "text without closing quote\n  country = 'de\n            ^^^\n"
       "  try: close it with '; a ' inside is written twice: ''"},
      {"12abc", "this is no number\n  12abc\n  ^^^^^\n  try: write 12, 0.5 or 1e9, without separators or unit"},
      {"1.2.3", "this is no number\n  1.2.3\n  ^^^^^\n  try: write 12, 0.5 or 1e9, without separators or unit"},
      {"9223372036854775808",
       "the integer does not fit into 64 bits\n  9223372036854775808\n  ^^^^^^^^^^^^^^^^^^^\n"
       "  try: from -9223372036854775808 to 9223372036854775807; write it with a point for a float64"},
      {"1e999", "the number is too large for a float64\n  1e999\n  ^^^^^"},
      {"id ? 1",
       "unexpected character\n  id ? 1\n     ^\n"
       "  try: column names with other characters than letters, digits and '_' stand in double quotes"},
  });
}

TEST(ExpressionMessage, ExplainsUnknownNames) {
  expect_messages({
      {"uper(country)", "there is no function \"uper\"\n  uper(country)\n  ^^^^\n  try: did you mean \"upper\"?"},
      {"country = \"DE\"",
       "there is no column \"DE\"\n  country = \"DE\"\n            ^^^^\n"
       "  try: a text stands in single quotes: 'DE'"},
      {"sum(amount)",
       "there is no function \"sum\"\n  sum(amount)\n  ^^^\n"
       "  try: values of many rows are computed by the operator `aggregate`"},
      {"now()",
       "there is no function \"now\"\n  now()\n  ^^^\n"
       "  try: the same input gives the same output in every run; pass the value as a parameter"},
      {"xyzzy",
       "there is no column \"xyzzy\"\n  xyzzy\n  ^^^^^\n"
       "  try: columns: id, amount, quantity, country, note, paid, at, unit price"},
  });
}

TEST(ExpressionMessage, ExplainsTypes) {
  expect_messages({
      {"country > 5",
       "`>` does not take utf8 and int64\n  country > 5\n          ^\n"
       "  try: convert one side: utf8(x), int64(x), float64(x)"},
      {"at > '2024-01-31'",
       "`>` does not take timestamp and utf8\n  at > '2024-01-31'\n     ^\n"
       "  try: a timestamp is written timestamp('2024-01-31')"},
      {"at + 3",
       "`+` does not take timestamp and int64\n  at + 3\n     ^\n  try: a duration is written days(3), hours(2) …"},
      {"country + note",
       "`+` does not take utf8 and utf8\n  country + note\n          ^\n  try: texts are joined by ||"},
      {"-country", "`-` does not take utf8\n  -country\n  ^\n  try: it takes numbers"},
      {"not id", "`not` does not take int64\n  not id\n  ^^^\n  try: it takes bool"},
      {"upper(id)", "upper does not take (int64)\n  upper(id)\n        ^^\n  try: it takes upper(utf8)"},
      {"substr(note)",
       "substr does not take (utf8)\n  substr(note)\n  ^^^^^^\n"
       "  try: it takes substr(utf8, int64) or substr(utf8, int64, int64)"},
      {"id and paid",
       "`and` must be bool, found int64\n  id and paid\n  ^^\n"
       "  try: compare it with something, or write bool(x)"},
      {"if(paid, 1, 'x')",
       "the values of `if` have different types: int64 and utf8\n  if(paid, 1, 'x')\n              ^^^\n"
       "  try: convert one side: utf8(x), int64(x), float64(x)"},
      {"if(id, 1, 2)",
       "a condition of `if` must be bool, found int64\n  if(id, 1, 2)\n     ^^\n"
       "  try: compare it with something, or write bool(x)"},
      {"if(paid, 1)", "if takes 3 arguments: condition, value, value otherwise, found 2\n  if(paid, 1)\n  ^^"},
      {"null", "the value is null, but of which type?\n  null\n  ^^^^\n  try: write for instance float64(null)"},
      {"days(3)",
       "a duration cannot be stored in a column\n  days(3)\n  ^^^^^^^\n"
       "  try: add it to a timestamp, compare it, or count units with date_diff('second', a, b)"},
  });
}

TEST(ExpressionMessage, FindsWrongConstantsBeforeTheRun) {
  expect_messages({
      {"id // 0 + 1 // 0",
       "this constant has no value: 1 // 0 divides by zero, in 1 // 0\n  id // 0 + 1 // 0\n            ^^^^^^"},
      {"at > timestamp('2023-02-29')",
       "this constant has no value: \"2023-02-29\" is out of the range of timestamp, in timestamp('2023-02-29')\n"
       "  at > timestamp('2023-02-29')\n       ^^^^^^^^^^^^^^^^^^^^^^^"},
      {"matches(note, '(')",
       "the regular expression is wrong: missing ): (\n  matches(note, '(')\n                ^^^"},
      {"matches(note, country)",
       "argument 2 of matches must be a constant\n  matches(note, country)\n                ^^^^^^^"},
      {"extract(note, '(a)', 2)",
       "the pattern has 1 group, there is no group 2\n  extract(note, '(a)', 2)\n                       ^"},
      {"date_trunc('mnth', at)",
       "this is no unit of time\n  date_trunc('mnth', at)\n             ^^^^^^\n  try: did you mean \"month\"?"},
  });
}

TEST(ExpressionMessage, RefusesDeepNesting) {
  const auto message = [](const std::string& text) {
    const Result<Expression> expression = Expression::compile(text, order_schema());
    return expression ? std::string("compiled") : expression.error().message().substr(0, 49);
  };
  const std::string refused = "the expression is nested deeper than 200 levels\n ";
  EXPECT_EQ(message(std::string(100'000, '(') + "1"), refused);
  std::string minus;
  for (int i = 0; i < 100'000; ++i) minus += "- ";
  EXPECT_EQ(message(minus + "id"), refused);
  std::string right = "id";
  for (int i = 0; i < 300; ++i) right += "+(1";
  EXPECT_EQ(message(right + std::string(300, ')')), refused);
  EXPECT_EQ(message(std::string(300, '(') + "id" + std::string(300, ')')), refused);
  EXPECT_EQ(message(std::string(150, '(') + "id" + std::string(150, ')')), "compiled");
}

}  // namespace
}  // namespace penstock::expression
