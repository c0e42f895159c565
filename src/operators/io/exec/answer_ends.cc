// SPDX-License-Identifier: MIT
#include "operators/io/exec/answer_ends.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace penstock::exec {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t{64} << 20;
constexpr std::uint64_t kMostBlockBytes = std::uint64_t{2} << 30;

Status check_length(std::size_t bytes, const char* name) {
  if (bytes <= kMostTextBytes) return {};
  return Error(ErrorCode::kResourceExhausted, fmt::format("a {} of more than 64 MiB", name));
}

class LineEnds final : public AnswerEnds {
 public:
  void begin() noexcept override { bytes_ = 0; }
  bool is_between() const noexcept override { return bytes_ == 0; }
  const char* name() const noexcept override { return "line"; }

  Result<std::size_t> look(std::string_view more) override {
    const std::size_t last = more.rfind('\n');
    bytes_ = last == std::string_view::npos ? bytes_ + more.size() : more.size() - last - 1;
    PENSTOCK_TRY(check_length(bytes_, name()));
    return static_cast<std::size_t>(std::count(more.begin(), more.end(), '\n'));
  }

 private:
  std::size_t bytes_ = 0;  // of the answer at hand
};

/// As csv.read takes quotes: one opens at the begin of a cell, elsewhere it is a byte of an unquoted cell like others.
class CsvRowEnds final : public AnswerEnds {
 public:
  void begin() noexcept override {
    bytes_ = 0;
    state_ = State::kCellBegins;
  }
  bool is_between() const noexcept override { return bytes_ == 0; }
  const char* name() const noexcept override { return "row"; }

  Result<std::size_t> look(std::string_view more) override {
    std::size_t ended = 0;
    for (const char byte : more) {
      ++bytes_;
      step(byte);
      if (byte != '\n' || state_ == State::kQuoted) continue;
      ++ended;
      begin();
    }
    PENSTOCK_TRY(check_length(bytes_, name()));
    return ended;
  }

 private:
  enum class State : std::uint8_t { kCellBegins, kPlain, kQuoted, kQuoteInQuoted };

  void step(char byte) noexcept {
    if (state_ == State::kQuoted) {
      if (byte == '"') state_ = State::kQuoteInQuoted;
    } else if (byte == '"' && state_ != State::kPlain) {
      state_ = State::kQuoted;  // it opens, or is the second of a pair
    } else {
      state_ = byte == ',' ? State::kCellBegins : State::kPlain;
    }
  }

  std::size_t bytes_ = 0;  // of the answer at hand
  State state_ = State::kCellBegins;
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
