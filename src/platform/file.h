// SPDX-License-Identifier: MIT
// Files as the rest of the library sees them: whole reads and writes in spite of signals and short counts, errors that
// name the path and what the system said, files that appear whole or not at all, read-only maps, and globs.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// Returns the error for `error_number` (an errno value) met while doing `action` to `path`.
///
/// The message reads "cannot ACTION PATH: what the system said", for instance "cannot open a.csv: no such file"; the
/// code and the hint follow from the number (ENOENT kNotFound, EACCES kPermissionDenied, ENOSPC and EDQUOT
/// kResourceExhausted, EISDIR kInvalidArgument, EIO kDataLoss ...).
Error file_error(int error_number, std::string_view action, std::string_view path);

/// Identity and state of a file at one moment; two unequal stamps of one path mean that it was changed or replaced.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  ///< Nanoseconds since 1970-01-01 UTC.
  bool regular = false;          ///< False for pipes, terminals and devices, whose size means nothing.

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Returns the stamp of what `path` names (links are followed).
Result<FileStamp> stamp_of(const std::string& path);

/// An open file that is closed with the object.
///
/// Thread-compatible; `read_at` may be called from many threads. Every call is repeated on EINTR.
class File {
 public:
  /// How `create` treats what is already there.
  struct CreateOptions {
    bool exclusive = false;  ///< Fail with kAlreadyExists when the path exists.
    bool append = false;     ///< Keep what is there and write behind it.
    unsigned mode = 0666;    ///< Permissions of a new file, before the umask.
  };

  File() noexcept = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Opens for reading. A directory is an error (kInvalidArgument), as reading it could not give bytes.
  static Result<File> open(const std::string& path);
  /// Opens for writing, creating the file; what was there is cut to nothing unless `options` say otherwise.
  static Result<File> create(const std::string& path, const CreateOptions& options);
  static Result<File> create(const std::string& path) { return create(path, CreateOptions{}); }
  /// Goes on writing behind the first `size` bytes of `from`, which a process that has ended left, as `to`. That is a
  /// second name of the same file, cut to `size`, when `from` is its only one; else a copy, so that a file that was
  /// put in place already under another name stays as it is. kUnavailable when another process goes on with it;
  /// kDataLoss when it is shorter.
  static Result<File> go_on(const std::string& from, const std::string& to, std::uint64_t size);

  /// Reads up to `size` bytes with one call of the system; 0 means the end.
  Result<std::size_t> read(char* to, std::size_t size);
  /// Reads `size` bytes at `offset`, fewer only at the end of the file. Leaves the position alone.
  Result<std::size_t> read_at(char* to, std::size_t size, std::uint64_t offset) const;
  /// Writes all of `bytes` or returns why not.
  Status write_all(std::string_view bytes);
  /// Waits until what was written is on the disk (fsync).
  Status sync();
  /// Closes now, reporting what the destructor would have to swallow (a full disk on a network file system).
  Status close();

  Result<FileStamp> stamp() const;
  bool is_open() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }
  const std::string& path() const noexcept { return path_; }

 private:
  File(int descriptor, std::string path) noexcept : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::string path_;
};

/// A file that appears under its name whole or not at all.
///
/// Thread-compatible. Writes to a hidden temporary beside the target (".NAME.MARK-N.tmp", with `this_process_mark`) and
/// renames it on `commit`; an object that goes away uncommitted removes the temporary and leaves the target as it was.
/// A link is followed, so that it stays a link; permissions of a file that is replaced are kept. A target that is no
/// regular file (a pipe, /dev/stdout) is written directly, since it can be neither replaced nor half-written.
///
/// Several files become visible together when they are `revocable`: commit them one after the other, and when one
/// fails, `abort` all: what was committed is taken back. For that a replaced file keeps a second name (a hard link) as
/// long as the object.
class AtomicFile {
 public:
  struct Options {
    bool durable = false;       ///< On commit, wait until the file and its name are on the disk. Costs milliseconds.
    bool make_folders = false;  ///< Create missing folders of the path.
    bool revocable = false;     ///< `abort` takes back what was committed. Costs two system calls.
  };

  AtomicFile() noexcept = default;
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  static Result<AtomicFile> create(const std::string& path, const Options& options);
  static Result<AtomicFile> create(const std::string& path) { return create(path, Options{}); }
  /// Goes on with the first `size` bytes of `temporary`, that of an AtomicFile in a process that has ended: as
  /// `File::go_on`.
  static Result<AtomicFile> go_on(const std::string& path, const Options& options, const std::string& temporary,
                                  std::uint64_t size);
  /// False for a path that is written directly: a pipe, a device.
  static bool replaces(const std::string& path) noexcept;

  /// Writes all of `bytes`; not buffered, so callers collect some tens of KiB first.
  Status write_all(std::string_view bytes);
  /// Puts the file in its place. Only `abort` may follow.
  Status commit();
  /// Removes the temporary; the target stays as it was. After `commit` it does nothing, unless the file is revocable:
  /// then the target is as it was before (but on file systems without hard links a file that was replaced cannot come
  /// back).
  void abort() noexcept;

  bool is_open() const noexcept { return file_.is_open(); }
  std::uint64_t bytes_written() const noexcept { return bytes_written_; }
  const std::string& path() const noexcept { return target_; }
  /// Before `commit`: where the bytes are; empty when the target is written directly.
  const std::string& temporary() const noexcept { return temporary_; }
  int descriptor() const noexcept { return file_.descriptor(); }

 private:
  File file_;
  std::string target_;
  enum class State : std::uint8_t { kNothing, kWriting, kCreated, kReplaced };

  Status put_in_place();
  void remove_temporary() noexcept;

  State state_ = State::kNothing;
  std::string
      temporary_;  ///< What is written; after it replaced a file, that file. Empty: the target is written directly.
  std::uint64_t bytes_written_ = 0;
  Options options_;
};

/// A regular file as read-only memory.
///
/// Thread-compatible. Beware: when another program cuts the file short, touching what is gone ends the process with
/// SIGBUS; for input that others may write to, read blocks instead.
class MappedFile {
 public:
  MappedFile() noexcept = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// Maps the whole file; an empty one gives empty `bytes()`.
  static Result<MappedFile> open(const std::string& path);

  std::string_view bytes() const noexcept { return {data_, size_bytes_}; }
  /// Tells the system that pages wholly inside [offset, offset + size) are not needed any more, which keeps the
  /// resident size small while walking through a large file. They come back when touched.
  void release(std::size_t offset, std::size_t size) noexcept;

 private:
  const char* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

/// Reads a whole file; kResourceExhausted when it holds more than `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = std::size_t{1} << 30);
/// Reads `bytes` bytes from `offset` on; kResourceExhausted when that is more than `max_bytes`, kDataLoss when the file
/// ends before.
Result<std::string> read_file_part(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                                   std::size_t max_bytes);
/// Writes a whole file by AtomicFile.
Status write_file(const std::string& path, std::string_view bytes, const AtomicFile::Options& options);
Status write_file(const std::string& path, std::string_view bytes);
/// Creates the folder and the missing ones above it; fine when it is there.
Status make_folders(const std::string& path);
/// Waits until the names in the folder are on the disk.
Status sync_folder(const std::string& path);
/// Returns the folder part of `path`: "a/b" for "a/b/c", "." for "c", "/" for "/c".
std::string folder_of(std::string_view path);

/// Says whether `path` has one of the marks of a glob: '*', '?' or '['.
bool has_glob(std::string_view path) noexcept;
/// Returns the files that `pattern` names, in byte order of their paths, whatever the locale.
///
/// Without a mark of a glob, or when a file of exactly that name exists, the answer is `pattern` itself, and whether it
/// exists is left to whoever opens it. A pattern without a match is kNotFound. '*' matches no leading dot and no '/',
/// "**" as a part of the path any folders: see glob.h.
Result<std::vector<std::string>> expand_glob(const std::string& pattern);

}  // namespace penstock
