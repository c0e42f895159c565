// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <penstock/operator.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace penstock {

StateWriter::~StateWriter() {
  for (const int descriptor : descriptors_) ::close(descriptor);
}

void StateWriter::integer(std::uint64_t value) {
  char bytes[sizeof value];
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  bytes_.append(bytes, sizeof bytes);
}

void StateWriter::number(double value) { integer(std::bit_cast<std::uint64_t>(value)); }

void StateWriter::text(std::string_view bytes) {
  integer(bytes.size());
  bytes_ += bytes;
}

Status StateWriter::needs(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return Error(ErrorCode::kResourceExhausted, std::string("cannot keep a file open: ") + strerror(errno));
  descriptors_.push_back(copy);
  return {};
}

void StateWriter::owns(std::string path) { files_.push_back(std::move(path)); }

std::string_view StateReader::take(std::uint64_t size) noexcept {
  cut_ = cut_ || size > bytes_.size();
  if (cut_) return {};
  const std::string_view taken = bytes_.substr(0, static_cast<std::size_t>(size));
  bytes_.remove_prefix(taken.size());
  return taken;
}

std::uint64_t StateReader::integer() noexcept {
  std::uint64_t value = 0;
  const std::string_view bytes = take(sizeof value);
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

double StateReader::number() noexcept { return std::bit_cast<double>(integer()); }

std::string_view StateReader::text() noexcept { return take(integer()); }

Status StateReader::end() const {
  if (!cut_ && bytes_.empty()) return {};
  return Error(ErrorCode::kDataLoss, cut_ ? "the state in the checkpoint ends too early"
                                          : "the state in the checkpoint holds more than was expected");
}

}  // namespace penstock
