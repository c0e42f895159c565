// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/operators.h"

#include <thread>

namespace penstock::app::bench {
namespace {

class Pause final : public Operator {
 public:
  explicit Pause(std::chrono::milliseconds time) : time_(time) {}
  Result<StreamType> bind(const StreamType& input) override { return input; }
  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }
  Status process(Batch batch, Emitter& out) override {
    std::this_thread::sleep_for(time_);
    out.emit(std::move(batch));
    return {};
  }

 private:
  const std::chrono::milliseconds time_;
};

void add_value(Answer::Part& part, const Column& column, std::size_t row) {
  if (column.is_null(row)) return part.add(std::string_view("null"));
  switch (column.type()) {
    case Type::kInt64:
    case Type::kTimestamp: return part.add(column.int64s()[row]);
    case Type::kFloat64: return part.add(column.float64s()[row]);
    case Type::kUtf8:
    case Type::kImage: return part.add(column.text(row));
    case Type::kTensor: {
      const std::span<const std::byte> bytes = column.tensor(row);
      return part.add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    case Type::kBool: return part.add(std::uint64_t{get_bit(column.bits(), row)});
  }
}

class AnswerSink final : public Operator {
 public:
  explicit AnswerSink(Answer::Part& part) : part_(part) {}
  Result<StreamType> bind(const StreamType& input) override {
    if (input.is_record_batch()) return input;
    return Error(ErrorCode::kInvalidArgument, "takes record batches, not " + input.record_name);
  }
  OperatorTraits traits() const override { return {.effects = true, .rows = RowEffect::kKeeps}; }
  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      for (const Column& column : rows.columns()) add_value(part_, column, row);
      part_.end_record();
    }
    out.emit(std::move(batch));
    return {};
  }

 private:
  Answer::Part& part_;
};

class PauseFactory final : public OperatorFactory {
 public:
  explicit PauseFactory(std::chrono::milliseconds time) : time_(time) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<Pause>(time_); }

 private:
  const std::chrono::milliseconds time_;
};

class AnswerSinkFactory final : public OperatorFactory {
 public:
  explicit AnswerSinkFactory(Answer::Part& part) : part_(part) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<AnswerSink>(part_); }

 private:
  Answer::Part& part_;
};

}  // namespace

std::shared_ptr<const OperatorFactory> pause(std::chrono::milliseconds time) {
  return std::make_shared<PauseFactory>(time);
}

std::shared_ptr<const OperatorFactory> answer_sink(Answer::Part& part) {
  return std::make_shared<AnswerSinkFactory>(part);
}

}  // namespace penstock::app::bench
