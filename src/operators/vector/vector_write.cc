// SPDX-License-Identifier: MIT
#include "operators/vector/vector_write.h"

#include <fmt/format.h>

#include <functional>

#include "data/json_text.h"
#include "data/rows_without.h"
#include "operators/vector/vector_operators.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::size_t kMostWaitingBytes = std::size_t{16} << 20;  // of rows that wait for their call

/// Rows that wait for a call of the store.
class WaitingRows {
 public:
  void add(std::string id, std::span<const float> vector, std::string metadata) {
    bytes_ += id.size() + vector.size_bytes() + metadata.size();
    ids_.push_back(std::move(id));
    vectors_.insert(vectors_.end(), vector.begin(), vector.end());
    metadata_.push_back(std::move(metadata));
  }
  std::size_t size() const noexcept { return ids_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  Result<PutCounts> into(VectorStore& store, bool replaces) const {
    const std::vector<std::string_view> ids(ids_.begin(), ids_.end());
    const std::vector<std::string_view> metadata(metadata_.begin(), metadata_.end());
    const VectorRows rows = {ids, vectors_, metadata};
    return replaces ? store.upsert(rows) : store.insert(rows);
  }
  void clear() noexcept {
    bytes_ = 0;
    ids_.clear();
    vectors_.clear();
    metadata_.clear();
  }

 private:
  std::size_t bytes_ = 0;
  std::vector<std::string> ids_;
  std::vector<float> vectors_;
  std::vector<std::string> metadata_;
};

/// In:      record batches.
/// Out:     the rows that were put, or are about to be.
/// Errors:  bind: columns of other types. open, process, finish: a store that is not there after all attempts, or is of
///          another dimension or metric. Rows that no store of this kind could hold are rejected.
/// State:   rows that wait for their call: `batch` of them at most, and 16 MiB. They are put, and the store is flushed,
///          before a checkpoint; since each id is there once, what is put again behind one changes nothing.
class VectorWrite final : public Operator {
 public:
  explicit VectorWrite(VectorWriteOptions options) : options_(std::move(options)), calls_(options_.calls.retries) {}

  // A batch that failed is not tried again as a whole: some of its rows may wait here.
  OperatorTraits traits() const override {
    return {.effects = true, .retries_rows = true, .saves = true, .rows = RowEffect::kKeeps};
  }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(vector_, find_vectors("vector.write", input, options_.vector));
    PENSTOCK_ASSIGN(id_, find_ids("vector.write", input, options_.id));
    for (const std::string& name : options_.metadata) {
      const auto found = input.schema->find(name);
      if (!found) return Error(found.error()).at(options_.metadata_place);
      const Type type = (*input.schema)[*found].type;
      if (type == Type::kImage || type == Type::kTensor) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("column \"{}\" is {}, which metadata cannot hold", name, to_string(type)))
            .at(options_.metadata_place);
      }
      std::string prefix = metadata_.empty() ? "{" : ",";
      append_json_text(prefix, name);
      metadata_.push_back({*found, prefix + ':'});
    }
    if (options_.json.text.empty()) return input;
    const auto json = input.schema->find(options_.json.text);
    if (!json) return Error(json.error()).at(options_.json.place);
    if ((*input.schema)[*json].type != Type::kUtf8) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("column \"{}\" is {}, JSON is text", options_.json.text,
                                                            to_string((*input.schema)[*json].type)))
          .at(options_.json.place);
    }
    json_ = *json;
    return input;
  }

  std::string note() const override {
    std::string text = fmt::format("{} values, {}", vector_.dimension, to_string(options_.metric));
    if (put_rows_ == 0) return text;
    text +=
        fmt::format("; {} added, {} replaced, {} were there already", counts_.added, counts_.replaced, counts_.kept);
    if (calls_.made_again() > 0) text += fmt::format("; {} calls made again", calls_.made_again());
    return text;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    VectorStoreOptions how;
    how.shape = {vector_.dimension, options_.metric};
    how.description = options_.description;
    how.timeout = options_.calls.timeout;
    if (is_file()) PENSTOCK_TRY(make_folders(folder_of(options_.calls.store)));
    auto opened = calls_.make(*context.stop, nullptr, [&] { return options_.open(options_.calls.store, how); });
    if (!opened) return std::move(opened).error().at(options_.calls.place);
    store_ = std::move(*opened);
    return check_made_by();
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    rejected_.clear();
    for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
      if (context_->stop->cancelled()) return {};
      if (const Status taken = take(rows, row); !taken) PENSTOCK_TRY(reject(rows, row, taken.error()));
      if (waiting_.size() >= options_.batch || waiting_.bytes() >= kMostWaitingBytes) PENSTOCK_TRY(put());
    }
    if (!rejected_.empty())
      batch = rows.take(rows_without(rejected_, rows.num_rows(), std::identity()), *context_->pool);
    out.emit(std::move(batch));
    return {};
  }

  Status finish(Emitter&) override { return put_and_flush(); }

  Status save(StateWriter& to) override {
    PENSTOCK_TRY(put_and_flush());
    to.integer(counts_.added);
    to.integer(counts_.replaced);
    to.integer(counts_.kept);
    return {};
  }
  Status restore(StateReader& from) override {
    counts_.added = from.integer();
    counts_.replaced = from.integer();
    counts_.kept = from.integer();
    PENSTOCK_TRY(from.end());
    put_rows_ = counts_.added + counts_.replaced + counts_.kept;
    PENSTOCK_ASSIGN(const std::uint64_t has, calls_.make(*context_->stop, nullptr, [&] { return store_->count(); }));
    if (has >= counts_.added) return {};
    return Error(ErrorCode::kDataLoss,
                 fmt::format("the store has {} rows, and {} were put into it", has, counts_.added));
  }

  Status commit() override {
    const Status closed = store_->close();
    store_.reset();
    return closed;
  }
  void abort() noexcept override { store_.reset(); }

  std::vector<OutputFile> outputs() const override {
    if (!is_file()) return {};  // an address may hold a password
    const auto stamp = stamp_of(options_.calls.store);
    const std::uint64_t bytes = stamp ? static_cast<std::uint64_t>(stamp->size_bytes) : 0;
    return {{options_.calls.store, "data", counts_.added + counts_.replaced, bytes}};
  }

 private:
  struct MetadataColumn {
    std::size_t index;
    std::string prefix;  ///< What stands before its value.
  };

  // Vectors of two models mean nothing to one another, even where they have as many values.
  Status check_made_by() const {
    const std::string made_by = store_->description();
    if (options_.description.empty() || made_by.empty() || made_by == options_.description) return {};
    return Error(ErrorCode::kInvalidArgument, fmt::format("the vectors in {} were made in another way; it says:\n{}",
                                                          is_file() ? options_.calls.store : "the store", made_by))
        .at(options_.calls.place)
        .hint("make them in the same way, or put them into another store");
  }

  bool is_file() const { return options_.calls.store.find("://") == std::string::npos; }

  Status take(const RecordBatch& rows, std::size_t row) {
    const auto null = [](const GivenText& column) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is null", column.text));
    };
    if (rows.column(id_).is_null(row)) return null(options_.id);
    if (rows.column(vector_.index).is_null(row)) return null(options_.vector);
    std::string id = id_in(rows.column(id_), row);
    std::string metadata = metadata_of(rows, row);
    const std::span<const float> vector = vector_.of(rows, row);
    PENSTOCK_TRY(store_->check_row(id, vector, metadata));
    waiting_.add(std::move(id), vector, std::move(metadata));
    return {};
  }

  std::string metadata_of(const RecordBatch& rows, std::size_t row) const {
    std::string metadata;
    for (const MetadataColumn& column : metadata_) {
      metadata += column.prefix;
      append_json_value(metadata, rows.column(column.index), row);
    }
    if (!metadata.empty()) metadata += '}';
    if (!json_ || rows.column(*json_).is_null(row)) return metadata;
    // Two objects become one; whether that is one is looked at with the rest of the row.
    const std::string_view json = rows.column(*json_).text(row);
    if (metadata.empty() || json.empty()) return metadata.empty() ? std::string(json) : metadata;
    const std::size_t open = json.find_first_not_of(" \t\r\n");
    if (open == std::string_view::npos || json[open] != '{') return std::string(json);
    const std::string_view members = json.substr(open + 1);
    const std::size_t first = members.find_first_not_of(" \t\r\n");
    const bool none = first != std::string_view::npos && members[first] == '}';
    metadata.back() = none ? ' ' : ',';
    return metadata.append(members);
  }

  Status reject(const RecordBatch& rows, std::uint32_t row, const Error& error) {
    rejected_.push_back(row);
    return context_->errors->reject({.record = row,
                                     .reason = error.message(),
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row)});
  }

  Status put() {
    if (waiting_.size() == 0) return {};
    PENSTOCK_ASSIGN(const PutCounts counts, calls_.make(*context_->stop, context_->errors,
                                                        [&] { return waiting_.into(*store_, options_.replaces); }));
    put_rows_ += waiting_.size();
    counts_.added += counts.added;
    counts_.replaced += counts.replaced;
    counts_.kept += counts.kept;
    waiting_.clear();
    return {};
  }
  Status put_and_flush() {
    PENSTOCK_TRY(put());
    return calls_.make(*context_->stop, context_->errors, [&] { return store_->flush(); });
  }

  const VectorWriteOptions options_;
  StoreCalls calls_;
  VectorColumn vector_;
  std::size_t id_ = 0;
  std::vector<MetadataColumn> metadata_;
  std::optional<std::size_t> json_;
  OperatorContext* context_ = nullptr;
  std::unique_ptr<VectorStore> store_;
  WaitingRows waiting_;
  std::vector<std::uint32_t> rejected_;  // of the batch at hand
  PutCounts counts_;
  std::uint64_t put_rows_ = 0;
};

Result<std::unique_ptr<Operator>> vector_write_of(const Options& options) {
  VectorWriteOptions how;
  PENSTOCK_ASSIGN(how.calls, store_call_options(options));
  how.id = given_text(options, "id");
  how.vector = given_text(options, "vector");
  if (options.has("metadata")) {
    how.metadata = options.texts("metadata");
    how.metadata_place = options.place("metadata").to_text();
  }
  if (options.has("metadata_json")) how.json = given_text(options, "metadata_json");
  how.replaces = options.text("mode") == "upsert";
  PENSTOCK_ASSIGN(how.metric, metric_named(options.text("metric")));
  how.description = options.text("description");
  if (const Status good = check_description(how.description); !good)
    return Error(good.error()).at(options.place("description").to_text());
  const std::int64_t batch = options.integer("batch");
  if (batch < 1 || batch > 100'000) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("option \"batch\" is {}, and must be from 1 to 100,000", batch))
        .at(options.place("batch").to_text());
  }
  how.batch = static_cast<std::size_t>(batch);
  return make_vector_write(std::move(how));
}

}  // namespace

std::unique_ptr<Operator> make_vector_write(VectorWriteOptions options) {
  return std::make_unique<VectorWrite>(std::move(options));
}

OperatorInfo vector_write_info() {
  std::vector<OptionInfo> options = store_call_option_infos();
  options.insert(
      options.begin() + 1,
      {{.name = "id",
        .kind = OptionKind::kText,
        .doc = "The column of the ids, texts or integers. A store has one row per id.",
        .default_value = "id"},
       {.name = "vector",
        .kind = OptionKind::kText,
        .doc = "The column of the vectors: tensors of f32 of any shape, whose values are taken in C order.",
        .default_value = "vector"},
       {.name = "metadata",
        .kind = OptionKind::kTexts,
        .doc = "Columns that are kept with each vector, as one JSON object.",
        .example = "[\"label\", \"year\"]"},
       {.name = "metadata_json",
        .doc = "A column with a JSON object, or null, whose members are kept with each vector, too.",
        .example = "\"metadata\""},
       {.name = "mode",
        .kind = OptionKind::kChoice,
        .doc =
            "What happens to an id that is there: \"upsert\" replaces its vector and metadata, \"insert\" leaves them.",
        .default_value = "upsert",
        .choices = {"upsert", "insert"}},
       {.name = "metric",
        .kind = OptionKind::kChoice,
        .doc = "How near two vectors are. That of a store that is there must be the same.",
        .default_value = "cosine",
        .choices = {"cosine", "l2", "dot"}},
       {.name = "description",
        .kind = OptionKind::kText,
        .doc = "What made the vectors; stored when the store is made. A store that says something else is refused.",
        .default_value = "",
        .example = "\"resnet50, 224 x 224\""},
       {.name = "batch",
        .kind = OptionKind::kInteger,
        .doc = "Most rows per call of the store.",
        .default_value = 256}});
  return {.name = "vector.write",
          .role = OperatorInfo::Role::kSink,
          .summary = "Puts each record's vector, id and metadata into a store of vectors, and passes the records on.",
          .options = std::move(options),
          .make = vector_write_of,
          .example = "op = \"vector.write\"\nstore = \"photos.index\"\nmetadata = [\"path\"]\n"};
}

}  // namespace penstock
