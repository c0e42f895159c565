// SPDX-License-Identifier: MIT
#include "vector/milvus_address.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "base/base64.h"

namespace penstock::milvus {
namespace {

constexpr std::string_view kScheme = "milvus://";
constexpr std::string_view kHttpScheme = "milvus+http://";
constexpr const char* kForm =
    "write milvus://[TOKEN@]HOST[:PORT]/COLLECTION, for instance milvus://localhost:19530/photos";

Error wrong(std::string what) { return Error(ErrorCode::kInvalidArgument, std::move(what)).hint(kForm); }

bool is_digit(char each) { return each >= '0' && each <= '9'; }
bool is_letter(char each) { return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z'); }

// Milvus's own rule, said before a server is asked.
Status check_collection(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= 255 && !is_digit(name[0]) &&
      std::ranges::all_of(name, [](char each) { return is_letter(each) || is_digit(each) || each == '_'; });
  if (good) return {};
  return wrong("\"" + name + "\" is no name of a collection: it has letters, digits and _, and begins with no digit");
}

Result<std::string> without_percents(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || failed != std::errc() || end != digits.data() + 2)
      return wrong("in a token % is followed by two hexadecimal digits; % itself is %25, @ is %40, / is %2F");
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

Result<std::chrono::milliseconds> timeout_in(std::string_view text) {
  std::uint32_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const std::uint32_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "min" ? 60'000 : 0;
  if (failed != std::errc() || factor == 0 || count == 0 || count > 86'400'000 / factor)
    return wrong("timeout must be a time of at most a day, as 500ms, 30s or 5min, and is \"" + std::string(text) +
                 "\"");
  return std::chrono::milliseconds(std::uint64_t{count} * factor);
}

Status read_options(std::string_view options, Address& address) {
  while (!options.empty()) {
    const std::string_view one = options.substr(0, options.find('&'));
    options.remove_prefix(std::min(options.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    if (one.substr(0, equals) != "timeout" || equals == std::string_view::npos)
      return wrong("the address of a Milvus has one option, timeout, and not \"" + std::string(one.substr(0, equals)) +
                   "\"");
    PENSTOCK_ASSIGN(address.timeout, timeout_in(one.substr(equals + 1)));
  }
  return {};
}

Status read_host(std::string_view authority, Address& address) {
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    PENSTOCK_ASSIGN(address.token, without_percents(authority.substr(0, at)));
    authority.remove_prefix(at + 1);
  } else if (const char* const token = std::getenv("MILVUS_TOKEN")) {
    address.token = token;
  }
  address.host_and_port = authority;
  const std::size_t colon =
      authority.find(':', authority.find(']') == std::string_view::npos ? 0 : authority.find(']'));
  if (colon == 0 || authority.empty()) return wrong("the address of a Milvus names no host");
  if (colon == std::string_view::npos) {
    address.host_and_port += ":19530";
    return {};
  }
  std::uint16_t port = 0;
  const std::string_view digits = authority.substr(colon + 1);
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc() || end != digits.data() + digits.size() || port == 0)
    return wrong("\"" + std::string(digits) + "\" is no port");
  return {};
}

}  // namespace

bool is_address(std::string_view where) noexcept {
  return where.starts_with(kScheme) || where.starts_with(kHttpScheme);
}

Result<Address> parse_address(std::string_view where, std::chrono::milliseconds timeout) {
  if (where.starts_with(kHttpScheme)) {
    return Error(ErrorCode::kUnsupported, "milvus+http is not supported")
        .hint("use milvus://, which servers since 2.x speak, on the same port");
  }
  where.remove_prefix(kScheme.size());
  Address address;
  address.timeout = timeout;
  const std::size_t slash = where.find('/');
  if (slash == std::string_view::npos) return wrong("the address of a Milvus names no collection");
  PENSTOCK_TRY(read_host(where.substr(0, slash), address));
  const std::string_view path = where.substr(slash + 1);
  const std::size_t question = path.find('?');
  address.collection = path.substr(0, question);
  PENSTOCK_TRY(check_collection(address.collection));
  if (question != std::string_view::npos) PENSTOCK_TRY(read_options(path.substr(question + 1), address));
  return address;
}

// Milvus takes Base64 of the token as it is, without "Basic".
std::string authorization_of(const Address& address) {
  std::string text;
  append_base64(text, address.token);
  return text;
}

}  // namespace penstock::milvus
