// SPDX-License-Identifier: MIT
// A log of bounded size: the beginning and the end of what a command printed.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/file.h"

namespace penstock {

/// Used by one thread. The first half of the limit goes to the file at once, the last half when it is closed; between
/// them stands how many bytes were left out.
class CommandLog {
 public:
  /// The file, and the folder that it is in, are made when there is something to write.
  static CommandLog to(std::string path, std::uint64_t limit);

  Status add(std::string_view bytes);
  Status close();
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// The last lines, at most `most` bytes.
  std::string tail(std::size_t most) const;

 private:
  Status write(std::string_view bytes);

  std::string path_;
  File file_;
  std::uint64_t head_ = 0;  ///< Bytes that the beginning may have.
  std::uint64_t bytes_ = 0;
  std::string head_end_;  ///< The last bytes of the beginning, for `tail`.
  std::string end_;       ///< At most twice what is kept of the end.
};

}  // namespace penstock
