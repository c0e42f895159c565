// SPDX-License-Identifier: MIT
// Writes the orders file of the CSV job: the same bytes for the same seed and size, on every machine. README.md says
// what is in it.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one multiplication chain per number, any seed is good.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// In [0, n).
  std::uint64_t below(std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
  }
  bool percent(std::uint64_t n) { return below(100) < n; }
  /// In [0, 1), 53 bits.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

constexpr std::array<std::string_view, 16> kCategories = {"books", "toys",   "garden", "kitchen", "music", "sports",
                                                          "shoes", "office", "pets",   "tools",   "baby",  "games",
                                                          "food",  "health", "auto",   "café"};
constexpr std::array<std::string_view, 12> kFirst = {"Ada",  "José", "Mia",  "Grace", "Linus", "Zoë",
                                                     "Alan", "Rosa", "Noor", "Kai",   "Søren", "Edsger"};
constexpr std::array<std::string_view, 12> kLast = {"Miller", "Nuñez", "Hopper",  "Turing", "Brontë", "Okafor",
                                                    "Li",     "Smith", "Fischer", "Sato",   "Novák",  "Jørgensen"};
constexpr std::array<std::string_view, 12> kWords = {"ring", "twice", "leave", "at",     "the",   "door",
                                                     "gift", "wrap",  "naïve", "zurück", "large", "blue"};

class Orders {
 public:
  explicit Orders(std::uint64_t seed) : random_(seed) {
    double sum = 0;
    for (std::size_t i = 0; i < zipf_.size(); ++i) zipf_[i] = sum += 1 / static_cast<double>(i + 1);
    for (double& edge : zipf_) edge /= sum;
  }

  static std::string_view header() { return "id,ts,category,name,price,qty,score,note\n"; }

  /// Appends the next row, good or bad, with its line feed.
  void append(std::string& out) {
    ++id_;
    const int defect = random_.below(1000) < 5 ? static_cast<int>(random_.below(7)) : -1;
    if (defect != 0) put(out, id_);
    out += ',';
    if (defect == 1) {
      out += "not-a-date";
    } else {
      timestamp(out);
    }
    out += ',';
    out += category();
    out += ',';
    name(out);
    out += ',';
    if (defect == 2) {
      out += "N/A";
    } else {
      price(out);
    }
    if (defect == 3) {
      out += '\n';  // five cells
      return;
    }
    out += ',';
    if (defect == 4) {
      out += "-5";
    } else {
      put(out, random_.percent(2) ? 21 + random_.below(980) : 1 + random_.below(20));
    }
    out += ',';
    if (defect == 5) {
      out += "nan";
    } else {
      score(out);
    }
    out += ',';
    note(out);
    if (defect == 6) out += ",surplus";
    out += '\n';
  }

 private:
  template <typename Number>
  static void put(std::string& out, Number value) {
    char text[24];
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  }
  static void put_padded(std::string& out, std::uint64_t value, int digits) {
    char text[24];
    std::snprintf(text, sizeof text, "%0*llu", digits, static_cast<unsigned long long>(value));
    out += text;
  }

  /// Orders come in every 13 to 49 ms from 2024-01-01 on; months have 28 days.
  void timestamp(std::string& out) {
    millis_ += 13 + random_.below(37);
    const std::uint64_t days = millis_ / 86'400'000;
    put_padded(out, 2024 + days / 336, 4);
    out += '-';
    put_padded(out, days / 28 % 12 + 1, 2);
    out += '-';
    put_padded(out, days % 28 + 1, 2);
    out += 'T';
    put_padded(out, millis_ / 3'600'000 % 24, 2);
    out += ':';
    put_padded(out, millis_ / 60'000 % 60, 2);
    out += ':';
    put_padded(out, millis_ / 1000 % 60, 2);
    out += '.';
    put_padded(out, millis_ % 1000, 3);
    out += 'Z';
  }
  std::string_view category() {
    const double at = random_.unit();
    std::size_t i = 0;
    while (i + 1 < zipf_.size() && zipf_[i] <= at) ++i;
    return kCategories[i];
  }
  void name(std::string& out) {
    const std::string_view first = kFirst[random_.below(kFirst.size())];
    const std::string_view last = kLast[random_.below(kLast.size())];
    const bool padded = random_.percent(15);
    const bool quoted = random_.percent(35);
    const std::size_t begin = out.size();
    if (quoted) out += '"';
    if (padded) out.append(1 + random_.below(3), ' ');
    if (quoted) {
      ((out += last) += ", ") += first;
    } else {
      ((out += first) += ' ') += last;
    }
    if (padded) out.append(1 + random_.below(3), ' ');
    if (quoted) out += '"';
    if (random_.percent(25)) upper(out, begin);
  }
  /// ASCII only, so that programs need not agree on Unicode's case rules.
  static void upper(std::string& out, std::size_t begin) {
    for (std::size_t i = begin; i < out.size(); ++i) {
      if (out[i] >= 'a' && out[i] <= 'z') out[i] = static_cast<char>(out[i] - 'a' + 'A');
    }
  }
  void price(std::string& out) {
    const std::uint64_t cents = 50 + random_.below(random_.percent(80) ? 10'000 : 100'000);
    put(out, cents / 100);
    out += '.';
    put_padded(out, cents % 100, 2);
  }
  void score(std::string& out) {
    if (random_.percent(90)) {
      out += "0.";
      put_padded(out, random_.below(1'000'000), 6);
    } else {
      char text[40];
      std::snprintf(text, sizeof text, "%.17f", random_.unit());
      out += text;
    }
  }
  void words(std::string& out, std::string_view between) {
    const std::uint64_t count = 2 + random_.below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) out += between;
      out += kWords[random_.below(kWords.size())];
    }
  }
  void note(std::string& out) {
    const std::uint64_t kind = random_.below(100);
    if (kind < 55) return;
    if (kind < 80) return words(out, " ");
    out += '"';
    words(out, kind < 95 ? ", " : kind < 98 ? "\n" : "\"\"");
    out += '"';
  }

  Random random_;
  std::array<double, 16> zipf_{};
  std::uint64_t id_ = 0;
  std::uint64_t millis_ = 0;
};

/// "100M", "1.25G", "4096"; 0 when it is no size.
std::uint64_t parse_size(const char* text) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  const double unit = *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : 1;
  return value > 0 && std::strlen(end) <= 1 ? static_cast<std::uint64_t>(value * unit) : 0;
}

bool write_file(const char* path, std::uint64_t bytes, std::uint64_t seed) {
  std::FILE* const file = std::fopen(path, "wb");
  if (file == nullptr) return std::perror(path), false;
  Orders orders(seed);
  std::string out(Orders::header());
  std::uint64_t written = 0;
  std::uint64_t rows = 0;
  while (written + out.size() < bytes) {
    orders.append(out);
    ++rows;
    if (out.size() < (1u << 20)) continue;
    if (std::fwrite(out.data(), 1, out.size(), file) != out.size()) return std::perror(path), false;
    written += out.size();
    out.clear();
  }
  if (std::fwrite(out.data(), 1, out.size(), file) != out.size() || std::fclose(file) != 0)
    return std::perror(path), false;
  std::printf("%s: %llu bytes, %llu rows\n", path, static_cast<unsigned long long>(written + out.size()),
              static_cast<unsigned long long>(rows));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t bytes = 100'000'000;
  std::uint64_t seed = 1;
  const char* path = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--bytes") == 0 && i + 1 < argc) {
      bytes = parse_size(argv[++i]);
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      path = argv[i];
    }
  }
  if (path == nullptr || bytes == 0) {
    std::fprintf(stderr, "usage: %s [--bytes 100M|1.25G|5G] [--seed N] PATH\n", argv[0]);
    return 2;
  }
  return write_file(path, bytes, seed) ? 0 : 1;
}
