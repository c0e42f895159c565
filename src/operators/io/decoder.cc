// SPDX-License-Identifier: MIT
#include "operators/io/decoder.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock {
namespace {

Error broken(const std::string& path, std::string message, const char* hint) {
  return Error(ErrorCode::kDataLoss, std::move(message) + ": " + path).hint(hint);
}

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() { ready_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~GzipDecoder() override { ::inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  Result<std::size_t> decode(std::string_view& in, char* to, std::size_t size, const std::string& path) override {
    if (!ready_) return Error(ErrorCode::kResourceExhausted, "no memory to read gzip: " + path);
    if (between_members_) {
      // Tape writers pad with zeros.
      if (in.front() == '\0') {
        in.remove_prefix(std::min(in.find_first_not_of('\0'), in.size()));
        padded_ = true;
        return std::size_t{0};
      }
      if (in.front() != '\x1f' || padded_) {
        return broken(path, "the gzip file has something else behind its end",
                      "cut off what does not belong to it (gzip -t FILE)");
      }
      ::inflateReset(&stream_);
      between_members_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), 1u << 30));
    const uInt offered = stream_.avail_in;
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1u << 30));
    const uInt room = stream_.avail_out;
    const int answer = ::inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(offered - stream_.avail_in);
    if (answer == Z_STREAM_END) {
      between_members_ = true;
    } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
      return broken(path, std::string("the gzip file is corrupt (") + (stream_.msg ? stream_.msg : "no details") + ")",
                    "copy or download it again");
    }
    return std::size_t{room - stream_.avail_out};
  }
  bool complete() const noexcept override { return between_members_; }
  const char* name() const noexcept override { return "gzip"; }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
  bool between_members_ = false;
  bool padded_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(::ZSTD_createDStream()) {}
  ~ZstdDecoder() override { ::ZSTD_freeDStream(stream_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  Result<std::size_t> decode(std::string_view& in, char* to, std::size_t size, const std::string& path) override {
    if (!stream_) return Error(ErrorCode::kResourceExhausted, "no memory to read zstd: " + path);
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{to, size, 0};
    const std::size_t answer = ::ZSTD_decompressStream(stream_, &output, &input);
    if (::ZSTD_isError(answer)) {
      return broken(path, std::string("the zstd file is corrupt (") + ::ZSTD_getErrorName(answer) + ")",
                    "copy or download it again");
    }
    in.remove_prefix(input.pos);
    complete_ = answer == 0;
    return output.pos;
  }
  bool complete() const noexcept override { return complete_; }
  const char* name() const noexcept override { return "zstd"; }

 private:
  ZSTD_DStream* stream_;
  bool complete_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(Compression compression) {
  switch (compression) {
    case Compression::kGzip: return std::make_unique<GzipDecoder>();
    case Compression::kZstd: return std::make_unique<ZstdDecoder>();
    case Compression::kNone: break;
  }
  return nullptr;
}

Error cut_short(const std::string& path, const char* kind) {
  return broken(path, std::string("the ") + kind + " file is cut short", "copy or download it again");
}

}  // namespace penstock
