// SPDX-License-Identifier: MIT
#include "workflow/command_log.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock {
namespace {

constexpr std::size_t kMostTail = 4096;

}  // namespace

CommandLog CommandLog::to(std::string path, std::uint64_t limit) {
  CommandLog log;
  log.path_ = std::move(path);
  log.head_ = std::max<std::uint64_t>(limit / 2, 1);
  return log;
}

Status CommandLog::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (!file_.is_open()) {
    PENSTOCK_TRY(make_folders(folder_of(path_)));
    PENSTOCK_ASSIGN(file_, File::create(path_));
  }
  return file_.write_all(bytes);
}

Status CommandLog::add(std::string_view bytes) {
  const std::uint64_t room = bytes_ < head_ ? head_ - bytes_ : 0;
  const std::string_view first = bytes.substr(0, std::min<std::uint64_t>(room, bytes.size()));
  bytes_ += bytes.size();
  if (!first.empty()) {
    head_end_.append(first);
    if (head_end_.size() > 2 * kMostTail) head_end_.erase(0, head_end_.size() - kMostTail);
    PENSTOCK_TRY(write(first));
  }
  end_ += bytes.substr(first.size());
  if (end_.size() > 2 * head_) end_.erase(0, end_.size() - head_);
  return {};
}

Status CommandLog::close() {
  if (end_.size() > head_) end_.erase(0, end_.size() - head_);
  const std::uint64_t left_out = bytes_ - std::min(bytes_, head_) - end_.size();
  if (left_out > 0) PENSTOCK_TRY(write(fmt::format("\n[... {} bytes left out ...]\n", left_out)));
  PENSTOCK_TRY(write(end_));
  return file_.is_open() ? file_.close() : Status();
}

std::string CommandLog::tail(std::size_t most) const {
  std::string text = end_.size() >= most ? end_ : head_end_ + end_;
  while (text.ends_with('\n')) text.pop_back();
  if (text.size() > most) text = "..." + text.substr(text.size() - most);
  return text;
}

}  // namespace penstock
