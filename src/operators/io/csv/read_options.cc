// SPDX-License-Identifier: MIT
#include "operators/io/csv/read_options.h"

#include <fmt/format.h>

namespace penstock::csv {

std::vector<OptionInfo> read_option_infos() {
  return {
      {.name = "path",
       .kind = OptionKind::kTexts,
       .doc = "The file, or several, or globs, in which \"**\" stands for any folders; gzip and zstd are recognised by "
              "their contents. \"/dev/stdin\" reads the input, \"tcp://HOST:PORT\" what is sent there.",
       .required = true,
       .example = "\"orders-*.csv.gz\""},
      {.name = "header",
       .kind = OptionKind::kBool,
       .doc = "Whether the first row of each file holds the names of the columns.",
       .default_value = true},
      {.name = "names",
       .kind = OptionKind::kTexts,
       .doc = "Names of all columns: instead of the header's, or for files without one. Default there: column_1, "
              "column_2 ...",
       .example = "[\"id\", \"amount\"]"},
      {.name = "columns",
       .kind = OptionKind::kTexts,
       .doc = "The columns to read, in this order; all unless set. The other ones are neither parsed nor checked.",
       .example = "[\"id\", \"amount\"]"},
      {.name = "types",
       .kind = OptionKind::kTable,
       .doc = "Types of columns: int64, float64, bool, utf8 or timestamp. The types of the other ones are inferred.",
       .example = "{ id = \"int64\", zip = \"utf8\" }"},
      {.name = "sample_rows",
       .kind = OptionKind::kInteger,
       .doc = "How many rows of the first file the inference of types looks at; with 0 what is not in `types` is utf8.",
       .default_value = 1000},
      {.name = "delimiter",
       .kind = OptionKind::kText,
       .doc = "The byte between two cells, or \"tab\".",
       .default_value = ",",
       .example = "\";\""},
      {.name = "quote",
       .kind = OptionKind::kText,
       .doc = "The byte around cells that hold delimiters or line ends. \"\": there are no quoted cells.",
       .default_value = "\""},
      {.name = "trim",
       .kind = OptionKind::kBool,
       .doc = "Whether to drop spaces and tabs around unquoted cells.",
       .default_value = false},
      {.name = "null_values",
       .kind = OptionKind::kTexts,
       .doc = "Unquoted cells with one of these texts are null.",
       .default_value = OptionValue::List{OptionValue("")},
       .example = "[\"\", \"NA\", \"null\"]"},
      {.name = "max_row_bytes",
       .kind = OptionKind::kBytes,
       .doc = "Longer rows are rejected. From 1 to 1GiB.",
       .default_value = "64MiB",
       .example = "\"1MiB\""},
  };
}

Result<char> delimiter_from(const Options& options) {
  const std::string& text = options.text("delimiter");
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() == 1) return text[0];
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("option \"delimiter\" must be one byte or \"tab\", but is \"{}\"", text))
      .at(options.place("delimiter").to_text())
      .hint("for instance delimiter = \";\"");
}

namespace {

Result<std::vector<Field>> types_from(const Options& options) {
  std::vector<Field> types;
  if (!options.has("types")) return types;
  for (const OptionValue::Entry& entry : options.table("types")) {
    const std::string place = entry.value.place.to_text();
    if (entry.value.as_text() == nullptr) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("the type of column \"{}\" must be a text, but is {}",
                                                            entry.name, entry.value.to_text()))
          .at(place)
          .hint("for instance types = { id = \"int64\" }");
    }
    Result<Type> type = type_from_string(*entry.value.as_text());
    if (!type) return Error(type.error()).at("types." + entry.name).at(place);
    types.push_back({entry.name, *type});
  }
  return types;
}

Result<Dialect> dialect_from(const Options& options) {
  Dialect dialect;
  PENSTOCK_ASSIGN(dialect.delimiter, delimiter_from(options));
  const std::string& quote = options.text("quote");
  if (quote.size() > 1 || (!quote.empty() && static_cast<unsigned char>(quote[0]) > 0x7F)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("option \"quote\" must be one ASCII byte or \"\", but is \"{}\"", quote))
        .at(options.place("quote").to_text());
  }
  dialect.quoting = !quote.empty();
  if (dialect.quoting) dialect.quote = quote[0];
  dialect.header = options.boolean("header");
  dialect.trim = options.boolean("trim");
  dialect.null_texts = options.texts("null_values");
  const std::int64_t most = options.integer("max_row_bytes");
  dialect.max_row_bytes = most < 0 ? 0 : static_cast<std::size_t>(most);
  if (Status fine = check(dialect); !fine) return std::move(fine).error().at(options.origin.to_text());
  return dialect;
}

}  // namespace

Result<ReadOptions> read_options_from(const Options& options) {
  ReadOptions read;
  read.paths = options.texts("path");
  if (read.paths.empty()) {
    return Error(ErrorCode::kInvalidArgument, "option \"path\" names no file").at(options.place("path").to_text());
  }
  PENSTOCK_ASSIGN(read.dialect, dialect_from(options));
  if (options.has("names")) read.names = options.texts("names");
  if (options.has("columns")) read.columns = options.texts("columns");
  PENSTOCK_ASSIGN(read.types, types_from(options));
  const std::int64_t rows = options.integer("sample_rows");
  if (rows < 0) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("option \"sample_rows\" must be 0 or more, but is {}", rows))
        .at(options.place("sample_rows").to_text());
  }
  read.sample_rows = static_cast<std::size_t>(rows);
  return read;
}

}  // namespace penstock::csv
