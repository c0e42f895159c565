// SPDX-License-Identifier: MIT
#include "operator/output_state.h"

namespace penstock {

Status save_output(StateWriter& to, const AtomicFile& file) {
  to.text(file.temporary());
  to.integer(file.bytes_written());
  to.owns(file.temporary());
  return to.needs(file.descriptor());
}

WrittenOutput written_output(StateReader& from) {
  WrittenOutput output;
  output.temporary = from.text();
  output.size_bytes = from.integer();
  return output;
}

Result<AtomicFile> restore_output(StateReader& from, const std::string& path, const AtomicFile::Options& options) {
  const WrittenOutput output = written_output(from);
  return AtomicFile::go_on(path, options, output.temporary, output.size_bytes);
}

}  // namespace penstock
