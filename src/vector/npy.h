// SPDX-License-Identifier: MIT
// Arrays as files of NumPy (.npy, NEP 1): numpy.load reads them, or maps them.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/file.h"

namespace penstock {

/// Writes an array of rows whose number is known only at the end. Thread-compatible; the file appears on `commit`.
class NpyWriter {
 public:
  /// `element`: NumPy's name of the type, as "<f4" or "|u1"; `row_shape`: of one row, empty for single values.
  static Result<NpyWriter> create(const std::string& path, std::string element, std::vector<std::uint64_t> row_shape,
                                  const AtomicFile::Options& options);
  /// Goes on with the first `size_bytes` bytes that another process left in `temporary`, as AtomicFile::go_on does.
  static Result<NpyWriter> go_on(const std::string& path, std::string element, std::vector<std::uint64_t> row_shape,
                                 const AtomicFile::Options& options, const std::string& temporary,
                                 std::uint64_t size_bytes);

  /// Appends whole rows, in C order.
  Status append(std::span<const std::byte> rows);
  /// Completes the header and puts the file in its place.
  Status commit();
  void abort() noexcept { file_.abort(); }

  std::uint64_t rows() const noexcept { return rows_; }
  AtomicFile& file() noexcept { return file_; }
  const AtomicFile& file() const noexcept { return file_; }

 private:
  NpyWriter(AtomicFile file, std::string element, std::vector<std::uint64_t> row_shape);

  AtomicFile file_;
  std::string element_;
  std::vector<std::uint64_t> row_shape_;
  std::size_t row_bytes_ = 0;
  std::uint64_t rows_ = 0;
};

/// What a .npy file says of itself.
struct NpyHeader {
  std::string element;               ///< "<f4" …
  bool fortran_order = false;        ///< The first index runs fastest.
  std::vector<std::uint64_t> shape;  ///< Empty: one value.
  std::size_t data_at = 0;           ///< Where the values begin.
  std::size_t data_bytes = 0;        ///< As long as they must be.
};

/// Reads the header at the beginning of `bytes`, versions 1.0 to 3.0, for elements of plain numbers.
/// Errors: kInvalidArgument when it is no .npy file; kUnsupported for structured types and objects; kDataLoss when
/// fewer bytes follow than its shape needs.
Result<NpyHeader> read_npy_header(std::string_view bytes);

/// The size of an element that read_npy_header knows: "<f4" has 4 bytes. 0: none.
std::size_t npy_element_bytes(std::string_view element) noexcept;

}  // namespace penstock
