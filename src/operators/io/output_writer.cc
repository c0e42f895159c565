// SPDX-License-Identifier: MIT
#include "operators/io/output_writer.h"

namespace penstock {

Status OutputWriter::open() {
  PENSTOCK_ASSIGN(file_, AtomicFile::create(path_, {.make_folders = true, .revocable = true}));
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
