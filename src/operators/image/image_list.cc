// SPDX-License-Identifier: MIT
// image.list: a record per image file.
#include <fmt/format.h>

#include <atomic>
#include <optional>

#include "base/utf8.h"
#include "operators/image/image_files.h"
#include "operators/image/image_operators.h"

namespace penstock {
namespace {

class ImageList final : public Source {
 public:
  ImageList(std::vector<std::string> files, std::size_t rows) : files_(std::move(files)), rows_(rows) {}

  OperatorTraits traits() const override { return {.saves = true}; }
  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_ASSIGN(schema_, make_schema({{"id", Type::kUtf8}, {"path", Type::kUtf8}}));
    return StreamType::of_schema(schema_);
  }
  std::string note() const override { return fmt::format("{} files", files_.size()); }
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    return {};
  }

  Result<Next> produce(Emitter& out) override {
    const std::size_t most = std::min(rows_, context_->batch_size);
    while (next_ < files_.size() && builder_->num_rows() < most) PENSTOCK_TRY(take(files_[next_++]));
    const bool wanted = builder_->num_rows() == 0 || out.emit(builder_->finish());
    return wanted && next_ < files_.size() ? Next::kMore : Next::kEnd;
  }

  SourceProgress progress() const noexcept override { return {next_, files_.size(), "records"}; }

  Status save(StateWriter& to) override {
    to.integer(next_);
    to.text(next_ == 0 ? std::string() : files_[next_ - 1]);
    return {};
  }
  Status restore(StateReader& from) override {
    const std::uint64_t next = from.integer();
    const std::string_view last = from.text();
    PENSTOCK_TRY(from.end());
    if (next > files_.size() || (next > 0 && files_[next - 1] != last))
      return Error(ErrorCode::kDataLoss, "other files are listed than before");
    next_ = next;
    return {};
  }

 private:
  Status take(const std::string& path) {
    if (!is_utf8(path))
      return context_->errors->reject(
          {.record = next_ - 1, .reason = "the path is no valid UTF-8", .raw = path, .column = "path"});
    builder_->column(0).append_text(path);
    builder_->column(1).append_text(path);
    return {};
  }

  std::vector<std::string> files_;
  std::size_t rows_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  std::atomic<std::uint64_t> next_ = 0;
};

Result<std::unique_ptr<Operator>> make_image_list(const Options& options) {
  std::vector<std::string> files;
  if (options.has("path")) {
    auto found = image_files(options.texts("path"), options.texts("extensions"));
    if (!found) return std::move(found).error().at(options.place("path").to_text());
    files = std::move(*found);
  }
  if (options.has("list")) {
    auto listed = paths_in_list(options.text("list"));
    if (!listed) return std::move(listed).error().at(options.place("list").to_text());
    files.insert(files.end(), listed->begin(), listed->end());
  }
  if (!options.has("path") && !options.has("list")) {
    return Error(ErrorCode::kInvalidArgument, "neither \"path\" nor \"list\" is given")
        .at(options.origin.to_text())
        .hint("for instance path = \"photos\"");
  }
  const std::int64_t rows = options.integer("rows");
  if (rows < 1) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"rows\" is {}, and must be at least 1", rows))
        .at(options.place("rows").to_text());
  }
  return std::make_unique<ImageList>(std::move(files), static_cast<std::size_t>(rows));
}

}  // namespace

OperatorInfo image_list_info() {
  return {
      .name = "image.list",
      .role = OperatorInfo::Role::kSource,
      .summary = "Lists image files: a record with id and path for each, both the path.",
      .options =
          {{.name = "path",
            .kind = OptionKind::kTexts,
            .doc = "Files, globs, or folders, which are searched with all folders below them. Files of a folder or a "
                   "glob come in byte order of their paths.",
            .example = "\"photos\""},
           {.name = "list",
            .kind = OptionKind::kText,
            .doc = "A text file with a path per line, after those of \"path\". For lists with ids and other columns "
                   "read them with csv.read or json.read instead of this operator.",
            .example = "\"photos.txt\""},
           {.name = "extensions",
            .kind = OptionKind::kTexts,
            .doc =
                "Which files of a folder are images, by the ends of their names, whatever their case; an empty list: "
                "all. What is in a file is found by its first bytes when it is decoded.",
            .default_value = image_extensions()},
           {.name = "rows",
            .kind = OptionKind::kInteger,
            .doc = "Most records per batch. One image is work enough to be handed to a worker.",
            .default_value = 1}},
      .make = make_image_list,
      .example = "op = \"image.list\"\npath = \"photos\"\n"};
}

}  // namespace penstock
