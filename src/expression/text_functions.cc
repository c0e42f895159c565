// SPDX-License-Identifier: MIT
// Functions of texts. Positions and lengths count code points; upper, lower and trim know ASCII only.
#include <algorithm>

#include "base/utf8.h"
#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

constexpr bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

std::int64_t count_code_points(std::string_view text) {
  std::int64_t count = 0;
  for (const char byte : text) count += is_utf8_continuation(byte) ? 0 : 1;
  return count;
}

// The byte at which code point `index`, from 0, begins; the size when there are fewer.
std::size_t byte_of_code_point(std::string_view text, std::int64_t index) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!is_utf8_continuation(text[at]) && index-- == 0) break;
  }
  return at;
}

std::size_t bytes_of(const Column& column) { return static_cast<std::size_t>(column.offsets()[column.size()]); }

template <class T>
Buffer copy_of(Call& call, const T* from, std::size_t count) {
  Buffer copy = call.allocate(count * sizeof(T));
  if (count > 0) std::memcpy(copy.mutable_data(), from, count * sizeof(T));
  return copy;
}

// The texts of the first argument with other bytes; nulls are where they were.
Column with_texts(Call& call, Buffer offsets, Buffer bytes) {
  const Column& column = call.argument(0);
  Buffer validity;
  if (column.validity() != nullptr) validity = copy_of(call, column.validity(), bitmap_bytes(column.size()));
  return {Type::kUtf8, column.size(), column.null_count(), std::move(validity), std::move(offsets), std::move(bytes)};
}

template <char First, char Last>
void change_case(const char* from, std::size_t size, char* to) {
  for (std::size_t i = 0; i < size; ++i) {
    const auto from_first = static_cast<unsigned char>(from[i] - First);
    to[i] = static_cast<char>(from[i] ^ (from_first <= Last - First ? 0x20 : 0));
  }
}

// Texts keep their places and lengths, so all of the column's bytes are changed in one go.
template <char First, char Last>
Column change_case(Call& call) {
  const Column& column = call.argument(0);
  const std::size_t size = bytes_of(column);
  if (size <= call.evaluation().most_text) {  // so every text is
    Buffer bytes = call.allocate(size);
    change_case<First, Last>(column.bytes(), size, reinterpret_cast<char*>(bytes.mutable_data()));
    return with_texts(call, copy_of(call, column.offsets(), column.size() + 1), std::move(bytes));
  }
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    const std::string_view text = call.text(0, row);
    char* const to = writer.begin(text.size());
    if (to == nullptr) return;
    change_case<First, Last>(text.data(), text.size(), to);
    writer.end(text.size());
  });
}

template <bool Left, bool Right>
std::string_view trimmed(std::string_view text) {
  while (Left && !text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (Right && !text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Writes texts that together are no longer than the argument's, without asking for room.
template <bool Left, bool Right>
Column trim_all(Call& call) {
  constexpr std::size_t kShort = 32;  // copied whole, whatever the length: no branch on it
  const Column& column = call.argument(0);
  const std::size_t size = bytes_of(column);
  const char* const last_short = column.bytes() + size - std::min(size, kShort);
  Buffer offsets = call.allocate((column.size() + 1) * sizeof(std::int32_t));
  auto* const ends = reinterpret_cast<std::int32_t*>(offsets.mutable_data());
  Buffer bytes = call.allocate(size + kShort);
  char* to = reinterpret_cast<char*>(bytes.mutable_data());
  const char* const begin = to;
  ends[0] = 0;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const std::string_view text = trimmed<Left, Right>(column.text(row));
    if (text.size() <= kShort && text.data() < last_short) [[likely]] {
      std::memcpy(to, text.data(), kShort);
    } else if (!text.empty()) {
      std::memcpy(to, text.data(), text.size());
    }
    to += text.size();
    ends[row + 1] = static_cast<std::int32_t>(to - begin);
  }
  bytes.set_size(static_cast<std::size_t>(to - begin));
  return with_texts(call, std::move(offsets), std::move(bytes));
}

template <bool Left, bool Right>
Column trim(Call& call) {
  if (bytes_of(call.argument(0)) <= call.evaluation().most_text) return trim_all<Left, Right>(call);
  return map_texts(
      call, [&call](std::size_t row, TextWriter& writer) { writer.write(trimmed<Left, Right>(call.text(0, row))); });
}

Column length(Call& call) {
  return map_rows<std::int64_t>(call, [&call](std::size_t row) { return count_code_points(call.text(0, row)); });
}

// The part of `text` in [start, start + count), where positions begin at 1 and there is nothing before them.
std::string_view window(std::string_view text, std::int64_t start, std::int64_t count) {
  std::int64_t end = 0;
  if (__builtin_add_overflow(start, count, &end)) end = std::numeric_limits<std::int64_t>::max();
  start = std::max<std::int64_t>(start, 1);
  if (end <= start) return {};
  text.remove_prefix(byte_of_code_point(text, start - 1));
  return text.substr(0, byte_of_code_point(text, end - start));
}

Column substring_from(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    const std::string_view text = call.text(0, row);
    writer.write(text.substr(byte_of_code_point(text, std::max<std::int64_t>(call.int64(1, row), 1) - 1)));
  });
}

Column substring(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    const std::int64_t count = call.int64(2, row);
    if (count < 0) return writer.fail(fmt::format("the length {} is negative", count));
    writer.write(window(call.text(0, row), call.int64(1, row), count));
  });
}

Column concatenate(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < call.num_arguments(); ++i) size += call.text(i, row).size();
    char* to = writer.begin(size);
    if (to == nullptr) return;
    for (std::size_t i = 0; i < call.num_arguments(); ++i) {
      const std::string_view text = call.text(i, row);
      to = std::copy(text.begin(), text.end(), to);
    }
    writer.end(size);
  });
}

template <class Test>
Column test_texts(Call& call, Test test) {
  return map_flags(call, [&call, test](std::size_t row) { return test(call.text(0, row), call.text(1, row)); });
}
Column contains(Call& call) {
  return test_texts(call, [](std::string_view text, std::string_view part) { return text.find(part) != text.npos; });
}
Column starts_with(Call& call) {
  return test_texts(call, [](std::string_view text, std::string_view part) { return text.starts_with(part); });
}
Column ends_with(Call& call) {
  return test_texts(call, [](std::string_view text, std::string_view part) { return text.ends_with(part); });
}

Column replace(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    const std::string_view from = call.text(1, row);
    const std::string_view to = call.text(2, row);
    const std::string_view text = call.text(0, row);
    if (from.empty() || text.find(from) == text.npos) return writer.write(text);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += from.size()) ++count;
    const std::size_t size = text.size() - count * from.size() + count * to.size();
    char* out = writer.begin(size);
    if (out == nullptr) return;
    for (std::size_t begin = 0;;) {
      const std::size_t found = text.find(from, begin);
      const std::string_view kept = text.substr(begin, std::min(found, text.size()) - begin);
      out = std::copy(kept.begin(), kept.end(), out);
      if (found == text.npos) break;
      out = std::copy(to.begin(), to.end(), out);
      begin = found + from.size();
    }
    writer.end(size);
  });
}

// Part `number`, from 1, or from -1 counted from the end; empty when there is no such part.
std::string_view part_of(std::string_view text, std::string_view separator, std::int64_t number) {
  if (separator.empty()) return number == 1 || number == -1 ? text : std::string_view();
  std::size_t end = text.size();
  if (number < 0) {
    for (; number < -1; ++number) {
      end = end < separator.size() ? text.npos : text.rfind(separator, end - separator.size());
      if (end == text.npos) return {};
    }
    const std::size_t found = end < separator.size() ? text.npos : text.rfind(separator, end - separator.size());
    const std::size_t begin = found == text.npos ? 0 : found + separator.size();
    return text.substr(begin, end - begin);
  }
  std::size_t begin = 0;
  for (; number > 1; --number) {
    const std::size_t found = text.find(separator, begin);
    if (found == text.npos) return {};
    begin = found + separator.size();
  }
  return text.substr(begin, std::min(text.find(separator, begin), text.size()) - begin);
}

Column split_part(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    const std::int64_t number = call.int64(2, row);
    if (number == 0) return writer.fail("there is no part 0; parts count from 1, or from -1 at the end");
    writer.write(part_of(call.text(0, row), call.text(1, row), number));
  });
}

}  // namespace

void add_texts(OverloadList& table) {
  constexpr ValueType kText = ValueType::kUtf8;
  constexpr ValueType kInt = ValueType::kInt64;
  constexpr ValueType kBool = ValueType::kBool;
  table.push_back({"upper", {kText}, kText, change_case<'a', 'z'>});
  table.push_back({"lower", {kText}, kText, change_case<'A', 'Z'>});
  table.push_back({"trim", {kText}, kText, trim<true, true>});
  table.push_back({"ltrim", {kText}, kText, trim<true, false>});
  table.push_back({"rtrim", {kText}, kText, trim<false, true>});
  table.push_back({"length", {kText}, kInt, length});
  table.push_back({"substr", {kText, kInt}, kText, substring_from});
  table.push_back({"substr", {kText, kInt, kInt}, kText, substring});
  table.push_back({.name = "concat", .parameters = {kText}, .result = kText, .kernel = concatenate, .variadic = true});
  table.push_back(
      {.name = "||", .parameters = {kText, kText}, .result = kText, .kernel = concatenate, .associative = true});
  table.push_back({"contains", {kText, kText}, kBool, contains});
  table.push_back({"starts_with", {kText, kText}, kBool, starts_with});
  table.push_back({"ends_with", {kText, kText}, kBool, ends_with});
  table.push_back({"replace", {kText, kText, kText}, kText, replace});
  table.push_back({"split_part", {kText, kText, kInt}, kText, split_part});
}

}  // namespace penstock::expression
