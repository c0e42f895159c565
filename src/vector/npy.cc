// SPDX-License-Identifier: MIT
#include "vector/npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "platform/descriptor.h"

namespace penstock {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
// Room for the number of rows, which is written at the end: 20 digits.
constexpr std::size_t kNpyAlignment = 64;

std::string shape_text(std::uint64_t rows, const std::vector<std::uint64_t>& row_shape) {
  std::string text = "(" + std::to_string(rows) + ",";
  for (const std::uint64_t size : row_shape) text += " " + std::to_string(size) + ",";
  if (!row_shape.empty()) text.pop_back();
  return text + ")";
}

// Of the same length for any number of rows.
std::string header_text(std::string_view element, std::uint64_t rows, const std::vector<std::uint64_t>& row_shape) {
  const auto dict = [&](std::uint64_t count) {
    return "{'descr': '" + std::string(element) +
           "', 'fortran_order': False, 'shape': " + shape_text(count, row_shape) + ", }";
  };
  constexpr std::size_t kPrefix = 10;  // magic, version, length
  const std::size_t longest = dict(std::numeric_limits<std::uint64_t>::max()).size() + 1;
  const std::size_t size = (kPrefix + longest + kNpyAlignment - 1) / kNpyAlignment * kNpyAlignment - kPrefix;
  std::string text = dict(rows);
  text.resize(size - 1, ' ');
  text += '\n';
  std::string head(kNpyMagic);
  head += '\x01';
  head += '\x00';
  head += static_cast<char>(size & 0xFF);
  head += static_cast<char>(size >> 8);
  return head + text;
}

Error no_npy(const std::string& why) { return Error(ErrorCode::kInvalidArgument, "this is no .npy file: " + why); }

// The dictionary of a header: three keys, whose values are a text, True or False, and a tuple of numbers.
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : left_(text) {}

  bool take(char wanted) {
    blanks();
    if (left_.empty() || left_.front() != wanted) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    blanks();
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    return true;
  }
  bool take_text(std::string& text) {
    blanks();
    if (left_.empty() || (left_.front() != '\'' && left_.front() != '"')) return false;
    const std::size_t end = left_.find(left_.front(), 1);
    if (end == std::string_view::npos) return false;
    text = left_.substr(1, end - 1);
    left_.remove_prefix(end + 1);
    return text.find('\\') == std::string::npos;
  }
  bool take_shape(std::vector<std::uint64_t>& shape) {
    if (!take('(')) return false;
    while (!take(')')) {
      blanks();
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), size);
      if (error != std::errc()) return false;
      left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
      shape.push_back(size);
      if (take(',')) continue;
      return take(')') && shape.size() > 1;  // "(1)" is a number
    }
    return true;
  }
  bool is_at_end() {
    blanks();
    return left_.empty();
  }

 private:
  void blanks() { left_.remove_prefix(std::min(left_.find_first_not_of(" \t\r\n"), left_.size())); }
  std::string_view left_;
};

Result<NpyHeader> parse_header(std::string_view text) {
  HeaderText from(text);
  NpyHeader header;
  bool has_element = false, has_order = false, has_shape = false;
  if (!from.take('{')) return no_npy("its header is no dictionary");
  while (!from.take('}')) {
    std::string key;
    if (!from.take_text(key) || !from.take(':')) return no_npy("its header is no dictionary");
    if (key == "descr" && !has_element) {
      if (from.take('[')) return Error(ErrorCode::kUnsupported, "this .npy file has a structured type");
      has_element = from.take_text(header.element);
      if (!has_element) return no_npy("its type is no text");
    } else if (key == "fortran_order" && !has_order) {
      header.fortran_order = from.take_word("True");
      has_order = header.fortran_order || from.take_word("False");
      if (!has_order) return no_npy("its order is neither True nor False");
    } else if (key == "shape" && !has_shape) {
      has_shape = from.take_shape(header.shape);
      if (!has_shape) return no_npy("its shape is no tuple of numbers");
    } else {
      return no_npy("its header has the key \"" + key + "\"");
    }
    if (from.take(',')) continue;
    if (from.take('}')) break;
    return no_npy("its header is no dictionary");
  }
  if (!from.is_at_end()) return no_npy("something stands behind its header");
  if (!has_element || !has_order || !has_shape) return no_npy("its header lacks a key");
  return header;
}

}  // namespace

std::size_t npy_element_bytes(std::string_view element) noexcept {
  if (element.size() != 3) return 0;
  const char order = element[0];
  const char kind = element[1];
  const auto size = static_cast<std::size_t>(element[2] - '0');
  const bool is_number = kind == 'f'
                             ? size == 2 || size == 4 || size == 8
                             : (kind == 'i' || kind == 'u') && (size == 1 || size == 2 || size == 4 || size == 8);
  const bool is_bool = kind == 'b' && size == 1;
  const bool has_order = size == 1 ? order == '|' || order == '<' || order == '>' : order == '<' || order == '>';
  return (is_number || is_bool) && has_order ? size : 0;
}

NpyWriter::NpyWriter(AtomicFile file, std::string element, std::vector<std::uint64_t> row_shape)
    : file_(std::move(file)), element_(std::move(element)), row_shape_(std::move(row_shape)) {
  row_bytes_ = npy_element_bytes(element_);
  PENSTOCK_CHECK(row_bytes_ > 0, "NpyWriter: an element that NumPy does not have");
  for (const std::uint64_t size : row_shape_) row_bytes_ *= size;
  PENSTOCK_CHECK(row_bytes_ > 0, "NpyWriter: rows without values");
}

Result<NpyWriter> NpyWriter::create(const std::string& path, std::string element, std::vector<std::uint64_t> row_shape,
                                    const AtomicFile::Options& options) {
  PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::create(path, options));
  if (file.temporary().empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 "a .npy file cannot be written to " + path + ": its number of rows stands at its beginning")
        .hint("write to a regular file");
  }
  NpyWriter writer(std::move(file), std::move(element), std::move(row_shape));
  PENSTOCK_TRY(writer.file_.write_all(header_text(writer.element_, 0, writer.row_shape_)));
  return writer;
}

Result<NpyWriter> NpyWriter::go_on(const std::string& path, std::string element, std::vector<std::uint64_t> row_shape,
                                   const AtomicFile::Options& options, const std::string& temporary,
                                   std::uint64_t size_bytes) {
  PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::go_on(path, options, temporary, size_bytes));
  NpyWriter writer(std::move(file), std::move(element), std::move(row_shape));
  const std::size_t head = header_text(writer.element_, 0, writer.row_shape_).size();
  if (size_bytes < head || (size_bytes - head) % writer.row_bytes_ != 0)
    return Error(ErrorCode::kDataLoss, temporary + " does not end behind a row");
  writer.rows_ = (size_bytes - head) / writer.row_bytes_;
  return writer;
}

Status NpyWriter::append(std::span<const std::byte> rows) {
  PENSTOCK_CHECK(rows.size() % row_bytes_ == 0, "NpyWriter::append: whole rows only");
  PENSTOCK_TRY(file_.write_all({reinterpret_cast<const char*>(rows.data()), rows.size()}));
  rows_ += rows.size() / row_bytes_;
  return {};
}

Status NpyWriter::commit() {
  const std::string head = header_text(element_, rows_, row_shape_);
  std::size_t done = 0;
  // By another descriptor: one that was opened for appending would put it at the end.
  const Descriptor file(uninterrupted([&] { return ::open(file_.temporary().c_str(), O_WRONLY | O_CLOEXEC); }));
  if (!file.is_open()) return file_error(errno, "open", file_.path());
  while (done < head.size()) {
    const ssize_t count = uninterrupted(
        [&] { return ::pwrite(file.get(), head.data() + done, head.size() - done, static_cast<off_t>(done)); });
    if (count < 0) return file_error(errno, "write", file_.path());
    done += static_cast<std::size_t>(count);
  }
  return file_.commit();
}

Result<NpyHeader> read_npy_header(std::string_view bytes) {
  if (!bytes.starts_with(kNpyMagic) || bytes.size() < 10) return no_npy("it does not begin as one");
  const auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(bytes[at])}; };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0)
    return Error(ErrorCode::kUnsupported, "this .npy file is of version " + std::to_string(version) + "." +
                                              std::to_string(byte(7)) + ", and 1.0 to 3.0 are known");
  if (version > 1 && bytes.size() < 12) return no_npy("it is cut short");
  const std::size_t prefix = version == 1 ? 10 : 12;
  const std::size_t size =
      version == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (size > bytes.size() - prefix) return no_npy("it is cut short");
  PENSTOCK_ASSIGN(NpyHeader header, parse_header(bytes.substr(prefix, size)));
  header.data_at = prefix + size;
  header.data_bytes = npy_element_bytes(header.element);
  if (header.data_bytes == 0)
    return Error(ErrorCode::kUnsupported, "this .npy file has values of type \"" + header.element + "\"");
  const bool is_empty = std::ranges::find(header.shape, std::uint64_t{0}) != header.shape.end();
  if (is_empty) header.data_bytes = 0;
  for (const std::uint64_t each : header.shape) {
    if (each != 0 && header.data_bytes > bytes.size() / each)
      return Error(ErrorCode::kDataLoss, "this .npy file is cut short");
    header.data_bytes *= each;
  }
  if (header.data_bytes > bytes.size() - header.data_at)
    return Error(ErrorCode::kDataLoss, "this .npy file is cut short");
  return header;
}

}  // namespace penstock
