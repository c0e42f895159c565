// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <penstock/operator.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "base/words.h"

namespace penstock {

StateWriter::~StateWriter() {
  for (const int descriptor : descriptors_) ::close(descriptor);
}

void StateWriter::integer(std::uint64_t value) { put_word(bytes_, value); }

void StateWriter::number(double value) { integer(std::bit_cast<std::uint64_t>(value)); }

void StateWriter::text(std::string_view bytes) { put_text(bytes_, bytes); }

Status StateWriter::needs(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return Error(ErrorCode::kResourceExhausted, std::string("cannot keep a file open: ") + strerror(errno));
  descriptors_.push_back(copy);
  return {};
}

void StateWriter::owns(std::string path) { files_.push_back(std::move(path)); }

std::uint64_t StateReader::integer() noexcept { return take_word(bytes_, cut_); }

double StateReader::number() noexcept { return std::bit_cast<double>(integer()); }

std::string_view StateReader::text() noexcept { return take_text(bytes_, cut_); }

Status StateReader::end() const {
  if (!cut_ && bytes_.empty()) return {};
  return Error(ErrorCode::kDataLoss, cut_ ? "the state in the checkpoint ends too early"
                                          : "the state in the checkpoint holds more than was expected");
}

}  // namespace penstock
