// SPDX-License-Identifier: MIT
#include <future>
#include <utility>

#include "service/image_errors.h"
#include "service/image_steps.h"
#include "service/item_source.h"
#include "service/put_vectors.h"
#include "vector/store_address.h"

namespace penstock {
namespace {

/// Takes what comes out of the steps: the type of the vectors when they are bound, and the last of them.
struct Taken {
  TensorType type;
  std::vector<float> vector;
};

class TakeVector final : public Operator {
 public:
  explicit TakeVector(Taken& taken) : taken_(taken) {}

  OperatorTraits traits() const override { return {.effects = true}; }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(vector_, input.schema->find("vector"));
    taken_.type = (*input.schema)[vector_].tensor;
    return input;
  }
  Status process(Batch batch, Emitter&) override {
    const RecordBatch& rows = batch.record_batch();
    const std::span<const std::byte> bytes = rows.column(vector_).tensor(rows.num_rows() - 1);
    const auto* const values = reinterpret_cast<const float*>(bytes.data());
    taken_.vector.assign(values, values + bytes.size() / sizeof(float));
    return {};
  }

 private:
  Taken& taken_;
  std::size_t vector_ = 0;
};

class TakeVectorFactory final : public OperatorFactory {
 public:
  explicit TakeVectorFactory(Taken& taken) : taken_(taken) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<TakeVector>(taken_); }

 private:
  Taken& taken_;
};

Pipeline pipeline_of(const PreprocessOptions& options, const std::vector<ImageStep>& steps,
                     std::shared_ptr<ImageFeed> images) {
  Pipeline pipeline("images");
  pipeline.add("images", item_source(std::move(images)), {.on_error = skip()});
  add_steps(pipeline, steps, options);
  return pipeline;
}

Result<std::uint32_t> dimension_of(const PreprocessOptions& options, const std::vector<ImageStep>& steps) {
  Taken taken;
  Pipeline pipeline = pipeline_of(options, steps, feed_of({}));
  pipeline.add("take", std::make_shared<TakeVectorFactory>(taken));
  PENSTOCK_TRY(pipeline.check());
  std::int64_t values = 1;
  for (const std::int64_t side : taken.type.shape) values *= side;
  return static_cast<std::uint32_t>(values);
}

}  // namespace

Result<std::vector<float>> vector_of_image(const std::vector<ImageStep>& steps, const std::string& path) {
  Taken taken;
  ImageErrors errors;
  const PreprocessOptions options;
  Pipeline pipeline = pipeline_of(options, steps, feed_of({{.path = path}}));
  pipeline.add("take", std::make_shared<TakeVectorFactory>(taken));
  RunOptions run;
  run.metrics = false;
  run.rejections = &errors;
  const Result<Report> report = pipeline.run(run);
  if (!report) return report.error();
  for (const ImageError& error : errors.take()) return Error(ErrorCode::kInvalidArgument, error.reason);
  return std::move(taken.vector);
}

Result<ImagePipeline> ImagePipeline::open(ImagePipelineOptions options) {
  const std::vector<ImageStep> steps = steps_to_vectors(options.images, options.model, options.dimension);
  VectorStoreOptions store;
  PENSTOCK_ASSIGN(const std::uint32_t dimension, dimension_of(options.images, steps));
  store.shape = {dimension, options.metric};
  PENSTOCK_ASSIGN(store.description, description_of(steps));
  PENSTOCK_ASSIGN(std::unique_ptr<VectorStore> opened, open_vector_store(options.store, store));
  const std::string made_by = opened->description();
  if (!made_by.empty() && made_by != store.description) {
    return Error(ErrorCode::kInvalidArgument, address_without_secrets(options.store) +
                                                  " was filled in another way than is asked for now; it says:\n" +
                                                  made_by)
        .hint("use the same model and size, or another store");
  }
  return ImagePipeline(std::move(options), std::move(opened));
}

InsertListener::~InsertListener() = default;

Result<InsertedImages> ImagePipeline::insert(std::vector<ImageItem> images) {
  struct Gather final : InsertListener {
    void inserted(std::span<const std::string> more) override { ids.insert(ids.end(), more.begin(), more.end()); }
    std::vector<std::string> ids;
  } gather;
  PENSTOCK_ASSIGN(InsertedImages inserted, insert_streaming(feed_of(std::move(images)), &gather));
  inserted.ids = std::move(gather.ids);
  return inserted;
}

class PendingInsert::Work {
 public:
  // A copy of the handle: the pipeline may be moved or gone before the images are in the store.
  Work(ImagePipeline pipeline, std::vector<ImageItem> images)
      : result_(std::async(std::launch::async, [pipeline = std::move(pipeline), images = std::move(images)]() mutable {
          return pipeline.insert(std::move(images));
        })) {}
  Result<InsertedImages> wait() { return result_.get(); }

 private:
  std::future<Result<InsertedImages>> result_;
};

PendingInsert::PendingInsert(std::unique_ptr<Work> work) : work_(std::move(work)) {}
PendingInsert::PendingInsert(PendingInsert&&) noexcept = default;
PendingInsert& PendingInsert::operator=(PendingInsert&&) noexcept = default;
PendingInsert::~PendingInsert() = default;
Result<InsertedImages> PendingInsert::wait() { return work_->wait(); }

PendingInsert ImagePipeline::insert_async(std::vector<ImageItem> images) {
  return PendingInsert(std::make_unique<PendingInsert::Work>(*this, std::move(images)));
}

Result<InsertedImages> ImagePipeline::insert_streaming(std::shared_ptr<ImageFeed> images, InsertListener* listener) {
  InsertedImages result;
  ImageErrors errors;
  const std::vector<ImageStep> steps = steps_to_vectors(options_.images, options_.model, options_.dimension);
  Pipeline pipeline = pipeline_of(options_.images, steps, std::move(images));
  pipeline.add("put", put_vectors({store_.get(), options_.replace, &result.counts,
                                   [&](ImageError error) { errors.add(std::move(error)); }, listener}));
  RunOptions run = run_options_of(options_.images);
  run.rejections = &errors;
  const Result<Report> report = pipeline.run(run);
  if (!report) return report.error();
  result.errors = errors.take();
  return result;
}

Result<std::vector<float>> ImagePipeline::embed(const std::string& path) const {
  return vector_of_image(steps_to_vectors(options_.images, options_.model, options_.dimension), path);
}

Result<std::vector<Neighbor>> ImagePipeline::search(const std::string& path, std::size_t k,
                                                    std::vector<Condition> filter) const {
  PENSTOCK_ASSIGN(const std::vector<float> vector, embed(path));
  return store_->search({vector, k, std::move(filter)});
}

}  // namespace penstock
