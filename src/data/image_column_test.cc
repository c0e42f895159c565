// SPDX-License-Identifier: MIT
// Columns of images and of tensors: what is built is read back, picked out, sent as a block, and shown.
#include <gmock/gmock.h>
#include <penstock/arrow.h>
#include <penstock/batch.h>

#include <cstring>
#include <string>
#include <vector>

#include "data/batch_bytes.h"
#include "data/half.h"
#include "data/json_text.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

BufferPool& pool() { return BufferPool::shared(); }

TensorType pairs(TensorElement element = TensorElement::kF32) { return {element, {2}}; }

SchemaPtr photos() {
  return make_schema({{"id", Type::kInt64}, {"photo", Type::kImage}, {"vector", Type::kTensor, pairs()}}).value();
}

/// Row i has an image of i % 4 + 1 rows and 2 columns; each fifth row is null.
RecordBatch sample(std::size_t rows) {
  RecordBatchBuilder builder(photos(), pool());
  for (std::size_t i = 0; i < rows; ++i) {
    builder.column(0).append_int64(static_cast<std::int64_t>(i));
    if (i % 5 == 4) {
      builder.column(1).append_null();
      builder.column(2).append_null();
      continue;
    }
    const auto height = static_cast<std::uint32_t>(i % 4 + 1);
    std::uint8_t* const pixels = builder.column(1).append_image(height, 2, 3);
    for (std::size_t j = 0; j < std::size_t{height} * 6; ++j) pixels[j] = static_cast<std::uint8_t>(i + j);
    const float elements[] = {static_cast<float>(i), 0.1F};
    std::memcpy(builder.column(2).append_tensor().data(), elements, sizeof elements);
  }
  return builder.finish();
}

void expect_row(const RecordBatch& batch, std::size_t row, std::size_t i) {
  ASSERT_EQ(batch.column(0).int64s()[row], static_cast<std::int64_t>(i));
  ASSERT_EQ(batch.column(1).is_null(row), i % 5 == 4);
  ASSERT_EQ(batch.column(2).is_null(row), i % 5 == 4);
  const ImageView image = batch.column(1).image(row);
  const std::span<const float> vectors = batch.column(2).elements<float>();
  if (i % 5 == 4) {
    EXPECT_EQ(image.pixels, nullptr);
    EXPECT_EQ(vectors[2 * row], 0.0F);
    return;
  }
  ASSERT_EQ(image.height, i % 4 + 1);
  ASSERT_EQ(image.width, 2U);
  ASSERT_EQ(image.channels, 3U);
  for (std::size_t j = 0; j < image.size_bytes(); ++j) ASSERT_EQ(image.pixels[j], static_cast<std::uint8_t>(i + j));
  EXPECT_EQ(vectors[2 * row], static_cast<float>(i));
  EXPECT_EQ(vectors[2 * row + 1], 0.1F);
}

TEST(ImageColumn, GivesBackWhatWasBuilt) {
  const RecordBatch batch = sample(1000);
  for (std::size_t i = 0; i < 1000; ++i) expect_row(batch, i, i);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.column(2).elements<float>().data()) % 64, 0U);
}

TEST(ImageColumn, RowsArePickedOut) {
  const RecordBatch batch = sample(200);
  std::vector<std::uint32_t> scattered;
  for (std::uint32_t i = 0; i < 200; i += 3) scattered.push_back(199 - i);
  const RecordBatch few = batch.take(scattered, pool());
  for (std::size_t i = 0; i < scattered.size(); ++i) expect_row(few, i, scattered[i]);
  std::vector<std::uint32_t> run;
  for (std::uint32_t i = 50; i < 150; ++i) run.push_back(i);
  const RecordBatch middle = batch.take(run, pool());
  for (std::size_t i = 0; i < run.size(); ++i) expect_row(middle, i, run[i]);
  const RecordBatch first = batch.head(7);
  for (std::size_t i = 0; i < 7; ++i) expect_row(first, i, i);
  EXPECT_EQ(first.column(2).size_bytes(), 7 * 8U + 1);
}

TEST(ImageColumn, ValuesAreCopiedOneByOneAndForgotten) {
  const RecordBatch batch = sample(20);
  RecordBatchBuilder builder(photos(), pool());
  for (std::size_t row = 0; row < 20; ++row) {
    for (std::size_t c = 0; c < 3; ++c) {
      builder.column(c).append_from(batch.column(c), row);
      builder.column(c).append_from(batch.column(c), 3);
      builder.column(c).pop_back();
    }
  }
  const RecordBatch copy = builder.finish();
  for (std::size_t i = 0; i < 20; ++i) expect_row(copy, i, i);
}

struct Block {
  explicit Block(const RecordBatch& batch) : buffer(pool().allocate(encoded_size(batch))) {
    buffer.set_size(encoded_size(batch));
    encode_batch(batch, bytes());
  }
  std::span<std::byte> bytes() { return {reinterpret_cast<std::byte*>(buffer.mutable_data()), buffer.size()}; }
  template <class T>
  std::string damaged(std::size_t offset, T value) {
    T before{};
    std::memcpy(&before, bytes().data() + offset, sizeof before);
    std::memcpy(bytes().data() + offset, &value, sizeof value);
    const auto back = decode_batch(bytes(), nullptr);
    std::memcpy(bytes().data() + offset, &before, sizeof before);
    return back ? "it is accepted" : back.error().to_text();
  }
  Buffer buffer;
};

TEST(ImageColumn, GoesThroughABlock) {
  for (const std::size_t rows : {0UL, 1UL, 5UL, 100UL}) {
    Block block(sample(rows));
    const auto back = decode_batch(block.bytes(), nullptr);
    ASSERT_TRUE(back) << back.error().to_text();
    EXPECT_EQ(back->schema(), *photos());
    for (std::size_t i = 0; i < rows; ++i) expect_row(*back, i, i);
  }
}

// Offsets as in docs/formats/batch.md.
TEST(ImageColumn, ADamagedBlockIsSaid) {
  Block block(sample(5));
  constexpr std::size_t kImages = 64 + 64;
  constexpr std::size_t kVectors = kImages + 64;
  const auto word = [&](std::size_t offset) {
    std::uint64_t value = 0;
    std::memcpy(&value, block.bytes().data() + offset, sizeof value);
    return value;
  };
  const std::size_t first_image = word(kImages + 48);
  const std::size_t extents = word(kVectors + 48);
  EXPECT_THAT(block.damaged(first_image, std::uint32_t{2}), HasSubstr("row 0 of column \"photo\" is no image"));
  EXPECT_THAT(block.damaged(first_image + 8, 0xFFFF'FFFFU), HasSubstr("is no image"));
  EXPECT_THAT(block.damaged(kImages + 56, std::uint64_t{5}), HasSubstr("do not fit its values"));
  EXPECT_THAT(block.damaged(kVectors + 12, 77U), HasSubstr("cannot hold tensors ? [2]"));
  EXPECT_THAT(block.damaged(extents, std::int64_t{0}), HasSubstr("cannot hold tensors f32 [0]"));
  EXPECT_THAT(block.damaged(extents, std::int64_t{1} << 40), HasSubstr("cannot hold tensors"));
  EXPECT_THAT(block.damaged(extents, std::int64_t{3}), HasSubstr("bytes of values for 5 rows"));
  EXPECT_THAT(block.damaged(kVectors + 56, std::uint64_t{7}), HasSubstr("7 bytes of extents"));
  EXPECT_THAT(block.damaged(kVectors + 48, std::uint64_t{1} << 40), HasSubstr("outside of it"));
}

TEST(ImageColumn, ASchemaRefusesTensorsThatCannotBe) {
  EXPECT_EQ(photos()->to_text(), "id: int64, photo: image, vector: tensor f32 [2]");
  const auto of = [](TensorType type) { return make_schema({{"t", Type::kTensor, std::move(type)}}); };
  EXPECT_TRUE(of({TensorElement::kF32, {}})) << "a single element";
  EXPECT_TRUE(of({TensorElement::kU8, {1 << 30}}));
  EXPECT_FALSE(of({TensorElement::kU8, {(1 << 30) + 1}}));
  EXPECT_FALSE(of({TensorElement::kF64, {1 << 20, 1 << 20, 1 << 20, 1 << 20}}));
  EXPECT_FALSE(of({TensorElement::kF32, {2, -1}}));
  EXPECT_FALSE(of({TensorElement::kF32, std::vector<std::int64_t>(33, 1)}));
  EXPECT_THAT(of({TensorElement::kF32, {0}}).error().to_text(), HasSubstr("column \"t\" cannot hold tensors f32 [0]"));
}

TEST(ImageColumn, ATensorTypeIsReadFromItsText) {
  for (const TensorType& type : {TensorType{TensorElement::kF16, {3, 224, 224}}, TensorType{TensorElement::kBool, {1}},
                                 TensorType{TensorElement::kU8, {}}}) {
    EXPECT_EQ(tensor_type_from_string(type.to_text()).value(), type);
  }
  for (const char* const wrong : {"", "f32", "f32 ", "f32 []x", "f33 [1]", "f32 [1", "f32 [0]", "f32 [1,]", "f32 [,1]",
                                  "f32 [1 2]", "f32 [99999999999999999999]", "[3]", "? [1]"}) {
    EXPECT_FALSE(tensor_type_from_string(wrong)) << wrong;
  }
}

TEST(ImageColumn, JsonShowsVectorsAsListsAndImagesByTheirShape) {
  const RecordBatch batch = sample(5);
  EXPECT_EQ(batch.row_to_json(1), R"({"id":1,"photo":"image [2, 2, 3]","vector":[1,0.1]})");
  EXPECT_EQ(batch.row_to_json(4), R"({"id":4,"photo":null,"vector":null})");
}

template <class T>
std::string json_of(TensorElement element, T first, T second) {
  ColumnBuilder builder({"t", Type::kTensor, pairs(element)}, pool());
  const T elements[] = {first, second};
  std::memcpy(builder.append_tensor().data(), elements, sizeof elements);
  std::string text;
  append_json_value(text, builder.finish(), 0);
  return text;
}

TEST(ImageColumn, JsonKnowsEveryElement) {
  EXPECT_EQ(json_of<std::uint8_t>(TensorElement::kU8, 0, 255), "[0,255]");
  EXPECT_EQ(json_of<std::int8_t>(TensorElement::kI8, -128, 1), "[-128,1]");
  EXPECT_EQ(json_of<std::uint16_t>(TensorElement::kU16, 65535, 1), "[65535,1]");
  EXPECT_EQ(json_of<std::int16_t>(TensorElement::kI16, -5, 1), "[-5,1]");
  EXPECT_EQ(json_of<std::uint32_t>(TensorElement::kU32, 0xFFFF'FFFFU, 1), "[4294967295,1]");
  EXPECT_EQ(json_of<std::int32_t>(TensorElement::kI32, -7, 1), "[-7,1]");
  EXPECT_EQ(json_of<std::uint64_t>(TensorElement::kU64, ~std::uint64_t{0}, 1), "[18446744073709551615,1]");
  EXPECT_EQ(json_of<std::int64_t>(TensorElement::kI64, -9, 1), "[-9,1]");
  EXPECT_EQ(json_of<std::uint16_t>(TensorElement::kF16, half_of_float(0.5F), half_of_float(-2.0F)), "[0.5,-2]");
  EXPECT_EQ(json_of<float>(TensorElement::kF32, 0.1F, HUGE_VALF), R"([0.1,"Infinity"])");
  EXPECT_EQ(json_of<double>(TensorElement::kF64, 0.1, -HUGE_VAL), R"([0.1,"-Infinity"])");
  EXPECT_EQ(json_of<std::uint8_t>(TensorElement::kBool, 0, 1), "[0,1]");
}

TEST(ImageColumn, ARowShowsTheShapeOfALargeTensor) {
  const TensorType type{TensorElement::kF32, {3, 224, 224}};
  RecordBatchBuilder builder(make_schema({{"t", Type::kTensor, type}}).value(), pool());
  std::memset(builder.column(0).append_tensor().data(), 0, *type.row_bytes());
  EXPECT_EQ(builder.finish().row_to_json(0), R"({"t":"tensor f32 [3, 224, 224]"})");
}

TEST(ImageColumn, ArrowSeesBinariesAndListsOfAFixedSize) {
  const RecordBatch batch = sample(5);
  ArrowSchema schema;
  ArrowArray array;
  export_to_arrow(batch, &schema, &array);
  EXPECT_STREQ(schema.children[1]->format, "z");
  EXPECT_EQ(array.children[1]->buffers[2], batch.column(1).bytes());
  EXPECT_STREQ(schema.children[2]->format, "+w:2");
  EXPECT_STREQ(schema.children[2]->children[0]->format, "f");
  EXPECT_EQ(array.children[2]->n_buffers, 1);
  EXPECT_EQ(array.children[2]->null_count, 1);
  EXPECT_EQ(array.children[2]->children[0]->length, 10);
  EXPECT_EQ(array.children[2]->children[0]->buffers[1], batch.column(2).bits());
  schema.release(&schema);
  array.release(&array);
}

}  // namespace
}  // namespace penstock
