// SPDX-License-Identifier: MIT
#include "stream/row_rejects.h"

#include <fmt/format.h>
#include <unistd.h>

#include "data/json_text.h"
#include "stream/table.h"

namespace penstock {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{64} << 10;

void append_member(std::string& line, std::string_view name, std::string_view text) {
  line += ",\"";
  line += name;
  line += "\":";
  append_json_text(line, text);
}

// Bytes that are not UTF-8 cannot stand in JSON; they are kept as hexadecimal digits too.
void append_raw(std::string& line, const std::string& raw) {
  line += ",\"raw\":";
  if (append_json_text(line, raw)) return;
  line += ",\"raw_hex\":\"";
  for (const char c : raw) line += fmt::format("{:02x}", static_cast<unsigned char>(c));
  line += '"';
}

}  // namespace

Status HeldRejects::reject(Rejection rejection) {
  rejection.record += base_;
  held_.push_back(std::move(rejection));
  if (policy_.action != ErrorPolicy::Action::kFail) return {};
  fatal_ = true;
  // What the run ends with is made when all that comes before it is known.
  return Error(ErrorCode::kInvalidArgument, "a record was rejected");
}

Status HeldRejects::mark() {
  marked_ = held_.size();
  return {};
}

void HeldRejects::roll_back() noexcept {
  held_.resize(marked_);
  fatal_ = false;
}

std::vector<Rejection> HeldRejects::take() noexcept {
  marked_ = 0;
  fatal_ = false;
  return std::exchange(held_, {});
}

RowRejects::RowRejects(std::string step, const ErrorPolicy& policy, std::string part_path, RejectLimit& limit,
                       RejectionListener* listener)
    : StepRejects(policy, listener != nullptr),
      step_(std::move(step)),
      part_path_(std::move(part_path)),
      limit_(limit),
      listener_(listener) {}

RowRejects::~RowRejects() = default;

Error RowRejects::to_error(const Rejection& rejection) const {
  const std::string column = rejection.column.empty() ? "" : fmt::format("column \"{}\": ", rejection.column);
  Error error(ErrorCode::kInvalidArgument, column + rejection.reason);
  error = std::move(error)
              .record(static_cast<std::int64_t>(rejection.record))
              .hint("on_error = \"skip\" or \"quarantine\" goes on without such records");
  if (rejection.file.empty()) return error;
  return std::move(error).at(rejection.line == 0 ? rejection.file
                                                 : fmt::format("{}:{}", rejection.file, rejection.line));
}

Status RowRejects::reject(Rejection rejection) {
  rejection.record += base_;
  if (count_.fetch_add(1, std::memory_order_relaxed) == 0) {
    const std::string place =
        rejection.file.empty() || rejection.line == 0 ? "" : fmt::format("{}:{}, ", rejection.file, rejection.line);
    first_ =
        fmt::format("{}record {}: {}{}", place, rejection.record,
                    rejection.column.empty() ? "" : fmt::format("column \"{}\": ", rejection.column), rejection.reason);
    first_is_new_ = true;
  }
  if (policy_.action == ErrorPolicy::Action::kFail) {
    fatal_ = true;
    return to_error(rejection);
  }
  const std::uint64_t rejected = limit_.rejected.fetch_add(1, std::memory_order_relaxed) + 1;
  if (rejected > limit_.limit) {
    fatal_ = true;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} {} rejected, more than max_errors = {} allows", counted(rejected, "record"),
                             rejected == 1 ? "was" : "were", limit_.limit))
        .hint("look at the causes, or raise max_errors")
        .caused_by(to_error(rejection).hint(""));
  }
  const bool kept = policy_.action == ErrorPolicy::Action::kQuarantine;
  if (kept) append_line(rejection);
  if (told_) tell(std::move(rejection));
  return !kept || revocable_ || lines_.size() < kFlushBytes ? Status() : write_out();
}

void RowRejects::append_line(const Rejection& rejection) {
  lines_ += "{\"operator\":";
  append_json_text(lines_, step_);
  lines_ += fmt::format(",\"record\":{}", rejection.record);
  if (!rejection.file.empty()) append_member(lines_, "file", rejection.file);
  if (rejection.line != 0) lines_ += fmt::format(",\"line\":{},\"offset\":{}", rejection.line, rejection.offset);
  if (!rejection.column.empty()) append_member(lines_, "column", rejection.column);
  append_member(lines_, "reason", rejection.reason);
  append_raw(lines_, rejection.raw);
  lines_ += "}\n";
}

void RowRejects::tell(Rejection rejection) {
  if (revocable_) {
    untold_.push_back(std::move(rejection));
  } else {
    listener_->rejected(step_, rejection);
  }
}

Status RowRejects::write_out() {
  if (lines_.empty()) return {};
  if (!part_.is_open()) {
    PENSTOCK_TRY(make_folders(folder_of(part_path_)));
    PENSTOCK_ASSIGN(part_, File::create(part_path_));
  }
  PENSTOCK_TRY(part_.write_all(lines_));
  part_bytes_ += lines_.size();
  lines_.clear();
  return {};
}

Status RowRejects::save(StateWriter& to) {
  PENSTOCK_TRY(write_out());
  to.integer(count());
  to.integer(retries());
  to.integer(fallbacks());
  to.text(first_);
  to.integer(part_bytes_);
  if (part_bytes_ == 0) return {};
  to.text(part_path_);
  to.owns(part_path_);
  return to.needs(part_.descriptor());
}

Status RowRejects::restore(StateReader& from) {
  count_.store(from.integer(), std::memory_order_relaxed);
  if (policy_.action != ErrorPolicy::Action::kFail) limit_.rejected.fetch_add(count(), std::memory_order_relaxed);
  add_retries(from.integer());
  add_fallbacks(from.integer());
  first_ = from.text();
  part_bytes_ = from.integer();
  if (part_bytes_ == 0) return from.end();
  const std::string part(from.text());
  PENSTOCK_TRY(from.end());
  PENSTOCK_TRY(make_folders(folder_of(part_path_)));
  PENSTOCK_ASSIGN(part_, File::go_on(part, part_path_, part_bytes_));
  return {};
}

Status RowRejects::mark() {
  if (lines_.size() >= kFlushBytes) PENSTOCK_TRY(write_out());
  revocable_ = true;
  marked_count_ = count();
  marked_size_ = lines_.size();
  first_is_new_ = false;
  return {};
}

void RowRejects::roll_back() noexcept {
  limit_.rejected.fetch_sub(count() - marked_count_, std::memory_order_relaxed);
  count_.store(marked_count_, std::memory_order_relaxed);
  lines_.resize(marked_size_);
  if (first_is_new_) first_.clear();
  untold_.clear();
  fatal_ = false;
}

void RowRejects::release() noexcept {
  revocable_ = false;
  for (const Rejection& rejection : std::exchange(untold_, {})) listener_->rejected(step_, rejection);
}

Status RowRejects::flush() {
  PENSTOCK_TRY(write_out());
  if (part_.is_open()) PENSTOCK_TRY(part_.close());
  return {};
}

void RowRejects::remove_part() noexcept { ::unlink(part_path_.c_str()); }

namespace {

Status append_part(AtomicFile& to, const std::string& path) {
  PENSTOCK_ASSIGN(File part, File::open(path));
  std::string block(std::size_t{256} << 10, '\0');
  for (;;) {
    PENSTOCK_ASSIGN(const std::size_t size, part.read(block.data(), block.size()));
    if (size == 0) return {};
    PENSTOCK_TRY(to.write_all(std::string_view(block).substr(0, size)));
  }
}

}  // namespace

Result<AtomicFile> commit_quarantine(const std::string& path, const std::vector<RowRejects*>& parts) {
  PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::create(path, {.make_folders = true, .revocable = true}));
  for (const RowRejects* part : parts) {
    if (part->count() > 0) PENSTOCK_TRY(append_part(file, part->part_path()));
  }
  PENSTOCK_TRY(file.commit());
  return file;
}

}  // namespace penstock
