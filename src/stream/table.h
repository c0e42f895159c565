// SPDX-License-Identifier: MIT
// A table for people: columns as wide as their widest cell.
#pragma once

#include <string>
#include <vector>

namespace penstock {

class Table {
 public:
  /// A column that begins with '>' is aligned to the right; the mark is not shown.
  explicit Table(std::vector<std::string> header);
  void add(std::vector<std::string> row);
  /// Lines that end with '\n', without trailing spaces.
  std::string to_text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

/// "12,345,678".
std::string with_commas(std::uint64_t number);
/// "1 record", "12,345 records".
std::string counted(std::uint64_t number, const std::string& noun);
/// "1.2 ms", "3.45 s", "2 m 05 s".
std::string duration_text(double seconds);
/// "512 B", "1.5 MiB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace penstock
