// SPDX-License-Identifier: MIT
// npy.write: one column of numbers or tensors as an array of NumPy.
#include <fmt/format.h>

#include <functional>

#include "data/rows_without.h"
#include "operator/output_state.h"
#include "operators/vector/vector_columns.h"
#include "operators/vector/vector_operators.h"
#include "vector/npy.h"

namespace penstock {
namespace {

constexpr std::size_t kNpyFlushBytes = std::size_t{128} << 10;

struct NpyWriteOptions {
  std::string path;
  GivenText column;
  std::string ids;  ///< Empty: none.
  GivenText id;
  AtomicFile::Options file;
};

// NumPy's name of the elements; empty: it has no such values.
std::string npy_element(const Field& field) {
  switch (field.type) {
    case Type::kInt64: return "<i8";
    case Type::kFloat64: return "<f8";
    case Type::kBool: return "|b1";
    case Type::kTensor: break;
    case Type::kUtf8:
    case Type::kTimestamp:
    case Type::kImage: return {};
  }
  switch (field.tensor.element) {
    case TensorElement::kU8: return "|u1";
    case TensorElement::kI8: return "|i1";
    case TensorElement::kU16: return "<u2";
    case TensorElement::kI16: return "<i2";
    case TensorElement::kU32: return "<u4";
    case TensorElement::kI32: return "<i4";
    case TensorElement::kU64: return "<u8";
    case TensorElement::kI64: return "<i8";
    case TensorElement::kF16: return "<f2";
    case TensorElement::kF32: return "<f4";
    case TensorElement::kF64: return "<f8";
    case TensorElement::kBool: return "|b1";
  }
  return {};
}

/// In:      record batches.
/// Out:     the rows that were written.
/// Errors:  bind: columns of other types. open: a folder that is not writable. process, finish: a full disk. Rows
///          without a value, or with an id of several lines, are rejected.
/// State:   128 KiB of what is to be written; the files are temporaries beside the targets until `commit`.
class NpyWrite final : public Operator {
 public:
  explicit NpyWrite(NpyWriteOptions options) : options_(std::move(options)) {}

  OperatorTraits traits() const override { return {.effects = true, .saves = true, .rows = RowEffect::kKeeps}; }

  Result<StreamType> bind(const StreamType& input) override {
    if (input.schema == nullptr)
      return Error(ErrorCode::kInvalidArgument, "npy.write works on record batches").at(options_.column.place);
    const auto found = input.schema->find(options_.column.text);
    if (!found) return Error(found.error()).at(options_.column.place);
    column_ = *found;
    const Field& field = (*input.schema)[column_];
    element_ = npy_element(field);
    if (element_.empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("column \"{}\" is {}, numbers or a tensor were expected",
                                                            options_.column.text, to_string(field.type)))
          .at(options_.column.place);
    }
    if (field.type == Type::kTensor) shape_.assign(field.tensor.shape.begin(), field.tensor.shape.end());
    if (!options_.ids.empty()) {
      PENSTOCK_ASSIGN(id_, find_ids("npy.write", input, options_.id));
    }
    return input;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    PENSTOCK_ASSIGN(NpyWriter writer, NpyWriter::create(options_.path, element_, shape_, options_.file));
    writer_.emplace(std::move(writer));
    if (!options_.ids.empty()) {
      PENSTOCK_ASSIGN(ids_, AtomicFile::create(options_.ids, options_.file));
    }
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    rejected_.clear();
    for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
      const std::string why = why_not(rows, row);
      if (!why.empty()) {
        PENSTOCK_TRY(reject(rows, row, why));
        continue;
      }
      append(rows, row);
      if (values_.size() >= kNpyFlushBytes || lines_.size() >= kNpyFlushBytes) PENSTOCK_TRY(flush());
    }
    if (!rejected_.empty())
      batch = rows.take(rows_without(rejected_, rows.num_rows(), std::identity()), *context_->pool);
    out.emit(std::move(batch));
    return {};
  }

  Status finish(Emitter&) override { return flush(); }

  Status save(StateWriter& to) override {
    PENSTOCK_TRY(flush());
    PENSTOCK_TRY(save_output(to, writer_->file()));
    if (!options_.ids.empty()) PENSTOCK_TRY(save_output(to, ids_));
    return {};
  }
  Status restore(StateReader& from) override {
    writer_->abort();
    const WrittenOutput output = written_output(from);
    PENSTOCK_ASSIGN(NpyWriter writer, NpyWriter::go_on(options_.path, element_, shape_, options_.file, output.temporary,
                                                       output.size_bytes));
    writer_.emplace(std::move(writer));
    if (options_.ids.empty()) return from.end();
    ids_.abort();
    PENSTOCK_ASSIGN(ids_, restore_output(from, options_.ids, options_.file));
    return from.end();
  }

  Status commit() override {
    PENSTOCK_TRY(writer_->commit());
    if (!options_.ids.empty()) PENSTOCK_TRY(ids_.commit());
    committed_ = true;
    return {};
  }
  void abort() noexcept override {
    committed_ = false;
    if (writer_) writer_->abort();
    ids_.abort();
  }

  std::vector<OutputFile> outputs() const override {
    if (!committed_) return {};
    std::vector<OutputFile> all = {{options_.path, "data", writer_->rows(), writer_->file().bytes_written()}};
    if (!options_.ids.empty()) all.push_back({options_.ids, "data", writer_->rows(), ids_.bytes_written()});
    return all;
  }

 private:
  std::string why_not(const RecordBatch& rows, std::size_t row) const {
    if (rows.column(column_).is_null(row)) return "an array has no nulls";
    if (options_.ids.empty()) return {};
    const Column& ids = rows.column(id_);
    if (ids.is_null(row)) return fmt::format("\"{}\" is null", options_.id.text);
    const bool lines = ids.type() == Type::kUtf8 && ids.text(row).find_first_of("\r\n") != std::string_view::npos;
    return lines ? "the id has a line end, and would be two lines of " + options_.ids : std::string();
  }

  void append(const RecordBatch& rows, std::size_t row) {
    const Column& column = rows.column(column_);
    const auto add = [&](const void* bytes, std::size_t size) {
      values_.append(static_cast<const char*>(bytes), size);
    };
    switch (column.type()) {
      case Type::kInt64: add(&column.int64s()[row], sizeof(std::int64_t)); break;
      case Type::kFloat64: add(&column.float64s()[row], sizeof(double)); break;
      case Type::kBool: values_ += get_bit(column.bits(), row) ? '\1' : '\0'; break;
      case Type::kTensor: add(column.tensor(row).data(), column.tensor(row).size()); break;
      case Type::kUtf8:
      case Type::kTimestamp:
      case Type::kImage: break;  // `bind` refused them
    }
    if (!options_.ids.empty()) lines_ += id_in(rows.column(id_), row) + '\n';
  }

  Status reject(const RecordBatch& rows, std::uint32_t row, std::string why) {
    rejected_.push_back(row);
    return context_->errors->reject({.record = row,
                                     .reason = std::move(why),
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                     .column = options_.column.text});
  }

  Status flush() {
    PENSTOCK_TRY(writer_->append(std::as_bytes(std::span(values_))));
    values_.clear();
    if (options_.ids.empty()) return {};
    PENSTOCK_TRY(ids_.write_all(lines_));
    lines_.clear();
    return {};
  }

  const NpyWriteOptions options_;
  std::size_t column_ = 0;
  std::size_t id_ = 0;
  std::string element_;
  std::vector<std::uint64_t> shape_;
  OperatorContext* context_ = nullptr;
  std::optional<NpyWriter> writer_;
  AtomicFile ids_;
  std::string values_;
  std::string lines_;
  std::vector<std::uint32_t> rejected_;  // of the batch at hand
  bool committed_ = false;
};

Result<std::unique_ptr<Operator>> make_npy_write(const Options& options) {
  NpyWriteOptions how;
  how.path = options.text("path");
  how.column = given_text(options, "column");
  if (options.has("ids")) how.ids = options.text("ids");
  how.id = given_text(options, "id");
  how.file = {.durable = options.boolean("durable"), .make_folders = true, .revocable = true};
  if (!how.ids.empty() && how.ids == how.path) {
    return Error(ErrorCode::kInvalidArgument, "the ids and the array cannot be one file")
        .at(options.place("ids").to_text());
  }
  return std::make_unique<NpyWrite>(std::move(how));
}

}  // namespace

OperatorInfo npy_write_info() {
  return {
      .name = "npy.write",
      .role = OperatorInfo::Role::kSink,
      .summary = "Writes one column of numbers or tensors as an array of NumPy, and passes the records on.",
      .options =
          {{.name = "path",
            .kind = OptionKind::kText,
            .doc = "The file. It appears, or is replaced, when the run ends well. Missing folders are created.",
            .required = true,
            .example = "\"{artifacts}/vectors.npy\""},
           {.name = "column",
            .kind = OptionKind::kText,
            .doc = "What to write: tensors, integers, numbers or bools. N rows of a tensor [D] are an array [N, D].",
            .default_value = "vector"},
           {.name = "ids",
            .kind = OptionKind::kText,
            .doc = "A second file, with the id of each row of the array on a line of its own.",
            .example = "\"{artifacts}/ids.txt\""},
           {.name = "id",
            .kind = OptionKind::kText,
            .doc = "The column of the ids, texts or integers.",
            .default_value = "id"},
           {.name = "durable",
            .kind = OptionKind::kBool,
            .doc = "Whether to wait at the end until the files are on the disk (fsync).",
            .default_value = false}},
      .make = make_npy_write,
      .example = "op = \"npy.write\"\npath = \"{artifacts}/vectors.npy\"\nids = \"{artifacts}/ids.txt\"\n"};
}

}  // namespace penstock
