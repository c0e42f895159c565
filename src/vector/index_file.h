// SPDX-License-Identifier: MIT
// The file of the embedded store: a header and checked blocks one behind the other (docs/formats/vectors.md).
#pragma once

#include <penstock/result.h>
#include <penstock/vector_store.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/descriptor.h"
#include "platform/file.h"
#include "vector/neighbor_graph.h"

namespace penstock {

/// What a file says of itself at its beginning.
struct IndexHeader {
  VectorStore::Shape shape;
  NeighborGraph::Settings graph;
  std::string description = {};  ///< VectorStore::description.
};

/// What is known to be on the disk.
struct IndexMark {
  std::uint64_t number = 0;  ///< Of two marks the one with the higher number counts.
  std::uint64_t length = 0;  ///< Of the file.
  std::uint64_t rows = 0;    ///< In the blocks up to there.
};

struct IndexBlock {
  enum class Kind : std::uint32_t { kRows = 1, kGraph = 2, kDescription = 3 };
  Kind kind = Kind::kRows;
  std::string payload;
};

inline constexpr std::uint64_t kIndexHeadBytes = 128;
inline constexpr std::uint64_t kIndexBlockHeadBytes = 32;

/// Reads blocks in order. Thread-compatible. A writer may go on with the file meanwhile; what it appends is read or
/// not.
class IndexReader {
 public:
  /// `descriptor` stays the caller's. Errors: kDataLoss for a damaged head or description, kInvalidArgument for another
  /// kind of file, kUnsupported for a version that this program does not know.
  static Result<IndexReader> open(int descriptor, const std::string& path);

  const IndexHeader& header() const noexcept { return header_; }
  const IndexMark& mark() const noexcept { return mark_; }
  const std::string& path() const noexcept { return path_; }
  /// Reads the next block behind the description; false at the end. What is torn or damaged behind the mark is the end;
  /// before it, an error (kDataLoss).
  Result<bool> next(IndexBlock& block);
  /// Where the next block begins, or would.
  std::uint64_t position() const noexcept { return position_; }
  /// The error for something in the block that was read last which cannot be.
  Error damaged(const std::string& what) const;

 private:
  Status take_description();

  int descriptor_ = -1;
  std::string path_;
  IndexHeader header_;
  IndexMark mark_;
  std::uint64_t position_ = kIndexHeadBytes;
  std::uint64_t block_at_ = 0;
};

/// Writes blocks behind those that are there. Thread-compatible.
class IndexWriter {
 public:
  IndexWriter() noexcept = default;
  /// Goes on with a file that was read to its end, with `rows` rows; what is there beyond is cut off.
  static Result<IndexWriter> go_on(Descriptor file, const IndexReader& reader, std::uint64_t rows);
  /// Begins a file that is empty.
  static Result<IndexWriter> begin(Descriptor file, std::string path, const IndexHeader& header);

  /// Appends a block; `rows` of them in it are new. `payload` is padded to a multiple of 8.
  Status append(IndexBlock::Kind kind, std::string&& payload, std::uint64_t rows);
  /// Waits until all is on the disk, and marks it.
  Status sync();

  std::uint64_t length() const noexcept { return length_; }
  int descriptor() const noexcept { return file_.get(); }
  bool is_open() const noexcept { return file_.is_open(); }
  void close() noexcept { file_.close(); }

 private:
  IndexWriter(Descriptor file, std::string path) noexcept : file_(std::move(file)), path_(std::move(path)) {}

  Descriptor file_;
  std::string path_;
  std::uint64_t length_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t header_checksum_ = 0;
  IndexMark mark_;
};

/// Opens the file for one writer, and holds it by a lock of the kernel that ends with the process. Errors:
/// kUnavailable, naming the process, while another one writes. `create`: make an empty one where there is none.
Result<Descriptor> lock_index(const std::string& path, bool create);
/// Whether the file can be begun anew: it is empty, or the process that began it was killed at once.
Result<bool> is_unbegun(int descriptor, const std::string& path);

/// Collects rows into the payload of a block.
class RowsPayload {
 public:
  void add(std::string_view id, std::string_view metadata, std::span<const float> vector);
  std::uint64_t rows() const noexcept { return id_ends_.size(); }
  std::size_t size_bytes() const noexcept;
  /// The payload; empties this.
  std::string take();

 private:
  std::vector<std::uint32_t> id_ends_;
  std::vector<std::uint32_t> metadata_ends_;
  std::string ids_;
  std::string metadata_;
  std::vector<float> vectors_;
};

/// One row of a payload.
struct IndexRow {
  std::string_view id;
  std::string_view metadata;
  const char* vector = nullptr;  ///< f32 [dimension], not aligned.
};
/// The rows of a payload, or what is wrong with it.
Result<std::vector<IndexRow>> rows_in(std::string_view payload, std::uint32_t dimension);

}  // namespace penstock
