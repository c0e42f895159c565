// SPDX-License-Identifier: MIT
#include "operators/etl/spill_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "data/column_layout.h"

namespace penstock {
namespace {

constexpr std::size_t kPendingBytes = std::size_t{1} << 20;
constexpr int kMostNames = 1000;

std::string default_folder() {
  const char* const folder = std::getenv("TMPDIR");
  return folder == nullptr || *folder == '\0' ? "/tmp" : folder;
}

}  // namespace

Result<SpillFile> SpillFile::create(const std::string& folder) {
  const std::string base = folder.empty() ? default_folder() : folder;
  for (int i = 0; i < kMostNames; ++i) {
    const std::string path = fmt::format("{}/.penstock-spill.{}-{}", base, ::getpid(), i);
    Result<File> writer = File::create(path, {.exclusive = true, .mode = 0600});
    if (!writer && writer.error().code() == ErrorCode::kAlreadyExists) continue;
    if (!writer) return std::move(writer).error();
    Result<File> reader = File::open(path);
    if (::unlink(path.c_str()) != 0) return file_error(errno, "remove", path);
    if (!reader) return std::move(reader).error();
    SpillFile file;
    file.writer_ = std::move(*writer);
    file.reader_ = std::move(*reader);
    return file;
  }
  return Error(ErrorCode::kAlreadyExists, "cannot find a free name for a temporary file in " + base);
}

void SpillFile::put(const void* bytes, std::size_t size) {
  if (size > 0) pending_.append(static_cast<const char*>(bytes), size);
}

void SpillFile::put_block(const void* bytes, std::size_t size) {
  put(&size, sizeof size);
  put(bytes, size);
}

Status SpillFile::append(const RecordBatch& batch) {
  const std::size_t rows = batch.num_rows();
  for (const Column& column : batch.columns()) {
    const std::size_t nulls = column.null_count();
    put(&nulls, sizeof nulls);
    put_block(column.validity(), nulls == 0 ? 0 : bitmap_bytes(rows));
    put_block(column.bits(), values_bytes(column.type(), rows, column.tensor_row()));
    if (has_offsets(column.type())) put_block(column.bytes(), text_bytes(column));
    if (pending_.size() >= kPendingBytes) PENSTOCK_TRY(flush());
  }
  sizes_.push_back(rows);
  return {};
}

Status SpillFile::flush() {
  PENSTOCK_TRY(writer_.write_all(pending_));
  size_bytes_ += pending_.size();
  pending_.clear();
  return {};
}

Status SpillFile::rewind() {
  PENSTOCK_TRY(flush());
  pending_ = {};
  return {};
}

Status SpillFile::read_exactly(void* to, std::size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    PENSTOCK_ASSIGN(const std::size_t got, reader_.read_at(at, size, read_at_));
    if (got == 0) return Error(ErrorCode::kDataLoss, "a temporary file ends too early: " + reader_.path());
    at += got;
    read_at_ += got;
    size -= got;
  }
  return {};
}

Result<Buffer> SpillFile::read_buffer(BufferPool& pool) {
  std::size_t size = 0;
  PENSTOCK_TRY(read_exactly(&size, sizeof size));
  if (size > size_bytes_ - read_at_) {
    return Error(ErrorCode::kDataLoss, "a temporary file was changed: " + reader_.path());
  }
  if (size == 0) return Buffer();
  Buffer buffer = pool.allocate(size);
  buffer.set_size(size);
  PENSTOCK_TRY(read_exactly(buffer.mutable_data(), size));
  return buffer;
}

Result<RecordBatch> SpillFile::read(const SchemaPtr& schema, BufferPool& pool) {
  const std::size_t rows = sizes_[next_++];
  std::vector<Column> columns;
  for (const Field& field : schema->fields()) {
    std::size_t nulls = 0;
    PENSTOCK_TRY(read_exactly(&nulls, sizeof nulls));
    PENSTOCK_ASSIGN(Buffer validity, read_buffer(pool));
    PENSTOCK_ASSIGN(Buffer values, read_buffer(pool));
    Buffer bytes;
    if (has_offsets(field.type)) {
      PENSTOCK_ASSIGN(bytes, read_buffer(pool));
    }
    columns.emplace_back(field.type, rows, nulls, std::move(validity), std::move(values), std::move(bytes),
                         tensor_row(field));
  }
  return RecordBatch(schema, std::move(columns), rows);
}

}  // namespace penstock
