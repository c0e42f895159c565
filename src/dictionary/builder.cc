// SPDX-License-Identifier: MIT
// A block grows in one direction. In an indexed dict each entry is written when its key is known and what its value
// refers to comes behind it; a list or shaped dict that is built value by value waits on a stack until its end, when
// its length is known, so its values come before it. Both are fine: distances have a sign.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/utf8.h"
#include "dictionary/builder_impl.h"
#include "dictionary/key_hash.h"

namespace penstock {

namespace format = dictionary_format;

DictionaryBuilder::DictionaryBuilder() : DictionaryBuilder(Options()) {}
DictionaryBuilder::DictionaryBuilder(std::span<std::byte> memory) : DictionaryBuilder(memory, Options()) {}
DictionaryBuilder::DictionaryBuilder(Options options)
    : impl_(std::make_unique<Impl>(options, std::make_unique<OwnMemory>())) {
  clear();
}
DictionaryBuilder::DictionaryBuilder(std::span<std::byte> memory, Options options)
    : impl_(std::make_unique<Impl>(options, std::make_unique<GivenMemory>(memory))) {
  impl_->options.initial_bytes = memory.size();
  clear();
}
DictionaryBuilder::DictionaryBuilder(DictionarySink& sink, Options options)
    : impl_(std::make_unique<Impl>(options, sink)) {
  clear();
}
DictionaryBuilder::~DictionaryBuilder() = default;

void DictionaryBuilder::clear() {
  Impl& impl = *impl_;
  impl.error.reset();
  impl.staged.clear();
  impl.pending.clear();
  impl.places.clear();
  impl.frames.assign(1, Frame{});
  std::fill(shape_places_.begin(), shape_places_.end(), 0);
  enter(impl.frames.back());
  at_ = 0;
  if (room(std::max(impl.options.initial_bytes, sizeof(format::Header)))) at_ = sizeof(format::Header);
}

bool DictionaryBuilder::Impl::fail(Error failure) {
  if (!error) error = std::move(failure);
  return false;
}

bool DictionaryBuilder::grow(std::size_t bytes) {
  Impl& impl = *impl_;
  if (impl.error) return false;
  if (bytes == kTooDeep) {
    return impl.fail(Error(ErrorCode::kInvalidArgument,
                           fmt::format("dictionary: values are nested more than {} deep", format::kMaxDepth)));
  }
  if (bytes > format::kMaxBytes - at_) {
    return impl.fail(
        Error(ErrorCode::kResourceExhausted, fmt::format("dictionary: it needs more than {} GiB, or a text or bytes "
                                                         "more than 4 GiB",
                                                         format::kMaxBytes >> 30)));
  }
  const std::size_t most = std::max(at_ + bytes, std::min(2 * capacity_, format::kMaxBytes));
  std::span<std::byte> memory = impl.sink->resize(most, at_);
  if (memory.size() < at_ + bytes) memory = impl.sink->resize(at_ + bytes, at_);
  if (memory.size() < at_ + bytes) {
    return impl.fail(Error(ErrorCode::kResourceExhausted,
                           fmt::format("dictionary: it needs more than the {} bytes that it was given", capacity_))
                         .hint("give it more memory, or a DictionarySink that grows"));
  }
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % format::kAlignment != 0) {
    return impl.fail(Error(ErrorCode::kInvalidArgument, "dictionary: its memory must begin at a multiple of 8"));
  }
  memory_ = memory.data();
  capacity_ = memory.size();
  return true;
}

// ---- Texts, bytes, arrays ----

void DictionaryBuilder::check_utf8(std::string_view text) {
  if (is_utf8(text)) return;
  impl_->fail(Error(ErrorCode::kInvalidArgument, "dictionary: a string is not valid UTF-8").hint("add it as bytes"));
}

void DictionaryBuilder::too_large() {
  impl_->fail(Error(ErrorCode::kInvalidArgument, "dictionary: an unsigned integer is beyond 2^63 - 1")
                  .hint("add it as a float64"));
}

DictionaryBuilder::Encoded DictionaryBuilder::encode_bytes(Cursor& cursor, std::span<const std::byte> bytes) {
  const std::uint64_t place = cursor.at;
  cursor.at += dictionary_detail::copy_padded(cursor.memory + place,
                                              {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {Tag::kBytes, static_cast<std::uint32_t>(bytes.size()), place};
}

DictionaryBuilder::Encoded DictionaryBuilder::encode_array(Cursor& cursor, const ArrayView& array) {
  std::uint64_t count = 1;
  for (const std::uint64_t length : array.shape) count *= length;
  PENSTOCK_CHECK(array.shape.size() <= format::kMaxDimensions && count * size_of(array.type) == array.elements.size(),
                 "DictionaryBuilder: the lengths of an array's dimensions do not give its number of elements");
  const std::size_t head_bytes = sizeof(format::ArrayHead) + 8 * array.shape.size();
  if (array.elements.size() >= format::kArrayAlignment) {
    for (; (cursor.at + head_bytes) % format::kArrayAlignment != 0; cursor.at += 8) {
      format::store(cursor.memory + cursor.at, std::uint64_t{0});
    }
  }
  const std::uint64_t place = cursor.at;
  std::byte* const head = cursor.memory + place;
  format::store(head, format::ArrayHead{
                          static_cast<std::uint8_t>(array.type), static_cast<std::uint8_t>(array.shape.size()), {}});
  if (!array.shape.empty()) std::memcpy(head + sizeof(format::ArrayHead), array.shape.data(), 8 * array.shape.size());
  cursor.at += head_bytes;
  cursor.at += dictionary_detail::copy_padded(
      cursor.memory + cursor.at, {reinterpret_cast<const char*>(array.elements.data()), array.elements.size()});
  return {Tag::kArray, 0, place};
}

// ---- Shapes ----

DictionaryBuilder::Shape DictionaryBuilder::shape(std::span<const std::string_view> keys) {
  PENSTOCK_CHECK(keys.size() <= format::kMaxKeyBytes, "DictionaryBuilder: a shape has at most 65,535 keys");
  ShapeTable::Node node = ShapeTable::kRoot;
  for (const std::string_view key : keys) node = impl_->table.next(node, key);
  Shape shape;
  shape.number_ = impl_->table.shape(node);
  shape.count_ = static_cast<std::uint32_t>(keys.size());
  shape_places_.resize(impl_->table.num_shapes());
  return shape;
}

bool DictionaryBuilder::Impl::check_keys(std::vector<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (!check_key(key)) return false;
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  return twice == keys.end() || fail_twice(*twice);
}

bool DictionaryBuilder::Impl::check_key(std::string_view key) {
  if (key.size() > format::kMaxKeyBytes) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("dictionary: a key has {} bytes, more than {}", key.size(), format::kMaxKeyBytes)));
  }
  return is_utf8(key) || fail(Error(ErrorCode::kInvalidArgument, "dictionary: a key is not valid UTF-8"));
}

bool DictionaryBuilder::Impl::fail_twice(std::string_view key) {
  return fail(
      Error(ErrorCode::kAlreadyExists, fmt::format("dictionary: the key \"{}\" is there twice in one dict", key)));
}

bool DictionaryBuilder::place_shape(std::uint32_t number) {
  const std::vector<std::string_view> keys = impl_->table.keys(impl_->table.node_of(number));
  if (!impl_->check_keys(keys)) return false;
  std::size_t key_bytes = 0;
  for (const std::string_view key : keys) key_bytes += key.size();
  const std::size_t head_bytes = sizeof(format::Shape) + keys.size() * sizeof(format::ShapeKey);
  if (!room(head_bytes + key_bytes + 8)) return false;
  std::byte* const shape = memory_ + at_;
  const std::size_t bytes = format::padded(head_bytes + key_bytes);
  std::memset(shape, 0, bytes);
  ShapeIdentity identity;
  std::size_t offset = head_bytes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    identity.add(keys[i]);
    format::store(shape + sizeof(format::Shape) + i * sizeof(format::ShapeKey),
                  format::ShapeKey{static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(keys[i].size())});
    std::copy_n(reinterpret_cast<const std::byte*>(keys[i].data()), keys[i].size(), shape + offset);
    offset += keys[i].size();
  }
  format::store(shape, format::Shape{identity.digest(), static_cast<std::uint32_t>(impl_->places.size()),
                                     static_cast<std::uint32_t>(keys.size())});
  shape_places_.resize(impl_->table.num_shapes());
  shape_places_[number] = at_;
  impl_->places.push_back(static_cast<std::uint32_t>(at_ / 8));
  at_ += bytes;
  return true;
}

// ---- Dicts and lists, value by value ----

void DictionaryBuilder::enter(const Frame& frame) {
  indexed_ = frame.kind == Frame::Kind::kIndexed;
  depth_ = static_cast<int>(impl_->frames.size());
}

void DictionaryBuilder::open(Frame frame) {
  Impl& impl = *impl_;
  if (depth_ >= format::kMaxDepth) grow(kTooDeep);
  frame.staged_begin = impl.staged.size();
  impl.frames.push_back(frame);
  enter(frame);
}

DictionaryBuilder::Frame DictionaryBuilder::close() {
  const Frame frame = impl_->frames.back();
  PENSTOCK_CHECK(!frame.has_key, "DictionaryBuilder: a key has no value");
  impl_->frames.pop_back();
  enter(impl_->frames.back());
  return frame;
}

void DictionaryBuilder::begin_dict() { open({.kind = Frame::Kind::kShaped}); }
void DictionaryBuilder::begin_list() { open({.kind = Frame::Kind::kList}); }

void DictionaryBuilder::end_list() {
  PENSTOCK_CHECK(impl_->frames.back().kind == Frame::Kind::kList, "DictionaryBuilder: end_list without begin_list");
  const Frame frame = close();
  const std::size_t count = impl_->staged.size() - frame.staged_begin;
  put(end_node(frame, Tag::kList, count, static_cast<std::uint32_t>(count), 0));
}

void DictionaryBuilder::end_dict() {
  Impl& impl = *impl_;
  PENSTOCK_CHECK(impl.frames.size() > 1 && impl.frames.back().kind != Frame::Kind::kList,
                 "DictionaryBuilder: end_dict without begin_dict");
  const Frame frame = close();
  if (frame.kind == Frame::Kind::kIndexed) return put(end_index(frame));
  const std::uint32_t number = impl.table.shape(frame.node);
  shape_places_.resize(impl.table.num_shapes());
  if (shape_places_[number] == 0 && !place_shape(number)) {
    impl.staged.resize(frame.staged_begin);
    return put({});
  }
  put(end_node(frame, Tag::kShaped, impl.staged.size() - frame.staged_begin, 0, shape_places_[number]));
}

// Writes what was staged as a list or shaped dict.
DictionaryBuilder::Encoded DictionaryBuilder::end_node(const Frame& frame, Tag tag, std::size_t count,
                                                       std::uint32_t first, std::uint64_t shape) {
  std::vector<Encoded>& staged = impl_->staged;
  if (!room(format::node_bytes(count))) {
    staged.resize(frame.staged_begin);
    return {};
  }
  const std::uint64_t node = at_;
  at_ += format::node_bytes(count);
  const std::uint64_t slots = node + format::slots_offset(count);
  std::memset(memory_ + node, 0, slots - node);
  format::store(memory_ + node, tag == Tag::kList ? first : static_cast<std::uint32_t>((node - shape) / 8));
  for (std::size_t i = 0; i < count; ++i) place(memory_, slots + 8 * i, node + 4 + i, staged[frame.staged_begin + i]);
  staged.resize(frame.staged_begin);
  return {tag, 0, node};
}

void DictionaryBuilder::key(std::string_view key) {
  Impl& impl = *impl_;
  Frame* const frame = &impl.frames.back();
  PENSTOCK_CHECK(frame->kind != Frame::Kind::kList, "DictionaryBuilder: a key in a list");
  PENSTOCK_CHECK(!frame->has_key, "DictionaryBuilder: a key has no value");
  frame->has_key = true;
  if (frame->kind == Frame::Kind::kShaped) {
    if (impl.table.num_keys(frame->node) < kMaxSharedKeys) {
      frame->node = impl.table.next(frame->node, key);
      return;
    }
    share_no_more(*frame);
  }
  frame->entry = room(entry_bound(key)) ? begin_entry(key) : 0;
}

void DictionaryBuilder::put(const Encoded& value) {
  Impl& impl = *impl_;
  Frame& frame = impl.frames.back();
  PENSTOCK_CHECK(frame.kind == Frame::Kind::kList || frame.has_key,
                 "DictionaryBuilder: a value without a key in a dict");
  frame.has_key = false;
  if (frame.kind != Frame::Kind::kIndexed) {
    impl.staged.push_back(value);
  } else if (frame.entry != 0) {
    place_in_entry(memory_, frame.entry, value);
  }
}

// Makes an indexed dict of a shaped one that gets too many keys.
void DictionaryBuilder::share_no_more(Frame& frame) {
  Impl& impl = *impl_;
  const std::vector<std::string_view> keys = impl.table.keys(frame.node);
  frame.kind = Frame::Kind::kIndexed;
  frame.pending_begin = impl.pending.size();
  enter(frame);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!room(entry_bound(keys[i]))) break;
    place_in_entry(memory_, begin_entry(keys[i]), impl.staged[frame.staged_begin + i]);
  }
  impl.staged.resize(frame.staged_begin);
}

std::uint64_t DictionaryBuilder::begin_entry(std::string_view key) {
  Cursor cursor{memory_, at_};
  const std::uint64_t entry = begin_entry(cursor, key);
  at_ = cursor.at;
  return entry;
}

bool DictionaryBuilder::check_key(std::string_view key) { return impl_->check_key(key); }

void DictionaryBuilder::register_entry(std::byte* memory, std::uint64_t entry, std::string_view key) {
  Frame& frame = impl_->frames.back();
  if (frame.last_entry == 0) {
    frame.first_entry = entry;
  } else {
    Impl::set_step(memory, frame.last_entry, entry);
  }
  frame.last_entry = entry;
  impl_->pending.push_back({key_hash(key, 0), entry});
}

}  // namespace penstock
