// SPDX-License-Identifier: MIT
#include "operators/io/input_stream.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/descriptor.h"
#include "platform/file.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the zstd program does
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i * 7919) + ",x\n";
  return text;
}

class InputStreamTest : public ::testing::Test {
 protected:
  InputStreamTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "penstock_input_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/input";
  }
  ~InputStreamTest() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  Result<std::string> read_all(std::size_t piece = 1000) const {
    PENSTOCK_ASSIGN(InputStream stream, InputStream::open(path_));
    std::string all;
    std::string buffer(piece, '\0');
    while (true) {
      PENSTOCK_ASSIGN(const std::size_t count, stream.read(buffer.data(), buffer.size()));
      if (count == 0) return all;
      all.append(buffer, 0, count);
    }
  }
  std::string folder_;
  std::string path_;
};

TEST_F(InputStreamTest, ReadsPlainFiles) {
  const std::string text = lines(100'000);
  put(text);
  EXPECT_EQ(read_all().value(), text);
  EXPECT_EQ(read_all(InputStream::kBlockBytes).value(), text);
  put("");
  EXPECT_EQ(read_all().value(), "");
}

TEST_F(InputStreamTest, ReadsGzipOfOneAndManyMembers) {
  const std::string text = lines(100'000);
  put(gzip(text));
  EXPECT_EQ(read_all().value(), text);
  put(gzip(text) + gzip("") + gzip("more") + std::string(512, '\0'));
  EXPECT_EQ(read_all(77).value(), text + "more");
}

TEST_F(InputStreamTest, ReadsZstdOfOneAndManyFrames) {
  const std::string text = lines(100'000);
  put(zstd(text) + zstd("more"));
  EXPECT_EQ(read_all().value(), text + "more");
}

TEST_F(InputStreamTest, KnowsWhatItIsAndHowFarItIs) {
  const std::string packed = gzip(lines(200'000));
  put(packed);
  InputStream stream = InputStream::open(path_).value();
  EXPECT_EQ(stream.compression(), Compression::kGzip);
  EXPECT_EQ(stream.bytes_total(), packed.size());
  std::string buffer(10'000, '\0');
  ASSERT_GT(stream.read(buffer.data(), buffer.size()).value(), 0u);
  EXPECT_GT(stream.bytes_read(), 0u);
  EXPECT_LT(stream.bytes_read(), packed.size());
  while (stream.read(buffer.data(), buffer.size()).value() > 0) {
  }
  EXPECT_EQ(stream.bytes_read(), packed.size());
}

TEST_F(InputStreamTest, NamesAMissingFileAndAFolder) {
  EXPECT_EQ(read_all().error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(InputStream::open(folder_).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(InputStreamTest, SaysWhenACompressedFileIsCutShort) {
  for (const std::string& packed : {gzip(lines(1000)), zstd(lines(1000))}) {
    for (const std::size_t keep : {packed.size() - 1, packed.size() / 2, std::size_t{5}}) {
      put(packed.substr(0, keep));
      const auto answer = read_all();
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code(), ErrorCode::kDataLoss);
      EXPECT_THAT(answer.error().message(), HasSubstr("cut short: " + path_));
    }
  }
}

TEST_F(InputStreamTest, SaysWhenACompressedFileIsCorrupt) {
  for (std::string packed : {gzip(lines(50'000)), zstd(lines(50'000))}) {
    for (std::size_t i = packed.size() / 3; i < packed.size() / 3 + 40; ++i)
      packed[i] = static_cast<char>(packed[i] ^ 0x55);
    put(packed);
    const auto answer = read_all();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(answer.error().message(), HasSubstr("corrupt"));
  }
}

TEST_F(InputStreamTest, RefusesForeignBytesBehindGzip) {
  put(gzip("a\n") + "b\n");
  const auto answer = read_all();
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message(), HasSubstr("behind its end"));
}

TEST_F(InputStreamTest, NoticesThatTheFileGrewShrankOrWasReplaced) {
  const auto change_while_reading = [&](auto change) -> Status {
    put(lines(100'000));
    PENSTOCK_ASSIGN(InputStream stream, InputStream::open(path_));
    std::string buffer(100'000, '\0');
    PENSTOCK_TRY(stream.read(buffer.data(), buffer.size()));
    change();
    while (true) {
      PENSTOCK_ASSIGN(const std::size_t count, stream.read(buffer.data(), buffer.size()));
      if (count == 0) return {};
    }
  };
  EXPECT_TRUE(change_while_reading([] {}));
  const auto grown = change_while_reading([&] { std::ofstream(path_, std::ios::app) << "more"; });
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(grown.error().message(), HasSubstr("changed its size while it was read"));
  EXPECT_THAT(grown.error().message(), HasSubstr(path_));
  EXPECT_FALSE(change_while_reading([&] { ASSERT_EQ(::truncate(path_.c_str(), 200'000), 0); }));
  const auto replaced = change_while_reading([&] { ASSERT_TRUE(write_file(path_, "new")); });
  ASSERT_FALSE(replaced);
  EXPECT_THAT(replaced.error().message(), HasSubstr("was replaced"));
}

// Somebody who listens on a free port of this machine, and sends some bytes to who comes first.
class Sender {
 public:
  explicit Sender(std::string bytes) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), any, size), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket_.get(), any, &size), 0);
    address_ = "tcp://localhost:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::jthread([this, bytes = std::move(bytes)] {
      const Descriptor connection(::accept(socket_.get(), nullptr, nullptr));
      EXPECT_TRUE(write_all(connection.get(), bytes));
    });
  }
  const std::string& address() const { return address_; }

 private:
  Descriptor socket_;
  std::string address_;
  std::jthread thread_;
};

TEST_F(InputStreamTest, ReadsWhatIsSentByTcpUntilTheOtherSideCloses) {
  const std::string text = lines(100'000);
  const Sender plain(text);
  path_ = plain.address();
  EXPECT_EQ(read_all().value(), text);
  const Sender packed(gzip(text));
  path_ = packed.address();
  EXPECT_EQ(read_all().value(), text);
}

TEST_F(InputStreamTest, SaysWhyItCannotConnect) {
  const auto error = [](const std::string& path) { return InputStream::open(path).error(); };
  std::string closed;
  {
    const Sender sender("x");
    closed = sender.address();
    EXPECT_TRUE(InputStream::open(closed));
  }
  EXPECT_EQ(error(closed).code(), ErrorCode::kUnavailable);
  EXPECT_THAT(error(closed).message(), HasSubstr("cannot connect to " + closed));
  for (const char* const wrong : {"tcp://", "tcp://localhost", "tcp://localhost:", "tcp://:80", "tcp://localhost:http"})
    EXPECT_EQ(error(wrong).code(), ErrorCode::kInvalidArgument) << wrong;
}

TEST_F(InputStreamTest, StopsWhileItWaitsForAConnectionThatSaysNothing) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const Descriptor silent(::open(path_.c_str(), O_RDWR));
  Result<InputStream> stream = InputStream::open(path_);  // does not wait for the first byte
  ASSERT_TRUE(stream);
  StopSignal stop;
  stop.request(StopSignal::State::kDrain);
  stream->stop_with(&stop);
  char byte = 0;
  EXPECT_EQ(stream->read(&byte, 1).error().code(), ErrorCode::kCancelled);
}

TEST_F(InputStreamTest, ReadsWhatHasNoSize) {
  path_ = "/proc/self/status";
  EXPECT_THAT(read_all().value(), HasSubstr("Name:"));
}

}  // namespace
}  // namespace penstock
