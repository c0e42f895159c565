// SPDX-License-Identifier: MIT
// A backend of one's own: a file that is replaced with each version. One class and one line that registers it; then
// everything that takes the name of a backend takes this one.
#include <penstock/buffer.h>
#include <penstock/transport.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

namespace ps = penstock;

namespace {

/// What views hold; it outlives every endpoint.
class Keeper final : public ps::ViewOwner {
 public:
  void release(std::uint64_t token) noexcept override { delete reinterpret_cast<ps::Buffer*>(token); }
};
Keeper keeper;

std::span<std::byte> bytes_of(ps::Buffer& buffer) {
  return {reinterpret_cast<std::byte*>(buffer.mutable_data()), buffer.size()};
}

class File final : public ps::DictionaryBackend {
 public:
  std::string_view name() const noexcept override { return "file"; }

  ps::Status initialize(const ps::TransportOptions& options) override {
    options_ = options;
    if (options.role == ps::TransportRole::kReader && !read()) {
      return ps::Error(ps::ErrorCode::kNotFound, "there is no file " + options.address).hint("start its writer first");
    }
    return {};
  }

  ps::Result<std::span<std::byte>> begin(std::size_t max_bytes) override {
    make_room(max_bytes);
    return bytes_of(room_);
  }

  // Readers find the old file or the new one, never a half.
  ps::Result<ps::Version> commit(std::size_t size) override {
    const std::string aside = options_.address + ".new";
    std::ofstream file(aside, std::ios::binary);
    ++version_;
    file.write(reinterpret_cast<const char*>(&version_), sizeof version_);
    file.write(reinterpret_cast<const char*>(room_.data()), static_cast<std::streamsize>(size));
    file.close();
    if (!file || std::rename(aside.c_str(), options_.address.c_str()) != 0) {
      return ps::Error(ps::ErrorCode::kResourceExhausted, "cannot write " + options_.address);
    }
    return version_;
  }
  void abandon() noexcept override { room_ = ps::Buffer(); }

  ps::Result<ps::View> view() override {
    if (!read()) return ps::Error(ps::ErrorCode::kNotFound, "nothing was published yet");
    auto* const kept = new ps::Buffer(std::move(room_));
    return ps::View(bytes_of(*kept), version_, &keeper, reinterpret_cast<std::uint64_t>(kept));
  }

  // A real one would sleep here, look at limit.stop, and know whether the writer lives.
  ps::Result<ps::Version> wait(ps::Version seen, const ps::WaitLimit&) override {
    if (read() && version_ > seen) return version_;
    return ps::Error(ps::ErrorCode::kTimeout, "no newer version came");
  }

  ps::Status cleanup() override { return {}; }
  ps::TransportStats stats() const override { return {}; }

 private:
  // Aligned to 64 bytes, as a backend promises.
  void make_room(std::size_t bytes) {
    room_ = ps::BufferPool::shared().allocate(bytes);
    room_.set_size(bytes);
  }

  bool read() {
    std::ifstream file(options_.address, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(&version_), sizeof version_)) return false;
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    make_room(bytes.size());
    if (!bytes.empty()) std::memcpy(room_.mutable_data(), bytes.data(), bytes.size());
    return true;
  }

  ps::TransportOptions options_;
  ps::Version version_ = 0;
  ps::Buffer room_;
};

std::unique_ptr<ps::DictionaryBackend> make() { return std::make_unique<File>(); }

}  // namespace

int main() {
  auto& registry = ps::TransportRegistry::global();
  registry.add({.name = "file", .summary = "A file that is replaced.", .make = make}).value();  // the line

  const auto writer = registry.open("file", {.address = "shared.block", .role = ps::TransportRole::kWriter}).value();
  const auto reader_before = registry.open("file", {.address = "shared.block"});
  std::printf("before the first version: %s\n", reader_before.error().message().c_str());
  for (const char* text : {"first", "second"})
    writer->publish(std::as_bytes(std::span(text, std::strlen(text)))).value();
  const auto reader = registry.open("file", {.address = "shared.block"}).value();
  const ps::View view = reader->view().value();
  std::printf("version %llu: %.*s\n", static_cast<unsigned long long>(view.version()),
              static_cast<int>(view.bytes().size()), reinterpret_cast<const char*>(view.bytes().data()));
}
