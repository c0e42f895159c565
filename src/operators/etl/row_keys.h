// SPDX-License-Identifier: MIT
// Some columns of a row as one text of bytes: equal rows give equal bytes, and the order of the bytes is the order of
// the rows.
#pragma once

#include <penstock/batch.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// A column that takes part in keys.
struct KeyColumn {
  std::size_t index = 0;  ///< In the batches.
  Type type = Type::kInt64;
  bool descending = false;
  bool nulls_last = false;
};

/// Encodes rows of batches as keys. Used by one worker.
///
/// Per column one byte for null or not, then eight bytes, highest first (see key_word), or the bytes of the text with 0
/// as 0 255 and 0 1 at the end; inverted where the order is descending. Texts are ordered by their bytes, which for
/// UTF-8 is the order of the code points.
class RowKeys {
 public:
  RowKeys() = default;
  explicit RowKeys(std::vector<KeyColumn> columns) : columns_(std::move(columns)) {}

  const std::vector<KeyColumn>& columns() const noexcept { return columns_; }
  /// Encodes every row; what `key` returned before is gone. Cost: linear in the bytes.
  void encode(const RecordBatch& batch);
  std::string_view key(std::size_t row) const noexcept {
    return {bytes_.data() + ends_[row], ends_[row + 1] - ends_[row]};
  }

  /// Appends the values of a key to `builders`, one per column of the key, all ascending with nulls first.
  void decode(std::string_view key, std::span<ColumnBuilder> builders) const;

 private:
  std::vector<KeyColumn> columns_;
  std::string bytes_;
  std::vector<std::size_t> ends_;  // of row i - 1
};

}  // namespace penstock
