// SPDX-License-Identifier: MIT
#include <penstock/arrow.h>

#include <array>
#include <string>
#include <vector>

namespace penstock {
namespace {

const char* format_of(Type type) {
  switch (type) {
    case Type::kInt64: return "l";
    case Type::kFloat64: return "g";
    case Type::kBool: return "b";
    case Type::kUtf8: return "u";
    case Type::kTimestamp: return "tsu:UTC";
  }
  return "";
}

/// What stands behind an exported struct: its children, which whoever has it may have taken over one by one.
template <class Struct>
struct Children {
  explicit Children(std::size_t count) : structs(count) {
    for (Struct& each : structs) pointers.push_back(&each);
  }
  ~Children() {
    for (Struct& each : structs) {
      if (each.release != nullptr) each.release(&each);
    }
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  std::vector<Struct> structs;
  std::vector<Struct*> pointers;
};

struct ExportedSchema : Children<ArrowSchema> {
  using Children::Children;
  std::string name;
};

struct ExportedArray : Children<ArrowArray> {
  using Children::Children;
  Column column;
  std::array<const void*, 3> buffers = {};
};

template <class Kept, class Struct>
void release(Struct* exported) {
  delete static_cast<Kept*>(exported->private_data);
  exported->release = nullptr;
}

void fill(ArrowSchema* schema, const char* format, std::int64_t flags, ExportedSchema* kept) {
  *schema = {};
  schema->format = format;
  schema->name = kept->name.c_str();
  schema->flags = flags;
  schema->n_children = static_cast<std::int64_t>(kept->structs.size());
  schema->children = kept->pointers.data();
  schema->release = release<ExportedSchema, ArrowSchema>;
  schema->private_data = kept;
}

void fill(ArrowArray* array, std::size_t rows, std::size_t nulls, std::int64_t buffers, ExportedArray* kept) {
  *array = {};
  array->length = static_cast<std::int64_t>(rows);
  array->null_count = static_cast<std::int64_t>(nulls);
  array->n_buffers = buffers;
  array->buffers = kept->buffers.data();
  array->n_children = static_cast<std::int64_t>(kept->structs.size());
  array->children = kept->pointers.data();
  array->release = release<ExportedArray, ArrowArray>;
  array->private_data = kept;
}

void export_column(const Column& column, ArrowArray* array) {
  static constexpr std::int32_t kNoTexts = 0;  // the offsets of no rows are one
  auto* const kept = new ExportedArray(0);
  kept->column = column;
  const bool is_text = column.type() == Type::kUtf8;
  const void* const offsets = column.size() == 0 ? &kNoTexts : column.offsets();
  kept->buffers = {column.validity(), is_text ? offsets : column.bits(), is_text ? column.bytes() : nullptr};
  fill(array, column.size(), column.null_count(), is_text ? 3 : 2, kept);
}

}  // namespace

void export_to_arrow(const RecordBatch& batch, ArrowSchema* schema, ArrowArray* array) {
  auto* const schemas = new ExportedSchema(batch.num_columns());
  auto* const arrays = new ExportedArray(batch.num_columns());
  for (std::size_t i = 0; i < batch.num_columns(); ++i) {
    auto* const kept = new ExportedSchema(0);
    kept->name = batch.schema()[i].name;
    fill(&schemas->structs[i], format_of(batch.column(i).type()), ARROW_FLAG_NULLABLE, kept);
    export_column(batch.column(i), &arrays->structs[i]);
  }
  fill(schema, "+s", 0, schemas);
  fill(array, batch.num_rows(), 0, 1, arrays);
}

}  // namespace penstock
