// SPDX-License-Identifier: MIT
// The actions of `penstock runs` that compare runs, write their pages, or remove some.
#pragma once

#include "apps/penstock/command_line.h"
#include "store/run_store.h"

namespace penstock::app {

/// Writes the page of a run and returns its path.
Result<std::string> write_page(const RunStore& store, const std::string& id, std::string path);

int report_run(const RunStore& store, const Arguments& arguments);
int diff_runs(const RunStore& store, const Arguments& arguments);
int remove_runs(const RunStore& store, const Arguments& arguments);
int collect_runs(const RunStore& store, const Arguments& arguments);

}  // namespace penstock::app
