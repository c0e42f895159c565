// SPDX-License-Identifier: MIT
// vector.search: for each row the nearest rows of a store of vectors.
#include <fmt/format.h>

#include <map>
#include <mutex>

#include "operators/vector/vector_columns.h"
#include "operators/vector/vector_operators.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBatchRows = 65'536;  // of output, so that a large k makes no large batches

struct VectorSearchOptions {
  StoreCallOptions calls;
  GivenText vector;
  std::size_t k = 0;
  std::size_t breadth = 0;
  std::vector<Condition> filter;
  std::string prefix;
  std::string prefix_place;
  bool keeps_vector = false;
};

// The workers of a process search in one store: it may be as large as the memory allows.
Result<std::shared_ptr<VectorStore>> shared_store(const StoreCallOptions& calls) {
  static std::mutex& mutex = *new std::mutex;
  static auto& stores = *new std::map<std::string, std::weak_ptr<VectorStore>>;  // guarded by mutex
  const std::lock_guard lock(mutex);
  std::weak_ptr<VectorStore>& known = stores[calls.store];
  if (std::shared_ptr<VectorStore> open = known.lock()) return open;
  VectorStoreOptions how;
  how.open = VectorStoreOptions::Open::kRead;
  how.timeout = calls.timeout;
  PENSTOCK_ASSIGN(std::unique_ptr<VectorStore> opened, open_vector_store(calls.store, how));
  std::shared_ptr<VectorStore> open = std::move(opened);
  known = open;
  return open;
}

/// In:      record batches.
/// Out:     per row and neighbour a row: the columns of the input without the vector, then rank (from 1), neighbor (its
///          id), distance and metadata (JSON). A row for which there is no neighbour does not come out.
/// Errors:  bind: columns of other types. open, process: a store that is not there after all attempts, or of another
///          dimension. Rows without a vector, or with one that cannot be looked for, are rejected.
/// State:   none; the workers of a process share one open store.
class VectorSearch final : public Operator {
 public:
  explicit VectorSearch(VectorSearchOptions options) : options_(std::move(options)), calls_(options_.calls.retries) {}

  OperatorTraits traits() const override { return {.stateless = true}; }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(vector_, find_vectors("vector.search", input, options_.vector));
    std::vector<Field> fields;
    for (std::size_t i = 0; i < input.schema->size(); ++i) {
      if (i == vector_.index && !options_.keeps_vector) continue;
      kept_.push_back(i);
      fields.push_back((*input.schema)[i]);
    }
    fields.push_back({options_.prefix + "rank", Type::kInt64});
    fields.push_back({options_.prefix + "neighbor", Type::kUtf8});
    fields.push_back({options_.prefix + "distance", Type::kFloat64});
    fields.push_back({options_.prefix + "metadata", Type::kUtf8});
    auto schema = make_schema(std::move(fields));
    if (!schema)
      return std::move(schema).error().at(options_.prefix_place).hint("option \"prefix\" renames what is added");
    schema_ = std::move(*schema);
    return StreamType::of_schema(schema_);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    auto opened = calls_.make(*context.stop, nullptr, [&] { return shared_store(options_.calls); });
    if (!opened) return std::move(opened).error().at(options_.calls.place);
    store_ = std::move(*opened);
    const std::uint32_t has = store_->shape().dimension;
    if (has == vector_.dimension) return {};
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("column \"{}\" has vectors of {} values, and the store has {} per vector",
                             options_.vector.text, vector_.dimension, has))
        .at(options_.vector.place)
        .hint("make them by what the store was filled with: " +
              (store_->description().empty() ? "it does not say" : store_->description()));
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    begin();
    for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
      if (context_->stop->cancelled()) return {};
      PENSTOCK_TRY(look_for(rows, row));
      if (from_.size() >= kMostBatchRows && !emit(rows, out)) return {};
    }
    emit(rows, out);
    return {};
  }

 private:
  void begin() {
    from_.clear();
    ranks_.emplace(Type::kInt64, *context_->pool);
    ids_.emplace(Type::kUtf8, *context_->pool);
    distances_.emplace(Type::kFloat64, *context_->pool);
    metadata_.emplace(Type::kUtf8, *context_->pool);
  }

  Status look_for(const RecordBatch& rows, std::uint32_t row) {
    if (rows.column(vector_.index).is_null(row))
      return reject(rows, row, Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is null", options_.vector.text)));
    const VectorQuery query = {vector_.of(rows, row), options_.k, options_.filter, options_.breadth};
    const auto found = calls_.make(*context_->stop, context_->errors, [&] { return store_->search(query); });
    if (!found && found.error().code() == ErrorCode::kInvalidArgument) return reject(rows, row, found.error());
    if (!found) return Error(found.error());
    for (std::size_t i = 0; i < found->size(); ++i) {
      from_.push_back(row);
      ranks_->append_int64(static_cast<std::int64_t>(i) + 1);
      ids_->append_text((*found)[i].id);
      distances_->append_float64(static_cast<double>((*found)[i].distance));
      metadata_->append_text((*found)[i].metadata);
    }
    return {};
  }

  Status reject(const RecordBatch& rows, std::uint32_t row, const Error& error) {
    return context_->errors->reject({.record = row,
                                     .reason = error.message(),
                                     .raw = context_->errors->raw_unused() ? std::string() : rows.row_to_json(row),
                                     .column = options_.vector.text});
  }

  // What was found so far; false when nobody wants more.
  bool emit(const RecordBatch& rows, Emitter& out) {
    if (from_.empty()) return true;
    std::vector<Column> columns;
    for (const std::size_t index : kept_) columns.push_back(rows.column(index).take(from_, *context_->pool));
    columns.push_back(ranks_->finish());
    columns.push_back(ids_->finish());
    columns.push_back(distances_->finish());
    columns.push_back(metadata_->finish());
    const std::size_t count = from_.size();
    from_.clear();
    return out.emit(RecordBatch(schema_, std::move(columns), count));
  }

  const VectorSearchOptions options_;
  StoreCalls calls_;
  VectorColumn vector_;
  std::vector<std::size_t> kept_;  // columns of the input
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<const VectorStore> store_;
  std::vector<std::uint32_t> from_;  // the row of the batch at hand, for each row found
  std::optional<ColumnBuilder> ranks_;
  std::optional<ColumnBuilder> ids_;
  std::optional<ColumnBuilder> distances_;
  std::optional<ColumnBuilder> metadata_;
};

Result<std::vector<Condition>> conditions_in(const Options& options) {
  std::vector<Condition> conditions;
  if (!options.has("filter")) return conditions;
  for (const OptionValue::Entry& entry : options.table("filter")) {
    Condition condition;
    condition.key = entry.name;
    if (const bool* const yes = entry.value.as_bool()) {
      condition.value = *yes;
    } else if (const std::int64_t* const integer = entry.value.as_integer()) {
      condition.value = *integer;
    } else if (const double* const number = entry.value.as_number()) {
      condition.value = *number;
    } else if (const std::string* const text = entry.value.as_text()) {
      condition.value = *text;
    } else {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("\"{}\" is compared with {}", entry.name, entry.value.kind_name()))
          .at(entry.value.place.to_text())
          .hint("a bool, a number or a text");
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

Result<std::size_t> count_option(const Options& options, const char* name, std::int64_t least) {
  const std::int64_t count = options.integer(name);
  if (count >= least && count <= static_cast<std::int64_t>(VectorStore::kMaxNeighbors))
    return static_cast<std::size_t>(count);
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" is {}, and must be from {} to {}", name, count,
                                                        least, VectorStore::kMaxNeighbors))
      .at(options.place(name).to_text());
}

Result<std::unique_ptr<Operator>> make_vector_search(const Options& options) {
  VectorSearchOptions how;
  PENSTOCK_ASSIGN(how.calls, store_call_options(options));
  how.vector = given_text(options, "vector");
  PENSTOCK_ASSIGN(how.k, count_option(options, "k", 1));
  PENSTOCK_ASSIGN(how.breadth, count_option(options, "breadth", 0));
  PENSTOCK_ASSIGN(how.filter, conditions_in(options));
  how.prefix = options.text("prefix");
  how.prefix_place = options.place("prefix").to_text();
  how.keeps_vector = options.boolean("keep_vector");
  return std::make_unique<VectorSearch>(std::move(how));
}

}  // namespace

OperatorInfo vector_search_info() {
  std::vector<OptionInfo> options = store_call_option_infos();
  options.insert(
      options.begin() + 1,
      {{.name = "vector",
        .kind = OptionKind::kText,
        .doc = "The column of the vectors to look for: tensors of f32 of any shape.",
        .default_value = "vector"},
       {.name = "k", .kind = OptionKind::kInteger, .doc = "How many at most, 1 to 16,384.", .default_value = 10},
       {.name = "breadth",
        .kind = OptionKind::kInteger,
        .doc =
            "How many candidates a search by an index keeps in sight, 0 to 16,384: more takes longer and misses less. "
            "0: as many as the store finds right, 256.",
        .default_value = 0},
       {.name = "filter",
        .kind = OptionKind::kTable,
        .doc = "Only rows whose metadata has these values at its top.",
        .example = "{ label = \"cat\", year = 2024 }"},
       {.name = "prefix",
        .kind = OptionKind::kText,
        .doc = "What stands before the names of the columns that are added.",
        .default_value = "",
        .example = "\"near_\""},
       {.name = "keep_vector",
        .kind = OptionKind::kBool,
        .doc = "Whether the vector stays in the rows, once for each neighbour.",
        .default_value = false}});
  return {.name = "vector.search",
          .role = OperatorInfo::Role::kTransform,
          .summary =
              "Looks in a store of vectors for the nearest to each record's, and emits a record for each of them: the "
              "record's own columns, rank from 1, neighbor (an id), distance and metadata (JSON).",
          .options = std::move(options),
          .make = make_vector_search,
          .example = "op = \"vector.search\"\nstore = \"photos.index\"\nk = 5\n"};
}

}  // namespace penstock
