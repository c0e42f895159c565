// SPDX-License-Identifier: MIT
// Regular expressions, by RE2: time linear in the text, whatever the pattern. Patterns are constants, compiled once.
#include <re2/re2.h>

#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

struct Pattern final : CallState {
  explicit Pattern(std::string_view text) : regex(re2::StringPiece(text.data(), text.size()), RE2::Quiet) {}
  RE2 regex;
  int group = 0;
  std::string replacement;
};

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

BadArgument compile(std::span<const Column> constants, std::shared_ptr<Pattern>& pattern) {
  pattern = std::make_shared<Pattern>(constants[0].text(0));
  if (!pattern->regex.ok()) return {0, "the regular expression is wrong: " + pattern->regex.error()};
  return {};
}

BadArgument prepare_match(std::span<const Column> constants, std::shared_ptr<const CallState>& state) {
  std::shared_ptr<Pattern> pattern;
  BadArgument bad = compile(constants, pattern);
  state = pattern;
  return bad;
}

BadArgument prepare_extract(std::span<const Column> constants, std::shared_ptr<const CallState>& state) {
  std::shared_ptr<Pattern> pattern;
  if (BadArgument bad = compile(constants, pattern); !bad.what.empty()) return bad;
  const int groups = pattern->regex.NumberOfCapturingGroups();
  const std::int64_t group = constants.size() > 1 ? constants[1].int64s()[0] : std::min(groups, 1);
  if (group < 0 || group > groups) {
    return {1, fmt::format("the pattern has {} group{}, there is no group {}", groups, groups == 1 ? "" : "s", group)};
  }
  pattern->group = static_cast<int>(group);
  state = pattern;
  return {};
}

BadArgument prepare_replace(std::span<const Column> constants, std::shared_ptr<const CallState>& state) {
  std::shared_ptr<Pattern> pattern;
  if (BadArgument bad = compile(constants, pattern); !bad.what.empty()) return bad;
  pattern->replacement = constants[1].text(0);
  std::string why;
  if (!pattern->regex.CheckRewriteString(piece(pattern->replacement), &why))
    return {1, "the replacement is wrong: " + why};
  state = pattern;
  return {};
}

Column matches(Call& call) {
  const RE2& regex = call.state<Pattern>().regex;
  return map_flags(
      call, [&](std::size_t row) { return !call.is_null(row) && RE2::PartialMatch(piece(call.text(0, row)), regex); });
}

Column extract(Call& call) {
  const RE2& regex = call.state<Pattern>().regex;
  const int group = call.state<Pattern>().group;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(group) + 1);
  return map_texts(call, [&](std::size_t row, TextWriter& writer) {
    const re2::StringPiece text = piece(call.text(0, row));
    const bool found = regex.Match(text, 0, text.size(), RE2::UNANCHORED, groups.data(), group + 1);
    const re2::StringPiece part = groups[static_cast<std::size_t>(group)];
    if (!found || part.data() == nullptr) return writer.null();
    writer.write({part.data(), part.size()});
  });
}

Column replace_matches(Call& call) {
  const Pattern& pattern = call.state<Pattern>();
  std::string text;
  return map_texts(call, [&](std::size_t row, TextWriter& writer) {
    text = call.text(0, row);
    RE2::GlobalReplace(&text, pattern.regex, piece(pattern.replacement));
    writer.write(text);
  });
}

}  // namespace

void add_patterns(OverloadList& table) {
  constexpr ValueType kText = ValueType::kUtf8;
  table.push_back({"matches", {kText, kText}, ValueType::kBool, matches, 0b010, prepare_match});
  table.push_back({"extract", {kText, kText}, kText, extract, 0b010, prepare_extract});
  table.push_back({"extract", {kText, kText, ValueType::kInt64}, kText, extract, 0b110, prepare_extract});
  table.push_back({"replace_regex", {kText, kText, kText}, kText, replace_matches, 0b110, prepare_replace});
}

}  // namespace penstock::expression
