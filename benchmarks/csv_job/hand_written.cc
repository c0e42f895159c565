// SPDX-License-Identifier: MIT
// The CSV job as one writes it by hand: one or two workers, each cuts a block of whole rows, works on it alone (index,
// validate, derive, group, format), and writes its part of the outputs when its turn comes. Only blocks are handed
// around, never rows.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "block_reader.h"
#include "fields.h"
#include "ring.h"
#include "totals.h"

namespace penstock::benchmark::csv_job {
namespace {

constexpr std::uint32_t kColumns = 8;
enum Column : std::uint32_t { kId, kTimestamp, kCategory, kName, kPrice, kQty, kScore, kNote };

/// An output file that workers write in the order of their blocks.
class Output {
 public:
  Output(const std::string& path) : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (file_ < 0) die(path.c_str());
  }
  ~Output() { close(file_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(file_, bytes.data(), bytes.size());
      if (written < 0) die("write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

 private:
  [[noreturn]] static void die(const char* what) {
    std::perror(what);
    std::exit(1);
  }
  int file_;
};

/// Lets workers pass in the order of their blocks. Waiting spins: a block takes less time than waking a thread up does
/// twice.
class Turns {
 public:
  void wait_for(std::uint64_t number) const noexcept {
    for (Patience patience; now_.load(std::memory_order_acquire) != number;) patience.wait();
  }
  void done() noexcept { now_.fetch_add(1, std::memory_order_release); }

 private:
  std::atomic<std::uint64_t> now_{0};
};

struct Counts {
  std::uint64_t rows_in = 0;
  std::uint64_t rows_out = 0;
};

/// Works on one block at a time. Used by one worker; aligned so that two of them share no cache line, nor its
/// neighbour.
class alignas(128) Worker {
 public:
  void process(const Block& block) {
    block_ = &block;
    out_ = output_.get();
    rejects_.clear();
    index_rows();
    const char* const data = block.data.get();
    std::uint32_t begin = 0;
    std::uint32_t line_from = 0;
    std::uint64_t line = block.line;
    for (std::size_t i = 0; i < num_ends_;) {
      const std::size_t first = i;
      if (i + kColumns <= num_ends_ && has_eight_cells(i)) {
        i += kColumns;
      } else {
        while (data[ends_[i]] != '\n') ++i;
        ++i;
      }
      const std::uint32_t end = ends_[i - 1];
      if (end != begin) {  // else a blank line, which is no row
        ++counts_.rows_in;
        const char* const reason = check_and_emit(first, i - first, begin);
        if (reason != nullptr) reject(reason, begin, end, line, line_from);
      }
      begin = end + 1;
    }
  }

  std::string_view output() const noexcept { return {output_.get(), static_cast<std::size_t>(out_ - output_.get())}; }
  std::string_view rejects() const noexcept { return rejects_; }
  Totals& totals() noexcept { return totals_; }
  const Counts& counts() const noexcept { return counts_; }

 private:
  /// Writes down where cells end: delimiters and line feeds outside quotes.
  void index_rows() {
    const char* const data = block_->data.get();
    const std::size_t size = block_->size;
    std::uint64_t inside = 0;
    std::uint32_t* to = ends_.get();
    for (std::size_t at = 0; at < size; at += 64) {
      const std::uint64_t quoted = prefix_xor(mask_of(data + at, '"')) ^ inside;
      inside = static_cast<std::uint64_t>(static_cast<std::int64_t>(quoted) >> 63);
      std::uint64_t found = (mask_of(data + at, ',') | mask_of(data + at, '\n')) & ~quoted;
      if (size - at < 64) found &= (std::uint64_t{1} << (size - at)) - 1;
      for (; found != 0; found &= found - 1)
        *to++ = static_cast<std::uint32_t>(at) + static_cast<std::uint32_t>(std::countr_zero(found));
    }
    num_ends_ = static_cast<std::size_t>(to - ends_.get());
  }

  bool has_eight_cells(std::size_t i) const noexcept {
    const char* const data = block_->data.get();
    bool early_end = false;
    for (std::uint32_t c = 0; c + 1 < kColumns; ++c) early_end |= data[ends_[i + c]] == '\n';
    return !early_end && data[ends_[i + kColumns - 1]] == '\n';
  }

  std::string_view cell(std::size_t first, std::uint32_t begin, std::uint32_t column) const noexcept {
    const std::uint32_t from = column == 0 ? begin : ends_[first + column - 1] + 1;
    return {block_->data.get() + from, ends_[first + column] - from};
  }

  /// Null when the row was good and is written; otherwise why it is not.
  const char* check_and_emit(std::size_t first, std::size_t cells, std::uint32_t begin) {
    if (cells < kColumns) return "too few fields";
    if (cells > kColumns) return "too many fields";
    std::int64_t id = 0;
    std::int64_t qty = 0;
    double price = 0;
    double score = 0;
    if (!parse_integer(cell(first, begin, kId), id) || id <= 0) return "id";
    if (!is_timestamp(cell(first, begin, kTimestamp))) return "ts";
    if (!parse_decimal(cell(first, begin, kPrice), price) || price < 0) return "price";
    if (!parse_integer(cell(first, begin, kQty), qty) || qty < 1 || qty > 1000) return "qty";
    if (!parse_decimal(cell(first, begin, kScore), score)) return "score";
    const double total = price * static_cast<double>(qty);
    const std::size_t size = ends_[first + kColumns - 1] - begin;
    std::memcpy(out_, block_->data.get() + begin, size);
    out_ += size;
    *out_++ = ',';
    out_ = write_amount(out_, total);
    *out_++ = ',';
    out_ = write_normalised(out_, cell(first, begin, kName));
    *out_++ = '\n';
    totals_.of(cell(first, begin, kCategory)).add(total);
    ++counts_.rows_out;
    return nullptr;
  }

  /// Line numbers are counted only here, from the last rejected row of the block on.
  void reject(const char* reason, std::uint32_t begin, std::uint32_t end, std::uint64_t& line,
              std::uint32_t& line_from) {
    const char* const data = block_->data.get();
    for (; line_from < begin; line_from += std::min(64u, begin - line_from)) {
      const std::uint64_t feeds = mask_of(data + line_from, '\n');
      const std::uint32_t wanted = std::min(64u, begin - line_from);
      line += static_cast<std::uint64_t>(std::popcount(feeds << (64 - wanted)));
    }
    rejects_ += "{\"line\":" + std::to_string(line) + ",\"offset\":" + std::to_string(block_->offset + begin) +
                ",\"reason\":\"" + reason + "\",\"raw\":\"";
    for (const char c : std::string_view(data + begin, end - begin)) {
      if (c == '"' || c == '\\') {
        (rejects_ += '\\') += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        char text[8];
        std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
        rejects_ += text;
      } else {
        rejects_ += c;
      }
    }
    rejects_ += "\"}\n";
  }

  const Block* block_ = nullptr;
  // A good row has at least 31 bytes and grows by at most 36 and its name.
  std::unique_ptr<char[]> output_ = std::make_unique_for_overwrite<char[]>(6 * kBlockBytes);
  char* out_ = nullptr;
  std::string rejects_;
  std::unique_ptr<std::uint32_t[]> ends_ = std::make_unique_for_overwrite<std::uint32_t[]>(2 * kBlockBytes + kPadding);
  std::size_t num_ends_ = 0;
  Totals totals_;
  Counts counts_;
};

/// Drops the first row, the names of the columns; false when they are not the expected ones.
bool drop_header(Block& block) {
  static constexpr std::string_view kHeader = "id,ts,category,name,price,qty,score,note\n";
  if (std::string_view(block.data.get(), block.size).substr(0, kHeader.size()) != kHeader) return false;
  block.size -= kHeader.size();
  std::memmove(block.data.get(), block.data.get() + kHeader.size(), block.size);
  block.offset += kHeader.size();
  ++block.line;
  return true;
}

int run(const char* input, const std::string& folder, std::size_t threads) {
  BlockReader reader(input);
  Output rows(folder + "/orders.csv");
  Output rejects(folder + "/rejects.jsonl");
  Output groups(folder + "/by_category.jsonl");
  rows.write_all("id,ts,category,name,price,qty,score,note,total,name_norm\n");
  Turns turns;
  std::vector<Worker> workers(threads);
  const auto work = [&](Worker& worker) {
    for (Block block; reader.next(block);) {
      if (block.number == 0 && !drop_header(block)) {
        std::fprintf(stderr, "%s: not the header of an orders file\n", input);
        std::exit(1);
      }
      worker.process(block);
      turns.wait_for(block.number);
      rows.write_all(worker.output());
      rejects.write_all(worker.rejects());
      turns.done();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&, i] { work(workers[i]); });
    work(workers[0]);
  }
  if (reader.failed()) return 1;
  Counts counts;
  for (std::size_t i = 0; i < threads; ++i) {
    counts.rows_in += workers[i].counts().rows_in;
    counts.rows_out += workers[i].counts().rows_out;
    if (i > 0) workers[0].totals().merge(workers[i].totals());
  }
  for (Group* const group : workers[0].totals().sorted()) groups.write_all(group->to_json() + "\n");
  std::printf("{\"rows_in\":%llu,\"rows_out\":%llu,\"rows_rejected\":%llu}\n",
              static_cast<unsigned long long>(counts.rows_in), static_cast<unsigned long long>(counts.rows_out),
              static_cast<unsigned long long>(counts.rows_in - counts.rows_out));
  return 0;
}

}  // namespace
}  // namespace penstock::benchmark::csv_job

int main(int argc, char** argv) {
  const int threads = argc == 4 ? std::atoi(argv[3]) : 0;
  if (threads < 1) {
    std::fprintf(stderr, "usage: %s INPUT OUTPUT_FOLDER THREADS\n", argv[0]);
    return 2;
  }
  return penstock::benchmark::csv_job::run(argv[1], argv[2], static_cast<std::size_t>(threads));
}
