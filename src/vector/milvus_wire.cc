// SPDX-License-Identifier: MIT
#include "vector/milvus_wire.h"

namespace penstock {
namespace {

bool take_varint(std::string_view& rest, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift <= 63; shift += 7) {
    if (rest.empty()) return false;
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

bool WireField::append_to(std::vector<float>& values) const {
  if (type == WireType::kFixed32) {
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(number)));
    return true;
  }
  if (type != WireType::kBytes || bytes.size() % sizeof(float) != 0) return false;
  const std::size_t before = values.size();
  values.resize(before + bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data() + before, bytes.data(), bytes.size());
  return true;
}

bool WireField::append_to(std::vector<std::int64_t>& values) const {
  if (type == WireType::kVarint) {
    values.push_back(integer());
    return true;
  }
  if (type != WireType::kBytes) return false;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    std::uint64_t value = 0;
    if (!take_varint(rest, value)) return false;
    values.push_back(static_cast<std::int64_t>(value));
  }
  return true;
}

bool WireReader::take(std::size_t bytes, std::string_view& taken) {
  if (bytes > rest_.size()) return false;
  taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return true;
}

bool WireReader::next(WireField& field) {
  if (rest_.empty() || failed_) return false;
  std::uint64_t tag = 0;
  if (!take_varint(rest_, tag) || tag >> 3U == 0 || tag >> 3U > 0x1FFF'FFFF) return fail();
  field = {};
  field.field = static_cast<std::uint32_t>(tag >> 3U);
  field.type = static_cast<WireType>(tag & 7U);
  std::string_view taken;
  switch (field.type) {
    case WireType::kVarint: return take_varint(rest_, field.number) || fail();
    case WireType::kFixed64:
      if (!take(8, taken)) return fail();
      std::memcpy(&field.number, taken.data(), 8);
      return true;
    case WireType::kFixed32:
      if (!take(4, taken)) return fail();
      std::memcpy(&field.number, taken.data(), 4);
      return true;
    case WireType::kBytes: {
      std::uint64_t length = 0;
      if (!take_varint(rest_, length) || length > rest_.size()) return fail();
      return take(static_cast<std::size_t>(length), field.bytes) || fail();
    }
  }
  return fail();  // groups, which nobody uses any more
}

}  // namespace penstock
