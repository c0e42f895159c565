// SPDX-License-Identifier: MIT
#include "store/journal.h"

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "data/json_text.h"
#include "store/json_writer.h"
#include "store/run_store.h"

namespace penstock {
namespace {

constexpr std::string_view kCheck = ",\"check\":\"";
constexpr std::string_view kCheckEnd = "\"}";
constexpr std::size_t kCheckDigits = 16;

std::string check_of(std::string_view line) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t hash = XXH3_64bits(line.data(), line.size());
  std::string digits(kCheckDigits, '0');
  for (std::size_t i = kCheckDigits; i-- > 0; hash >>= 4) digits[i] = kDigits[hash & 15];
  return digits;
}

// The line without its check; empty when that does not fit.
std::string_view checked(std::string_view line) {
  const std::size_t behind = kCheck.size() + kCheckDigits + kCheckEnd.size();
  if (line.size() < behind || !line.ends_with(kCheckEnd)) return {};
  const std::string_view body = line.substr(0, line.size() - behind);
  const std::string_view check = line.substr(body.size());
  if (!check.starts_with(kCheck) || check.substr(kCheck.size(), kCheckDigits) != check_of(body)) return {};
  return body;
}

void append_hex(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

int digit_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool bytes_of_hex(const std::string& text, std::string& bytes) {
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (digit_of(text[i]) < 0 || digit_of(text[i + 1]) < 0) return false;
    bytes += static_cast<char>(digit_of(text[i]) << 4 | digit_of(text[i + 1]));
  }
  return text.size() % 2 == 0;
}

void append_stage(std::string& line, const RecordedStage& stage) {
  const auto append_name = [&](std::string_view name, bool first) {
    if (!first) line += ',';
    append_json_text(line, name);
    line += ':';
  };
  line += ",\"documents\":{";
  for (const auto& document : stage.documents) {
    append_name(document.first, &document == &stage.documents.front());
    line += document.second;
  }
  line += "},\"artifacts\":{";
  for (const auto& artifact : stage.artifacts) {
    append_name(artifact.first, &artifact == &stage.artifacts.front());
    line += '"';
    append_hex(line, artifact.second);
    line += '"';
  }
  line += '}';
}

// Of a line that passed its check.
bool read_stage(std::string_view body, RecordedStage& stage) {
  const auto json = nlohmann::ordered_json::parse(std::string(body) + "}", nullptr, false);
  if (!json.is_object()) return false;
  const auto name = json.find("stage");
  const auto documents = json.find("documents");
  const auto artifacts = json.find("artifacts");
  if (name == json.end() || documents == json.end() || artifacts == json.end() || !name->is_string()) return false;
  stage.name = name->get<std::string>();
  for (const auto& [document, value] : documents->items()) stage.documents.emplace_back(document, value.dump());
  for (const auto& [artifact, value] : artifacts->items()) {
    std::string bytes;
    if (!value.is_string() || !bytes_of_hex(value.get<std::string>(), bytes)) return false;
    stage.artifacts.emplace_back(artifact, std::move(bytes));
  }
  return true;
}

}  // namespace

std::size_t RecordedStage::size_bytes() const noexcept {
  std::size_t bytes = name.size();
  for (const auto& [document, text] : documents) bytes += document.size() + text.size();
  for (const auto& [artifact, content] : artifacts) bytes += artifact.size() + content.size();
  return bytes;
}

Result<Journal> Journal::create(const std::string& path, bool durable) {
  PENSTOCK_ASSIGN(File file, File::create(path, {.append = true}));
  return Journal(std::move(file), durable);
}

Status Journal::add(std::string_view event, const Facts& facts, const RecordedStage* stage) {
  JsonWriter out(JsonWriter::Form::kCompact);
  out.begin_object().member("at", utc_text(now_micros())).member("event", event);
  for (const auto& [name, value] : facts) out.member(name, value);
  std::string line = std::move(out).text();
  if (stage != nullptr) append_stage(line, *stage);
  const std::string check = check_of(line);
  line.append(kCheck).append(check).append(kCheckEnd) += '\n';
  const std::lock_guard lock(mutex_);
  PENSTOCK_TRY(file_.write_all(line));
  return durable_ ? file_.sync() : Status();
}

std::vector<RecordedStage> Journal::stages_in(std::string_view text) {
  std::map<std::string, std::size_t> numbers;
  std::vector<RecordedStage> stages;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view body = checked(line);
    RecordedStage stage;
    if (body.find(",\"documents\":{") == std::string_view::npos || !read_stage(body, stage)) continue;
    const auto [known, added] = numbers.emplace(stage.name, stages.size());
    if (added) {
      stages.push_back(std::move(stage));
    } else {
      stages[known->second] = std::move(stage);
    }
  }
  return stages;
}

}  // namespace penstock
