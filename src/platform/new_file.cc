// SPDX-License-Identifier: MIT
#include "platform/new_file.h"

#include "platform/file.h"

namespace penstock {

Status write_new_file(const std::string& path, std::string_view bytes, bool durable) {
  PENSTOCK_ASSIGN(File file, File::create(path, {.exclusive = true}));
  PENSTOCK_TRY(file.write_all(bytes));
  if (durable) PENSTOCK_TRY(file.sync());
  return file.close();
}

}  // namespace penstock
