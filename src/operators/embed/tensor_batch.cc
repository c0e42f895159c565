// SPDX-License-Identifier: MIT
// tensor.batch: rows in batches of a good size for whoever embeds them.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "data/batch_bytes.h"
#include "data/column_layout.h"
#include "operators/embed/batch_patience.h"
#include "operators/embed/embed_operators.h"
#include "platform/clock.h"

namespace penstock {
namespace {

constexpr std::int64_t kMostWaitNs = 500'000;  // between two looks for input, while a batch waits for more

struct TensorBatchOptions {
  std::size_t rows = 0;
  std::size_t bytes = 0;
  std::int64_t latency_ns = 0;  // 0: none
};

class TensorBatch final : public Operator {
 public:
  explicit TensorBatch(TensorBatchOptions options) : options_(options), patience_(options.latency_ns) {}

  // A batch that waits for a time is one in flight, so that the engine lets the operator look at the clock; and it is
  // worth a thread, since nobody looks at a clock in that of a source that waits for its input.
  OperatorTraits traits() const override {
    return {.light = options_.latency_ns == 0,
            .saves = true,
            .in_flight = options_.latency_ns > 0 ? static_cast<std::uint32_t>(options_.rows) : 0,
            .rows = RowEffect::kKeeps};
  }

  std::string note() const override {
    std::string note = fmt::format("up to {} rows", options_.rows);
    if (options_.latency_ns > 0) note += fmt::format(" or {} ms", static_cast<double>(options_.latency_ns) / 1e6);
    return note;
  }

  Result<StreamType> bind(const StreamType& input) override {
    if (input.schema == nullptr) return Error(ErrorCode::kInvalidArgument, "tensor.batch works on record batches");
    schema_ = input.schema;
    return input;
  }

  Status open(OperatorContext& context) override {
    gathered_.emplace(schema_, *context.pool);
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    if (options_.latency_ns > 0) patience_.arrived(now_ns());
    if (gathered_->num_rows() == 0 && rows.num_rows() == options_.rows && rows.size_bytes() <= options_.bytes) {
      out.emit(std::move(batch));  // as it is, without a copy
      return {};
    }
    for (std::size_t row = 0; row < rows.num_rows(); ++row) take(rows, row, out);
    if (options_.latency_ns > 0 && gathered_->num_rows() > 0 && now_ns() >= patience_.leaves_ns()) leave(out);
    return {};
  }

  Result<bool> idle(Emitter& out, bool may_wait) override {
    if (gathered_->num_rows() == 0) return false;
    const std::int64_t left_ns = patience_.leaves_ns() - now_ns();
    if (left_ns > 0 && may_wait) std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(left_ns, kMostWaitNs)));
    if (now_ns() < patience_.leaves_ns()) return true;
    leave(out);
    return false;
  }

  Status finish(Emitter& out) override {
    leave(out);
    return {};
  }

  Status save(StateWriter& to) override {
    const RecordBatch rows = gathered_->finish();
    std::vector<std::byte> room(encoded_size(rows) + kAlignment);
    const std::span<std::byte> aligned = aligned_in(room);
    to.text({reinterpret_cast<const char*>(aligned.data()), encode_batch(rows, aligned)});
    gather(rows);
    return {};
  }

  Status restore(StateReader& from) override {
    const std::string_view saved = from.text();
    PENSTOCK_TRY(from.end());
    std::vector<std::byte> room(saved.size() + kAlignment);
    const std::span<std::byte> aligned = aligned_in(room).first(saved.size());
    std::copy_n(reinterpret_cast<const std::byte*>(saved.data()), saved.size(), aligned.begin());
    PENSTOCK_ASSIGN(const RecordBatch rows, decode_batch(aligned, nullptr));
    if (rows.schema() != *schema_) return Error(ErrorCode::kDataLoss, "the rows that were saved are of another kind");
    gather(rows);
    return {};
  }

 private:
  static constexpr std::size_t kAlignment = 64;

  static std::span<std::byte> aligned_in(std::vector<std::byte>& room) {
    const std::size_t off = reinterpret_cast<std::uintptr_t>(room.data()) % kAlignment;
    return std::span(room).subspan(off == 0 ? 0 : kAlignment - off);
  }

  static std::size_t bytes_of(const RecordBatch& rows, std::size_t row) {
    std::size_t bytes = 0;
    for (const Column& column : rows.columns()) {
      if (column.type() == Type::kTensor) {
        bytes += column.tensor_row().bytes;
      } else {
        bytes += has_offsets(column.type()) ? column.text(row).size() : sizeof(std::int64_t);
      }
    }
    return bytes;
  }

  void take(const RecordBatch& rows, std::size_t row, Emitter& out) {
    const std::size_t bytes = bytes_of(rows, row);
    if (gathered_->num_rows() > 0 && bytes_ + bytes > options_.bytes) leave(out);
    if (gathered_->num_rows() == 0) begin(bytes);
    append(rows, row);
    bytes_ += bytes;
    if (gathered_->num_rows() == options_.rows) leave(out);
  }

  // With room for as many rows as the first one lets expect, so that tensors are copied once.
  void begin(std::size_t bytes_of_row) {
    patience_.begin_batch();
    const std::size_t fit = options_.bytes / std::max<std::size_t>(bytes_of_row, 1);
    for (std::size_t c = 0; c < schema_->size(); ++c)
      gathered_->column(c).reserve(std::clamp<std::size_t>(fit, 1, options_.rows));
  }

  void append(const RecordBatch& rows, std::size_t row) {
    for (std::size_t c = 0; c < rows.num_columns(); ++c) gathered_->column(c).append_from(rows.column(c), row);
  }

  void gather(const RecordBatch& rows) {
    bytes_ = 0;
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      append(rows, row);
      bytes_ += bytes_of(rows, row);
    }
  }

  void leave(Emitter& out) {
    bytes_ = 0;
    if (gathered_->num_rows() > 0) out.emit(gathered_->finish());
  }

  const TensorBatchOptions options_;
  BatchPatience patience_;
  SchemaPtr schema_;
  std::optional<RecordBatchBuilder> gathered_;
  std::size_t bytes_ = 0;
};

Result<std::int64_t> number_between(const Options& options, const char* name, std::int64_t least, std::int64_t most) {
  const std::int64_t value = options.integer(name);
  if (value >= least && value <= most) return value;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("option \"{}\" is {}, and must be from {} to {}", name, value, least, most))
      .at(options.place(name).to_text());
}

Result<std::unique_ptr<Operator>> make_tensor_batch(const Options& options) {
  PENSTOCK_ASSIGN(const std::int64_t rows, number_between(options, "rows", 1, 1'000'000));
  PENSTOCK_ASSIGN(const std::int64_t bytes, number_between(options, "bytes", 1, std::int64_t{1} << 30));
  PENSTOCK_ASSIGN(const std::int64_t latency, number_between(options, "latency", 0, 3'600'000'000));
  return std::unique_ptr<Operator>(std::make_unique<TensorBatch>(
      TensorBatchOptions{static_cast<std::size_t>(rows), static_cast<std::size_t>(bytes), latency * 1000}));
}

}  // namespace

OperatorInfo tensor_batch_info() {
  return {.name = "tensor.batch",
          .summary = "Gathers rows to batches of as many as a model or a server works on best at once.",
          .options = {{.name = "rows",
                       .kind = OptionKind::kInteger,
                       .doc = "Most rows of a batch; larger batches are cut.",
                       .default_value = 32},
                      {.name = "bytes",
                       .kind = OptionKind::kBytes,
                       .doc = "Most bytes of a batch, if it has more than one row; at most 1 GiB.",
                       .default_value = "64MiB"},
                      {.name = "latency",
                       .kind = OptionKind::kDuration,
                       .doc = "Most time that a row waits for others while there is no more input; less when none is "
                              "expected within that time. 0: until the batch is full or the input ends.",
                       .default_value = 0}},
          .make = make_tensor_batch,
          .example = "op = \"tensor.batch\"\nrows = 32\n"};
}

}  // namespace penstock
