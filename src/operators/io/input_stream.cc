// SPDX-License-Identifier: MIT
#include "operators/io/input_stream.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "operators/io/decoder.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "platform/tcp.h"

namespace penstock {
namespace {

constexpr int kStopLookMs = 20;

Compression compression_of(std::string_view start) {
  if (start.substr(0, 3) == "\x1f\x8b\x08") return Compression::kGzip;
  if (start.substr(0, 4) == "\x28\xb5\x2f\xfd") return Compression::kZstd;
  // A skippable frame in front of the others.
  if (start.size() >= 4 && (start[0] & '\xF0') == '\x50' && start.substr(1, 3) == "\x2a\x4d\x18")
    return Compression::kZstd;
  return Compression::kNone;
}

}  // namespace

// The raw bytes of the file, in blocks, with a look at the first ones before they are handed out.
class InputStream::RawBytes {
 public:
  explicit RawBytes(File file, FileStamp stamp)
      : file_(std::move(file)), path_(file_.path()), descriptor_(file_.descriptor()), stamp_(stamp) {}
  RawBytes(Descriptor socket, std::string address)
      : socket_(std::move(socket)), path_(std::move(address)), descriptor_(socket_.get()) {}

  // Reads at least `wanted` bytes, fewer only when there are no more, and returns what is there.
  Result<std::string_view> peek(std::size_t wanted) {
    while (end_ - begin_ < wanted) {
      PENSTOCK_ASSIGN(const std::size_t count, fetch());
      if (count == 0) break;
    }
    return std::string_view(block_.get() + begin_, end_ - begin_);
  }

  // Returns the bytes not taken yet, reading a block when there are none; empty at the end.
  Result<std::string_view> available() { return peek(1); }
  void take(std::size_t size) noexcept {
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Reads past the block: what was peeked first, then straight from the file.
  Result<std::size_t> read(char* to, std::size_t size) {
    if (begin_ < end_) {
      const std::size_t count = std::min(size, end_ - begin_);
      std::memcpy(to, block_.get() + begin_, count);
      take(count);
      return count;
    }
    block_.reset();
    PENSTOCK_TRY(wait_for_input());
    PENSTOCK_ASSIGN(const std::size_t count, read_once(to, size));
    bytes_read_ += count;
    if (count == 0 && size > 0) PENSTOCK_TRY(check_unchanged());
    return count;
  }

  Status seek(std::uint64_t offset) {
    if (offset > bytes_total()) return cut_short_before(offset);
    if (::lseek(file_.descriptor(), static_cast<off_t>(offset), SEEK_SET) < 0)
      return file_error(errno, "go on in", file_.path());
    begin_ = end_ = 0;
    bytes_read_ = offset;
    return {};
  }
  Error cut_short_before(std::uint64_t offset) const {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("{} ends before byte {}, where it was to be gone on with", file_.path(), offset));
  }

  void stop_with(const StopSignal* stop) noexcept { stop_ = stop; }
  bool ready() const noexcept { return stamp_.regular || begin_ < end_ || input_within(0); }

  const std::string& path() const noexcept { return path_; }
  std::uint64_t bytes_read() const noexcept { return bytes_read_ - (end_ - begin_); }
  std::uint64_t bytes_total() const noexcept {
    return stamp_.regular ? static_cast<std::uint64_t>(stamp_.size_bytes) : 0;
  }

 private:
  // An end or an error is something to read too.
  bool input_within(int milliseconds) const noexcept {
    pollfd wanted{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, milliseconds) > 0;
  }

  // Nothing wakes a thread that waits in read(2), so it waits in steps and looks up between them.
  Status wait_for_input() const {
    if (stamp_.regular || stop_ == nullptr) return {};
    while (!input_within(kStopLookMs)) {
      if (stop_->state() == StopSignal::State::kRun) continue;
      return Error(ErrorCode::kCancelled, "stopped while it waited for more of " + path_);
    }
    return {};
  }

  Result<std::size_t> read_once(char* to, std::size_t size) {
    if (!socket_.is_open()) return file_.read(to, size);
    const ssize_t count = uninterrupted([&] { return ::recv(descriptor_, to, size, 0); });
    if (count < 0) return file_error(errno, "read", path_);
    return static_cast<std::size_t>(count);
  }

  Result<std::size_t> fetch() {
    if (!block_) block_ = std::make_unique_for_overwrite<char[]>(InputStream::kBlockBytes);
    if (begin_ > 0) {
      std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    PENSTOCK_TRY(wait_for_input());
    PENSTOCK_ASSIGN(const std::size_t count, read_once(block_.get() + end_, InputStream::kBlockBytes - end_));
    end_ += count;
    bytes_read_ += count;
    if (count == 0) PENSTOCK_TRY(check_unchanged());
    return count;
  }

  Status check_unchanged() const {
    if (!stamp_.regular) return {};
    PENSTOCK_ASSIGN(const FileStamp now, stamp_of(path_));
    const bool same_size = bytes_read_ == static_cast<std::uint64_t>(stamp_.size_bytes);
    // Files of /proc and /sys say 0 and still give bytes.
    if (now == stamp_ && (same_size || stamp_.size_bytes == 0)) return {};
    const char* const what = now.inode != stamp_.inode || now.device != stamp_.device ? "was replaced"
                             : now.size_bytes != stamp_.size_bytes                    ? "changed its size"
                                                                                      : "was changed";
    return Error(ErrorCode::kDataLoss,
                 fmt::format("the file {} while it was read ({} bytes at first, {} at the end, {} read): {}", what,
                             stamp_.size_bytes, now.size_bytes, bytes_read_, path_))
        .hint("run again when nothing writes to it, or read a copy");
  }

  File file_;          // or else
  Descriptor socket_;  // a connection
  std::string path_;
  int descriptor_;  // of one or the other
  FileStamp stamp_;
  std::unique_ptr<char[]> block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t bytes_read_ = 0;
  const StopSignal* stop_ = nullptr;
};

struct InputStream::State {
  RawBytes raw;
  bool start_seen = false;
  Compression compression = Compression::kNone;
  std::unique_ptr<Decoder> decoder = nullptr;

  // Waits for the first bytes of what is no file.
  Status look_at_start() {
    start_seen = true;
    PENSTOCK_ASSIGN(const std::string_view start, raw.peek(4));
    compression = compression_of(start);
    decoder = make_decoder(compression);
    return {};
  }

  Result<std::size_t> read_decoded(char* to, std::size_t size) {
    while (true) {
      PENSTOCK_ASSIGN(const std::string_view all, raw.available());
      std::string_view in = all;
      if (in.empty() && decoder->complete()) return std::size_t{0};
      auto count = decoder->decode(in, to, size, raw.path());
      if (!count) return count;
      raw.take(all.size() - in.size());
      if (*count > 0) return count;
      // Nothing in and nothing out at the end of the file: the decoder waits for bytes that do not exist.
      if (all.empty()) return cut_short(raw.path(), decoder->name());
    }
  }
};

InputStream::InputStream(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
InputStream::InputStream(InputStream&&) noexcept = default;
InputStream& InputStream::operator=(InputStream&&) noexcept = default;
InputStream::~InputStream() = default;

Result<InputStream> InputStream::open(const std::string& path) {
  if (is_tcp_address(path)) {
    PENSTOCK_ASSIGN(Descriptor socket, connect_tcp(path));
    return InputStream(std::unique_ptr<State>(new State{.raw = RawBytes(std::move(socket), path)}));
  }
  PENSTOCK_ASSIGN(File file, File::open(path));
  PENSTOCK_ASSIGN(const FileStamp stamp, file.stamp());
  auto state = std::unique_ptr<State>(new State{.raw = RawBytes(std::move(file), stamp)});
  if (stamp.regular) PENSTOCK_TRY(state->look_at_start());
  return InputStream(std::move(state));
}

void InputStream::stop_with(const StopSignal* stop) noexcept { state_->raw.stop_with(stop); }
bool InputStream::ready() const noexcept { return state_->raw.ready(); }

Result<std::size_t> InputStream::read(char* to, std::size_t size) {
  if (size == 0) return std::size_t{0};
  if (!state_->start_seen) PENSTOCK_TRY(state_->look_at_start());
  return state_->decoder ? state_->read_decoded(to, size) : state_->raw.read(to, size);
}

Result<std::size_t> InputStream::read_full(char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    PENSTOCK_ASSIGN(const std::size_t count, read(to + done, size - done));
    if (count == 0) break;
    done += count;
  }
  return done;
}

Status InputStream::skip_to(std::uint64_t offset) {
  if (!state_->decoder) return state_->raw.seek(offset);
  const auto block = std::make_unique_for_overwrite<char[]>(kBlockBytes);
  while (offset > 0) {
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(offset, kBlockBytes));
    PENSTOCK_ASSIGN(const std::size_t count, read(block.get(), size));
    if (count == 0) return state_->raw.cut_short_before(offset);
    offset -= count;
  }
  return {};
}

Compression InputStream::compression() const noexcept { return state_->compression; }
const std::string& InputStream::path() const noexcept { return state_->raw.path(); }
std::uint64_t InputStream::bytes_read() const noexcept { return state_->raw.bytes_read(); }
std::uint64_t InputStream::bytes_total() const noexcept { return state_->raw.bytes_total(); }

}  // namespace penstock
