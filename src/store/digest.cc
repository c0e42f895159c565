// SPDX-License-Identifier: MIT
#include "store/digest.h"

#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "platform/file.h"
#include "platform/shared_library.h"

namespace penstock {
namespace {

/// What is needed of libcrypto, looked up with the first digest: to load it takes a third of the time in which the
/// program starts.
struct Crypto {
  decltype(&::EVP_MD_CTX_new) make_context = nullptr;
  decltype(&::EVP_MD_CTX_free) free_context = nullptr;
  decltype(&::EVP_sha256) sha256 = nullptr;
  decltype(&::EVP_DigestInit_ex) begin = nullptr;
  decltype(&::EVP_DigestUpdate) update = nullptr;
  decltype(&::EVP_DigestFinal_ex) end = nullptr;
};

Result<Crypto> look_up_crypto() {
  PENSTOCK_ASSIGN(const SharedLibrary library,
                  SharedLibrary::load("libcrypto", {"libcrypto.so.3", "libcrypto.so"}, "libssl3"));
  Crypto found;
  const bool all = library.find("EVP_MD_CTX_new", found.make_context) &&
                   library.find("EVP_MD_CTX_free", found.free_context) && library.find("EVP_sha256", found.sha256) &&
                   library.find("EVP_DigestInit_ex", found.begin) && library.find("EVP_DigestUpdate", found.update) &&
                   library.find("EVP_DigestFinal_ex", found.end);
  if (!all) return not_the_library("libcrypto", "libssl3");
  return found;
}

// Nothing goes on without digests, as nothing would without a library that the program is linked with.
const Crypto& crypto() {
  const Result<Crypto>& found = looked_up_once<look_up_crypto>();
  if (!found) contract_broken(found.error().to_text().c_str());
  return *found;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { crypto().free_context(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// A context is made once for each thread: looking up the algorithm takes longer than a digest of a short text.
EVP_MD_CTX* context_of_thread() {
  static thread_local const Context made = [] {
    Context context(crypto().make_context());
    PENSTOCK_CHECK(context != nullptr && crypto().begin(context.get(), crypto().sha256(), nullptr) == 1,
                   "libcrypto offers no SHA-256");
    return context;
  }();
  return made.get();
}

/// One at a time in a thread.
class Sha256 {
 public:
  Sha256() : context_(context_of_thread()) {
    PENSTOCK_CHECK(crypto().begin(context_, nullptr, nullptr) == 1, "libcrypto begins no SHA-256");
  }
  void update(std::string_view bytes) { crypto().update(context_, bytes.data(), bytes.size()); }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    crypto().end(context_, digest, &size);
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
