// SPDX-License-Identifier: MIT
// The keys that runs wrote down, and in which fields two of them differ.
#pragma once

#include <penstock/result.h>

#include <string>
#include <utility>
#include <vector>

#include "store/run_store.h"

namespace penstock {

/// Name and value of the fields of a key, in order.
using KeyFields = std::vector<std::pair<std::string, std::string>>;

/// What a run found of a stage before it began it.
struct KeyRecord {
  std::string key;
  std::string decision;
  KeyFields fields;
};

/// A field that is not the same in two keys; an empty text: it is not there.
struct KeyDifference {
  std::string field;
  std::string before;
  std::string now;
};

/// Reads what a run wrote of a stage's key. kNotFound when it has none.
Result<KeyRecord> read_key(const RunStore& store, const std::string& run_id, const std::string& stage);

/// The fields that differ, in the order of `now`; those that only `before` has come last.
std::vector<KeyDifference> differences_of(const KeyFields& before, const KeyFields& now);

/// The newest run of the workflow `name` in `runs` (newest first) that has a key of the stage; empty: none has.
struct EarlierKey {
  std::string run_id;
  KeyFields fields;
};
EarlierKey newest_key(const RunStore& store, const std::vector<StoredRun>& runs, const std::string& name,
                      const std::string& stage);

/// A value of a key as a line of text shows it: cut when it is long, and "(nothing)" when it is empty.
std::string shown_value(const std::string& value);

}  // namespace penstock
