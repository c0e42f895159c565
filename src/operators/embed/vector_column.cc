// SPDX-License-Identifier: MIT
#include "operators/embed/vector_column.h"

#include <fmt/format.h>

#include <cmath>

namespace penstock {

VectorColumnOptions vector_column_options(const Options& options) {
  return {options.text("column"), options.text("as"), options.place("column").to_text()};
}

std::vector<OptionInfo> with_vector_column(std::vector<OptionInfo> own) {
  std::vector<OptionInfo> all = {
      {.name = "column", .doc = "The tensors.", .default_value = "tensor"},
      {.name = "as", .doc = "The column of vectors that is added.", .default_value = "vector"}};
  all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return all;
}

Result<std::size_t> find_tensors(std::string_view op, const StreamType& input, const VectorColumnOptions& options) {
  if (input.schema == nullptr)
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} works on record batches", op)).at(options.place);
  Result<std::size_t> found = input.schema->find(options.column);
  if (!found) return Error(found.error()).at(options.place);
  const Type type = (*input.schema)[*found].type;
  if (type == Type::kTensor) return found;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("column \"{}\" is {}, a tensor was expected", options.column, to_string(type)))
      .at(options.place)
      .hint("image.normalize makes tensors of images");
}

Result<SchemaPtr> with_vectors(const StreamType& input, const VectorColumnOptions& options, std::uint32_t dimension) {
  std::vector<Field> fields = input.schema->fields();
  fields.push_back({options.as, Type::kTensor, {TensorElement::kF32, {dimension}}});
  return make_schema(std::move(fields));
}

Status check_finite(std::span<const float> vector) {
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i]))
      return Error(ErrorCode::kDataLoss, fmt::format("value {} of the vector is {}", i, vector[i]));
  }
  return {};
}

}  // namespace penstock
