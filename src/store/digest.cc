// SPDX-License-Identifier: MIT
#include "store/digest.h"

#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "platform/file.h"

namespace penstock {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// A context is made once for each thread: looking up the algorithm takes longer than a digest of a short text.
EVP_MD_CTX* context_of_thread() {
  static thread_local const Context made = [] {
    Context context(EVP_MD_CTX_new());
    PENSTOCK_CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1,
                   "libcrypto offers no SHA-256");
    return context;
  }();
  return made.get();
}

/// One at a time in a thread.
class Sha256 {
 public:
  Sha256() : context_(context_of_thread()) {
    PENSTOCK_CHECK(EVP_DigestInit_ex(context_, nullptr, nullptr) == 1, "libcrypto begins no SHA-256");
  }
  void update(std::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_, digest, &size);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text(2 * std::size_t{size}, '0');
    for (unsigned i = 0; i < size; ++i) {
      text[2 * i] = kDigits[digest[i] >> 4];
      text[2 * i + 1] = kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  EVP_MD_CTX* context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

Result<std::string> sha256_of_file(const std::string& path) {
  PENSTOCK_ASSIGN(File file, File::open(path));
  return sha256_of_file(file);
}

Result<std::string> sha256_of_file(File& file) {
  constexpr std::size_t kBlock = 128 * 1024;
  // Kept, and not filled with zeros: most files are far smaller than it.
  static thread_local const std::unique_ptr<char[]> block = std::make_unique_for_overwrite<char[]>(kBlock);
  Sha256 digest;
  while (true) {
    PENSTOCK_ASSIGN(const std::size_t size, file.read(block.get(), kBlock));
    if (size == 0) return digest.hex();
    digest.update({block.get(), size});
  }
}

}  // namespace penstock
