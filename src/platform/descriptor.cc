// SPDX-License-Identifier: MIT
#include "platform/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include "platform/file.h"

namespace penstock {

void Descriptor::close() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<Pipe> make_pipe(std::string_view purpose) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return file_error(errno, "make a pipe", purpose);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

bool write_all(int descriptor, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted([&] { return ::write(descriptor, bytes.data(), bytes.size()); });
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace penstock
