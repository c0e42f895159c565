// SPDX-License-Identifier: MIT
// The operator `join`: columns of a small table, found by key.
#include <fmt/format.h>

#include <algorithm>

#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/lookup_table.h"

namespace penstock {
namespace {

// What happens to a row without a match.
enum class Missing : std::uint8_t { kNulls, kDrop, kReject };

struct JoinOptions {
  LookupOptions table;
  std::vector<ColumnName> keys;  // columns of the input
  std::string prefix;
  Missing missing = Missing::kNulls;
};

class Join final : public Operator {
 public:
  explicit Join(JoinOptions options) : options_(std::move(options)), table_(options_.table) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    PENSTOCK_TRY(table_.bind());
    PENSTOCK_ASSIGN(std::vector<KeyColumn> keys, key_columns(*schema, options_.keys));
    for (std::size_t i = 0; i < keys.size(); ++i) PENSTOCK_TRY(check_types((*schema)[keys[i].index], i));
    keys_ = RowKeys(std::move(keys));
    std::vector<Field> fields = schema->fields();
    for (const Field& field : table_.value_fields()) {
      const std::string name = options_.prefix + field.name;
      if (schema->index_of(name) != Schema::kNone) {
        return Error(ErrorCode::kAlreadyExists,
                     fmt::format("the input and the table {} both have a column \"{}\"", options_.table.path, name))
            .at(options_.table.place)
            .hint("name the \"columns\" to take from the table, or give theirs a \"prefix\"");
      }
      fields.push_back({name, field.type});
    }
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kDrops}; }

  std::string note() const override {
    if (context_ == nullptr)
      return fmt::format("its table is {}, read by {}", options_.table.path, options_.table.reader);
    return fmt::format("{} row{} from {} by {}", table_.num_rows(), table_.num_rows() == 1 ? "" : "s",
                       options_.table.path, options_.table.reader);
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return table_.load(context);
  }

  Status process(Batch batch, Emitter& out) override {
    RecordBatch rows = std::move(batch.record_batch());
    table_.find(rows, keys_, found_);
    const bool all =
        std::none_of(found_.begin(), found_.end(), [](std::uint32_t row) { return row == GroupTable::kNone; });
    if (!all && options_.missing == Missing::kReject) PENSTOCK_TRY(reject_missing(rows));
    if (!all && options_.missing != Missing::kNulls) rows = keep_found(rows);
    if (rows.num_rows() > 0) out.emit(with_columns(rows, all || options_.missing != Missing::kNulls));
    return {};
  }

 private:
  Status check_types(const Field& input, std::size_t key) const {
    const Field& table = table_.key_fields()[key];
    if (input.type == table.type) return {};
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("column \"{}\" is {} in the input, but \"{}\" is {} in the table {}", input.name,
                             to_string(input.type), table.name, to_string(table.type), options_.table.path))
        .at(options_.keys[key].place)
        .hint("convert one with derive first, or say the type to the reader of the table in \"read\"");
  }

  Status reject_missing(const RecordBatch& rows) {
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      if (found_[row] != GroupTable::kNone) continue;
      const bool one = options_.keys.size() == 1;
      PENSTOCK_TRY(reject_row(*context_, rows, row,
                              fmt::format("no row of the table {} has its key", options_.table.path),
                              one ? options_.keys.front().name : std::string()));
    }
    return {};
  }

  RecordBatch keep_found(const RecordBatch& rows) {
    kept_.clear();
    for (std::uint32_t row = 0; row < found_.size(); ++row) {
      if (found_[row] != GroupTable::kNone) kept_.push_back(row);
    }
    std::erase(found_, GroupTable::kNone);
    return rows.take(kept_, *context_->pool);
  }

  RecordBatch with_columns(const RecordBatch& rows, bool all_found) {
    std::vector<Column> columns = rows.columns();
    for (const Column& values : table_.values().columns()) {
      columns.push_back(all_found ? values.take(found_, *context_->pool) : take_or_null(values));
    }
    return {schema_, std::move(columns), rows.num_rows()};
  }

  Column take_or_null(const Column& values) {
    ColumnBuilder builder(values.type(), *context_->pool, values.tensor_row());
    builder.reserve(found_.size());
    for (const std::uint32_t row : found_) {
      if (row == GroupTable::kNone) {
        builder.append_null();
      } else {
        builder.append_from(values, row);
      }
    }
    return builder.finish();
  }

  const JoinOptions options_;
  OperatorContext* context_ = nullptr;
  LookupTable table_;
  RowKeys keys_;
  SchemaPtr schema_;
  std::vector<std::uint32_t> found_;  // row of the table for each row
  std::vector<std::uint32_t> kept_;
};

bool ends_with_any(std::string_view path, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [path](std::string_view ending) { return path.ends_with(ending); });
}

Result<std::string> reader_for(const Options& options) {
  const std::string& format = options.text("format");
  if (format != "auto") return format + ".read";
  std::string_view path = options.text("path");
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (path.ends_with(ending)) path.remove_suffix(ending.size());
  }
  if (ends_with_any(path, {".csv", ".tsv"})) return std::string("csv.read");
  if (ends_with_any(path, {".json", ".jsonl", ".ndjson"})) return std::string("json.read");
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the name does not say what is in the file: {}", options.text("path")))
      .at(options.place("path").to_text())
      .hint("set format = \"csv\" or format = \"json\"");
}

// `on` is a list of columns, or a table: column of the input = column of the table.
Status read_keys(const Options& options, JoinOptions& join) {
  const OptionValue& on = *options.find("on");
  const std::string place = options.place("on").to_text();
  const auto add = [&](const std::string& input, const OptionValue& table) {
    if (table.as_text() == nullptr) return false;
    join.keys.push_back({input, place});
    join.table.keys.push_back({*table.as_text(), place});
    return true;
  };
  bool ok = true;
  if (on.as_text() != nullptr) {
    ok = add(*on.as_text(), on);
  } else if (on.as_list() != nullptr) {
    for (const OptionValue& name : *on.as_list()) ok = ok && name.as_text() != nullptr && add(*name.as_text(), name);
  } else if (on.as_table() != nullptr) {
    for (const OptionValue::Entry& entry : *on.as_table()) ok = ok && add(entry.name, entry.value);
  }
  if (ok && !join.keys.empty()) return {};
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("option \"on\" must name columns, but is {}: {}", on.kind_name(), on.to_text()))
      .at(place)
      .hint("for instance on = [\"country\"], or on = { country = \"code\" } when the table calls it otherwise");
}

Result<std::unique_ptr<Operator>> make_join(const Options& options) {
  JoinOptions join;
  join.table.path = options.text("path");
  join.table.place = options.place("path").to_text();
  PENSTOCK_ASSIGN(join.table.reader, reader_for(options));
  if (options.has("read")) {
    for (const OptionValue::Entry& entry : options.table("read"))
      join.table.reader_options.set(entry.name, entry.value);
  }
  join.table.reader_options.set("path", *options.find("path"));
  join.table.reader_options.origin = options.origin;
  PENSTOCK_TRY(read_keys(options, join));
  join.table.columns = column_names(options, "columns");
  join.table.first_of_duplicates = options.text("duplicates") == "first";
  join.prefix = options.text("prefix");
  const bool inner = options.text("how") == "inner";
  join.missing = options.text("missing") == "reject" ? Missing::kReject : inner ? Missing::kDrop : Missing::kNulls;
  return std::make_unique<Join>(std::move(join));
}

std::vector<OptionInfo> join_options() {
  return {
      {.name = "path",
       .kind = OptionKind::kText,
       .doc = "The file with the table. It is read whole when the run starts and kept in memory.",
       .required = true,
       .example = "\"countries.csv\""},
      {.name = "on",
       .kind = OptionKind::kAny,
       .doc =
           "The key: a list of columns, or a table column of the input = column of the table. Types must be equal. A "
           "key with a null matches nothing.",
       .required = true,
       .example = "[\"country\"]"},
      {.name = "columns",
       .kind = OptionKind::kTexts,
       .doc = "The columns to add, in this order; all but the key when it is left out.",
       .example = "[\"continent\"]"},
      {.name = "prefix",
       .kind = OptionKind::kText,
       .doc = "Put in front of the names of the added columns.",
       .default_value = "",
       .example = "\"country_\""},
      {.name = "how",
       .kind = OptionKind::kChoice,
       .doc = "A row without a match is kept, with nulls (left), or dropped (inner).",
       .default_value = "left",
       .choices = {"left", "inner"},
       .example = "\"inner\""},
      {.name = "missing",
       .kind = OptionKind::kChoice,
       .doc = "reject: a row without a match goes to the error policy instead.",
       .default_value = "allow",
       .choices = {"allow", "reject"},
       .example = "\"reject\""},
      {.name = "duplicates",
       .kind = OptionKind::kChoice,
       .doc = "What two rows of the table with one key mean: an error, or that the first one counts.",
       .default_value = "error",
       .choices = {"error", "first"},
       .example = "\"first\""},
      {.name = "format",
       .kind = OptionKind::kChoice,
       .doc = "auto goes by the file's name: .csv, .tsv; .json, .jsonl, .ndjson; each also with .gz or .zst.",
       .default_value = "auto",
       .choices = {"auto", "csv", "json"},
       .example = "\"csv\""},
      {.name = "read",
       .kind = OptionKind::kTable,
       .doc = "Options for csv.read or json.read.",
       .example = "{ delimiter = \";\" }"}};
}

}  // namespace

OperatorInfo join_info() {
  return {
      .name = "join",
      .summary =
          "Adds columns of a small table from a file, found by key. Order and number of the rows stay, but for rows "
          "without a match where these are dropped or rejected.",
      .options = join_options(),
      .make = make_join,
      .example = "op = \"join\"\npath = \"countries.csv\"\non = { country = \"code\" }\ncolumns = [\"continent\"]"};
}

}  // namespace penstock
