// SPDX-License-Identifier: MIT
#include "service/put_vectors.h"

namespace penstock {
namespace {

constexpr std::size_t kRowsAtOnce = 64;

class PutVectors final : public Operator {
 public:
  explicit PutVectors(VectorsTo to) : to_(std::move(to)) {}

  OperatorTraits traits() const override { return {.effects = true}; }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(id_, input.schema->find("id"));
    PENSTOCK_ASSIGN(metadata_, input.schema->find("metadata"));
    PENSTOCK_ASSIGN(vector_, input.schema->find("vector"));
    return input;
  }

  Status process(Batch batch, Emitter&) override {
    const RecordBatch& rows = batch.record_batch();
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      const std::string_view id = rows.column(id_).text(row);
      const std::string_view metadata = rows.column(metadata_).text(row);
      const std::span<const std::byte> bytes = rows.column(vector_).tensor(row);
      const std::span<const float> vector(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
      if (const Status fits = to_.store->check_row(id, vector, metadata); !fits) {
        to_.refused({std::string(id), fits.error().message()});
        continue;
      }
      ids_.emplace_back(id);
      metadata_texts_.emplace_back(metadata);
      vectors_.insert(vectors_.end(), vector.begin(), vector.end());
      if (ids_.size() == kRowsAtOnce) PENSTOCK_TRY(put());
    }
    return {};
  }

  Status finish(Emitter&) override {
    PENSTOCK_TRY(put());
    return to_.store->flush();
  }

 private:
  Status put() {
    if (ids_.empty()) return {};
    const std::vector<std::string_view> ids(ids_.begin(), ids_.end());
    const std::vector<std::string_view> metadata(metadata_texts_.begin(), metadata_texts_.end());
    const VectorRows rows{ids, vectors_, metadata};
    PENSTOCK_ASSIGN(const PutCounts counts, to_.replace ? to_.store->upsert(rows) : to_.store->insert(rows));
    to_.counts->added += counts.added;
    to_.counts->replaced += counts.replaced;
    to_.counts->kept += counts.kept;
    if (to_.listener != nullptr) to_.listener->inserted(ids_);
    ids_.clear();
    metadata_texts_.clear();
    vectors_.clear();
    return {};
  }

  VectorsTo to_;
  std::size_t id_ = 0;
  std::size_t metadata_ = 0;
  std::size_t vector_ = 0;
  std::vector<std::string> ids_;
  std::vector<std::string> metadata_texts_;
  std::vector<float> vectors_;
};

class PutVectorsFactory final : public OperatorFactory {
 public:
  explicit PutVectorsFactory(VectorsTo to) : to_(std::move(to)) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<PutVectors>(to_); }

 private:
  VectorsTo to_;
};

}  // namespace

std::shared_ptr<const OperatorFactory> put_vectors(VectorsTo to) {
  return std::make_shared<PutVectorsFactory>(std::move(to));
}

}  // namespace penstock
