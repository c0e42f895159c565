// SPDX-License-Identifier: MIT
// image.resize: the images of a column at another size.
#include <fmt/format.h>

#include <optional>

#include "image/resize.h"
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
    if (input.schema == nullptr)
      return Error(ErrorCode::kInvalidArgument, "image.resize works on record batches").at(options_.place);
    const Result<std::size_t> found = input.schema->find(options_.column);
    if (!found) return Error(found.error()).at(options_.place);
    column_ = *found;
    const Type type = (*input.schema)[column_].type;
    if (type != Type::kImage) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("column \"{}\" is {}, an image was expected", options_.column, to_string(type)))
          .at(options_.place)
          .hint("image.decode makes images of files");
    }
    return input;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    images_.emplace(Type::kImage, *context.pool);
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    std::vector<std::uint32_t> kept;
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      if (context_->stop->cancelled()) return {};
      const Status resized = take(rows.column(column_), row);
      if (resized) {
        kept.push_back(static_cast<std::uint32_t>(row));
      } else {
        PENSTOCK_TRY(
            context_->errors->reject({.record = row,
                                      .reason = resized.error().message(),
                                      .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                      .column = options_.column}));
      }
    }
    std::vector<Column> columns = rows.take(kept, *context_->pool).columns();
    columns[column_] = images_->finish();
    out.emit(RecordBatch(rows.schema_ptr(), std::move(columns), kept.size()));
    return {};
  }

 private:
  Status take(const Column& images, std::size_t row) {
    if (images.is_null(row)) {
      images_->append_null();
      return {};
    }
    const ImageView view = images.image(row);
    if (view.size_bytes() == 0) return Error(ErrorCode::kInvalidArgument, "the image has no pixels");
    if (view.channels != 1 && view.channels != 3 && view.channels != 4) {
      return Error(ErrorCode::kUnsupported,
                   fmt::format("the image has {} channels, 1, 3 or 4 were expected", view.channels));
    }
    const image::Pixels pixels{view.pixels, {view.height, view.width}, view.channels};
    const image::Size size = resizer_.size_of(pixels);
    if (std::size_t{size.height} * size.width * view.channels + ImageView::kHeaderBytes >
        std::size_t{INT32_MAX} - images_->text_bytes())
      return Error(ErrorCode::kResourceExhausted, "the images of a batch take more than a column can hold, 2 GiB");
    resizer_.resize(pixels, images_->append_image(size.height, size.width, view.channels));
    return {};
  }

  ImageResizeOptions options_;
  image::Resizer resizer_;
  std::size_t column_ = 0;
  OperatorContext* context_ = nullptr;
  std::optional<ColumnBuilder> images_;
};

template <class T>
T chosen(const std::string& name, std::initializer_list<std::pair<const char*, T>> all) {
  for (const auto& [known, value] : all) {
    if (name == known) return value;
  }
  return all.begin()->second;
}

Result<std::unique_ptr<Operator>> make_image_resize(const Options& options) {
  ImageResizeOptions how{options.text("column"), options.place("column").to_text(), {}};
  for (const char* const side : {"width", "height"}) {
    if (const std::int64_t pixels = options.integer(side); pixels < 1 || pixels > 65'535) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("option \"{}\" is {}, and must be from 1 to 65535", side, pixels))
          .at(options.place(side).to_text());
    }
  }
  how.resize.target = {static_cast<std::uint32_t>(options.integer("height")),
                       static_cast<std::uint32_t>(options.integer("width"))};
  how.resize.filter = chosen<image::Filter>(options.text("filter"), {{"bilinear", image::Filter::kBilinear},
                                                                     {"bicubic", image::Filter::kBicubic},
                                                                     {"lanczos", image::Filter::kLanczos},
                                                                     {"area", image::Filter::kArea}});
  how.resize.mode = chosen<image::Mode>(options.text("mode"), {{"stretch", image::Mode::kStretch},
                                                               {"fit", image::Mode::kFit},
                                                               {"fill", image::Mode::kFill},
                                                               {"letterbox", image::Mode::kLetterbox}});
  return std::unique_ptr<Operator>(std::make_unique<ImageResize>(std::move(how)));
}

}  // namespace

OperatorInfo image_resize_info() {
  return {
      .name = "image.resize",
      .summary = "Makes the images of a column larger or smaller, without aliasing.",
      .options =
          {{.name = "width", .kind = OptionKind::kInteger, .doc = "In pixels.", .required = true, .example = "224"},
           {.name = "height", .kind = OptionKind::kInteger, .doc = "In pixels.", .required = true, .example = "224"},
           {.name = "column", .doc = "The images.", .default_value = "image"},
           {.name = "filter",
            .kind = OptionKind::kChoice,
            .doc = "The first three as Pillow and torchvision (antialias) have them.",
            .default_value = "bilinear",
            .choices = {"bilinear", "bicubic", "lanczos", "area"}},
           {.name = "mode",
            .kind = OptionKind::kChoice,
            .doc = "Change the ratio of the sides, fit into the size, fill it and cut off what stands over, or "
                   "fit into it on black.",
            .default_value = "stretch",
            .choices = {"stretch", "fit", "fill", "letterbox"}}},
      .make = make_image_resize,
      .example = "op = \"image.resize\"\nwidth = 224\nheight = 224\nmode = \"fill\"\n"};
}

}  // namespace penstock
