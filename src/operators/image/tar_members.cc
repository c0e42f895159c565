// SPDX-License-Identifier: MIT
#include "operators/image/tar_members.h"

#ifdef PENSTOCK_TAR
#include <archive.h>
#include <archive_entry.h>
#endif

#include "platform/shared_library.h"

namespace penstock {

#ifdef PENSTOCK_TAR
namespace {

struct Libarchive {
  decltype(&::archive_read_new) make = nullptr;
  decltype(&::archive_read_free) free = nullptr;
  decltype(&::archive_read_support_format_tar) know_tar = nullptr;
  decltype(&::archive_read_open_memory) open_memory = nullptr;
  decltype(&::archive_read_next_header) next_header = nullptr;
  decltype(&::archive_read_data_block) data_block = nullptr;
  decltype(&::archive_error_string) error = nullptr;
  decltype(&::archive_entry_pathname) name = nullptr;
  decltype(&::archive_entry_filetype) type = nullptr;
  decltype(&::archive_entry_hardlink) hard_link = nullptr;
  decltype(&::archive_entry_size) size = nullptr;
  decltype(&::archive_entry_sparse_count) sparse_count = nullptr;
};

Result<Libarchive> look_up_libarchive() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("libarchive", {"libarchive.so.13"}, "libarchive13"));
  Libarchive found;
  if (!library.find("archive_read_new", found.make) || !library.find("archive_read_free", found.free) ||
      !library.find("archive_read_support_format_tar", found.know_tar) ||
      !library.find("archive_read_open_memory", found.open_memory) ||
      !library.find("archive_read_next_header", found.next_header) ||
      !library.find("archive_read_data_block", found.data_block) ||
      !library.find("archive_error_string", found.error) || !library.find("archive_entry_pathname", found.name) ||
      !library.find("archive_entry_filetype", found.type) || !library.find("archive_entry_hardlink", found.hard_link) ||
      !library.find("archive_entry_size", found.size) ||
      !library.find("archive_entry_sparse_count", found.sparse_count))
    return not_the_library("libarchive", "libarchive13");
  return found;
}

const Libarchive& libarchive() { return *looked_up_once<look_up_libarchive>(); }

archive* of(void* handle) { return static_cast<archive*>(handle); }

}  // namespace

void TarMembers::Close::operator()(void* archive) const noexcept { libarchive().free(of(archive)); }

Error TarMembers::damaged(const std::string& why) const {
  return Error(ErrorCode::kDataLoss, path_ + " is no tar file, or damaged: " + why)
      .hint("compressed ones must be unpacked first, for instance with gunzip");
}

Result<TarMembers> TarMembers::open(const std::string& path) {
  PENSTOCK_TRY(load_once<look_up_libarchive>());
  PENSTOCK_ASSIGN(MappedFile file, MappedFile::open(path));
  TarMembers members(path, std::move(file));
  members.archive_.reset(libarchive().make());
  archive* const opened = of(members.archive_.get());
  if (opened == nullptr) return Error(ErrorCode::kResourceExhausted, "no memory to read " + path);
  const std::string_view bytes = members.file_.bytes();
  if (libarchive().know_tar(opened) != ARCHIVE_OK ||
      libarchive().open_memory(opened, bytes.data(), bytes.size()) != ARCHIVE_OK)
    return members.damaged(libarchive().error(opened));
  return members;
}

Result<std::optional<TarMember>> TarMembers::next() {
  archive* const opened = of(archive_.get());
  while (!ended_) {
    archive_entry* entry = nullptr;
    const int code = libarchive().next_header(opened, &entry);
    ended_ = code == ARCHIVE_EOF;  // libarchive must not be asked again
    if (ended_) break;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return damaged(libarchive().error(opened));
    const char* const name = libarchive().name(entry);
    if (libarchive().type(entry) != AE_IFREG || libarchive().hard_link(entry) != nullptr || name == nullptr) continue;
    TarMember member{name, 0, static_cast<std::uint64_t>(libarchive().size(entry))};
    if (member.bytes == 0) return std::optional(std::move(member));
    if (libarchive().sparse_count(entry) > 0)
      return Error(ErrorCode::kUnsupported,
                   path_ + ": " + member.name + " is sparse, so its bytes are not in one place");
    // The whole file is one block of memory to the library, which hands out pointers into it.
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t at = 0;
    if (libarchive().data_block(opened, &block, &size, &at) != ARCHIVE_OK) return damaged(libarchive().error(opened));
    const std::string_view all = file_.bytes();
    const char* const first = static_cast<const char*>(block);
    const bool within = at == 0 && first >= all.data() && first < all.data() + all.size();
    if (!within || static_cast<std::size_t>(all.data() + all.size() - first) < member.bytes)
      return damaged(member.name + " goes beyond the end of the file");
    member.offset = static_cast<std::uint64_t>(first - all.data());
    return std::optional(std::move(member));
  }
  return std::optional<TarMember>();
}

#else

void TarMembers::Close::operator()(void*) const noexcept {}
Error TarMembers::damaged(const std::string& why) const { return Error(ErrorCode::kDataLoss, path_ + ": " + why); }
Result<TarMembers> TarMembers::open(const std::string& path) {
  return Error(ErrorCode::kUnsupported, "cannot read " + path + ": this build knows no tar files")
      .hint("install libarchive-dev and build again");
}
Result<std::optional<TarMember>> TarMembers::next() { return std::optional<TarMember>(); }

#endif

}  // namespace penstock
