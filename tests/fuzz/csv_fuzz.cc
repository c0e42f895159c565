// SPDX-License-Identifier: MIT
// Reads arbitrary bytes with csv.read in small blocks and batches, and compares rows and rejections with the plain
// reference. The first three bytes choose the dialect, the block and the batch.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "operators/io/csv/reference_read.h"
#include "operators/io/text_encoding.h"

namespace csv = penstock::csv;

namespace {

// A file in memory that has a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("csv_fuzz", 0)) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0) std::abort();
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

bool is_compressed(std::string_view text) {
  return text.starts_with("\x1F\x8B") || text.starts_with("\x28\xB5\x2F\xFD");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  if (is_compressed(text)) return 0;
  // Of other encodings the reference knows nothing; csv.read has to refuse them.
  const bool is_utf8 = penstock::skip_byte_order_mark(text, "").has_value();
  csv::Dialect dialect;
  dialect.delimiter = (data[0] & 1) != 0 ? ';' : ',';
  dialect.quoting = (data[0] & 2) == 0;
  dialect.trim = (data[0] & 4) != 0;
  if ((data[0] & 8) != 0) dialect.null_texts = {"NA", "1"};
  if ((data[0] & 16) != 0) dialect.max_row_bytes = 1 + data[0] / 32U;
  const std::vector<penstock::Field> all = {
      {"a", penstock::Type::kInt64}, {"b", penstock::Type::kUtf8}, {"c", penstock::Type::kUtf8}};
  const std::vector<penstock::Field> fields(all.begin(), all.begin() + 1 + data[1] % 3);
  const csv::ReferenceRead expected = csv::reference_read(text, fields, dialect);
  const MemoryFile file(text);
  for (const std::size_t block : {std::size_t{4} + data[2], std::size_t{1} << 18}) {
    std::string error;
    const csv::ReferenceRead read =
        csv::read_like_reference(file.path(), fields, dialect, block, std::size_t{1} + data[1] / 3U, error);
    if (is_utf8 ? error.empty() && read == expected : !error.empty()) continue;
    std::fprintf(stderr, "csv.read in blocks of %zu: %zu rows and %zu rejected, expected %zu and %zu; %s\n", block,
                 read.rows.size(), read.rejected.size(), expected.rows.size(), expected.rejected.size(), error.c_str());
    std::abort();
  }
  return 0;
}
