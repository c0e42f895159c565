// SPDX-License-Identifier: MIT
#include "service/item_source.h"

#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace penstock {
namespace {

class ItemSource final : public Source {
 public:
  explicit ItemSource(std::shared_ptr<ImageFeed> images) : images_(std::move(images)) {}

  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_ASSIGN(schema_, make_schema({{"id", Type::kUtf8}, {"path", Type::kUtf8}, {"metadata", Type::kUtf8}}));
    return StreamType::of_schema(schema_);
  }
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    return {};
  }

  Result<Next> produce(Emitter& out) override {
    const std::optional<ImageItem> item = images_->next();
    if (!item) return Next::kEnd;
    const std::uint64_t record = found_++;
    const std::string& id = item->id.empty() ? item->path : item->id;
    for (const auto& [name, text] : {std::pair("id", &id), {"path", &item->path}, {"metadata", &item->metadata}}) {
      if (is_utf8(*text)) continue;
      PENSTOCK_TRY(context_->errors->reject(
          {.record = record,
           .reason = std::string("the ") + name + " is no valid UTF-8",
           .raw = "{\"id\":" + nlohmann::json(id).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "}",
           .column = name,
           .file = item->path}));
      return Next::kMore;
    }
    builder_->column(0).append_text(id);
    builder_->column(1).append_text(item->path);
    builder_->column(2).append_text(item->metadata);
    return out.emit(builder_->finish()) ? Next::kMore : Next::kEnd;
  }

 private:
  std::shared_ptr<ImageFeed> images_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  std::uint64_t found_ = 0;
};

class ItemSourceFactory final : public OperatorFactory {
 public:
  explicit ItemSourceFactory(std::shared_ptr<ImageFeed> images) : images_(std::move(images)) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<ItemSource>(images_); }

 private:
  std::shared_ptr<ImageFeed> images_;
};

class ListFeed final : public ImageFeed {
 public:
  explicit ListFeed(std::vector<ImageItem> images) : images_(std::move(images)) {}
  std::optional<ImageItem> next() override {
    if (next_ == images_.size()) return std::nullopt;
    return std::move(images_[next_++]);
  }

 private:
  std::vector<ImageItem> images_;
  std::size_t next_ = 0;
};

}  // namespace

ImageFeed::~ImageFeed() = default;

std::shared_ptr<ImageFeed> feed_of(std::vector<ImageItem> images) {
  return std::make_shared<ListFeed>(std::move(images));
}

std::shared_ptr<const OperatorFactory> item_source(std::shared_ptr<ImageFeed> images) {
  return std::make_shared<ItemSourceFactory>(std::move(images));
}

}  // namespace penstock
