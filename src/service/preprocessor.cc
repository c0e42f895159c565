// SPDX-License-Identifier: MIT
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "service/image_errors.h"
#include "service/image_steps.h"
#include "service/item_source.h"

namespace penstock {
namespace {

constexpr std::int64_t kBatchBytes = std::int64_t{64} << 20;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
constexpr std::size_t kMostWaiting = 2;  // batches that are ready; more wait in the pipeline's own queues

}  // namespace

/// Batches on their way to who asked for them. Thread-safe.
class ImageHandover {
 public:
  /// Waits while enough are waiting. False: nobody wants more.
  bool put(ImageTensors tensors) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() < kMostWaiting || unwanted_; });
    if (unwanted_) return false;
    waiting_.push_back(std::move(tensors));
    changed_.notify_all();
    return true;
  }
  void end(Status status, std::vector<ImageError> errors) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    last_errors_ = std::move(errors);
    ended_ = true;
    changed_.notify_all();
  }
  void refuse() {
    const std::lock_guard lock(mutex_);
    unwanted_ = true;
    changed_.notify_all();
  }

  Result<std::optional<ImageTensors>> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || ended_; });
    std::optional<ImageTensors> taken;
    if (!waiting_.empty()) {
      taken = std::move(waiting_.front());
      waiting_.pop_front();
      changed_.notify_all();
    } else if (!status_) {
      return status_.error();
    } else if (!last_errors_.empty()) {
      taken.emplace().errors = std::exchange(last_errors_, {});
    }
    return taken;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ImageTensors> waiting_;
  std::vector<ImageError> last_errors_;
  Status status_;
  bool ended_ = false;
  bool unwanted_ = false;
};

namespace {

/// The end of the pipeline.
class HandOver final : public Operator {
 public:
  HandOver(ImageHandover& to, ImageErrors& errors) : to_(to), errors_(errors) {}

  OperatorTraits traits() const override { return {.effects = true}; }
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(id_, input.schema->find("id"));
    PENSTOCK_ASSIGN(metadata_, input.schema->find("metadata"));
    PENSTOCK_ASSIGN(tensor_, input.schema->find("tensor"));
    type_ = (*input.schema)[tensor_].tensor;
    return input;
  }
  Status process(Batch batch, Emitter&) override {
    ImageTensors made;
    made.rows = batch.record_batch();
    made.tensor = type_;
    for (std::size_t row = 0; row < made.rows.num_rows(); ++row) {
      made.ids.emplace_back(made.rows.column(id_).text(row));
      made.metadata.emplace_back(made.rows.column(metadata_).text(row));
    }
    const TensorRow row = made.rows.column(tensor_).tensor_row();
    if (made.rows.num_rows() > 0)
      made.values = {made.rows.column(tensor_).tensor(0).data(), made.rows.num_rows() * row.bytes};
    made.errors = errors_.take();
    if (to_.put(std::move(made))) return {};
    return Error(ErrorCode::kCancelled, "nobody wants more");
  }

 private:
  ImageHandover& to_;
  ImageErrors& errors_;
  std::size_t id_ = 0;
  std::size_t metadata_ = 0;
  std::size_t tensor_ = 0;
  TensorType type_;
};

class HandOverFactory final : public OperatorFactory {
 public:
  HandOverFactory(ImageHandover& to, ImageErrors& errors) : to_(to), errors_(errors) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<HandOver>(to_, errors_); }

 private:
  ImageHandover& to_;
  ImageErrors& errors_;
};

}  // namespace

/// A run in a thread of its own.
class Preprocessor::Tensors::Work {
 public:
  Work(const PreprocessOptions& options, std::shared_ptr<ImageFeed> images, std::int64_t batch_bytes)
      : pipeline_("preprocess") {
    pipeline_.add("images", item_source(std::move(images)), {.on_error = skip()});
    add_steps(pipeline_, steps_to_tensors(options), options);
    pipeline_.add("tensor.batch",
                  Options().set("rows", static_cast<std::int64_t>(options.batch_size)).set("bytes", batch_bytes));
    pipeline_.add("hand_over", std::make_shared<HandOverFactory>(handover_, errors_));
    run_ = run_options_of(options);
    run_.stop = &stop_;
    run_.rejections = &errors_;
    thread_ = std::thread([this] {
      Result<Report> report = pipeline_.run(run_);
      handover_.end(report ? Status() : Status(std::move(report).error()), errors_.take());
    });
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    stop_.request(StopSignal::State::kCancel);
    handover_.refuse();
    thread_.join();
  }

  ImageHandover& handover() noexcept { return handover_; }

 private:
  Pipeline pipeline_;
  RunOptions run_;
  StopSignal stop_;
  ImageErrors errors_;
  ImageHandover handover_;
  std::thread thread_;
};

Preprocessor::Tensors::Tensors(std::unique_ptr<Work> work) : work_(std::move(work)) {}
Preprocessor::Tensors::Tensors(Tensors&&) noexcept = default;
Preprocessor::Tensors& Preprocessor::Tensors::operator=(Tensors&&) noexcept = default;
Preprocessor::Tensors::~Tensors() = default;

Result<std::optional<ImageTensors>> Preprocessor::Tensors::next() { return work_->handover().take(); }

Preprocessor::Tensors Preprocessor::stream(std::vector<ImageItem> images) const {
  return stream(feed_of(std::move(images)));
}

Preprocessor::Tensors Preprocessor::stream(std::shared_ptr<ImageFeed> images) const {
  return Tensors(std::make_unique<Tensors::Work>(options_, std::move(images), kBatchBytes));
}

Result<ImageTensors> Preprocessor::preprocess(std::vector<ImageItem> images) const {
  PreprocessOptions options = options_;
  options.batch_size = std::max<std::size_t>(1, images.size());
  Tensors tensors(std::make_unique<Tensors::Work>(options, feed_of(std::move(images)), kMostBytes));
  ImageTensors made;
  for (;;) {
    PENSTOCK_ASSIGN(std::optional<ImageTensors> next, tensors.next());
    if (!next) return made;
    if (!next->ids.empty() && !made.ids.empty()) {
      return Error(ErrorCode::kResourceExhausted, "the tensors take more than 1 GiB, which is most for one batch")
          .hint("take them batch by batch: Preprocessor::stream");
    }
    std::vector<ImageError> errors = std::exchange(made.errors, {});
    errors.insert(errors.end(), next->errors.begin(), next->errors.end());
    if (!next->ids.empty()) made = std::move(*next);
    made.errors = std::move(errors);
  }
}

}  // namespace penstock
