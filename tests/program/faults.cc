// SPDX-License-Identifier: MIT
// Loaded in front of the C library (LD_PRELOAD), it lets one of the calls that read or change files fail, or kills the
// process there: PENSTOCK_FAULT is "KIND:N", for the N-th such call below a folder with "pipeline_outputs" in its path.
// KIND is kill, ENOSPC, EIO, EACCES or short (a read or a write of half). "count:FILE" appends the number of calls to
// FILE at the end. "no_exchange:" is a file system that cannot exchange two names. "kill_reading:TEXT" kills the
// process that reads a file with TEXT in its path. "no_sync:N" and "count_syncs:FILE" do that to calls of fsync alone.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<long> calls{0};

struct Wanted {
  char kind[16] = "";
  long at = 0;
  char file[512] = "";
};

const Wanted& wanted() {
  static const Wanted parsed = [] {
    Wanted result;
    const char* const text = getenv("PENSTOCK_FAULT");
    const char* const colon = text != nullptr ? strchr(text, ':') : nullptr;
    if (colon == nullptr) return result;
    snprintf(result.kind, sizeof result.kind, "%.*s", static_cast<int>(colon - text), text);
    snprintf(result.file, sizeof result.file, "%s", colon + 1);
    result.at = atol(colon + 1);
    return result;
  }();
  return parsed;
}

bool is(const char* kind) { return strcmp(wanted().kind, kind) == 0; }

bool in_store(const char* path) { return path != nullptr && strstr(path, "pipeline_outputs") != nullptr; }

bool path_has(int descriptor, const char* text) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return false;
  path[size] = 0;
  return strstr(path, text) != nullptr;
}

bool in_store(int descriptor) { return path_has(descriptor, "pipeline_outputs"); }

bool syncs_only() { return is("no_sync") || is("count_syncs"); }

// Counts a call; 0: it goes on, -1: it fails with errno, 1: it is cut short.
int meet(bool sync = false) {
  if (syncs_only() && !sync) return 0;
  const long number = ++calls;
  if (wanted().at == 0 || number != wanted().at) return 0;
  if (is("kill")) kill(getpid(), SIGKILL);
  if (is("short")) return 1;
  errno = is("ENOSPC") ? ENOSPC : is("EIO") || is("no_sync") ? EIO : EACCES;
  return -1;
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

struct CountAtEnd {
  ~CountAtEnd() {
    if (!is("count") && !is("count_syncs")) return;
    FILE* const file = fopen(wanted().file, "a");
    if (file == nullptr) return;
    fprintf(file, "%ld\n", calls.load());
    fclose(file);
  }
} count_at_end;

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = static_cast<mode_t>(va_arg(list, int));
  va_end(list);
  if ((flags & (O_WRONLY | O_RDWR)) != 0 && in_store(path) && meet() < 0) return -1;
  static const auto next = real<int (*)(const char*, int, ...)>("open");
  return next(path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (!in_store(descriptor)) return next(descriptor, bytes, size);
  const int met = meet();
  return met < 0 ? -1 : next(descriptor, bytes, met > 0 ? (size + 1) / 2 : size);
}

ssize_t read(int descriptor, void* bytes, size_t size) {
  static const auto next = real<ssize_t (*)(int, void*, size_t)>("read");
  if (is("kill_reading") && path_has(descriptor, wanted().file)) kill(getpid(), SIGKILL);
  if (!in_store(descriptor)) return next(descriptor, bytes, size);
  const int met = meet();
  return met < 0 ? -1 : next(descriptor, bytes, met > 0 ? (size + 1) / 2 : size);
}

ssize_t pread(int descriptor, void* bytes, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, void*, size_t, off_t)>("pread");
  if (!in_store(descriptor)) return next(descriptor, bytes, size, at);
  const int met = meet();
  return met < 0 ? -1 : next(descriptor, bytes, met > 0 ? (size + 1) / 2 : size, at);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  if (!in_store(descriptor)) return next(descriptor, bytes, size, at);
  const int met = meet();
  return met < 0 ? -1 : next(descriptor, bytes, met > 0 ? (size + 1) / 2 : size, at);
}

int ftruncate(int descriptor, off_t size) noexcept {
  static const auto next = real<int (*)(int, off_t)>("ftruncate");
  return in_store(descriptor) && meet() < 0 ? -1 : next(descriptor, size);
}

int utimensat(int folder, const char* path, const struct timespec times[2], int flags) noexcept {
  static const auto next = real<int (*)(int, const char*, const struct timespec[2], int)>("utimensat");
  return in_store(path) && meet() < 0 ? -1 : next(folder, path, times, flags);
}

int rename(const char* from, const char* to) {
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  return in_store(to) && meet() < 0 ? -1 : next(from, to);
}

int link(const char* from, const char* to) {
  static const auto next = real<int (*)(const char*, const char*)>("link");
  return in_store(to) && meet() < 0 ? -1 : next(from, to);
}

int symlink(const char* target, const char* path) {
  static const auto next = real<int (*)(const char*, const char*)>("symlink");
  return in_store(path) && meet() < 0 ? -1 : next(target, path);
}

int mkdir(const char* path, mode_t mode) {
  static const auto next = real<int (*)(const char*, mode_t)>("mkdir");
  return in_store(path) && meet() < 0 ? -1 : next(path, mode);
}

int chmod(const char* path, mode_t mode) {
  static const auto next = real<int (*)(const char*, mode_t)>("chmod");
  return in_store(path) && meet() < 0 ? -1 : next(path, mode);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  static const auto next = real<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  if (is("no_exchange")) return errno = EINVAL, -1;
  return in_store(to) && meet() < 0 ? -1 : next(from_folder, from, to_folder, to, flags);
}

int fsync(int descriptor) {
  static const auto next = real<int (*)(int)>("fsync");
  return in_store(descriptor) && meet(true) < 0 ? -1 : next(descriptor);
}

int unlink(const char* path) {
  static const auto next = real<int (*)(const char*)>("unlink");
  return in_store(path) && meet() < 0 ? -1 : next(path);
}

}  // extern "C"
