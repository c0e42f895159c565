// SPDX-License-Identifier: MIT
#include "operators/io/output_writer.h"

#include "operator/output_state.h"

namespace penstock {

namespace {

constexpr AtomicFile::Options kOptions = {.make_folders = true, .revocable = true};

}  // namespace

Status OutputWriter::save(StateWriter& to) {
  PENSTOCK_TRY(flush());
  PENSTOCK_TRY(save_output(to, file_));
  to.integer(records_);
  return {};
}

Status OutputWriter::restore(StateReader& from) {
  file_.abort();
  PENSTOCK_ASSIGN(file_, restore_output(from, path_, kOptions));
  records_ = from.integer();
  return {};
}

Status OutputWriter::open() {
  PENSTOCK_ASSIGN(file_, AtomicFile::create(path_, kOptions));
  text_.reserve(kFlushBytes + kFlushBytes / 4);
  return {};
}

Status OutputWriter::append(std::string_view text) {
  if (text.size() < kFlushBytes / 4) {
    text_ += text;
    return flush_if_full();
  }
  PENSTOCK_TRY(flush());
  return file_.write_all(text);
}

Status OutputWriter::flush() {
  PENSTOCK_TRY(file_.write_all(text_));
  text_.clear();
  return {};
}

OptionInfo output_path_option() {
  return {.name = "path",
          .doc = "File to write. It appears whole at the end of the run, or not at all; missing folders are created.",
          .required = true,
          .example = "\"out/data.jsonl\""};
}

}  // namespace penstock
