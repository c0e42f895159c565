// SPDX-License-Identifier: MIT
// What runs whose process was killed left behind.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "platform/link_file.h"
#include "platform/machine.h"
#include "store/run_store.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Whether the name ends with "." MARK SEPARATOR NUMBER ENDING, as ".out.csv.4711-9f3a02bc-12.tmp" does.
bool is_marked(std::string_view name, const std::string& mark, char separator, std::string_view ending) {
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  const std::size_t number = name.rfind(separator);
  return number != std::string_view::npos && is_number(name.substr(number + 1)) &&
         name.substr(0, number).ends_with("." + mark);
}

void remove_if_marked(const fs::directory_entry& entry, const std::string& mark, std::vector<std::string>& removed) {
  std::error_code error;
  if (!fs::is_regular_file(entry.symlink_status(error))) return;
  const std::string name = entry.path().filename().string();
  // As AtomicFile and the parts of quarantine files are named.
  if (!(name.starts_with('.') && is_marked(name, mark, '-', ".tmp")) && !is_marked(name, mark, '.', ".part")) return;
  if (::unlink(entry.path().c_str()) == 0) removed.push_back(entry.path().string());
}

void clean_folder(const StoredRun& run, std::vector<std::string>& removed) {
  const std::string pid = run.process.substr(0, run.process.find('-'));  // nobody else writes in there
  std::error_code error;
  for (fs::recursive_directory_iterator it(run.path, error), end; !error && it != end; it.increment(error)) {
    remove_if_marked(*it, run.process, removed);
    remove_if_marked(*it, pid, removed);
  }
}

// Folders of stages that it, or somebody who finished them for it, was writing.
void clean_stages_aside(const StoredRun& run, std::vector<std::string>& removed) {
  std::vector<std::string> left;
  std::error_code error;
  for (fs::directory_iterator it(run.path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kStageAside)) continue;
    const std::string mark = name.substr(kStageAside.size(), name.rfind('-') - kStageAside.size());
    const ProcessIdentity holder = process_with(std::atoll(mark.c_str()));
    if (holder.start_ticks == 0 || mark_of(holder) != mark) left.push_back(it->path().string());
  }
  for (std::string& path : left) {
    if (remove_tree(path)) removed.push_back(std::move(path));
  }
}

// A run that another one can go on from needs what it left half-written.
bool has_checkpoints(const StoredRun& run) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(run.path, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename() == "artifacts") it.disable_recursion_pending();  // anybody's names
    if (it->path().extension() == ".json" && it->path().parent_path().filename() == "checkpoints") return true;
  }
  return false;
}

// Only what is named after the output: its folder may be anybody's.
void clean_beside(const fs::path& output, const std::string& mark, std::vector<std::string>& removed) {
  constexpr std::size_t kMostOfName = 200;  // as AtomicFile cuts it
  const std::string name = output.filename().string();
  std::error_code error;
  for (fs::directory_iterator it(output.parent_path(), error), end; !error && it != end; it.increment(error)) {
    const std::string found = it->path().filename().string();
    if (found.starts_with(name + ".") || found.starts_with("." + name.substr(0, kMostOfName) + ".")) {
      remove_if_marked(*it, mark, removed);
    }
  }
}

}  // namespace

void RunStore::clean_run(const StoredRun& run, std::vector<std::string>& removed) const {
  clean_folder(run, removed);
  clean_stages_aside(run, removed);
  for (const std::string& path : run.writes) clean_beside(path, run.process, removed);
  const std::string link = root_ + "/.latest." + run.id + "." + run.process + "-0.tmp";  // of publish_latest
  if (::unlink(link.c_str()) == 0) removed.push_back(link);
}

Result<std::vector<std::string>> RunStore::clean() const {
  PENSTOCK_ASSIGN(const std::vector<StoredRun> runs, list());
  std::vector<std::string> removed;
  for (const StoredRun& run : runs) {
    if (run.status == "lost" && !has_checkpoints(run)) clean_run(run, removed);
  }
  std::sort(removed.begin(), removed.end());
  return removed;
}

}  // namespace penstock
