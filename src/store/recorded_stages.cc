// SPDX-License-Identifier: MIT
// Folders of stages, written from the journal.
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "platform/file.h"
#include "platform/link_file.h"
#include "platform/machine.h"
#include "platform/new_file.h"
#include "store/journal.h"
#include "store/json_writer.h"
#include "store/run_store.h"

namespace penstock {
namespace {

// The values of all of its stages stand in it.
constexpr std::size_t kMostJournalBytes = std::size_t{1} << 40;

Status fill_stage(const std::string& folder, const RecordedStage& stage, bool durable) {
  const std::string artifacts = folder + "/artifacts";
  PENSTOCK_TRY(make_folders(folder));
  PENSTOCK_TRY(make_folders(artifacts));
  for (const auto& [name, bytes] : stage.artifacts)
    PENSTOCK_TRY(write_new_file(artifacts + "/" + name, bytes, durable));
  for (const auto& [name, json] : stage.documents)
    PENSTOCK_TRY(write_new_file(folder + "/" + name, json_on_lines(json), durable));
  if (!durable) return {};
  PENSTOCK_TRY(sync_folder(artifacts));
  return sync_folder(folder);
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos;
}

}  // namespace

// ".stage-MARK-N": hidden, and told from those of processes that are gone.
std::string RunFolder::folder_aside(std::string_view stage) const {
  static std::atomic<unsigned> counter{0};  // relaxed: only distinctness matters
  return folder_of(path() + "/" + std::string(stage)) + "/" + std::string(kStageAside) + this_process_mark() + "-" +
         std::to_string(counter.fetch_add(1, std::memory_order_relaxed));
}

Status RunFolder::put_stage(const RecordedStage& stage, bool durable) const {
  const std::string target = path() + "/" + stage.name;
  if (!is_plain_name(stage.name) || ::access(target.c_str(), F_OK) == 0) return {};
  for (const auto* const files : {&stage.documents, &stage.artifacts}) {
    for (const auto& [name, bytes] : *files) {
      if (!is_plain_name(name)) return Error(ErrorCode::kDataLoss, "no name of a file of a stage: " + name);
    }
  }
  const std::string aside = folder_aside(stage.name);
  Status status = fill_stage(aside, stage, durable);
  const bool placed = status && ::rename(aside.c_str(), target.c_str()) == 0;
  const bool other_was_faster = status && !placed && (errno == EEXIST || errno == ENOTEMPTY);
  if (status && !placed && !other_was_faster) status = file_error(errno, "put in place", target);
  if (!placed) (void)remove_tree(aside);
  if (status && durable) status = sync_folder(path());
  return status;
}

Status RunFolder::finish_stages() const {
  const Result<std::string> text = read_file(path() + "/journal.jsonl", kMostJournalBytes);
  if (!text) return text.error().code() == ErrorCode::kNotFound ? Status() : Status(text.error());
  for (const RecordedStage& stage : Journal::stages_in(*text)) PENSTOCK_TRY(put_stage(stage, false));
  return {};
}

}  // namespace penstock
