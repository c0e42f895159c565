// SPDX-License-Identifier: MIT
// image.shards: a record per image in tar files, as WebDataset lays them out.
#include <fmt/format.h>
#include <penstock/vector_store.h>

#include <atomic>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "operators/image/image_files.h"
#include "operators/image/image_operators.h"
#include "operators/image/tar_members.h"

namespace penstock {
namespace {

/// The members that belong together: their names are the same up to the first dot behind the last slash.
std::string key_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  const std::size_t dot = name.find('.', slash == std::string::npos ? 0 : slash + 1);
  return name.substr(0, dot);
}

/// The images with one key, and what is said about them.
struct Sample {
  std::string key;
  std::vector<TarMember> images;
  std::string metadata;  // of the member KEY.json; empty: there is none
};

/// Reads the samples of one tar file, one behind the other.
class Samples {
 public:
  static Result<Samples> open(const std::string& path, const std::vector<std::string>& extensions) {
    PENSTOCK_ASSIGN(TarMembers members, TarMembers::open(path));
    return Samples(std::move(members), extensions);
  }

  /// The next one with an image in it; nothing at the end.
  Result<std::optional<Sample>> next() {
    for (;;) {
      PENSTOCK_ASSIGN(std::optional<Sample> sample, next_of_any());
      if (!sample || !sample->images.empty()) return sample;
    }
  }

  /// Behind which byte of the file they go on.
  std::uint64_t position() const noexcept { return position_; }

 private:
  Samples(TarMembers members, const std::vector<std::string>& extensions)
      : members_(std::move(members)), extensions_(&extensions) {}

  Result<std::optional<Sample>> next_of_any() {
    PENSTOCK_TRY(look_ahead());
    if (!ahead_) return std::optional<Sample>();
    Sample sample{key_of(ahead_->name), {}, {}};
    while (ahead_ && key_of(ahead_->name) == sample.key) {
      position_ = ahead_->offset + ahead_->bytes;
      if (ahead_->name == sample.key + ".json") {
        sample.metadata = members_.bytes_of(*ahead_).substr(0, VectorStore::kMaxMetadataBytes + 1);
      } else if (has_extension(ahead_->name, *extensions_)) {
        sample.images.push_back(std::move(*ahead_));
      }
      ahead_.reset();
      // What is whole comes before the error behind it.
      if (Status more = look_ahead(); !more) failed_ = std::move(more);
    }
    return std::optional(std::move(sample));
  }

  Status look_ahead() {
    PENSTOCK_TRY(std::exchange(failed_, Status()));
    if (ahead_) return {};
    PENSTOCK_ASSIGN(ahead_, members_.next());
    return {};
  }

  TarMembers members_;
  const std::vector<std::string>* extensions_;
  std::optional<TarMember> ahead_;
  Status failed_;
  std::uint64_t position_ = 0;
};

class ImageShards final : public Source {
 public:
  ImageShards(std::vector<std::string> shards, std::vector<std::string> extensions, std::size_t rows)
      : shards_(std::move(shards)), extensions_(std::move(extensions)), rows_(rows) {}

  OperatorTraits traits() const override { return {.saves = true}; }
  Result<StreamType> bind(const StreamType&) override {
    PENSTOCK_ASSIGN(schema_, make_schema({{"id", Type::kUtf8},
                                          {"path", Type::kUtf8},
                                          {"file_offset", Type::kInt64},
                                          {"file_bytes", Type::kInt64},
                                          {"key", Type::kUtf8},
                                          {"metadata", Type::kUtf8}}));
    return StreamType::of_schema(schema_);
  }
  std::string note() const override { return fmt::format("{} shards", shards_.size()); }
  Status open(OperatorContext& context) override {
    context_ = &context;
    builder_.emplace(schema_, *context.pool);
    begins_ = {0};
    for (const std::string& shard : shards_) {
      PENSTOCK_ASSIGN(const FileStamp stamp, stamp_of(shard));
      begins_.push_back(begins_.back() + static_cast<std::uint64_t>(stamp.size_bytes));
    }
    total_ = begins_.back();
    return {};
  }

  Result<Next> produce(Emitter& out) override {
    const std::size_t most = std::min(rows_, context_->batch_size);
    while (builder_->num_rows() < most && shard_ < shards_.size()) {
      Result<bool> found = go_on();
      if (found && *found) PENSTOCK_TRY(take(*sample_, sample_->images[image_++]));
      if (found && *found) continue;
      // The rest of a shard that is damaged is given up; the others follow.
      if (!found) PENSTOCK_TRY(reject(found.error().to_text(), shards_[shard_], nullptr));
      done_ = begins_[++shard_];
      samples_.reset();
      sample_.reset();
      taken_ = image_ = 0;
    }
    const bool wanted = builder_->num_rows() == 0 || out.emit(builder_->finish());
    return wanted && shard_ < shards_.size() ? Next::kMore : Next::kEnd;
  }

  SourceProgress progress() const noexcept override { return {done_, total_, "bytes"}; }

  Status save(StateWriter& to) override {
    to.integer(shard_);
    to.integer(taken_);
    to.integer(image_);
    to.integer(found_);
    to.text(shard_ == shards_.size() ? std::string() : shards_[shard_]);
    return {};
  }
  Status restore(StateReader& from) override {
    shard_ = from.integer();
    const std::uint64_t taken = from.integer();
    const std::uint64_t image = from.integer();
    found_ = from.integer();
    const std::string_view name = from.text();
    PENSTOCK_TRY(from.end());
    const Error others(ErrorCode::kDataLoss, "other shards are listed than before");
    if (shard_ > shards_.size() || (shard_ < shards_.size() && shards_[shard_] != name)) return others;
    while (taken_ < taken) {
      if (sample_) image_ = sample_->images.size();
      const Result<bool> found = go_on();
      if (!found || !*found) return others;
    }
    if (sample_ && image > sample_->images.size()) return others;
    image_ = image;
    return {};
  }

 private:
  // Makes sure that sample_ has an image at image_; false at the end of the shard.
  Result<bool> go_on() {
    if (sample_ && image_ < sample_->images.size()) return true;
    if (!samples_) {
      PENSTOCK_ASSIGN(Samples opened, Samples::open(shards_[shard_], extensions_));
      samples_.emplace(std::move(opened));
    }
    PENSTOCK_ASSIGN(sample_, samples_->next());
    if (!sample_) return false;
    ++taken_;
    image_ = 0;
    done_ = begins_[shard_] + samples_->position();
    return true;
  }

  Status reject(std::string reason, std::string raw, const char* column) {
    return context_->errors->reject({.record = found_++,
                                     .reason = std::move(reason),
                                     .raw = std::move(raw),
                                     .column = column == nullptr ? "" : column,
                                     .file = shards_[shard_]});
  }

  Status take(const Sample& sample, const TarMember& image) {
    const std::string& shard = shards_[shard_];
    const std::string id = shard + "/" + image.name;
    if (!is_utf8(id)) return reject("the name is no valid UTF-8", id, "id");
    if (sample.metadata.size() > VectorStore::kMaxMetadataBytes)
      return reject("the metadata has more than 1 MiB", id, "metadata");
    if (!is_utf8(sample.metadata)) return reject("the metadata is no valid UTF-8", id, "metadata");
    ++found_;
    builder_->column(0).append_text(id);
    builder_->column(1).append_text(shard);
    builder_->column(2).append_int64(static_cast<std::int64_t>(image.offset));
    builder_->column(3).append_int64(static_cast<std::int64_t>(image.bytes));
    builder_->column(4).append_text(sample.key);
    if (sample.metadata.empty()) {
      builder_->column(5).append_null();
    } else {
      builder_->column(5).append_text(sample.metadata);
    }
    return {};
  }

  std::vector<std::string> shards_;
  std::vector<std::string> extensions_;
  std::size_t rows_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordBatchBuilder> builder_;
  std::optional<Samples> samples_;  // of the shard at hand
  std::optional<Sample> sample_;
  std::uint64_t image_ = 0;            // of the sample, the next
  std::size_t shard_ = 0;              // at hand
  std::uint64_t taken_ = 0;            // samples of it
  std::uint64_t found_ = 0;            // images in all
  std::vector<std::uint64_t> begins_;  // of each, in bytes of all
  std::atomic<std::uint64_t> total_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
};

Result<std::unique_ptr<Operator>> make_image_shards(const Options& options) {
  std::vector<std::string> shards;
  for (const std::string& path : options.texts("path")) {
    auto found = expand_glob(path);
    if (!found) return std::move(found).error().at(options.place("path").to_text());
    shards.insert(shards.end(), found->begin(), found->end());
  }
  const std::int64_t rows = options.integer("rows");
  if (rows < 1) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"rows\" is {}, and must be at least 1", rows))
        .at(options.place("rows").to_text());
  }
  return std::make_unique<ImageShards>(std::move(shards), options.texts("extensions"), static_cast<std::size_t>(rows));
}

}  // namespace

OperatorInfo image_shards_info() {
  return {
      .name = "image.shards",
      .role = OperatorInfo::Role::kSource,
      .summary =
          "Lists the images in tar files (shards of WebDataset): a record for each, with the tar file, where in it "
          "the image lies, its key, and the JSON that stands beside it.",
      .options = {{.name = "path",
                   .kind = OptionKind::kTexts,
                   .doc = "Tar files, or globs. Not compressed: images are read where they lie.",
                   .required = true,
                   .example = "\"shards/*.tar\""},
                  {.name = "extensions",
                   .kind = OptionKind::kTexts,
                   .doc = "Which members are images, by the ends of their names, whatever their case; an empty "
                          "list: all.",
                   .default_value = image_extensions()},
                  {.name = "rows", .kind = OptionKind::kInteger, .doc = "Most records per batch.", .default_value = 1}},
      .make = make_image_shards,
      .example = "op = \"image.shards\"\npath = \"shards/*.tar\"\n"};
}

}  // namespace penstock
