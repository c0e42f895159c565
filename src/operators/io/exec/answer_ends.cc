// SPDX-License-Identifier: MIT
#include "operators/io/exec/answer_ends.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace penstock::exec {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t{64} << 20;
constexpr std::uint64_t kMostBlockBytes = std::uint64_t{2} << 30;

/// Answers that end with a line feed.
class TextEnds : public AnswerEnds {
 public:
  void begin() noexcept override {
    bytes_ = 0;
    quotes_ = 0;
  }
  bool is_between() const noexcept override { return bytes_ == 0; }

 protected:
  explicit TextEnds(bool quoting) : quoting_(quoting) {}

  Result<std::size_t> count(std::string_view more, const char* name) {
    std::size_t ended = 0;
    while (!more.empty()) {
      const std::size_t feed = more.find('\n');
      const std::string_view piece = more.substr(0, feed == std::string_view::npos ? feed : feed + 1);
      more.remove_prefix(piece.size());
      bytes_ += piece.size();
      if (quoting_) quotes_ += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '"'));
      if (feed != std::string_view::npos && quotes_ % 2 == 0) {
        ++ended;
        begin();
      }
      if (bytes_ > kMostTextBytes)
        return Error(ErrorCode::kResourceExhausted, fmt::format("a {} of more than 64 MiB", name));
    }
    return ended;
  }

 private:
  const bool quoting_;
  std::size_t bytes_ = 0;
  std::size_t quotes_ = 0;  // of the answer at hand: within a cell they come in pairs
};

class LineEnds final : public TextEnds {
 public:
  LineEnds() : TextEnds(false) {}
  Result<std::size_t> look(std::string_view more) override { return count(more, name()); }
  const char* name() const noexcept override { return "line"; }
};

class CsvRowEnds final : public TextEnds {
 public:
  CsvRowEnds() : TextEnds(true) {}
  Result<std::size_t> look(std::string_view more) override { return count(more, name()); }
  const char* name() const noexcept override { return "row"; }
};

class BlockEnds final : public AnswerEnds {
 public:
  void begin() noexcept override { length_bytes_ = left_ = 0; }
  bool is_between() const noexcept override { return length_bytes_ == 0; }
  const char* name() const noexcept override { return "batch"; }

  Result<std::size_t> look(std::string_view more) override {
    std::size_t ended = 0;
    while (!more.empty()) {
      if (length_bytes_ < sizeof length_) {
        const std::size_t size = std::min(sizeof length_ - length_bytes_, more.size());
        std::memcpy(reinterpret_cast<char*>(&length_) + length_bytes_, more.data(), size);
        length_bytes_ += size;
        more.remove_prefix(size);
        if (length_bytes_ < sizeof length_) break;
        if (length_ > kMostBlockBytes)
          return Error(ErrorCode::kResourceExhausted, fmt::format("a batch of {} bytes, over 2 GiB", length_));
        left_ = length_;
      }
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, more.size()));
      left_ -= size;
      more.remove_prefix(size);
      if (left_ > 0) break;
      ++ended;
      begin();
    }
    return ended;
  }

 private:
  std::size_t length_bytes_ = 0;  // of the length that were seen
  std::uint64_t length_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace

AnswerEnds::~AnswerEnds() = default;

std::unique_ptr<AnswerEnds> lines_as_answers() { return std::make_unique<LineEnds>(); }
std::unique_ptr<AnswerEnds> csv_rows_as_answers() { return std::make_unique<CsvRowEnds>(); }
std::unique_ptr<AnswerEnds> blocks_as_answers() { return std::make_unique<BlockEnds>(); }

}  // namespace penstock::exec
