// SPDX-License-Identifier: MIT
// Where a builder's bytes lie: its own memory, or the caller's.
#pragma once

#include <penstock/dictionary_builder.h>

#include <memory>
#include <new>

namespace penstock {

/// Memory of the builder itself, at multiples of 64.
class OwnMemory final : public DictionarySink {
 public:
  std::span<std::byte> resize(std::size_t bytes, std::size_t used) override {
    constexpr std::align_val_t kAlign{dictionary_format::kArrayAlignment};
    auto* const fresh = static_cast<std::byte*>(::operator new(bytes, kAlign, std::nothrow));
    if (fresh == nullptr) return {};
    if (used > 0) std::memcpy(fresh, memory_.get(), used);
    memory_.reset(fresh);
    return {fresh, bytes};
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept {
      ::operator delete(memory, std::align_val_t{dictionary_format::kArrayAlignment});
    }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

/// The caller's memory, which is what it is.
class GivenMemory final : public DictionarySink {
 public:
  explicit GivenMemory(std::span<std::byte> memory) : memory_(memory) {}
  std::span<std::byte> resize(std::size_t bytes, std::size_t) override {
    return bytes <= memory_.size() ? memory_ : std::span<std::byte>();
  }

 private:
  std::span<std::byte> memory_;
};

}  // namespace penstock
