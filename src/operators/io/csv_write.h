// SPDX-License-Identifier: MIT
// csv.write: record batches as a CSV file that appears whole or not at all.
#pragma once

#include <penstock/operator.h>

#include <optional>
#include <string>
#include <vector>

#include "operators/io/csv/row_writer.h"
#include "platform/file.h"

namespace penstock {

/// Writes one CSV file.
///
/// In:       record batches.
/// Out:      the rows that were written.
/// Order:    keeps.
/// Errors:   bind: typed records. open: a folder that is not writable. process, finish: a full disk. Rows with a
///           timestamp outside the years 0001 to 9999 are rejected.
/// State:    a buffer of 256 KiB; the file is a temporary beside the target until `commit`.
/// Cost:     linear in the bytes written.
class CsvWrite final : public Operator {
 public:
  struct Options {
    std::string path;
    bool header = true;
    csv::WriteDialect dialect = {};
    AtomicFile::Options file = {};
  };

  explicit CsvWrite(Options options);

  Result<StreamType> bind(const StreamType& input) override;
  OperatorTraits traits() const override {
    return {.prepares = true, .effects = true, .saves = AtomicFile::replaces(options_.path), .rows = RowEffect::kKeeps};
  }
  Status open(OperatorContext& context) override;
  Buffer prepare(const Batch& batch, BufferPool& pool) override;
  Status process(Batch batch, Emitter& out) override;
  Status finish(Emitter& out) override;
  Status save(StateWriter& to) override;
  Status restore(StateReader& from) override;
  Status commit() override;
  void abort() noexcept override;
  std::vector<OutputFile> outputs() const override;

 private:
  RecordBatch without_rejected(const RecordBatch& rows) const;
  Status write_rows(const RecordBatch& rows);
  Status write_prepared(const Buffer& text);
  Status reject(const RecordBatch& rows, std::size_t row);
  Status flush();

  Options options_;
  SchemaPtr schema_;
  RowErrors* errors_ = nullptr;
  BufferPool* pool_ = nullptr;
  std::vector<std::uint32_t> rejected_;  // rows of the batch at hand
  std::optional<csv::RowWriter> writer_;
  AtomicFile file_;
  std::uint64_t records_ = 0;
  bool committed_ = false;
};

/// What the registry knows of csv.write.
OperatorInfo csv_write_info();

}  // namespace penstock
