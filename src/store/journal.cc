// SPDX-License-Identifier: MIT
#include "store/journal.h"

#include <nlohmann/json.hpp>

#include "store/run_store.h"

namespace penstock {

Result<Journal> Journal::create(const std::string& path, bool durable) {
  PENSTOCK_ASSIGN(File file, File::create(path, {.append = true}));
  return Journal(std::move(file), durable);
}

Status Journal::add(std::string_view event, const Facts& facts) {
  nlohmann::ordered_json line = {{"at", utc_text(now_micros())}, {"event", event}};
  for (const auto& [name, value] : facts) line[name] = value;
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const std::lock_guard lock(mutex_);
  PENSTOCK_TRY(file_.write_all(text));
  return durable_ ? file_.sync() : Status();
}

}  // namespace penstock
