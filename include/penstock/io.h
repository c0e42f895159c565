// SPDX-License-Identifier: MIT
// Sources and sinks of files for streams in C++; the same operators that pipeline files name. All options of the
// operator may be given: `penstock ops csv.read` lists them.
#pragma once

#include <penstock/stream.h>

namespace penstock {

/// A sink for `Stream::to`.
struct Sink {
  std::string op;
  Options options;
};

namespace detail {

Options with_path(std::string path, Options options);
/// Asks csv.read or json.read for exactly the columns of `schema`.
Options with_schema(std::string_view op, const Schema& schema, Options options);

}  // namespace detail

/// Rows of CSV files (RFC 4180) in columns; `path` may be a glob, files may be gzip or zstd. Types are inferred from a
/// sample unless the option `types` names them.
Stream<RecordBatch> read_csv(std::string path, Options options = {}, StepOptions step = {});
/// Objects of JSON Lines files in columns.
Stream<RecordBatch> read_jsonl(std::string path, Options options = {}, StepOptions step = {});
/// Lines of text files, in the column `line`.
Stream<RecordBatch> read_text(std::string path, Options options = {}, StepOptions step = {});

/// Rows of CSV files as records of `T`; columns are found by the names of the fields, others are not parsed. Rows that
/// do not fit are rejected by the policy of `step`.
template <Record T>
Stream<T> read_csv(std::string path, Options options = {}, StepOptions step = {}) {
  const StepOptions conversion{.name = {}, .on_error = step.on_error};
  return read_csv(std::move(path), detail::with_schema("csv.read", *schema_of<T>(), std::move(options)),
                  std::move(step))
      .template as<T>(conversion);
}
/// Objects of JSON Lines files as records of `T`.
template <Record T>
Stream<T> read_jsonl(std::string path, Options options = {}, StepOptions step = {}) {
  const StepOptions conversion{.name = {}, .on_error = step.on_error};
  return read_jsonl(std::move(path), detail::with_schema("json.read", *schema_of<T>(), std::move(options)),
                    std::move(step))
      .template as<T>(conversion);
}

/// A CSV file with a header; it appears, whole, when the run ends well.
Sink write_csv(std::string path, Options options = {});
/// A JSON Lines file.
Sink write_jsonl(std::string path, Options options = {});
/// One column as lines.
Sink write_text(std::string path, Options options = {});

}  // namespace penstock
