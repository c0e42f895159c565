// SPDX-License-Identifier: MIT
#include "operators/vector/vector_columns.h"

#include <fmt/format.h>

namespace penstock {
namespace {

Result<std::size_t> column_named(std::string_view op, const StreamType& input, const GivenText& column) {
  if (input.schema == nullptr)
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} works on record batches", op)).at(column.place);
  Result<std::size_t> found = input.schema->find(column.text);
  if (!found) return Error(found.error()).at(column.place);
  return found;
}

std::string type_text(const Field& field) {
  return field.type == Type::kTensor ? "tensor " + field.tensor.to_text() : to_string(field.type);
}

}  // namespace

GivenText given_text(const Options& options, std::string_view name) {
  return {options.text(name), options.place(name).to_text()};
}

Result<VectorColumn> find_vectors(std::string_view op, const StreamType& input, const GivenText& column) {
  PENSTOCK_ASSIGN(const std::size_t index, column_named(op, input, column));
  const Field& field = (*input.schema)[index];
  if (field.type != Type::kTensor || field.tensor.element != TensorElement::kF32) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("column \"{}\" is {}, a tensor of f32 was expected", column.text, type_text(field)))
        .at(column.place)
        .hint("operators whose names begin with embed make vectors; image.normalize makes tensors of f32");
  }
  const std::uint32_t dimension = field.tensor.row_bytes().value_or(0) / sizeof(float);
  const Status fits = check_shape({dimension, Metric::kL2});
  if (!fits) return Error(fits.error()).at(column.place);
  return VectorColumn{index, dimension};
}

Result<std::size_t> find_ids(std::string_view op, const StreamType& input, const GivenText& column) {
  PENSTOCK_ASSIGN(const std::size_t index, column_named(op, input, column));
  const Field& field = (*input.schema)[index];
  if (field.type == Type::kUtf8 || field.type == Type::kInt64) return index;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("column \"{}\" is {}, ids are texts or integers", column.text, type_text(field)))
      .at(column.place);
}

std::string id_in(const Column& column, std::size_t row) {
  if (column.type() == Type::kInt64) return std::to_string(column.int64s()[row]);
  return std::string(column.text(row));
}

std::vector<OptionInfo> store_call_option_infos() {
  return {{.name = "store",
           .kind = OptionKind::kText,
           .doc = "The address of the store: the path of a file, or one of those in docs/guide/images.md.",
           .required = true,
           .example = "\"photos.index\""},
          {.name = "retries",
           .kind = OptionKind::kInteger,
           .doc = "How often a call is made again while the store is not there or does not answer in time, 0 to 100; "
                  "first after 0.1 s, then twice as long each time up to 10 s. Then the run ends.",
           .default_value = 6},
          {.name = "call_timeout",
           .kind = OptionKind::kDuration,
           .doc = "How long one call may take where another program serves the store.",
           .default_value = "30s"}};
}

Result<StoreCallOptions> store_call_options(const Options& options) {
  StoreCallOptions calls;
  calls.store = options.text("store");
  calls.place = options.place("store").to_text();
  const std::int64_t retries = options.integer("retries");
  if (retries < 0 || retries > 100) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("option \"retries\" is {}, and must be from 0 to 100", retries))
        .at(options.place("retries").to_text());
  }
  calls.retries = static_cast<std::uint32_t>(retries);
  const std::int64_t timeout = options.integer("call_timeout");
  if (timeout < 1000) {
    return Error(ErrorCode::kInvalidArgument, "option \"timeout\" must be at least a millisecond")
        .at(options.place("call_timeout").to_text());
  }
  calls.timeout = std::chrono::milliseconds(timeout / 1000);
  return calls;
}

}  // namespace penstock
