// SPDX-License-Identifier: MIT
// The grounds of a run: all that it looked at to find that the results of all of its stages are kept. As long as that
// is as it was, a run that is asked for in the same way has nothing to do, and need not even read its file.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/digest_index.h"

namespace penstock {

struct RunGrounds {
  /// What a run looked at. What belongs to the run or the store is told by its path in there.
  enum class Kind : std::uint8_t {
    kInput,      ///< A file of the machine.
    kMissing,    ///< Nothing was there.
    kArtifact,   ///< A file in the run's folder; no link.
    kUntouched,  ///< A record in the store, as entry.json of a kept result: not its content counts, but its state.
    kFolder,     ///< A folder in the run's folder.
  };
  struct Seen {
    Kind kind = Kind::kInput;
    std::string path;
    FileDigest digest = {};
  };
  /// Which file the name of a program stood for.
  struct Program {
    std::string name;
    std::string path;
  };

  std::string run_id;
  std::uint64_t stages = 0;
  bool durable = false;
  std::vector<std::string> variables;  ///< Names of those of the environment that count, beside the locale and PATH.
  std::string environment;             ///< `digest_of_environment` of them.
  std::vector<Program> programs;
  std::vector<Seen> seen;

  /// Returns those of the last run that was asked for so; nothing when there are none, or the file is damaged.
  static std::optional<RunGrounds> read(const std::string& store, const std::string& request);
  /// Takes the place of earlier ones of the request. Of requests not made for long the store forgets some.
  Status write(const std::string& store, const std::string& request) const;

  /// The same with digests that `hold` has renewed; the time at which results were marked as used stays.
  Status rewrite(const std::string& store, const std::string& request) const;

  /// Says whether all is as it was. Files that may have changed are hashed; `renewed` says that some were, and that
  /// writing the grounds again saves that next time.
  bool hold(const std::string& store, bool& renewed);
  /// Marks the kept results as used now, to the hour.
  void mark_used(const std::string& store, const std::string& request) const noexcept;
};

/// A digest over the locale, PATH and the variables that are named.
std::string digest_of_environment(const std::vector<std::string>& variables);

}  // namespace penstock
