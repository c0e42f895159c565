// SPDX-License-Identifier: MIT
// image.resize: the images of a column at another size.
#include <fmt/format.h>

#include "operators/image/image_column.h"
#include "operators/image/image_operators.h"

namespace penstock {
namespace {

struct ImageResizeOptions {
  std::string column;
  std::string place;
  image::ResizeOptions resize;
};

class ImageResize final : public Operator {
 public:
  explicit ImageResize(ImageResizeOptions options) : options_(std::move(options)), resizer_(options_.resize) {}

  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(column_, find_images("image.resize", input, options_.column, options_.place));
    return input;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    ColumnBuilder images(Type::kImage, *context_->pool);
    PENSTOCK_ASSIGN(const std::vector<std::uint32_t> kept,
                    rows_taken(rows, *context_, options_.column,
                               [&](std::uint32_t row) { return take(rows.column(column_), row, images); }));
    if (context_->stop->cancelled()) return {};
    std::vector<Column> columns = rows.take(kept, *context_->pool).columns();
    columns[column_] = images.finish();
    out.emit(RecordBatch(rows.schema_ptr(), std::move(columns), kept.size()));
    return {};
  }

 private:
  Status take(const Column& images, std::size_t row, ColumnBuilder& to) {
    if (images.is_null(row)) {
      to.append_null();
      return {};
    }
    PENSTOCK_ASSIGN(const image::Pixels pixels, pixels_of(images.image(row)));
    const image::Size size = resizer_.size_of(pixels);
    if (std::size_t{size.height} * size.width * pixels.channels + ImageView::kHeaderBytes >
        std::size_t{INT32_MAX} - to.text_bytes())
      return Error(ErrorCode::kResourceExhausted, "the images of a batch take more than a column can hold, 2 GiB");
    resizer_.resize(pixels, to.append_image(size.height, size.width, pixels.channels));
    return {};
  }

  ImageResizeOptions options_;
  image::Resizer resizer_;
  std::size_t column_ = 0;
  OperatorContext* context_ = nullptr;
};

Result<std::unique_ptr<Operator>> make_image_resize(const Options& options) {
  ImageResizeOptions how{options.text("column"), options.place("column").to_text(), {}};
  PENSTOCK_ASSIGN(how.resize, resize_options(options));
  return std::unique_ptr<Operator>(std::make_unique<ImageResize>(std::move(how)));
}

}  // namespace

OperatorInfo image_resize_info() {
  return {.name = "image.resize",
          .summary = "Makes the images of a column larger or smaller, without aliasing.",
          .options = resize_option_infos(),
          .make = make_image_resize,
          .example = "op = \"image.resize\"\nwidth = 224\nheight = 224\nmode = \"fill\"\n"};
}

}  // namespace penstock
