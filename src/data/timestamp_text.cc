// SPDX-License-Identifier: MIT
#include "data/timestamp_text.h"

#include "base/check.h"
#include "data/calendar.h"
#include "data/digits.h"

namespace penstock {
namespace {

struct Fields {
  std::uint32_t year = 0;
  std::uint32_t month = 0;
  std::uint32_t day = 0;
  std::uint32_t hour = 0;
  std::uint32_t minute = 0;
  std::uint32_t second = 0;
  std::uint32_t micro = 0;
  std::int64_t offset_minutes = 0;
};

ParseOutcome assemble(const Fields& fields, std::int64_t& micros) noexcept {
  if (fields.year == 0 || fields.month - 1 > 11 || fields.hour > 23 || fields.minute > 59 || fields.second > 59) {
    return ParseOutcome::kOutOfRange;
  }
  const auto month = static_cast<int>(fields.month);
  if (fields.day - 1 >= static_cast<std::uint32_t>(days_in_month(fields.year, month))) return ParseOutcome::kOutOfRange;
  const std::int64_t days = days_from_civil({fields.year, month, static_cast<int>(fields.day)});
  const std::int64_t seconds = fields.hour * 3600 + fields.minute * 60 + fields.second;
  const std::int64_t total =
      days * kMicrosPerDay + seconds * kMicrosPerSecond + fields.micro - fields.offset_minutes * kMicrosPerMinute;
  if (total < kFirstTimestamp || total > kLastTimestamp) return ParseOutcome::kOutOfRange;
  micros = total;
  return ParseOutcome::kOk;
}

constexpr std::uint64_t word_of(const char (&text)[9]) {
  std::uint64_t word = 0;
  for (int i = 7; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(text[i]);
  return word;
}

/// Subtracts a picture in which '0' stands for any digit; true when every digit is one and all else is as pictured.
template <std::uint64_t kPicture>
bool subtract_picture(std::uint64_t& word) noexcept {
  constexpr std::uint64_t kDigits = [] {
    std::uint64_t mask = 0;
    for (int i = 0; i < 64; i += 8) {
      if ((kPicture >> i & 0xFF) == '0') mask |= std::uint64_t{0xFF} << i;
    }
    return mask;
  }();
  word ^= kPicture;  // digits become 0 to 9, or 10 to 15 for what follows '9', or more; the rest becomes 0
  return ((word & ~kDigits) | ((word + (0x7676767676767676 & kDigits)) & 0x8080808080808080) |
          (word & 0x8080808080808080)) == 0;
}

/// The two digits at a byte and the next.
std::uint32_t pair(std::uint64_t word, int byte) noexcept {
  return static_cast<std::uint32_t>((word >> (8 * byte) & 0xFF) * 10 + (word >> (8 * byte + 8) & 0xFF));
}

/// The three digits of `kSecondToMilli`, subtracted.
std::uint32_t milli_of(std::uint64_t tail) noexcept {
  return pair(tail, 4) * 10 + static_cast<std::uint32_t>(tail >> 48 & 0xFF);
}

constexpr std::uint64_t kDayToMinute = word_of("00T00:00");
constexpr std::uint64_t kSecondToMilli = word_of(":00.000Z");

/// The form that programs write most: "2024-01-31T10:20:30.123Z", and the same up to the seconds with 'Z'.
bool read_usual(std::string_view text, Fields& fields) noexcept {
  if (text.size() != 24 && text.size() != 20) return false;
  using digits::load;
  auto date = load<std::uint64_t>(text.data());
  auto middle = load<std::uint64_t>(text.data() + 8);
  if (!subtract_picture<word_of("0000-00-")>(date) || !subtract_picture<kDayToMinute>(middle)) return false;
  if (text.size() == 24) {
    auto tail = load<std::uint64_t>(text.data() + 16);
    if (!subtract_picture<kSecondToMilli>(tail)) return false;
    fields.second = pair(tail, 1);
    fields.micro = milli_of(tail) * 1000;
  } else {
    auto tail = load<std::uint64_t>(text.data() + 12);  // overlaps the middle by "hh:m"
    if (!subtract_picture<word_of("0:00:00Z")>(tail)) return false;
    fields.second = pair(tail, 5);
  }
  fields.year = pair(date, 0) * 100 + pair(date, 2);
  fields.month = pair(date, 5);
  fields.day = pair(middle, 0);
  fields.hour = pair(middle, 3);
  fields.minute = pair(middle, 6);
  return true;
}

/// Reads a text from left to right; each step says whether what it wanted was there.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const noexcept { return at_ == end_; }
  char peek() const noexcept { return done() ? '\0' : *at_; }
  bool take(char c) noexcept {
    if (peek() != c || done()) return false;
    ++at_;
    return true;
  }
  bool take_any(std::string_view set) noexcept {
    if (done() || set.find(*at_) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  bool at_digit() const noexcept { return !done() && *at_ >= '0' && *at_ <= '9'; }
  /// Exactly `count` digits.
  bool number(int count, std::uint32_t& value) noexcept {
    value = 0;
    for (; count > 0; --count, ++at_) {
      if (!at_digit()) return false;
      value = value * 10 + static_cast<std::uint32_t>(*at_ - '0');
    }
    return true;
  }
  /// 1 to 9 digits of a fraction, cut to microseconds.
  bool fraction(std::uint32_t& micro) noexcept {
    int count = 0;
    micro = 0;
    for (; at_digit(); ++at_, ++count) {
      if (count < 6) micro = micro * 10 + static_cast<std::uint32_t>(*at_ - '0');
    }
    for (int i = count; i < 6; ++i) micro *= 10;
    return count >= 1 && count <= 9;
  }

 private:
  const char* at_;
  const char* end_;
};

bool read_offset(Reader& reader, Fields& fields, bool& in_range) noexcept {
  if (reader.done() || reader.take_any("Zz")) return true;
  const bool west = reader.peek() == '-';
  if (!reader.take_any("+-")) return false;
  std::uint32_t hours = 0;
  std::uint32_t minutes = 0;
  if (!reader.number(2, hours)) return false;
  if (reader.take(':') || reader.at_digit()) {
    if (!reader.number(2, minutes)) return false;
  }
  if (hours > 23 || minutes > 59) in_range = false;
  const std::int64_t offset = hours * 60 + minutes;
  fields.offset_minutes = west ? -offset : offset;
  return true;
}

bool read_any(std::string_view text, Fields& fields, bool& in_range) noexcept {
  Reader reader(text);
  if (!reader.number(4, fields.year) || !reader.take('-') || !reader.number(2, fields.month) || !reader.take('-') ||
      !reader.number(2, fields.day)) {
    return false;
  }
  if (reader.done()) return true;
  if (!reader.take_any("Tt ") || !reader.number(2, fields.hour) || !reader.take(':') ||
      !reader.number(2, fields.minute)) {
    return false;
  }
  if (reader.take(':')) {
    if (!reader.number(2, fields.second)) return false;
    if (reader.take_any(".,") && !reader.fraction(fields.micro)) return false;
  }
  return read_offset(reader, fields, in_range) && reader.done();
}

/// "2024-01-31T"
void write_date(char* out, const CivilDate& date) noexcept {
  digits::write_pair(out, static_cast<std::uint32_t>(date.year) / 100);
  digits::write_pair(out + 2, static_cast<std::uint32_t>(date.year) % 100);
  out[4] = '-';
  digits::write_pair(out + 5, static_cast<std::uint32_t>(date.month));
  out[7] = '-';
  digits::write_pair(out + 8, static_cast<std::uint32_t>(date.day));
  out[10] = 'T';
}

/// Nothing, ".123" or ".123456".
char* write_fraction(char* out, std::uint32_t micro) noexcept {
  if (micro == 0) return out;
  const std::uint32_t milli = micro / 1000;
  *out = '.';
  out[1] = static_cast<char>('0' + milli / 100);
  digits::write_pair(out + 2, milli % 100);
  out += 4;
  if (const std::uint32_t rest = micro % 1000; rest != 0) {
    out[0] = static_cast<char>('0' + rest / 100);
    digits::write_pair(out + 1, rest % 100);
    out += 3;
  }
  return out;
}

}  // namespace

ParseOutcome parse_timestamp(std::string_view text, std::int64_t& micros) noexcept {
  Fields fields;
  bool in_range = true;
  if (!read_usual(text, fields)) {
    fields = {};
    if (!read_any(text, fields, in_range)) return ParseOutcome::kInvalid;
  }
  return in_range ? assemble(fields, micros) : ParseOutcome::kOutOfRange;
}

ParseOutcome TimestampParser::parse(std::string_view text, std::int64_t& micros) noexcept {
  if (text.size() == 24 && digits::load<std::uint64_t>(text.data()) == month_ &&
      digits::load<std::uint16_t>(text.data() + 8) == day_) {
    auto middle = digits::load<std::uint64_t>(text.data() + 8);
    auto tail = digits::load<std::uint64_t>(text.data() + 16);
    if (subtract_picture<kDayToMinute>(middle) && subtract_picture<kSecondToMilli>(tail)) {
      const std::uint32_t hour = pair(middle, 3);
      const std::uint32_t minute = pair(middle, 6);
      const std::uint32_t second = pair(tail, 1);
      if (hour > 23 || minute > 59 || second > 59) return ParseOutcome::kOutOfRange;
      const std::uint32_t milli = milli_of(tail) + 1000 * (second + 60 * (minute + 60 * hour));
      micros = midnight_ + std::int64_t{1000} * milli;
      return ParseOutcome::kOk;
    }
  }
  const ParseOutcome outcome = parse_timestamp(text, micros);
  if (outcome == ParseOutcome::kOk && text.size() == 24 && text.back() == 'Z') {
    month_ = digits::load<std::uint64_t>(text.data());
    day_ = digits::load<std::uint16_t>(text.data() + 8);
    midnight_ = day_of(micros) * kMicrosPerDay;
  }
  return outcome;
}

char* format_timestamp(char* out, std::int64_t micros) noexcept { return TimestampFormatter().format(out, micros); }

char* TimestampFormatter::format(char* out, std::int64_t micros) noexcept {
  PENSTOCK_CHECK(micros >= kFirstTimestamp && micros <= kLastTimestamp,
                 "format_timestamp: outside the years 0001 to 9999");
  if (static_cast<std::uint64_t>(micros - midnight_) >= kMicrosPerDay || midnight_ == 1) {
    midnight_ = day_of(micros) * kMicrosPerDay;
    write_date(date_, civil_from_days(day_of(micros)));
  }
  std::memcpy(out, date_, sizeof date_);
  const std::int64_t of_day = micros - midnight_;
  const auto seconds = static_cast<std::uint32_t>(of_day / kMicrosPerSecond);
  digits::write_pair(out + 11, seconds / 3600);
  out[13] = ':';
  digits::write_pair(out + 14, seconds / 60 % 60);
  out[16] = ':';
  digits::write_pair(out + 17, seconds % 60);
  out = write_fraction(out + 19, static_cast<std::uint32_t>(of_day % kMicrosPerSecond));
  *out++ = 'Z';
  return out;
}

}  // namespace penstock
