// SPDX-License-Identifier: MIT
// fields: paragraphs of "Key: value" lines, as in Debian's package data and in mail headers, become columns.
#include <cstring>

#include "operators/io/formats.h"
#include "operators/io/text/split_column.h"

namespace penstock {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Keys are compared without regard to ASCII case, as Debian's policy (5.1) and mail headers want it.
bool same_key(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

class FieldsParser {
 public:
  FieldsParser(std::vector<std::string> keys, std::string joiner)
      : keys_(std::move(keys)), joiner_(std::move(joiner)), joined_(keys_.size()) {}

  bool parse(Part text, std::vector<Part>& parts, std::string& reason) {
    if (!text) {
      reason = "null, expected a paragraph of \"Key: value\" lines";
      return false;
    }
    std::fill(parts.begin(), parts.end(), Part());
    key_ = kNoKey;
    next_key_ = 0;
    std::size_t number = 0;
    for (std::string_view rest = *text; !rest.empty();) {
      const std::size_t feed = rest.find('\n');
      std::string_view line = rest.substr(0, feed);
      rest = feed == std::string_view::npos ? std::string_view() : rest.substr(feed + 1);
      ++number;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (!take(line, parts, number, reason)) return false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {  // only now do the joined texts stay where they are
      if (parts[i] && parts[i]->data() == nullptr) parts[i] = std::string_view(joined_[i]);
    }
    return true;
  }

 private:
  static constexpr std::size_t kNoKey = static_cast<std::size_t>(-1);  // no line before
  static constexpr std::size_t kOtherKey = kNoKey - 1;                 // of a key that nobody wants

  bool take(std::string_view line, std::vector<Part>& parts, std::size_t number, std::string& reason) {
    if (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
      return continue_value(line, parts, number, reason);
    const auto* const colon =
        static_cast<const char*>(line.empty() ? nullptr : std::memchr(line.data(), ':', line.size()));
    const auto key_size = static_cast<std::size_t>(colon == nullptr ? 0 : colon - line.data());
    if (key_size == 0) {
      reason = fmt::format("line {} of the record is no \"Key: value\": {}", number, excerpt(line));
      return false;
    }
    key_ = find_key(line.substr(0, key_size));
    if (key_ == kOtherKey) return true;
    if (parts[key_]) {
      reason = fmt::format("key \"{}\" is there twice, again in line {} of the record", keys_[key_], number);
      return false;
    }
    const std::string_view value = trimmed(line.substr(key_size + 1));
    parts[key_] = value.data() == nullptr ? std::string_view("") : value;
    return true;
  }

  // A continuation line loses its first blank; one with a lone '.' is an empty line.
  bool continue_value(std::string_view line, std::vector<Part>& parts, std::size_t number, std::string& reason) {
    if (key_ == kNoKey) {
      reason = fmt::format("line {} of the record continues nothing: {}", number, excerpt(line));
      return false;
    }
    if (key_ == kOtherKey) return true;
    std::string& joined = joined_[key_];
    if (parts[key_]->data() != nullptr) {
      joined.assign(*parts[key_]);
      parts[key_] = std::string_view();  // null data: look in joined_
    }
    line.remove_prefix(1);
    const std::size_t last = line.find_last_not_of(" \t");
    line = line.substr(0, last == std::string_view::npos ? 0 : last + 1);
    if (!joined.empty()) joined += joiner_;
    if (line != ".") joined += line;
    return true;
  }

  // Paragraphs mostly have their keys in one order, so the search begins behind the key that was found last.
  std::size_t find_key(std::string_view key) noexcept {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const std::size_t at = next_key_ + i < keys_.size() ? next_key_ + i : next_key_ + i - keys_.size();
      if (!same_key(keys_[at], key)) continue;
      next_key_ = at + 1;
      return at;
    }
    return kOtherKey;
  }

  std::vector<std::string> keys_;
  std::string joiner_;
  std::vector<std::string> joined_;  // values of several lines
  std::size_t key_ = kNoKey;         // of the line before
  std::size_t next_key_ = 0;
};

Error wrong_keys(const Options& options, std::string_view found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("option \"keys\" must be a list of keys, or a table column = key, but {}", found))
      .at(options.place("keys").to_text())
      .hint("for instance keys = [\"Package\", \"Version\"] or keys = { package = \"Package\" }");
}

struct Keys {
  std::vector<std::string> keys;
  std::vector<Field> fields;
};

Result<Keys> keys_of(const Options& options) {
  Keys keys;
  const auto add = [&](const std::string& column, const std::string& key) {
    for (const std::string& known : keys.keys) {
      if (same_key(known, key)) return false;
    }
    keys.keys.push_back(key);
    keys.fields.push_back({column, Type::kUtf8});
    return true;
  };
  const OptionValue& value = *options.find("keys");
  if (const auto* const list = value.as_list()) {
    for (const OptionValue& key : *list) {
      if (key.as_text() == nullptr) return wrong_keys(options, fmt::format("one is {}", key.kind_name()));
      if (!add(*key.as_text(), *key.as_text()))
        return wrong_keys(options, fmt::format("{} is there twice", key.to_text()));
    }
  } else if (const auto* const table = value.as_table()) {
    for (const OptionValue::Entry& entry : *table) {
      if (entry.value.as_text() == nullptr)
        return wrong_keys(options, fmt::format("one is {}", entry.value.kind_name()));
      if (!add(entry.name, *entry.value.as_text()))
        return wrong_keys(options, fmt::format("{} is there twice", entry.value.to_text()));
    }
  } else {
    return wrong_keys(options, fmt::format("it is {}", value.kind_name()));
  }
  if (keys.keys.empty()) return wrong_keys(options, "it is empty");
  return keys;
}

Result<std::unique_ptr<Operator>> make_fields(const Options& options) {
  PENSTOCK_ASSIGN(Keys keys, keys_of(options));
  PENSTOCK_TRY(apply_types(options, keys.fields));
  FieldsParser parser(std::move(keys.keys), options.text("join"));
  SplitOptions split{options.text("column"), std::move(keys.fields), options.texts("null_values"),
                     options.boolean("keep")};
  return std::unique_ptr<Operator>(std::make_unique<SplitColumn<FieldsParser>>(std::move(split), std::move(parser)));
}

}  // namespace

OperatorInfo fields_info() {
  return {
      .name = "fields",
      .summary =
          "Takes paragraphs of \"Key: value\" lines apart, as in Debian's package data: wanted keys become columns.",
      .options = {{.name = "column", .doc = "The utf8 column with the paragraphs.", .default_value = "line"},
                  {.name = "keys",
                   .kind = OptionKind::kAny,
                   .doc = "The wanted keys as a list, or as a table column = key. The case of ASCII letters does not "
                          "matter. A missing "
                          "key is null; other keys are ignored; a key that is there twice rejects the record.",
                   .required = true,
                   .example = "{ package = \"Package\", size = \"Installed-Size\" }"},
                  types_option(
                      "Types of the new columns; utf8 unless given. A value that is not of its type is rejected."),
                  {.name = "join",
                   .doc = "What stands between the lines of a value that goes on in lines beginning with a blank. "
                          "These lose their first "
                          "blank, and one with a lone '.' is an empty line.",
                   .default_value = "\n",
                   .example = "\" \""},
                  {.name = "null_values",
                   .kind = OptionKind::kTexts,
                   .doc = "Values that become null.",
                   .default_value = OptionValue::List{},
                   .example = "[\"\", \"unknown\"]"},
                  {.name = "keep",
                   .kind = OptionKind::kBool,
                   .doc = "Whether the column itself stays.",
                   .default_value = false}},
      .make = make_fields,
      .example =
          "op = \"fields\"\nkeys = { package = \"Package\", size = \"Installed-Size\" }\ntypes = { size = \"int64\" "
          "}\n",
  };
}

}  // namespace penstock
