// SPDX-License-Identifier: MIT
// msgpack-cxx: a map of maps, packed into a buffer that is kept; a reader has to decode all of it before it finds
// anything.
#include <msgpack.hpp>

#include "workload.h"

namespace penstock::benchmark::dictionary {
namespace {

void pack_text(msgpack::packer<msgpack::sbuffer>& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void pack_entry(msgpack::packer<msgpack::sbuffer>& packer, const Entry& entry) {
  pack_text(packer, entry.key);
  packer.pack_map(4);
  pack_text(packer, "id");
  packer.pack(entry.id);
  pack_text(packer, "name");
  pack_text(packer, entry.name);
  pack_text(packer, "value");
  packer.pack(entry.value);
  pack_text(packer, "meta");
  packer.pack_map(2);
  pack_text(packer, "tag");
  pack_text(packer, entry.meta.tag);
  pack_text(packer, "score");
  packer.pack(entry.meta.score);
}

void pack_all(msgpack::sbuffer& buffer, const std::vector<Entry>& all) {
  buffer.clear();
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_map(static_cast<std::uint32_t>(all.size()));
  for (const Entry& entry : all) pack_entry(packer, entry);
}

std::string_view text_of(const msgpack::object& object) { return {object.via.str.ptr, object.via.str.size}; }

template <std::size_t kCount>
Outcome build(std::uint64_t records) {
  static msgpack::sbuffer buffer;
  const std::vector<Entry>& all = entries<kCount>();
  return builds<kCount>(records, [&] {
    pack_all(buffer, all);
    return buffer.size() > kCount ? kCount : 0;
  });
}

template <std::size_t kCount>
Outcome scan(std::uint64_t records) {
  static const msgpack::sbuffer& buffer = [&]() -> const msgpack::sbuffer& {
    static msgpack::sbuffer made;
    pack_all(made, entries<kCount>());
    return made;
  }();
  return scans<kCount>(records, [&] {
    const auto handle = msgpack::unpack(buffer.data(), buffer.size(),
                                        [](auto, std::size_t, void*) { return true; });  // refers to texts
    double sum = 0;
    const auto& map = handle.get().via.map;
    for (std::uint32_t i = 0; i < map.size; ++i) {
      const auto* const field = map.ptr[i].val.via.map.ptr;
      const auto* const meta = field[3].val.via.map.ptr;
      sum += seen(field[0].val.via.i64, text_of(field[1].val), field[2].val.template as<double>(), text_of(meta[0].val),
                  meta[1].val.template as<double>());
    }
    return sum;
  });
}

const Register small(contenders<kSmall>("msgpack-cxx: decodes all", build<kSmall>, nullptr, scan<kSmall>));
const Register large(contenders<kLarge>("msgpack-cxx: decodes all", build<kLarge>, nullptr, scan<kLarge>));

}  // namespace
}  // namespace penstock::benchmark::dictionary
