// SPDX-License-Identifier: MIT
#include "platform/build_id.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock {
namespace {

// The note of type NT_GNU_BUILD_ID in a segment of notes, as hexadecimal digits.
std::string build_id_in(const char* notes, std::size_t size) {
  const auto aligned = [](std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; };
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes, sizeof head);
    const std::size_t whole = sizeof head + aligned(head.n_namesz) + aligned(head.n_descsz);
    if (whole > size) break;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(notes + sizeof head, "GNU", 4) == 0) {
      static constexpr char kDigits[] = "0123456789abcdef";
      std::string text;
      for (std::size_t i = 0; i < head.n_descsz; ++i) {
        const auto byte = static_cast<unsigned char>(notes[sizeof head + aligned(head.n_namesz) + i]);
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
      }
      return text;
    }
    notes += whole;
    size -= whole;
  }
  return {};
}

int add_object(dl_phdr_info* info, std::size_t, void* data) {
  const std::string_view path = info->dlpi_name != nullptr ? info->dlpi_name : "";
  const bool of_system = path.starts_with("/lib") || path.starts_with("/usr/lib") || path.starts_with("linux-");
  if (of_system && path.find("penstock") == std::string_view::npos) return 0;
  std::string id;
  for (int i = 0; i < info->dlpi_phnum && id.empty(); ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    id = build_id_in(reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr), segment.p_memsz);
  }
  auto& text = *static_cast<std::string*>(data);
  const std::size_t slash = path.rfind('/');
  text += text.empty() ? "" : " ";
  text += path.empty() ? "program" : path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  text += "=" + (id.empty() ? "none" : id);
  return 0;
}

}  // namespace

const std::string& code_identity() {
  static const std::string identity = [] {
    std::string text;
    ::dl_iterate_phdr(add_object, &text);
    return text;
  }();
  return identity;
}

std::string program_path() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace penstock
