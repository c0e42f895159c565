// SPDX-License-Identifier: MIT
// image.decode: the pixels of the file that a column names.
#include <fmt/format.h>

#include <optional>

#include "image/decode.h"
#include "operators/image/image_operators.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBatchBytes = std::size_t{64} << 20;  // of pixels, so that batches of many paths stay small

struct ImageDecodeOptions {
  std::string path;
  std::string place;
  std::string as;
  image::DecodeOptions decode;
};

class ImageDecode final : public Operator {
 public:
  explicit ImageDecode(ImageDecodeOptions options) : options_(std::move(options)) {}

  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }

  Result<StreamType> bind(const StreamType& input) override {
    if (input.schema == nullptr)
      return Error(ErrorCode::kInvalidArgument, "image.decode works on record batches").at(options_.place);
    const Result<std::size_t> found = input.schema->find(options_.path);
    if (!found) return Error(found.error()).at(options_.place);
    path_ = *found;
    if ((*input.schema)[path_].type != Type::kUtf8) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("column \"{}\" is {}, a path is utf8", options_.path,
                                                            to_string((*input.schema)[path_].type)))
          .at(options_.place);
    }
    const Result<std::size_t> offset = input.schema->find("file_offset");
    const Result<std::size_t> bytes = input.schema->find("file_bytes");
    const auto is_number = [&](const Result<std::size_t>& column) {
      return column && (*input.schema)[*column].type == Type::kInt64;
    };
    if (is_number(offset) && is_number(bytes)) part_ = {*offset, *bytes};
    std::vector<Field> fields = input.schema->fields();
    fields.push_back({options_.as, Type::kImage});
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    images_.emplace(Type::kImage, *context_->pool);  // what an attempt left that threw is forgotten
    kept_.clear();
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      if (context_->stop->cancelled()) return {};
      if (Status taken = take(rows, row); !taken) PENSTOCK_TRY(reject(rows, row, taken.error()));
      if (images_->text_bytes() >= kMostBatchBytes && !emit(rows, out)) return {};
    }
    emit(rows, out);
    return {};
  }

 private:
  Status take(const RecordBatch& rows, std::size_t row) {
    const Column& paths = rows.column(path_);
    if (paths.is_null(row)) return Error(ErrorCode::kInvalidArgument, "the path is null");
    PENSTOCK_ASSIGN(const std::string file, read(rows, row));
    const std::size_t before = images_->size();
    const image::FileBytes bytes(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    const auto decoded = image::decode(bytes, options_.decode, [&](image::Size size) -> Result<std::uint8_t*> {
      const std::size_t most = std::size_t{INT32_MAX} - ImageView::kHeaderBytes - images_->text_bytes();
      if (std::size_t{3} * size.height * size.width > most)
        return Error(ErrorCode::kResourceExhausted, "the picture takes more than a column can hold, 2 GiB");
      return images_->append_image(size.height, size.width, 3);
    });
    if (!decoded) {
      if (images_->size() > before) images_->pop_back();
      return decoded.error();
    }
    kept_.push_back(static_cast<std::uint32_t>(row));
    return {};
  }

  // The bytes of the file that a row names, or of the part of it.
  Result<std::string> read(const RecordBatch& rows, std::size_t row) const {
    const std::string path(rows.column(path_).text(row));
    const auto most = static_cast<std::size_t>(options_.decode.max_bytes);
    if (!part_ || rows.column(part_->offset).is_null(row) || rows.column(part_->bytes).is_null(row))
      return read_file(path, most);
    const std::int64_t offset = rows.column(part_->offset).int64s()[row];
    const std::int64_t bytes = rows.column(part_->bytes).int64s()[row];
    if (offset < 0 || bytes < 0) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("file_offset is {} and file_bytes {}, and neither can be below 0", offset, bytes));
    }
    return read_file_part(path, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(bytes), most);
  }

  Status reject(const RecordBatch& rows, std::size_t row, const Error& error) {
    const Column& paths = rows.column(path_);
    const std::string path(paths.is_null(row) ? std::string_view() : paths.text(row));
    std::string reason = error.message().find(path) == std::string::npos ? fmt::format("{}: {}", path, error.message())
                                                                         : error.message();
    return context_->errors->reject({.record = row,
                                     .reason = std::move(reason),
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                     .column = options_.path,
                                     .file = path});
  }

  // What is decoded so far; false when nobody wants more.
  bool emit(const RecordBatch& rows, Emitter& out) {
    if (kept_.empty()) return true;
    std::vector<Column> columns = rows.take(kept_, *context_->pool).columns();
    columns.push_back(images_->finish());
    const std::size_t count = kept_.size();
    kept_.clear();
    return out.emit(RecordBatch(schema_, std::move(columns), count));
  }

  /// The columns that say which part of a file is the image.
  struct Part {
    std::size_t offset = 0;
    std::size_t bytes = 0;
  };

  ImageDecodeOptions options_;
  std::size_t path_ = 0;
  std::optional<Part> part_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<ColumnBuilder> images_;
  std::vector<std::uint32_t> kept_;
};

Error wrong_option(const Options& options, const char* name, std::string what) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" is {}", name, what))
      .at(options.place(name).to_text());
}

// The numbers of a list option, each from `least` to `most`.
Result<std::vector<std::int64_t>> numbers(const Options& options, const char* name, std::size_t count,
                                          std::int64_t least, std::int64_t most) {
  const OptionValue::List* const list = options.find(name)->as_list();
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::int64_t* const value = (*list)[i].as_integer();
    if (value != nullptr && *value >= least && *value <= most) values.push_back(*value);
  }
  if (list != nullptr && list->size() == count && values.size() == count) return values;
  return wrong_option(options, name,
                      fmt::format("{}, and must be a list of {} integers from {} to {}", options.find(name)->to_text(),
                                  count, least, most));
}

Result<std::unique_ptr<Operator>> make_image_decode(const Options& options) {
  ImageDecodeOptions how{options.text("column"), options.place("column").to_text(), options.text("as"), {}};
  if (options.integer("max_pixels") < 1 || options.integer("max_bytes") < 1)
    return wrong_option(options, options.integer("max_pixels") < 1 ? "max_pixels" : "max_bytes", "0 or less");
  how.decode.max_pixels = static_cast<std::uint64_t>(options.integer("max_pixels"));
  how.decode.max_bytes = static_cast<std::uint64_t>(options.integer("max_bytes"));
  const std::string& quality = options.text("quality");
  how.decode.quality = quality == "exact"  ? image::Quality::kExact
                       : quality == "fast" ? image::Quality::kFast
                                           : image::Quality::kHigh;
  how.decode.whole_pixels = true;  // a column does not say what a picture covers
  how.decode.apply_orientation = options.boolean("orientation");
  how.decode.damaged = options.text("damaged") == "keep" ? image::Damaged::kKeep : image::Damaged::kReject;
  if (options.has("reduce_to")) {
    PENSTOCK_ASSIGN(const auto sides, numbers(options, "reduce_to", 2, 1, 65'535));
    how.decode.reduce_to = {static_cast<std::uint32_t>(sides[1]), static_cast<std::uint32_t>(sides[0])};
  }
  PENSTOCK_ASSIGN(const auto colour, numbers(options, "background", 3, 0, 255));
  for (std::size_t i = 0; i < 3; ++i) how.decode.background[i] = static_cast<std::uint8_t>(colour[i]);
  return std::unique_ptr<Operator>(std::make_unique<ImageDecode>(std::move(how)));
}

}  // namespace

OperatorInfo image_decode_info() {
  return {
      .name = "image.decode",
      .summary = "Adds the pixels of an image file to each row: RGB of 8 bits, the right way up.",
      .options = {{.name = "column",
                   .doc = "The utf8 column with the path of the file. Where there are integer columns file_offset and "
                          "file_bytes, as image.shards makes them, they say which part of the file is the image.",
                   .default_value = "path"},
                  {.name = "as", .doc = "The new column, an image.", .default_value = "image"},
                  {.name = "reduce_to",
                   .kind = OptionKind::kAny,
                   .doc =
                       "Width and height that the image will be resized to. A JPEG may then be decoded at 1/2, 1/4 or "
                       "1/8, where that divides its sides.",
                   .example = "[224, 224]"},
                  {.name = "quality",
                   .kind = OptionKind::kChoice,
                   .doc = "With reduce_to: reduce nothing, keep both sides at twice that, or at that.",
                   .default_value = "high",
                   .choices = {"exact", "high", "fast"}},
                  {.name = "max_pixels",
                   .kind = OptionKind::kInteger,
                   .doc = "An image of more is an error of its row, told by the header.",
                   .default_value = 100'000'000},
                  {.name = "max_bytes",
                   .kind = OptionKind::kBytes,
                   .doc = "A larger file is an error of its row.",
                   .default_value = "256MiB"},
                  {.name = "orientation",
                   .kind = OptionKind::kBool,
                   .doc = "Whether to turn and mirror as EXIF and TIFF say.",
                   .default_value = true},
                  {.name = "background",
                   .kind = OptionKind::kAny,
                   .doc = "Red, green and blue below what is transparent.",
                   .default_value = OptionValue::List{255, 255, 255}},
                  {.name = "damaged",
                   .kind = OptionKind::kChoice,
                   .doc = "A damaged or truncated JPEG or PNG: reject its row, or keep what there is.",
                   .default_value = "reject",
                   .choices = {"reject", "keep"}}},
      .make = make_image_decode,
      .example = "op = \"image.decode\"\nreduce_to = [224, 224]\n"};
}

}  // namespace penstock
