// SPDX-License-Identifier: MIT
// image.normalize: the images of a column become tensors of one size, as models are fed with them.
#include <fmt/format.h>

#include "image/normalize.h"
#include "operators/image/image_column.h"
#include "operators/image/image_operators.h"

namespace penstock {
namespace {

struct ImageNormalizeOptions {
  std::string column;
  std::string place;
  std::string as;
  image::ResizeOptions resize;
  image::NormalizeOptions normalize;
};

TensorType tensor_of(const ImageNormalizeOptions& options) {
  const auto channels = static_cast<std::int64_t>(options.normalize.mean.size());
  const std::int64_t height = options.resize.target.height;
  const std::int64_t width = options.resize.target.width;
  TensorType type;
  switch (options.normalize.element) {
    case image::Element::kF32: type.element = TensorElement::kF32; break;
    case image::Element::kF16: type.element = TensorElement::kF16; break;
    case image::Element::kU8: type.element = TensorElement::kU8; break;
  }
  const bool planes = options.normalize.layout == image::Layout::kNchw;
  type.shape = planes ? std::vector{channels, height, width} : std::vector{height, width, channels};
  return type;
}

class ImageNormalize final : public Operator {
 public:
  explicit ImageNormalize(ImageNormalizeOptions options)
      : options_(std::move(options)), resizer_(options_.resize), normalizer_(options_.normalize) {}

  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(column_, find_images("image.normalize", input, options_.column, options_.place));
    std::vector<Field> fields = input.schema->fields();
    fields[column_] = {options_.as, Type::kTensor, tensor_of(options_)};
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    ColumnBuilder tensors((*schema_)[column_], *context_->pool);
    tensors.reserve(rows.num_rows());
    PENSTOCK_ASSIGN(const std::vector<std::uint32_t> kept,
                    rows_taken(rows, *context_, options_.column,
                               [&](std::uint32_t row) { return take(rows.column(column_), row, tensors); }));
    if (context_->stop->cancelled()) return {};
    std::vector<Column> columns = rows.take(kept, *context_->pool).columns();
    columns[column_] = tensors.finish();
    out.emit(RecordBatch(schema_, std::move(columns), kept.size()));
    return {};
  }

 private:
  Status take(const Column& images, std::size_t row, ColumnBuilder& to) {
    if (images.is_null(row)) {
      to.append_null();
      return {};
    }
    PENSTOCK_ASSIGN(const image::Pixels pixels, pixels_of(images.image(row)));
    if (pixels.channels != normalizer_.channels()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("the image has {} channels, and the mean {}", pixels.channels, normalizer_.channels()));
    }
    std::byte* const room = to.append_tensor().data();
    if (pixels.size == options_.resize.target) {
      normalizer_.normalize(pixels, room);
    } else {
      image::resize_and_normalize(resizer_, normalizer_, pixels, room);
    }
    return {};
  }

  ImageNormalizeOptions options_;
  image::Resizer resizer_;
  image::Normalizer normalizer_;
  std::size_t column_ = 0;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
};

// One number per channel of an option, if it is set.
Result<std::vector<double>> numbers(const Options& options, std::string_view name, std::vector<double> otherwise) {
  const OptionValue* const value = options.find(name);
  if (value == nullptr) return otherwise;
  const Error wrong =
      Error(ErrorCode::kInvalidArgument,
            fmt::format("option \"{}\" must be a list of one or three numbers, but is {}", name, value->to_text()))
          .at(options.place(name).to_text());
  if (value->as_list() == nullptr || (value->as_list()->size() != 1 && value->as_list()->size() != 3)) return wrong;
  std::vector<double> all;
  for (const OptionValue& each : *value->as_list()) {
    const bool is_number = each.as_number() != nullptr || each.as_integer() != nullptr;
    if (!is_number) return wrong;
    all.push_back(each.as_number() != nullptr ? *each.as_number() : static_cast<double>(*each.as_integer()));
  }
  return all;
}

Result<image::NormalizeOptions> normalize_options(const Options& options) {
  image::NormalizeOptions how;
  PENSTOCK_ASSIGN(how.mean, numbers(options, "mean", how.mean));
  PENSTOCK_ASSIGN(how.deviation, numbers(options, "deviation", how.deviation));
  if (how.mean.size() != how.deviation.size()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"mean\" has {} numbers and \"deviation\" {}",
                                                          how.mean.size(), how.deviation.size()))
        .at(options.place("deviation").to_text());
  }
  for (const double deviation : how.deviation) {
    if (deviation > 0) continue;
    return Error(ErrorCode::kInvalidArgument, fmt::format("a deviation is above 0, not {}", deviation))
        .at(options.place("deviation").to_text());
  }
  const std::string& element = options.text("element");
  how.element = element == "f16" ? image::Element::kF16 : element == "u8" ? image::Element::kU8 : image::Element::kF32;
  how.layout = options.text("layout") == "nhwc" ? image::Layout::kNhwc : image::Layout::kNchw;
  return how;
}

Result<std::unique_ptr<Operator>> make_image_normalize(const Options& options) {
  ImageNormalizeOptions how{options.text("column"), options.place("column").to_text(), options.text("as"), {}, {}};
  PENSTOCK_ASSIGN(how.resize, resize_options(options));
  PENSTOCK_ASSIGN(how.normalize, normalize_options(options));
  if (how.resize.mode == image::Mode::kFit) {
    return Error(ErrorCode::kInvalidArgument, "mode \"fit\" gives images of many sizes, but tensors have one")
        .at(options.place("mode").to_text())
        .hint("letterbox and fill keep the ratio of the sides, too");
  }
  return std::unique_ptr<Operator>(std::make_unique<ImageNormalize>(std::move(how)));
}

}  // namespace

OperatorInfo image_normalize_info() {
  std::vector<OptionInfo> options = resize_option_infos();
  options.push_back({.name = "as",
                     .doc = "The name of the column of tensors, in the place of the images.",
                     .default_value = "tensor"});
  options.push_back({.name = "mean",
                     .kind = OptionKind::kAny,
                     .doc = "One number per channel, of values from 0 to 1; by default that of ImageNet.",
                     .example = "[0.5, 0.5, 0.5]"});
  options.push_back({.name = "deviation",
                     .kind = OptionKind::kAny,
                     .doc = "The same; what is left is divided by it.",
                     .example = "[0.5, 0.5, 0.5]"});
  options.push_back({.name = "element",
                     .kind = OptionKind::kChoice,
                     .doc = "Of the tensors. u8: the pixels as they are, a quarter of the bytes.",
                     .default_value = "f32",
                     .choices = {"f32", "f16", "u8"}});
  options.push_back({.name = "layout",
                     .kind = OptionKind::kChoice,
                     .doc = "Plane after plane, or pixel after pixel.",
                     .default_value = "nchw",
                     .choices = {"nchw", "nhwc"}});
  return {.name = "image.normalize",
          .summary =
              "Makes tensors of one size of the images of a column, (value / 255 - mean) / deviation, and resizes "
              "them in the same pass.",
          .options = std::move(options),
          .make = make_image_normalize,
          .example = "op = \"image.normalize\"\nwidth = 224\nheight = 224\nmode = \"fill\"\n"};
}

}  // namespace penstock
