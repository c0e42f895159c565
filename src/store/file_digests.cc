// SPDX-License-Identifier: MIT
#include "store/file_digests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace penstock {
namespace {

constexpr std::string_view kFileScheme = "file:";

// "file", "s3", "https": what stands before the first ':' and is no path.
std::string_view scheme_of(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon < 2) return {};
  for (const char c : uri.substr(0, colon)) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '+' && c != '-' && c != '.') return {};
  }
  return uri.substr(0, colon);
}

int value_of_hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? value_of_hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? value_of_hex_digit(text[i + 2]) : -1;
    out += low < 0 ? text[i] : static_cast<char>(high * 16 + low);
    if (low >= 0) i += 2;
  }
  return out;
}

}  // namespace

bool FileRef::is_local() const noexcept {
  return uri.starts_with(kFileScheme) || (!uri.empty() && scheme_of(uri).empty());
}

std::string FileRef::path() const {
  if (!is_local()) return {};
  if (!uri.starts_with(kFileScheme)) return uri;
  std::string_view rest = std::string_view(uri).substr(kFileScheme.size());
  if (rest.starts_with("//")) rest.remove_prefix(std::min(rest.find('/', 2), rest.size()));  // the host is this one
  return decoded(rest);
}

Status complete(FileRef& file, DigestIndex& index) {
  if (!file.is_local()) {
    if (file.sha256.size() == 64) return {};
    return Error(ErrorCode::kInvalidArgument, fmt::format("the reference to \"{}\" has no digest", file.uri))
        .hint("only local files are read to take it; whoever makes the reference says size_bytes and sha256");
  }
  PENSTOCK_ASSIGN(const FileDigest digest, index.digest(file.path()));
  if (!file.sha256.empty() && file.sha256 != digest.sha256) {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("{} is not what the reference says: its digest is {}, not {}", file.path(),
                             digest.sha256.substr(0, 16), file.sha256.substr(0, 16)));
  }
  file.sha256 = digest.sha256;
  file.size_bytes = digest.state.size_bytes;
  return {};
}

Status compare(const FileRef& file, DigestIndex& index) {
  if (!file.is_local()) return {};
  FileRef copy = file;
  Status same = complete(copy, index);
  if (same) return {};
  return Error(ErrorCode::kDataLoss,
               fmt::format("{} is not what a stage handed on: {}", file.path(), same.error().message()))
      .hint("it was changed or removed; penstock resume, or another run, makes it again");
}

}  // namespace penstock
