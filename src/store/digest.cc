// SPDX-License-Identifier: MIT
#include "store/digest.h"

#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "base/check.h"
#include "platform/file.h"

namespace penstock {
namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    PENSTOCK_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                   "libcrypto offers no SHA-256");
  }
  void update(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

Result<std::string> sha256_of_file(const std::string& path) {
  constexpr std::size_t kBlock = 256 * 1024;
  PENSTOCK_ASSIGN(File file, File::open(path));
  std::vector<char> block(kBlock);
  Sha256 digest;
  while (true) {
    PENSTOCK_ASSIGN(const std::size_t size, file.read(block.data(), block.size()));
    if (size == 0) return digest.hex();
    digest.update({block.data(), size});
  }
}

}  // namespace penstock
