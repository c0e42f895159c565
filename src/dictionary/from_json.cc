// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/dictionary_builder.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace penstock {
namespace {

using Json = nlohmann::json;

/// Hands what the parser meets to a builder. The nesting is counted here, since the parser has no limit of its own.
class Handler final : public nlohmann::json_sax<Json> {
 public:
  Handler(DictionaryBuilder& builder, bool members_only) : builder_(builder), members_only_(members_only) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override {
    return value <= INT64_MAX ? put(static_cast<std::int64_t>(value)) : put(static_cast<double>(value));
  }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::string_view(value)); }
  bool binary(Json::binary_t&) override { return false; }  // JSON has none

  bool start_object(std::size_t) override {
    if (!open('{')) return false;
    if (!is_whole()) builder_.begin_dict();
    return true;
  }
  bool end_object() override {
    if (!is_whole()) builder_.end_dict();
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override {
    if (members_only_ && open_.empty()) return wants_object();
    if (!open('[')) return false;
    builder_.begin_list();
    return true;
  }
  bool end_array() override {
    builder_.end_list();
    open_.pop_back();
    return true;
  }
  bool key(std::string& key) override {
    builder_.key(std::string_view(key));
    return has_key_ = true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 3: ...": what people need begins behind the
    // bracket.
    const std::string_view said = error.what();
    const std::size_t bracket = said.find("] ");
    reason_ =
        fmt::format("invalid JSON at byte {}: {}", position, bracket == said.npos ? said : said.substr(bracket + 2));
    return false;
  }

  const std::string& reason() const { return reason_; }

  /// Ends what is open after an error, so that the builder is where it was.
  void close_all() {
    if (has_key_) builder_.value(nullptr);
    while (!open_.empty()) {
      const bool whole = is_whole();
      if (open_.back() == '[') {
        builder_.end_list();
      } else if (!whole) {
        builder_.end_dict();
      }
      open_.pop_back();
    }
  }

 private:
  // Says whether what is open is the object whose members go straight into the dict at hand.
  bool is_whole() const { return members_only_ && open_.size() == 1; }
  bool open(char bracket) {
    if (open_.size() == static_cast<std::size_t>(dictionary_format::kMaxDepth)) {
      reason_ = fmt::format("the JSON is nested more than {} deep", dictionary_format::kMaxDepth);
      return false;
    }
    has_key_ = false;
    open_.push_back(bracket);
    return true;
  }
  bool wants_object() {
    reason_ = "the JSON is no object";
    return false;
  }
  template <class V>
  bool put(const V& value) {
    if (members_only_ && open_.empty()) return wants_object();
    has_key_ = false;
    builder_.value(value);
    return true;
  }

  DictionaryBuilder& builder_;
  bool members_only_;
  bool has_key_ = false;
  std::vector<char> open_;  // brackets, from the outside
  std::string reason_;
};

Status parse(DictionaryBuilder& builder, std::string_view text, bool members_only) {
  Handler handler(builder, members_only);
  if (Json::sax_parse(text.begin(), text.end(), &handler)) return {};
  handler.close_all();
  return Error(ErrorCode::kInvalidArgument, handler.reason());
}

}  // namespace

Status DictionaryBuilder::add_json(std::string_view object) { return parse(*this, object, true); }

Status DictionaryBuilder::value_json(std::string_view json) { return parse(*this, json, false); }

}  // namespace penstock
