// SPDX-License-Identifier: MIT
#include "vector/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Npy : public ::testing::Test {
 protected:
  Npy() : path_(::testing::TempDir() + "npy_" + std::to_string(::getpid()) + ".npy") {}
  ~Npy() override { std::filesystem::remove(path_); }
  std::string bytes() const { return read_file(path_).value(); }

  const std::string path_;
};

// As NumPy 1.24 writes it with numpy.save, but for more blanks where the number of rows may grow.
TEST_F(Npy, HasTheBytesOfTheFormat) {
  auto writer = NpyWriter::create(path_, "<f4", {3}, {});
  ASSERT_TRUE(writer) << writer.error().to_text();
  const std::vector<float> first = {1, 2, 3, 4, 5, 6};
  const std::vector<float> second = {-7, 8.5F, 9};
  ASSERT_TRUE(writer->append(std::as_bytes(std::span(first))));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(writer->append(std::as_bytes(std::span(second))));
  ASSERT_TRUE(writer->commit());
  const std::string all = bytes();
  EXPECT_EQ(all.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(all.substr(10, 62), "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }   ");
  EXPECT_EQ(all[127], '\n');
  ASSERT_EQ(all.size(), 128 + 9 * sizeof(float));
  std::vector<float> values(9);
  std::memcpy(values.data(), all.data() + 128, values.size() * sizeof(float));
  EXPECT_THAT(values, ElementsAre(1, 2, 3, 4, 5, 6, -7, 8.5F, 9));
}

TEST_F(Npy, ReadsWhatWasWritten) {
  for (const std::vector<std::uint64_t>& row_shape : {std::vector<std::uint64_t>{}, {4}, {2, 3, 5}}) {
    auto writer = NpyWriter::create(path_, "|u1", row_shape, {});
    ASSERT_TRUE(writer);
    std::size_t row_bytes = 1;
    for (const std::uint64_t size : row_shape) row_bytes *= size;
    const std::string rows(row_bytes * 7, 'x');
    ASSERT_TRUE(writer->append(std::as_bytes(std::span(rows))));
    EXPECT_EQ(writer->rows(), 7U);
    ASSERT_TRUE(writer->commit());
    const std::string all = bytes();
    const auto header = read_npy_header(all);
    ASSERT_TRUE(header) << header.error().to_text();
    EXPECT_EQ(header->element, "|u1");
    EXPECT_FALSE(header->fortran_order);
    std::vector<std::uint64_t> shape = {7};
    shape.insert(shape.end(), row_shape.begin(), row_shape.end());
    EXPECT_EQ(header->shape, shape);
    EXPECT_EQ(header->data_at % 64, 0U);
    EXPECT_EQ(all.substr(header->data_at), rows);
  }
}

TEST_F(Npy, MayHaveNoRows) {
  auto writer = NpyWriter::create(path_, "<f2", {512}, {});
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->commit());
  EXPECT_THAT(read_npy_header(bytes()).value().shape, ElementsAre(0, 512));
}

TEST_F(Npy, LeavesNothingWhenItIsAborted) {
  auto writer = NpyWriter::create(path_, "<f4", {1}, {});
  ASSERT_TRUE(writer);
  const std::string temporary = writer->file().temporary();
  EXPECT_TRUE(std::filesystem::exists(temporary));
  writer->abort();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(temporary));
}

std::string npy(std::string_view dict, std::string_view data = "", char version = 1) {
  std::string all = "\x93NUMPY";
  all += version;
  all += '\0';
  all += static_cast<char>(dict.size() + 1);
  all.append(version == 1 ? 1 : 3, '\0');
  return all + std::string(dict) + "\n" + std::string(data);
}

TEST(NpyHeader, IsReadInAllVersionsAndSpellings) {
  const std::string data(24, '\0');
  for (const char version : {'\x01', '\x02', '\x03'}) {
    const auto header =
        read_npy_header(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", data, version));
    ASSERT_TRUE(header) << header.error().to_text();
    EXPECT_THAT(header->shape, ElementsAre(2, 3));
    EXPECT_EQ(header->data_bytes, 24U);
  }
  const auto odd = read_npy_header(npy(R"({"shape":(3,),"fortran_order":True,"descr":">f8"})", data));
  ASSERT_TRUE(odd) << odd.error().to_text();
  EXPECT_THAT(odd->shape, ElementsAre(3));
  EXPECT_TRUE(odd->fortran_order);
  EXPECT_EQ(odd->element, ">f8");
  EXPECT_THAT(read_npy_header(npy("{'descr': '<i8', 'fortran_order': False, 'shape': ()}", data)).value().shape,
              IsEmpty());
}

TEST(NpyHeader, IsRefusedWithAReason) {
  const std::string data(24, '\0');
  const auto why = [&](std::string_view dict) {
    const auto header = read_npy_header(npy(dict, data));
    return header ? std::string("read") : header.error().to_text();
  };
  EXPECT_THAT(why("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), HasSubstr("a structured type"));
  EXPECT_THAT(why("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), HasSubstr("values of type \"|O\""));
  EXPECT_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}"), HasSubstr("is cut short"));
  EXPECT_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
              HasSubstr("cut short"));
  EXPECT_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}"), HasSubstr("no tuple of numbers"));
  EXPECT_THAT(why("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}"), HasSubstr("neither True nor False"));
  EXPECT_THAT(why("{'descr': '<f4', 'shape': (1,)}"), HasSubstr("lacks a key"));
  EXPECT_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"), HasSubstr("has the key \"x\""));
  EXPECT_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x"), HasSubstr("stands behind its header"));
  EXPECT_THAT(read_npy_header("PK\x03\x04 and more bytes").error().to_text(), HasSubstr("does not begin as one"));
  const std::string good = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", data);
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(read_npy_header(good.substr(0, size))) << size;
}

}  // namespace
}  // namespace penstock
