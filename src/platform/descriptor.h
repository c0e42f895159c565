// SPDX-License-Identifier: MIT
// File descriptors that are no files: sockets and pipes.
#pragma once

#include <penstock/result.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace penstock {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const noexcept { return number_; }
  bool is_open() const noexcept { return number_ >= 0; }
  void close() noexcept;

 private:
  int number_;
};

/// The two ends of a pipe; neither is passed on to programs that are started.
struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

/// Makes a pipe. `purpose` completes "cannot make a pipe ...", for instance "to gnuplot".
Result<Pipe> make_pipe(std::string_view purpose);

/// Repeats a system call, which answers a negative number with errno set, while signals interrupt it.
template <class Call>
auto uninterrupted(Call call) {
  auto answer = call();
  while (answer < 0 && errno == EINTR) answer = call();
  return answer;
}

/// Writes all of `bytes`; false, with errno set, when that failed.
bool write_all(int descriptor, std::string_view bytes) noexcept;

}  // namespace penstock
