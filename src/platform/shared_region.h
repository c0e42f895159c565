// SPDX-License-Identifier: MIT
// Memory that several processes map: a file on a memory file system, or one without a name that is inherited.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace penstock {

/// A sparse file of fixed size in memory, and its mapping.
///
/// Thread-compatible; `allocate` and `discard` concern the file and may be called by every process that can write it.
/// Its size is a range of addresses, not memory: pages exist after `allocate` only. Touching others is kept from being
/// a SIGBUS for want of memory by allocating them first.
class SharedRegion {
 public:
  /// Who may do what with a region that has a name.
  struct Owner {
    std::uint32_t user = 0;   ///< Who owns the file.
    unsigned mode = 0;        ///< Its permissions.
    std::uint64_t inode = 0;  ///< Tells a file from another one that took its name later.
    std::uint64_t allocated_bytes = 0;
  };

  SharedRegion() noexcept = default;
  SharedRegion(SharedRegion&& other) noexcept;
  SharedRegion& operator=(SharedRegion&& other) noexcept;
  ~SharedRegion();

  /// Makes a region without a name; children inherit it, and the kernel frees it with its last process. It is sealed:
  /// nobody can change its size. `label` shows in /proc/PID/maps.
  static Result<SharedRegion> create_anonymous(const std::string& label, std::size_t size_bytes);
  /// Takes over the descriptor of a region that another process made with `create_anonymous`.
  static Result<SharedRegion> adopt(int descriptor, const std::string& label);
  /// Makes a file; kAlreadyExists when the path is taken.
  static Result<SharedRegion> create_file(const std::string& path, std::size_t size_bytes, unsigned mode);
  /// Takes part of memory that somebody else mapped and keeps: it is never unmapped nor made read-only, all of it has
  /// memory already, and `owner` is this process.
  static SharedRegion borrow(std::span<std::byte> memory, const std::string& label);
  /// Opens a file, not through links; kInvalidArgument when it is something else than a regular file.
  static Result<SharedRegion> open_file(const std::string& path);

  /// Makes sure that these bytes have memory. Errors: kResourceExhausted when there is none.
  Status allocate(std::size_t offset, std::size_t size_bytes);
  /// Gives the memory of these bytes back; they read as zero. Whole pages inside the range only.
  void discard(std::size_t offset, std::size_t size_bytes) noexcept;

  /// Maps all of it for reading and writing. Once per object. Errors: kResourceExhausted when the addresses do not
  /// suffice (ulimit -v).
  Status map();
  /// Makes what comes from `offset` (whole pages) on read-only in this process.
  void protect_from(std::size_t offset) noexcept;
  std::byte* data() const noexcept { return data_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }
  /// To hand to another process; stays its own.
  int descriptor() const noexcept { return descriptor_; }

  Result<Owner> owner() const;
  const std::string& path() const noexcept { return path_; }  ///< Or the label.
  /// Says that the file has another name now.
  void renamed(std::string path) { path_ = std::move(path); }

 private:
  static Result<SharedRegion> sized(int descriptor, std::string path, std::size_t size_bytes);

  int descriptor_ = -1;
  std::string path_;
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
  bool is_borrowed_ = false;
};

}  // namespace penstock
