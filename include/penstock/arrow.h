// SPDX-License-Identifier: MIT
// Record batches to and from other libraries of the same process, by the Arrow C data interface
// (https://arrow.apache.org/docs/format/CDataInterface.html): two structs of C, and no library. Between processes:
// exchange.h.
#pragma once

#include <penstock/batch.h>
#include <penstock/result.h>

#include <cstdint>

// As the specification has them, under the name by which whoever else defines them leaves them out.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
extern "C" {
/// What an array holds: its type as a short text, its name, its children. Whoever has it last calls `release`.
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};
/// Its buffers.
struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
}
#endif

namespace penstock {

/// Fills both structs with the batch: a struct array ("+s") with a child per column of the formats "l", "g", "b", "u"
/// and "tsu:UTC"; of an image column "z", of which each value has the bytes that ImageView describes; of a tensor
/// column
/// "+w:N", lists of the N elements of a row, where bools are "C". The columns are not copied: the array shares their
/// buffers until its `release` is called, on any thread. Cost: linear in the columns.
void export_to_arrow(const RecordBatch& batch, ArrowSchema* schema, ArrowArray* array);

/// Takes both structs over, which are released by the time that the batch and its columns are gone, and here in case of
/// an error.
///
/// A column is shared when it has one of the formats of `export_to_arrow` or "tsu:" with any time zone, begins at a
/// multiple of 64 bytes, and has nothing but zeros under its nulls; others are copied to `pool`, and so are bools.
/// Lists and binaries are not taken back. Integers of 8, 16 and 32 bits become int64, float becomes float64, "U"
/// becomes utf8. The structs are trusted to describe the memory they point to. Errors: kUnsupported for other formats,
/// with the column; kInvalidArgument for structs that contradict themselves, rows that are null as a whole, and texts
/// that are not UTF-8. Cost: linear in columns, nulls and texts, and in what is copied.
Result<RecordBatch> import_from_arrow(ArrowSchema* schema, ArrowArray* array, BufferPool& pool = BufferPool::shared());

}  // namespace penstock
