// SPDX-License-Identifier: MIT
#include <penstock/arrow.h>

#include <array>
#include <string>
#include <vector>

#include "data/column_layout.h"

namespace penstock {
namespace {

const char* format_of(Type type) {
  switch (type) {
    case Type::kInt64: return "l";
    case Type::kFloat64: return "g";
    case Type::kBool: return "b";
    case Type::kUtf8: return "u";
    case Type::kTimestamp: return "tsu:UTC";
    case Type::kImage: return "z";
    case Type::kTensor: break;  // a list of a fixed number of elements
  }
  return "";
}

const char* format_of(TensorElement element) {
  switch (element) {
    case TensorElement::kU8: return "C";
    case TensorElement::kI8: return "c";
    case TensorElement::kU16: return "S";
    case TensorElement::kI16: return "s";
    case TensorElement::kU32: return "I";
    case TensorElement::kI32: return "i";
    case TensorElement::kU64: return "L";
    case TensorElement::kI64: return "l";
    case TensorElement::kF16: return "e";
    case TensorElement::kF32: return "f";
    case TensorElement::kF64: return "g";
    case TensorElement::kBool: return "C";  // a byte each, where Arrow has bits
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
  std::string format;
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

void fill(ArrowSchema* schema, std::int64_t flags, ExportedSchema* kept) {
  *schema = {};
  schema->format = kept->format.c_str();
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

std::size_t elements_per_row(TensorRow row) { return row.bytes / size_of(row.element); }

void export_field(const Field& field, ArrowSchema* schema) {
  const bool is_tensor = field.type == Type::kTensor;
  auto* const kept = new ExportedSchema(is_tensor ? 1 : 0);
  kept->name = field.name;
  kept->format = format_of(field.type);
  if (is_tensor) {
    kept->format = "+w:" + std::to_string(elements_per_row(tensor_row(field)));
    auto* const element = new ExportedSchema(0);
    element->name = "item";
    element->format = format_of(field.tensor.element);
    fill(&kept->structs[0], 0, element);
  }
  fill(schema, ARROW_FLAG_NULLABLE, kept);
}

void export_tensors(const Column& column, ArrowArray* array) {
  auto* const elements = new ExportedArray(0);
  elements->column = column;
  elements->buffers = {nullptr, column.bits()};
  auto* const kept = new ExportedArray(1);
  kept->column = column;
  kept->buffers = {column.validity()};
  fill(&kept->structs[0], column.size() * elements_per_row(column.tensor_row()), 0, 2, elements);
  fill(array, column.size(), column.null_count(), 1, kept);
}

void export_column(const Column& column, ArrowArray* array) {
  static constexpr std::int32_t kNoTexts = 0;  // the offsets of no rows are one
  if (column.type() == Type::kTensor) return export_tensors(column, array);
  auto* const kept = new ExportedArray(0);
  kept->column = column;
  const bool is_text = has_offsets(column.type());
  const void* const offsets = column.size() == 0 ? &kNoTexts : column.offsets();
  kept->buffers = {column.validity(), is_text ? offsets : column.bits(), is_text ? column.bytes() : nullptr};
  fill(array, column.size(), column.null_count(), is_text ? 3 : 2, kept);
}

}  // namespace

void export_to_arrow(const RecordBatch& batch, ArrowSchema* schema, ArrowArray* array) {
  auto* const schemas = new ExportedSchema(batch.num_columns());
  auto* const arrays = new ExportedArray(batch.num_columns());
  for (std::size_t i = 0; i < batch.num_columns(); ++i) {
    export_field(batch.schema()[i], &schemas->structs[i]);
    export_column(batch.column(i), &arrays->structs[i]);
  }
  schemas->format = "+s";
  fill(schema, 0, schemas);
  fill(array, batch.num_rows(), 0, 1, arrays);
}

}  // namespace penstock
