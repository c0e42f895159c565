// SPDX-License-Identifier: MIT
// Says whether two CSV files hold the same rows in the same order, by value: cells are equal as bytes after unquoting,
// or both are numbers and the same double, or both are timestamps and the same instant.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

/// Walks through the cells of a mapped file.
class Cells {
 public:
  explicit Cells(const char* path) {
    const int file = open(path, O_RDONLY);
    struct stat info{};
    if (file < 0 || fstat(file, &info) != 0 || info.st_size == 0) return;
    void* const at = mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (at == MAP_FAILED) return;
    text_ = {static_cast<const char*>(at), static_cast<std::size_t>(info.st_size)};
  }
  bool empty() const noexcept { return text_.empty(); }
  bool at_end() const noexcept { return at_ >= text_.size(); }
  bool row_ended() const noexcept { return row_ended_; }

  /// The next cell's value; `scratch` holds it when quotes had to be undoubled.
  std::string_view next(std::string& scratch) {
    if (text_[at_] == '"') return finish(quoted(scratch));
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
    std::string_view value = text_.substr(begin, at_ - begin);
    if (!value.empty() && value.back() == '\r') value.remove_suffix(1);
    return finish(value);
  }

 private:
  std::string_view quoted(std::string& scratch) {
    scratch.clear();
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"' && (at_ + 1 == text_.size() || text_[at_ + 1] != '"')) break;
      if (text_[at_] == '"') ++at_;
      scratch += text_[at_];
    }
    ++at_;
    return scratch;
  }
  std::string_view finish(std::string_view value) {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    row_ended_ = at_ >= text_.size() || text_[at_] == '\n';
    ++at_;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool row_ended_ = false;
};

bool as_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// "2024-01-31 10:20:30.120" and "2024-01-31T10:20:30.12Z" become the same text; other texts become empty.
std::string as_instant(std::string_view text) {
  if (text.size() < 19 || text[4] != '-' || text[13] != ':') return {};
  std::string instant(text);
  instant[10] = 'T';
  if (instant.ends_with("+00")) instant.resize(instant.size() - 3);
  if (instant.back() == 'Z') instant.pop_back();
  if (instant.size() > 19) instant.resize(instant.find_last_not_of('0') + 1);
  if (instant.back() == '.') instant.pop_back();
  return instant;
}

bool same(std::string_view a, std::string_view b) {
  if (a == b) return true;
  double x = 0;
  double y = 0;
  if (as_number(a, x) && as_number(b, y)) return x == y;
  const std::string instant = as_instant(a);
  return !instant.empty() && instant == as_instant(b);
}

int compare(const char* const* paths) {
  Cells a(paths[0]);
  Cells b(paths[1]);
  if (a.empty() || b.empty())
    return std::fprintf(stderr, "cannot read %s, or it is empty\n", paths[a.empty() ? 0 : 1]), 2;
  unsigned long long rows = 0;
  unsigned long long column = 1;
  std::string of_a, of_b;
  while (!a.at_end() && !b.at_end()) {
    const std::string_view x = a.next(of_a);
    const std::string_view y = b.next(of_b);
    if (!same(x, y) || a.row_ended() != b.row_ended()) {
      std::printf("different in row %llu, column %llu: \"%.*s\" and \"%.*s\"\n", rows + 1, column,
                  static_cast<int>(x.size()), x.data(), static_cast<int>(y.size()), y.data());
      return 1;
    }
    column = a.row_ended() ? 1 : column + 1;
    rows += a.row_ended() ? 1 : 0;
  }
  if (!a.at_end() || !b.at_end())
    return std::printf("%s has more than %llu rows\n", paths[a.at_end() ? 1 : 0], rows), 1;
  std::printf("same %llu rows, header included\n", rows);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s A.csv B.csv\n", argv[0]);
    return 2;
  }
  return compare(argv + 1);
}
