// SPDX-License-Identifier: MIT
// Files, read by threads: the kernel has no other way to wait for a disk that is there everywhere.
#include <penstock/async_io.h>

#ifdef PENSTOCK_ASYNC
#include <fcntl.h>
#include <fmt/format.h>
#include <penstock/asio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "operators/async/async_loop.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#endif

namespace penstock {

#ifdef PENSTOCK_ASYNC
namespace {

constexpr std::size_t kFileThreads = 8;

class FileThreads final : public detail::LoopPart {
 public:
  ~FileThreads() override { pool_.join(); }
  asio::thread_pool& pool() noexcept { return pool_; }

 private:
  asio::thread_pool pool_{kFileThreads};
};

// Shared by the coroutine that waits and the thread that reads.
struct FileRead {
  std::string path;
  std::size_t max_bytes = 0;
  std::atomic<bool> unwanted{false};
  std::coroutine_handle<> waiting;  // touched by the loop's thread only
  Result<std::string> bytes = std::string();
};

Result<std::string> read_whole(const std::string& path, std::size_t max_bytes) {
  // Not to wait for somebody who opens the other end of a pipe.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return file_error(errno, "open", path);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return file_error(errno, "read", path);
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kInvalidArgument, "not a regular file: " + path);
  std::string bytes;
  std::size_t size = 0;
  bytes.resize(std::min(static_cast<std::size_t>(info.st_size), max_bytes) + 1);
  for (;;) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(errno, "read", path);
    size += static_cast<std::size_t>(got);
    if (size > max_bytes) {
      return Error(ErrorCode::kResourceExhausted, fmt::format("the file has more than {} bytes: {}", max_bytes, path));
    }
    if (got == 0) break;
    if (size == bytes.size()) bytes.resize(std::min(bytes.size() * 2, max_bytes + 1));
  }
  bytes.resize(size);
  return bytes;
}

// An exception must not leave the thread.
Result<std::string> read_or_say_why(const std::string& path, std::size_t max_bytes) {
  try {
    return read_whole(path, max_bytes);
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kResourceExhausted, "no memory for the file: " + path);
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, fmt::format("cannot read {}: {}", path, error.what()));
  }
}

class FileAwaiter {
 public:
  explicit FileAwaiter(std::shared_ptr<FileRead> read) noexcept : read_(std::move(read)) {}
  FileAwaiter(const FileAwaiter&) = delete;
  FileAwaiter& operator=(const FileAwaiter&) = delete;
  ~FileAwaiter() {
    read_->waiting = nullptr;
    read_->unwanted.store(true, std::memory_order_relaxed);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    read_->waiting = waiting;
    asio::io_context& io = current_io_context();
    asio::thread_pool& pool = detail::AsyncLoop::current().part<FileThreads>(detail::LoopPart::kFiles).pool();
    asio::post(pool, [read = read_, &io] {
      if (!read->unwanted.load(std::memory_order_relaxed)) read->bytes = read_or_say_why(read->path, read->max_bytes);
      asio::post(io, [read] {
        if (read->waiting) std::exchange(read->waiting, nullptr).resume();
      });
    });
  }
  Result<std::string> await_resume() { return std::move(read_->bytes); }

 private:
  std::shared_ptr<FileRead> read_;
};

// Not the public function itself: its frame must hold no types of this file alone.
Task<Result<std::string>> read_by_thread(std::string path, std::size_t max_bytes) {
  const auto read = std::make_shared<FileRead>();
  read->path = std::move(path);
  read->max_bytes = max_bytes;
  FileAwaiter bytes(read);
  co_return co_await bytes;
}

}  // namespace

Task<Result<std::string>> read_file(std::string path, std::size_t max_bytes) {
  return read_by_thread(std::move(path), max_bytes);
}
#else
Task<Result<std::string>> read_file(std::string, std::size_t) {
  co_return Error(ErrorCode::kUnsupported, "this build reads no files in coroutines")
      .hint("install libasio-dev and build again");
}
#endif

}  // namespace penstock
