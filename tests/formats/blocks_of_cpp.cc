// SPDX-License-Identifier: MIT
// The side in C++ of blocks_in_python.py: `write batch|images|tensor FILE` makes blocks, `publish NAME` one as a
// version until it gets a line, `read FILE` prints what is in one.
#include <penstock/exchange.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "sample_batch.h"

namespace ps = penstock;

namespace {

ps::Buffer sample_tensor() {
  const float elements[] = {0, 0.5F, 1, 1.5F, 2, 2.5F};
  return ps::to_block(ps::Tensor{ps::TensorElement::kF32, {2, 3}, std::as_bytes(std::span(elements))}).value();
}

// Two images and a null; two vectors and a null.
ps::Buffer sample_images() {
  const ps::TensorType vector{ps::TensorElement::kF32, {2}};
  ps::RecordBatchBuilder builder(
      ps::make_schema({{"photo", ps::Type::kImage}, {"vector", ps::Type::kTensor, vector}}).value(),
      ps::BufferPool::shared());
  for (std::uint8_t i = 0; i < 2; ++i) {
    std::uint8_t* const pixels = builder.column(0).append_image(1, i + 1U, 3);
    for (std::uint8_t j = 0; j < 3 * (i + 1); ++j) pixels[j] = static_cast<std::uint8_t>(10 * i + j);
    const float elements[] = {static_cast<float>(i), 0.5F};
    std::memcpy(builder.column(1).append_tensor().data(), elements, sizeof elements);
  }
  for (std::size_t column = 0; column < 2; ++column) builder.column(column).append_null();
  return ps::to_block(builder.finish());
}

std::span<const std::byte> bytes_of(const ps::Buffer& buffer) {
  return {reinterpret_cast<const std::byte*>(buffer.data()), buffer.size()};
}

int publish(const std::string& name) {
  const auto writer =
      ps::TransportRegistry::global().open("shm", {.address = name, .role = ps::TransportRole::kWriter}).value();
  writer->publish(bytes_of(ps::to_block(sample_batch(20, "Zeile ä ")))).value();
  std::puts("published");
  std::fflush(stdout);
  std::getchar();
  return 0;
}

int read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  ps::Buffer block = ps::BufferPool::shared().allocate(text.size());
  block.set_size(text.size());
  std::copy(text.begin(), text.end(), block.mutable_data());
  const auto found = ps::from_block(bytes_of(block), std::make_shared<ps::Buffer>(block));
  if (!found) return std::printf("error: %s\n", found.error().message().c_str()), 0;
  if (const auto* const batch = std::get_if<ps::RecordBatch>(&*found)) {
    std::puts(batch->schema().to_text().c_str());
    for (std::size_t row = 0; row < batch->num_rows(); ++row) std::puts(batch->row_to_json(row).c_str());
    return 0;
  }
  const auto& tensor = std::get<ps::Tensor>(*found);
  std::printf("tensor of %zu dimensions, element type %u:", tensor.shape.size(), static_cast<unsigned>(tensor.type));
  for (const std::byte each : tensor.bytes) std::printf(" %02x", static_cast<unsigned>(each));
  std::puts("");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string action = argc > 1 ? argv[1] : "";
  if (action == "read" && argc == 3) return read(argv[2]);
  if (action == "publish" && argc == 3) return publish(argv[2]);
  if (action != "write" || argc != 4) return 2;
  const std::string what = argv[2];
  const ps::Buffer block = what == "batch"    ? ps::to_block(sample_batch(20, "Zeile ä "))
                           : what == "images" ? sample_images()
                                              : sample_tensor();
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size()));
}
