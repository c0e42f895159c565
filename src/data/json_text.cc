// SPDX-License-Identifier: MIT
#include "data/json_text.h"

#include <cmath>

#include "base/utf8.h"
#include "data/calendar.h"
#include "data/number_text.h"
#include "data/timestamp_text.h"

namespace penstock {
namespace {

void append_escape(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

}  // namespace

bool append_json_text(std::string& out, std::string_view text) {
  bool valid = true;
  out += '"';
  std::size_t plain = 0;  // start of what is copied as it is
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    const std::size_t length = byte < 0x80 ? 0 : utf8_length(text.substr(i));
    if (length > 0) {
      i += length;
      continue;
    }
    out.append(text, plain, i - plain);
    if (byte < 0x80) {
      append_escape(out, text[i]);
    } else {
      out += "\\ufffd";
      valid = false;
    }
    plain = ++i;
  }
  out.append(text, plain);
  out += '"';
  return valid;
}

void append_json_value(std::string& out, const Column& column, std::size_t row) {
  char text[64];
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (column.type()) {
    case Type::kInt64: out.append(text, format_int64(text, column.int64s()[row])); return;
    case Type::kFloat64: {
      const double value = column.float64s()[row];
      if (std::isnan(value)) {
        out += "\"NaN\"";
      } else if (std::isinf(value)) {
        out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
      } else {
        out.append(text, format_float64(text, value));
      }
      return;
    }
    case Type::kBool: out += get_bit(column.bits(), row) ? "true" : "false"; return;
    case Type::kUtf8: append_json_text(out, column.text(row)); return;
    case Type::kTimestamp:
      // Arithmetic can leave the years that have a text; the number then still tells what was found.
      if (column.int64s()[row] < kFirstTimestamp || column.int64s()[row] > kLastTimestamp) {
        out.append(text, format_int64(text, column.int64s()[row]));
        return;
      }
      out += '"';
      out.append(text, format_timestamp(text, column.int64s()[row]));
      out += '"';
      return;
  }
}

void append_json_row(std::string& out, const RecordBatch& batch, std::size_t row) {
  out += '{';
  for (std::size_t c = 0; c < batch.num_columns(); ++c) {
    if (c > 0) out += ',';
    append_json_text(out, batch.schema()[c].name);
    out += ':';
    append_json_value(out, batch.column(c), row);
  }
  out += '}';
}

std::string RecordBatch::row_to_json(std::size_t row) const {
  std::string out;
  append_json_row(out, *this, row);
  return out;
}

}  // namespace penstock
