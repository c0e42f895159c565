// SPDX-License-Identifier: MIT
#include "vector/index_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace penstock {
namespace {

static_assert(std::endian::native == std::endian::little, "penstock: stores of vectors are little-endian");

constexpr std::string_view kIndexMagic = "penstock vector\n";
// A file with a description is one that programs which know none cannot read; all others stay readable for them.
constexpr std::uint32_t kPlainVersion = 1;
constexpr std::uint32_t kDescribedVersion = 2;
constexpr std::size_t kMarkBytes = 32;
constexpr std::size_t kFirstMarkAt = 64;

template <class T>
void store_at(char* bytes, std::size_t offset, T value) {
  std::memcpy(bytes + offset, &value, sizeof value);
}

template <class T>
T load_at(const char* bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

using Head = std::array<char, kIndexHeadBytes>;

std::uint64_t header_checksum(const Head& head) { return checksum({head.data(), kFirstMarkAt - 8}); }

void put_mark(char* bytes, const IndexMark& mark, std::uint64_t of_header) {
  store_at(bytes, 0, mark.number);
  store_at(bytes, 8, mark.length);
  store_at(bytes, 16, mark.rows);
  store_at(bytes, 24, checksum({bytes, 24}, of_header));
}

using BlockHead = std::array<char, kIndexBlockHeadBytes>;

BlockHead block_head(IndexBlock::Kind kind, std::string_view payload, std::uint64_t at) {
  BlockHead head = {};
  store_at(head.data(), 0, static_cast<std::uint32_t>(kind));
  store_at(head.data(), 8, std::uint64_t{payload.size()});
  store_at(head.data(), 16, at);
  store_at(head.data(), 24, checksum(payload, checksum({head.data(), 24})));
  return head;
}

std::string description_block(const IndexHeader& header) {
  if (header.description.empty()) return {};
  std::string payload(8, '\0');
  store_at(payload.data(), 0, std::uint64_t{header.description.size()});
  payload += header.description;
  payload.resize((payload.size() + 7) / 8 * 8);
  const BlockHead head = block_head(IndexBlock::Kind::kDescription, payload, kIndexHeadBytes);
  return std::string(head.data(), head.size()) + payload;
}

Result<std::string> description_in(std::string_view payload) {
  const Error wrong(ErrorCode::kDataLoss, "has a description that cannot be");
  if (payload.size() < 8) return wrong;
  const auto size = load_at<std::uint64_t>(payload.data(), 0);
  if (size == 0 || size > payload.size() - 8 || payload.size() - 8 - size >= 8) return wrong;
  std::string text(payload.substr(8, size));
  if (!check_description(text)) return wrong;
  return text;
}

std::optional<IndexMark> mark_in(const char* bytes, std::uint64_t of_header) {
  if (load_at<std::uint64_t>(bytes, 24) != checksum({bytes, 24}, of_header)) return {};
  return IndexMark{load_at<std::uint64_t>(bytes, 0), load_at<std::uint64_t>(bytes, 8),
                   load_at<std::uint64_t>(bytes, 16)};
}

std::optional<IndexMark> mark_of(const Head& head) {
  const std::uint64_t of_header = header_checksum(head);
  const auto first = mark_in(head.data() + kFirstMarkAt, of_header);
  const auto second = mark_in(head.data() + kFirstMarkAt + kMarkBytes, of_header);
  return !second || (first && first->number > second->number) ? first : second;
}

Head head_of(const IndexHeader& header) {
  Head head = {};
  std::memcpy(head.data(), kIndexMagic.data(), kIndexMagic.size());
  store_at(head.data(), 16, header.description.empty() ? kPlainVersion : kDescribedVersion);
  store_at(head.data(), 20, header.shape.dimension);
  store_at(head.data(), 24, static_cast<std::uint32_t>(header.shape.metric));
  store_at(head.data(), 28, header.graph.links);
  store_at(head.data(), 32, header.graph.breadth);
  store_at(head.data(), kFirstMarkAt - 8, header_checksum(head));
  return head;
}

IndexMark first_mark(const IndexHeader& header) { return {1, kIndexHeadBytes + description_block(header).size(), 0}; }

Error damaged_file(const std::string& path, const std::string& what) {
  return Error(ErrorCode::kDataLoss, "the store of vectors " + path + " is damaged: " + what)
      .hint("put a copy of it in its place, or make it anew from the vectors");
}

Error not_made_whole(const std::string& path, std::uint64_t size) {
  return Error(ErrorCode::kDataLoss,
               "the store of vectors " + path + " was not made whole: it has " + std::to_string(size) + " bytes")
      .hint("whoever made it was stopped at once; make it anew");
}

std::uint32_t version_of(const Head& head) { return load_at<std::uint32_t>(head.data(), 16); }

Result<IndexHeader> header_in(const Head& head, const std::string& path) {
  const std::uint32_t version = version_of(head);
  if (version != kPlainVersion && version != kDescribedVersion) {
    return Error(ErrorCode::kUnsupported, path + " is a store of vectors of version " + std::to_string(version) +
                                              ", and this program knows versions 1 and 2");
  }
  if (load_at<std::uint64_t>(head.data(), kFirstMarkAt - 8) != header_checksum(head))
    return damaged_file(path, "its header does not have its checksum");
  IndexHeader header;
  header.shape.dimension = load_at<std::uint32_t>(head.data(), 20);
  header.shape.metric = static_cast<Metric>(load_at<std::uint32_t>(head.data(), 24));
  header.graph.links = load_at<std::uint32_t>(head.data(), 28);
  header.graph.breadth = load_at<std::uint32_t>(head.data(), 32);
  const bool settings = header.graph.links >= 2 && header.graph.links <= 128 && header.graph.breadth >= 1 &&
                        header.graph.breadth <= 10'000;
  const std::uint32_t metric = load_at<std::uint32_t>(head.data(), 24);
  if (!settings || metric < 1 || metric > 3 || !check_shape(header.shape))
    return damaged_file(path, "its header says what cannot be");
  return header;
}

Result<std::size_t> read_whole_at(int descriptor, const std::string& path, char* to, std::size_t size,
                                  std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const auto at = static_cast<off_t>(offset + done);
    const ssize_t count = uninterrupted([&] { return ::pread(descriptor, to + done, size - done, at); });
    if (count < 0) return file_error(errno, "read", path);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Status write_whole_at(int descriptor, const std::string& path, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto at = static_cast<off_t>(offset);
    const ssize_t count = uninterrupted([&] { return ::pwrite(descriptor, bytes.data(), bytes.size(), at); });
    if (count < 0) return file_error(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<std::uint64_t> size_of(int descriptor, const std::string& path) {
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return file_error(errno, "look at", path);
  return static_cast<std::uint64_t>(info.st_size);
}

// The kernel lists who holds which lock: "1: FLOCK  ADVISORY  WRITE 4711 fe:01:1234 0 EOF".
std::string holder_of(int descriptor) {
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return "another process";
  const std::string inode = ":" + std::to_string(info.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, manner, access, pid, file;
    words >> number >> kind >> manner >> access >> pid >> file;
    if (kind != "FLOCK" || !file.ends_with(inode) || pid.empty() || pid[0] < '1' || pid[0] > '9') continue;
    std::string name;
    std::getline(std::ifstream("/proc/" + pid + "/comm"), name);
    return "process " + pid + (name.empty() ? "" : " (" + name + ")");
  }
  return "another process";
}

bool is_same_file(int descriptor, const std::string& path) {
  struct stat open_one;
  struct stat named;
  return ::fstat(descriptor, &open_one) == 0 && ::stat(path.c_str(), &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

}  // namespace

Result<IndexReader> IndexReader::open(int descriptor, const std::string& path) {
  Head head = {};
  PENSTOCK_ASSIGN(const std::size_t size, read_whole_at(descriptor, path, head.data(), head.size(), 0));
  const std::size_t known = std::min(size, kIndexMagic.size());
  if (size > 0 && std::string_view(head.data(), known) != kIndexMagic.substr(0, known))
    return Error(ErrorCode::kInvalidArgument, path + " is no store of vectors");
  if (size < head.size()) return not_made_whole(path, size);
  IndexReader reader;
  reader.descriptor_ = descriptor;
  reader.path_ = path;
  PENSTOCK_ASSIGN(reader.header_, header_in(head, path));
  const std::optional<IndexMark> mark = mark_of(head);
  if (!mark) return damaged_file(path, "neither of its two marks has its checksum");
  reader.mark_ = *mark;
  PENSTOCK_ASSIGN(const std::uint64_t length, size_of(descriptor, path));
  if (length < mark->length && mark->number == 1) return not_made_whole(path, length);
  if (length < mark->length) {
    return damaged_file(
        path, "it has " + std::to_string(length) + " bytes, and had at least " + std::to_string(mark->length));
  }
  if (version_of(head) == kDescribedVersion) PENSTOCK_TRY(reader.take_description());
  return reader;
}

Status IndexReader::take_description() {
  IndexBlock block;
  PENSTOCK_ASSIGN(const bool is_there, next(block));
  if (!is_there || block.kind != IndexBlock::Kind::kDescription) return damaged("is no description");
  auto text = description_in(block.payload);
  if (!text) return damaged(text.error().message());
  header_.description = std::move(*text);
  return {};
}

Error IndexReader::damaged(const std::string& what) const {
  return damaged_file(path_, "the block at byte " + std::to_string(block_at_) + " " + what);
}

Result<bool> IndexReader::next(IndexBlock& block) {
  block_at_ = position_;
  const bool is_marked = position_ < mark_.length;
  // Behind the mark a block that is not good is the torn end of a write.
  const auto bad = [&](const char* what) -> Result<bool> {
    if (is_marked) return damaged(what);
    return false;
  };
  char head[kIndexBlockHeadBytes];
  PENSTOCK_ASSIGN(const std::size_t size, read_whole_at(descriptor_, path_, head, sizeof head, position_));
  if (size == 0 && !is_marked) return false;
  if (size < sizeof head) return bad("is cut short");
  const auto payload_bytes = load_at<std::uint64_t>(head, 8);
  PENSTOCK_ASSIGN(const std::uint64_t length, size_of(descriptor_, path_));
  const std::uint64_t left = length - std::min(length, position_ + sizeof head);
  if (payload_bytes > left || payload_bytes % 8 != 0) return bad("has a length that cannot be");
  if (load_at<std::uint64_t>(head, 16) != position_) return bad("belongs elsewhere");
  block.payload.resize(payload_bytes);
  PENSTOCK_ASSIGN(const std::size_t got,
                  read_whole_at(descriptor_, path_, block.payload.data(), payload_bytes, position_ + sizeof head));
  if (got < payload_bytes) return bad("is cut short");
  if (load_at<std::uint64_t>(head, 24) != checksum(block.payload, checksum({head, 24})))
    return bad("does not have its checksum");
  block.kind = static_cast<IndexBlock::Kind>(load_at<std::uint32_t>(head, 0));
  position_ += sizeof head + payload_bytes;
  if (is_marked && position_ > mark_.length) return damaged("goes beyond the mark");
  return true;
}

Result<IndexWriter> IndexWriter::go_on(Descriptor file, const IndexReader& reader, std::uint64_t rows) {
  IndexWriter writer(std::move(file), reader.path());
  PENSTOCK_ASSIGN(const std::uint64_t size, size_of(writer.descriptor(), writer.path_));
  const auto length = static_cast<off_t>(reader.position());
  if (size > reader.position() && uninterrupted([&] { return ::ftruncate(writer.descriptor(), length); }) != 0)
    return file_error(errno, "cut", writer.path_);
  writer.length_ = reader.position();
  writer.rows_ = rows;
  writer.header_checksum_ = header_checksum(head_of(reader.header()));
  writer.mark_ = reader.mark();
  return writer;
}

Result<IndexWriter> IndexWriter::begin(Descriptor file, std::string path, const IndexHeader& header) {
  Head head = head_of(header);
  IndexWriter writer(std::move(file), std::move(path));
  writer.header_checksum_ = header_checksum(head);
  writer.mark_ = first_mark(header);
  writer.length_ = writer.mark_.length;
  put_mark(head.data() + kFirstMarkAt, writer.mark_, writer.header_checksum_);
  // A file that is shorter than its first mark says is one whose maker was killed: see is_unbegun.
  const std::string all = std::string(head.data(), head.size()) + description_block(header);
  PENSTOCK_TRY(write_whole_at(writer.descriptor(), writer.path_, all, 0));
  return writer;
}

Status IndexWriter::append(IndexBlock::Kind kind, std::string&& payload, std::uint64_t rows) {
  payload.resize((payload.size() + 7) / 8 * 8);
  const BlockHead head = block_head(kind, payload, length_);
  PENSTOCK_TRY(write_whole_at(descriptor(), path_, {head.data(), head.size()}, length_));
  PENSTOCK_TRY(write_whole_at(descriptor(), path_, payload, length_ + head.size()));
  length_ += head.size() + payload.size();
  rows_ += rows;
  return {};
}

Status IndexWriter::sync() {
  if (uninterrupted([&] { return ::fsync(descriptor()); }) != 0) return file_error(errno, "sync", path_);
  if (mark_.length == length_) return {};
  // The mark need not be on the disk: without it the blocks are read all the same.
  const IndexMark mark = {mark_.number + 1, length_, rows_};
  char bytes[kMarkBytes];
  put_mark(bytes, mark, header_checksum_);
  const std::uint64_t at = kFirstMarkAt + (mark.number % 2 == 1 ? 0 : kMarkBytes);
  PENSTOCK_TRY(write_whole_at(descriptor(), path_, {bytes, sizeof bytes}, at));
  mark_ = mark;
  return {};
}

Result<Descriptor> lock_index(const std::string& path, bool create) {
  const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
  while (true) {
    Descriptor file(uninterrupted([&] { return ::open(path.c_str(), flags, 0666); }));
    if (!file.is_open()) return file_error(errno, create ? "create" : "open", path);
    if (uninterrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return file_error(errno, "lock", path);
      return Error(ErrorCode::kUnavailable,
                   "the store of vectors " + path + " is being written by " + holder_of(file.get()))
          .hint("one process writes at a time, others may read; try again when it has ended");
    }
    if (is_same_file(file.get(), path)) return file;  // else it was replaced between the two calls
  }
}

Result<bool> is_unbegun(int descriptor, const std::string& path) {
  Head head = {};
  PENSTOCK_ASSIGN(const std::size_t size, read_whole_at(descriptor, path, head.data(), head.size(), 0));
  const std::size_t known = std::min(size, kIndexMagic.size());
  if (std::string_view(head.data(), known) != kIndexMagic.substr(0, known)) return false;
  if (size < head.size()) return true;
  const std::optional<IndexMark> mark = mark_of(head);
  PENSTOCK_ASSIGN(const std::uint64_t length, size_of(descriptor, path));
  return version_of(head) == kDescribedVersion && mark && mark->number == 1 && length < mark->length;
}

void RowsPayload::add(std::string_view id, std::string_view metadata, std::span<const float> vector) {
  ids_ += id;
  metadata_ += metadata;
  id_ends_.push_back(static_cast<std::uint32_t>(ids_.size()));
  metadata_ends_.push_back(static_cast<std::uint32_t>(metadata_.size()));
  vectors_.insert(vectors_.end(), vector.begin(), vector.end());
}

std::size_t RowsPayload::size_bytes() const noexcept {
  return 8 + id_ends_.size() * 8 + ids_.size() + metadata_.size() + vectors_.size() * sizeof(float);
}

std::string RowsPayload::take() {
  std::string payload;
  payload.reserve(size_bytes() + 8);
  const auto put = [&](const void* bytes, std::size_t size) { payload.append(static_cast<const char*>(bytes), size); };
  const std::uint64_t count = rows();
  put(&count, sizeof count);
  put(vectors_.data(), vectors_.size() * sizeof(float));
  put(id_ends_.data(), id_ends_.size() * sizeof(std::uint32_t));
  put(metadata_ends_.data(), metadata_ends_.size() * sizeof(std::uint32_t));
  payload += ids_;
  payload += metadata_;
  *this = RowsPayload();
  return payload;
}

Result<std::vector<IndexRow>> rows_in(std::string_view payload, std::uint32_t dimension) {
  const auto wrong = [](const char* what) { return Error(ErrorCode::kDataLoss, what); };
  if (payload.size() < 8) return wrong("has no rows");
  const auto count = load_at<std::uint64_t>(payload.data(), 0);
  const std::uint64_t row_bytes = std::uint64_t{dimension} * sizeof(float) + 8;
  if (count == 0 || count > (payload.size() - 8) / row_bytes) return wrong("has a number of rows that cannot be");
  const char* const vectors = payload.data() + 8;
  const char* const id_ends = vectors + count * dimension * sizeof(float);
  const char* const metadata_ends = id_ends + count * sizeof(std::uint32_t);
  std::string_view texts = payload.substr(8 + count * row_bytes);
  std::vector<IndexRow> rows(count);
  const auto divide = [&](const char* ends, std::string_view IndexRow::* member) {
    std::uint32_t begin = 0;
    for (std::uint64_t row = 0; row < count; ++row) {
      const auto end = load_at<std::uint32_t>(ends, row * sizeof(std::uint32_t));
      if (end < begin || end > texts.size()) return false;
      rows[row].*member = texts.substr(begin, end - begin);
      begin = end;
    }
    texts.remove_prefix(begin);
    return true;
  };
  if (!divide(id_ends, &IndexRow::id) || !divide(metadata_ends, &IndexRow::metadata))
    return wrong("has texts that end outside of it");
  if (texts.size() >= 8) return wrong("has bytes behind its rows");
  for (std::uint64_t row = 0; row < count; ++row) {
    if (rows[row].id.empty()) return wrong("has a row without id");
    rows[row].vector = vectors + row * dimension * sizeof(float);
  }
  return rows;
}

}  // namespace penstock
