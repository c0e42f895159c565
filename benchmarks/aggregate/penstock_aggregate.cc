// SPDX-License-Identifier: MIT
// The operator aggregate with count() and sum(), exact, driven as the engine drives it.
#include <penstock/operator.h>

#include "workload.h"

namespace penstock::benchmark::aggregate {
namespace {

class DigestEmitter final : public Emitter {
 public:
  explicit DigestEmitter(std::size_t first) : first_(first) {}
  bool emit(Batch batch) override {
    const RecordBatch& rows = batch.record_batch();
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      digest.add(static_cast<std::uint64_t>(rows.column(first_).int64s()[row]),
                 rows.column(first_ + 1).float64s()[row]);
    }
    return true;
  }
  bool done() const noexcept override { return false; }

  Digest digest;

 private:
  std::size_t first_;  // column that is computed
};

template <Keys kKeys>
Outcome group(std::uint64_t records) {
  const bool pair = kKeys == Keys::kPair;
  OptionValue::List by = {"key"};
  if (pair) by.push_back("other");
  auto op = Registry::global().make(
      "aggregate", {{"by", by}, {"compute", OptionValue::Table{{"n", "count()"}, {"s", "sum(amount)"}}}});
  OperatorContext context{.name = "aggregate", .batch_size = kBatchRows, .pool = &BufferPool::shared()};
  (*op)->bind(StreamType::of_schema(batches<kKeys>()[0].schema_ptr())).value();
  (*op)->open(context).value();
  DigestEmitter out(pair ? 2 : 1);
  over_batches<kKeys>(records, [&](const RecordBatch& batch) { (*op)->process(batch, out).value(); });
  (*op)->finish(out).value();
  return out.digest.outcome();
}

const Register registered({
    {"16 texts", "aggregate, exact sums", group<Keys::kFewTexts>},
    {"16 integers", "aggregate, exact sums", group<Keys::kFewIntegers>},
    {"64 pairs of text and integer", "aggregate, exact sums", group<Keys::kPair>},
    {"632,000 integers", "aggregate, exact sums", group<Keys::kManyIntegers>},
});

}  // namespace
}  // namespace penstock::benchmark::aggregate
