// SPDX-License-Identifier: MIT
// The folder in which runs are kept: ROOT/runs/{run_id}/ with the run's files, and ROOT/latest. Every file appears
// whole or not at all. The store keeps texts; what they mean is the business of who writes them (docs/schemas/).
#pragma once

#include <penstock/artifact.h>
#include <penstock/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

struct RecordedStage;

/// How folders of stages begin that are being written aside.
inline constexpr std::string_view kStageAside = ".stage-";

/// Returns the time now, in microseconds since 1970-01-01 UTC.
std::int64_t now_micros();
/// Returns "2026-11-20T10:15:00.123456Z".
std::string utc_text(std::int64_t micros);
/// Returns a run id, "20261120_101500_a1b2c3": UTC to the second, then six random hexadecimal digits.
std::string make_run_id(std::int64_t micros);

/// Returns the media type that the ending of `name` stands for; "application/octet-stream" when it is unknown.
std::string_view media_type(std::string_view name);

/// The folder of one run. Thread-compatible.
class RunFolder {
 public:
  RunFolder(std::string root, std::string id) : root_(std::move(root)), id_(std::move(id)) {}

  const std::string& id() const noexcept { return id_; }
  /// ROOT/runs/ID, as relative as the store's root.
  std::string path() const;
  /// Where the stage puts its files; the folder is there after `make_stage`.
  std::string artifacts_of(std::string_view stage) const;
  Status make_stage(std::string_view stage);
  /// Writes a file of the run, for instance "run.json" or "clean/output.json", whole.
  Status write(std::string_view name, std::string_view text);
  /// Returns a name for a folder beside that of the stage, hidden and of its own, in which it may be made ready.
  std::string folder_aside(std::string_view stage) const;
  /// Makes the folder of a stage that only the journal held, with all that is in it; one that is there stays. With
  /// `durable` it is on the disk when the call returns. Thread-safe.
  Status put_stage(const RecordedStage& stage, bool durable) const;
  /// Does that for all stages of the run's journal. Safe while the run goes on, and done by several at once.
  Status finish_stages() const;
  /// Says whether `name`, relative to the folder of a run, is a file that runs themselves keep: "run.json",
  /// "clean/output.json".
  static bool keeps(std::string_view name);
  /// Lets the folder of a stage be that of the run `maker`, by a link. Nothing of the stage may be there yet.
  Status link_stage(std::string_view stage, const std::string& maker);
  /// Says whether the stage's files are in this folder, and not in that of another run.
  bool has_own(std::string_view stage) const;
  /// Returns the run in whose folder the stage's files really are: this one, or who made what was linked.
  std::string maker_of(std::string_view stage) const;
  /// Returns the files under the stage's artifacts, by name, with their digests. Temporaries and links are left out.
  Result<std::vector<Artifact>> artifacts(std::string_view stage) const;
  /// The same while they are still in another folder.
  static Result<std::vector<Artifact>> artifacts_in(const std::string& folder, std::string_view stage);
  /// Removes the hidden temporaries that this process left in the run's artifacts: those of a writer that was given up.
  void remove_temporaries(std::string_view stage) noexcept;
  /// The run whose folder this is a second name of, as nothing had to be done in this one; empty: it has its own.
  std::string repeats() const;
  /// Lets ROOT/latest point here.
  Status publish_latest();

 private:
  std::string root_;
  std::string id_;
};

/// A run as its run.json tells it.
struct StoredRun {
  std::string id;
  std::string path;
  std::string name;
  std::string strategy;
  std::string status;  ///< "running", "done", "drained", "failed", "cancelled"; "lost": its process ended without a
                       ///< word; "unreadable": see `error`.
  std::string started_at;
  double duration_seconds = 0;
  std::string error;                ///< Its message, when it failed; why run.json cannot be read.
  std::string process;              ///< The mark of its process (`mark_of`).
  std::vector<std::string> writes;  ///< Its outputs outside of its folder.
  std::string resumes;              ///< The run whose results it took over, if it did.
  std::string file;                 ///< The pipeline file, as it was named.
  std::string folder;               ///< Its working folder.
  std::vector<std::pair<std::string, std::string>> overrides;  ///< Parameters that were set, as texts.
};

/// What is said of a run that repeats another one beside what is said of that.
struct RepeatRecord {
  std::int64_t started_micros = 0;
  std::string program;               ///< Name and version of who ran it.
  std::vector<std::string> command;  ///< The words of its command.
};

/// All runs below one folder. Thread-compatible; several processes may use one store.
class RunStore {
 public:
  explicit RunStore(std::string root) : root_(std::move(root)) {}

  const std::string& root() const noexcept { return root_; }
  /// Makes the folder of a new run.
  Result<RunFolder> create();
  /// Makes a run in which nothing had to be done, as all is as in the run `of`, which has ended: a link to its folder,
  /// and ROOT/runs/ID.json, with what is not the same. kNotFound when `of` was removed.
  Result<RunFolder> create_repeat(const std::string& of, const RepeatRecord& record, bool durable);
  /// Returns the runs, newest first. One whose run.json cannot be read is among them, with the time that its id tells.
  /// A store that is not there is empty.
  Result<std::vector<StoredRun>> list() const;
  /// Returns the id that `text` stands for: "latest", an id, or a part of one that only one id has. kNotFound with the
  /// nearest id.
  Result<std::string> find(std::string_view text) const;
  /// Reads the run.json of a run. kDataLoss when it is not what a run writes; kUnsupported when it is of a later
  /// version.
  Result<StoredRun> read(std::string_view id) const;
  /// Returns `id` and the runs that it resumed, directly or not, the nearest first.
  std::vector<std::string> lineage(std::string_view id) const;
  /// Removes what lost runs left half-written: temporaries in their folders, and beside the outputs that their run.json
  /// names. The names carry a mark of the very process (`mark_of`), which is known to have ended, so what other
  /// processes, also of other hosts that share the folder, are writing is never touched. Runs with checkpoints keep
  /// theirs: another run can go on from there. Returns the paths of what it removed.
  Result<std::vector<std::string>> clean() const;
  /// Where a page about a run goes: into its folder, but beside it when that is another run's.
  std::string path_of_page(std::string_view id) const;
  /// Removes a run and all that it keeps; kept results of stages stay in the cache, and what other runs took over from
  /// it by a link, or all of it when they repeat it, becomes theirs. Before, `latest` is pointed to the newest other
  /// run that has ended, or removed where there is none. kUnavailable while the run goes on;
  /// kUnsupported when others use it and the file system cannot exchange two names, as then a kill could lose it.
  Status remove(std::string_view id) const;
  /// Removes what removals that were killed left behind, and old temporaries. Returns how many removals.
  std::size_t finish_removals() const;
  /// Bytes of all files of a run; one that it shares with the cache or another run counts too.
  std::uint64_t size_bytes(std::string_view id) const;
  /// Returns the text of a file of a run; of one that repeats another run, what it would have written.
  Result<std::string> read_text(std::string_view id, std::string_view name) const;

 private:
  void clean_run(const StoredRun& run, std::vector<std::string>& removed) const;
  Result<std::vector<std::string>> ids() const;
  Status hand_over_stages(std::string_view id, const std::string& folder) const;
  Result<std::string> hand_over_folder(std::string_view id, const std::string& folder) const;
  Status hand_over_hidden(std::string_view id, const std::string& hidden) const;
  Status point_users(std::string_view id, const std::string& heir) const;
  std::string record_of_repeat(std::string_view id) const { return root_ + "/runs/" + std::string(id) + ".json"; }
  std::string page_of_repeat(std::string_view id) const { return root_ + "/runs/" + std::string(id) + ".report.html"; }
  std::string root_;
};

}  // namespace penstock
