// SPDX-License-Identifier: MIT
#include "stream/parcel_bytes.h"

#include <cstring>
#include <string>

namespace penstock {
namespace {

constexpr std::uint64_t kMagic = 0x4C43'5250'4E50'0001;
constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

Error no_parcel() { return Error(ErrorCode::kDataLoss, "its answer is no answer"); }

class ByteWriter {
 public:
  explicit ByteWriter(std::vector<std::byte>& to) : to_(to) {}
  void number(std::uint64_t value) { raw(&value, sizeof value); }
  void text(const std::string& value) {
    number(value.size());
    raw(value.data(), value.size());
  }

 private:
  void raw(const void* from, std::size_t size) {
    const auto* const bytes = static_cast<const std::byte*>(from);
    to_.insert(to_.end(), bytes, bytes + size);
  }

  std::vector<std::byte>& to_;
};

/// Reads what ByteWriter wrote. After the first thing that is not there everything is zero and empty, and `failed`.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> from) : left_(from) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::span<const std::byte> bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() {
    const std::span<const std::byte> bytes = take(number());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// A number of things of at least `least_bytes` each, so that no count can make anybody allocate without end.
  std::uint64_t count(std::size_t least_bytes) {
    const std::uint64_t value = number();
    if (value > left_.size() / least_bytes) failed_ = true;
    return failed_ ? 0 : value;
  }
  bool failed() const noexcept { return failed_; }

 private:
  std::span<const std::byte> take(std::uint64_t size) {
    if (size > left_.size()) failed_ = true;
    if (failed_) return {};
    const std::span<const std::byte> taken = left_.first(static_cast<std::size_t>(size));
    left_ = left_.subspan(static_cast<std::size_t>(size));
    return taken;
  }

  std::span<const std::byte> left_;
  bool failed_ = false;
};

void write_error(ByteWriter& writer, const Error* error) {
  writer.number(error == nullptr ? 0 : 1);
  if (error == nullptr) return;
  writer.number(static_cast<std::uint64_t>(error->code()));
  writer.text(error->message());
  writer.text(error->where());
  writer.text(error->hint());
  writer.number(static_cast<std::uint64_t>(error->record()));
  writer.number(error->retryable() ? 1 : 0);
  write_error(writer, error->cause());
}

constexpr int kMostCauses = 16;

std::optional<Error> read_error(ByteReader& reader, int depth = 0) {
  if (reader.number() == 0 || depth > kMostCauses) return std::nullopt;
  const std::uint64_t code = reader.number();
  if (code > static_cast<std::uint64_t>(ErrorCode::kInternal)) return no_parcel();
  Error error(static_cast<ErrorCode>(code), reader.text());
  error = std::move(error).at(reader.text());
  error = std::move(error).hint(reader.text());
  error = std::move(error).record(static_cast<std::int64_t>(reader.number()));
  error = std::move(error).retryable(reader.number() != 0);
  if (std::optional<Error> cause = read_error(reader, depth + 1)) error = std::move(error).caused_by(std::move(*cause));
  return error;
}

void write_rejection(ByteWriter& writer, const Rejection& rejection) {
  writer.number(rejection.record);
  writer.text(rejection.reason);
  writer.text(rejection.raw);
  writer.text(rejection.column);
  writer.text(rejection.file);
  writer.number(rejection.line);
  writer.number(rejection.offset);
}

Rejection read_rejection(ByteReader& reader) {
  Rejection rejection;
  rejection.record = reader.number();
  rejection.reason = reader.text();
  rejection.raw = reader.text();
  rejection.column = reader.text();
  rejection.file = reader.text();
  rejection.line = reader.number();
  rejection.offset = reader.number();
  return rejection;
}

constexpr std::size_t kRejectionBytes = 7 * sizeof(std::uint64_t);
constexpr std::size_t kAccountBytes = 9 * sizeof(std::uint64_t);

void write_account(ByteWriter& writer, const StepAccount& account) {
  for (const std::uint64_t number : {account.records_in, account.records_out, account.batches, account.busy_ns,
                                     account.wait_ns, account.blocked_ns, account.retries, account.fallbacks}) {
    writer.number(number);
  }
  writer.number(account.rejected.size());
  for (const Rejection& rejection : account.rejected) write_rejection(writer, rejection);
}

StepAccount read_account(ByteReader& reader) {
  StepAccount account;
  for (std::uint64_t* const number : {&account.records_in, &account.records_out, &account.batches, &account.busy_ns,
                                      &account.wait_ns, &account.blocked_ns, &account.retries, &account.fallbacks}) {
    *number = reader.number();
  }
  for (std::uint64_t left = reader.count(kRejectionBytes); left > 0; --left)
    account.rejected.push_back(read_rejection(reader));
  return account;
}

void write_span(ByteWriter& writer, const Report::Span& span) {
  writer.number(span.step);
  writer.number(span.segment);
  writer.number(static_cast<std::uint64_t>(span.begin_ns));
  writer.number(static_cast<std::uint64_t>(span.end_ns));
}

Report::Span read_span(ByteReader& reader) {
  Report::Span span;
  span.step = static_cast<std::uint32_t>(reader.number());
  span.segment = static_cast<std::uint32_t>(reader.number());
  span.begin_ns = static_cast<std::int64_t>(reader.number());
  span.end_ns = static_cast<std::int64_t>(reader.number());
  return span;
}

constexpr std::size_t kSpanBytes = 4 * sizeof(std::uint64_t);

}  // namespace

BatchForWorker::BatchForWorker(const Batch& batch, const SharedBlocks* memory, const RecordBatch* input) {
  if (batch.is_record_batch()) {
    lent_.emplace(batch.record_batch(), memory, input);
  } else {
    flat_ = batch.flat_bytes();
  }
}

std::size_t BatchForWorker::size_bytes() const noexcept { return lent_ ? lent_->size_bytes() : flat_.size(); }

void BatchForWorker::write(std::span<std::byte> room) const noexcept {
  if (lent_) return lent_->write(room);
  if (!flat_.empty()) std::memcpy(room.data(), flat_.data(), flat_.size());
}

Result<Batch> batch_for_worker(std::span<const std::byte> bytes, const StreamType& type, LentSource& source) {
  if (type.is_record_batch()) {
    PENSTOCK_ASSIGN(RecordBatch batch, read_lent_batch(bytes, type.schema, source));
    return Batch(std::move(batch));
  }
  std::unique_ptr<BatchData> records = type.from_flat == nullptr ? nullptr : type.from_flat(bytes);
  if (records == nullptr) return no_parcel();
  return Batch(std::move(records));
}

// First the account: how long it is, then the numbers and texts; then the batches, each aligned.
EncodedParcel::EncodedParcel(const Parcel& parcel, const SharedBlocks* memory, const RecordBatch* input) {
  batches_.reserve(parcel.batches.size());
  for (const Batch& batch : parcel.batches) batches_.emplace_back(batch, memory, input);
  ByteWriter writer(account_);
  writer.number(kMagic);
  writer.number(0);  // becomes the size of the account
  write_error(writer, parcel.error ? &*parcel.error : nullptr);
  writer.number(parcel.accounts.size());
  for (const StepAccount& account : parcel.accounts) write_account(writer, account);
  writer.number(parcel.spans.size());
  for (const Report::Span& span : parcel.spans) write_span(writer, span);
  writer.number(parcel.batches.size());
  for (const BatchForWorker& batch : batches_) writer.number(batch.size_bytes());
  const std::uint64_t account_bytes = account_.size();
  std::memcpy(account_.data() + sizeof(std::uint64_t), &account_bytes, sizeof account_bytes);
  size_ = aligned(account_.size());
  for (const BatchForWorker& batch : batches_) size_ += aligned(batch.size_bytes());
}

void EncodedParcel::write(std::span<std::byte> room) const noexcept {
  std::memcpy(room.data(), account_.data(), account_.size());
  std::size_t at = aligned(account_.size());
  for (const BatchForWorker& batch : batches_) {
    batch.write(room.subspan(at, batch.size_bytes()));
    at += aligned(batch.size_bytes());
  }
}

Result<Parcel> decode_parcel(std::span<const std::byte> bytes, const StreamType& type, std::size_t steps,
                             LentSource& source) {
  ByteReader head(bytes);
  const bool marked = head.number() == kMagic;
  const std::uint64_t account_bytes = head.number();
  if (!marked || head.failed() || account_bytes > bytes.size()) return no_parcel();
  ByteReader reader(bytes.first(static_cast<std::size_t>(account_bytes)));
  reader.number();
  reader.number();
  Parcel parcel;
  parcel.error = read_error(reader);
  for (std::uint64_t left = reader.count(kAccountBytes); left > 0; --left)
    parcel.accounts.push_back(read_account(reader));
  for (std::uint64_t left = reader.count(kSpanBytes); left > 0; --left) parcel.spans.push_back(read_span(reader));
  std::size_t at = aligned(static_cast<std::size_t>(account_bytes));
  for (std::uint64_t left = reader.count(sizeof(std::uint64_t)); left > 0; --left) {
    const std::uint64_t size = reader.number();
    if (at > bytes.size() || size > bytes.size() - at) return no_parcel();
    PENSTOCK_ASSIGN(Batch batch, batch_for_worker(bytes.subspan(at, static_cast<std::size_t>(size)), type, source));
    parcel.batches.push_back(std::move(batch));
    at += aligned(static_cast<std::size_t>(size));
  }
  if (reader.failed() || parcel.accounts.size() != steps) return no_parcel();
  return parcel;
}

}  // namespace penstock
