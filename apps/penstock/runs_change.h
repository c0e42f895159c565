// SPDX-License-Identifier: MIT
// The actions of `penstock runs` that compare runs or remove some.
#pragma once

#include "apps/penstock/command_line.h"
#include "store/run_store.h"

namespace penstock::app {

int diff_runs(const RunStore& store, const Arguments& arguments);
int remove_runs(const RunStore& store, const Arguments& arguments);
int collect_runs(const RunStore& store, const Arguments& arguments);

}  // namespace penstock::app
