// SPDX-License-Identifier: MIT
// regex: the named groups of a pattern become columns.
#include <re2/re2.h>

#include "operators/io/formats.h"
#include "operators/io/text/split_column.h"

namespace penstock {
namespace {

struct Groups {
  std::vector<Field> fields;
  std::vector<int> indices;  // of the group in the pattern, per field
};

class RegexParser {
 public:
  RegexParser(std::string_view pattern, std::vector<int> indices, bool null_when_unmatched)
      : pattern_(std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), RE2::Quiet)),
        indices_(std::move(indices)),
        null_when_unmatched_(null_when_unmatched),
        found_(
            static_cast<std::size_t>(indices_.empty() ? 1 : *std::max_element(indices_.begin(), indices_.end()) + 1)) {}

  bool parse(Part text, std::vector<Part>& parts, std::string& reason) {
    const re2::StringPiece subject = text ? re2::StringPiece(text->data(), text->size()) : re2::StringPiece();
    const bool matched = text && pattern_->Match(subject, 0, subject.size(), RE2::UNANCHORED, found_.data(),
                                                 static_cast<int>(found_.size()));
    if (!matched && !null_when_unmatched_) {
      reason = text ? fmt::format("the pattern does not match: {}", excerpt(*text)) : "null, expected a text";
      return false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const re2::StringPiece& group = found_[static_cast<std::size_t>(indices_[i])];
      parts[i] = matched && group.data() != nullptr ? Part({group.data(), group.size()}) : Part();
    }
    return true;
  }

 private:
  std::unique_ptr<RE2> pattern_;
  std::vector<int> indices_;
  bool null_when_unmatched_;
  std::vector<re2::StringPiece> found_;
};

Result<Groups> groups_of(const Options& options) {
  const RE2 pattern(options.text("pattern"), RE2::Quiet);
  const Place place = options.place("pattern");
  if (!pattern.ok()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"pattern\" is no regular expression: {}: {}",
                                                          pattern.error(), excerpt(pattern.error_arg())))
        .at(place.to_text())
        .hint("the syntax is https://github.com/google/re2/wiki/Syntax");
  }
  Groups groups;
  for (const auto& [index, name] : pattern.CapturingGroupNames()) {  // in order of the groups
    groups.fields.push_back({name, Type::kUtf8});
    groups.indices.push_back(index);
  }
  if (groups.fields.empty()) {
    return Error(ErrorCode::kInvalidArgument, "option \"pattern\" has no named group, so there is no column to make")
        .at(place.to_text())
        .hint("name the parts that you want: (?P<status>\\d+)");
  }
  return groups;
}

Result<std::unique_ptr<Operator>> make_regex(const Options& options) {
  PENSTOCK_ASSIGN(Groups groups, groups_of(options));
  PENSTOCK_TRY(apply_types(options, groups.fields));
  RegexParser parser(options.text("pattern"), std::move(groups.indices), options.text("unmatched") == "null");
  SplitOptions split{options.text("column"), std::move(groups.fields), options.texts("null_values"),
                     options.boolean("keep")};
  return std::unique_ptr<Operator>(std::make_unique<SplitColumn<RegexParser>>(std::move(split), std::move(parser)));
}

}  // namespace

OperatorInfo regex_info() {
  return {
      .name = "regex",
      .summary = "Takes a text column apart with a regular expression: each named group becomes a column.",
      .options = {{.name = "column", .doc = "The utf8 column to take apart.", .default_value = "line"},
                  {.name = "pattern",
                   .doc = "A regular expression (RE2 syntax) with named groups, found anywhere in the text unless ^ "
                          "and $ say otherwise. A "
                          "group that takes no part in the match is null.",
                   .required = true,
                   .example = "'^(?P<time>\\S+) (?P<level>\\w+): (?P<message>.*)$'"},
                  types_option(
                      "Types of the new columns; utf8 unless given. A part that is not of its type is rejected."),
                  {.name = "null_values",
                   .kind = OptionKind::kTexts,
                   .doc = "Parts that become null.",
                   .default_value = OptionValue::List{},
                   .example = "[\"-\", \"\"]"},
                  {.name = "unmatched",
                   .kind = OptionKind::kChoice,
                   .doc = "Records that do not match: reject them, or set all new columns to null.",
                   .default_value = "reject",
                   .choices = {"reject", "null"}},
                  {.name = "keep",
                   .kind = OptionKind::kBool,
                   .doc = "Whether the column itself stays.",
                   .default_value = false}},
      .make = make_regex,
      .example =
          "op = \"regex\"\npattern = '^(?P<time>\\S+) (?P<level>\\w+): (?P<message>.*)$'\ntypes = { time = "
          "\"timestamp\" }\n",
  };
}

}  // namespace penstock
