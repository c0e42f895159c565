// SPDX-License-Identifier: MIT
// Purchases in CSV files, many small ones or one huge one: read, filtered, derived from, and summed by user.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "apps/penstock/bench/strategies/job.h"
#include "apps/penstock/bench/strategies/operators.h"
#include "platform/file.h"

namespace penstock::app::bench {
namespace {

constexpr std::uint64_t kRowsPerSmallFile = 50;

std::string purchase_line(std::uint64_t index) {
  const std::uint64_t random = (index ^ index >> 9) * 0x9E3779B97F4A7C15;
  constexpr const char* kEvents[] = {"view", "click", "buy", "return"};
  return fmt::format("{},user{:03},{},{},{}\n", index, random >> 54 & 0xFF, kEvents[random >> 62],
                     random >> 40 & 0x3FFF, random >> 36 & 0xF);
}

Status write_purchases(const std::string& path, std::uint64_t first, std::uint64_t rows) {
  constexpr std::size_t kBlock = std::size_t{1} << 18;
  PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::create(path));
  std::string block = "id,user,event,price,quantity\n";
  for (std::uint64_t i = first; i < first + rows; ++i) {
    block += purchase_line(i);
    if (block.size() < kBlock) continue;
    PENSTOCK_TRY(file.write_all(block));
    block.clear();
  }
  PENSTOCK_TRY(file.write_all(block));
  return file.commit();
}

std::string small_files_in(const JobInput& input) { return fmt::format("{}/small_{}", input.folder, input.size); }
std::string small_file(const JobInput& input, std::uint64_t index) {
  return fmt::format("{}/part-{:05}.csv", small_files_in(input), index);
}
std::string huge_file(const JobInput& input) { return fmt::format("{}/huge_{}.csv", input.folder, input.size); }

Status prepare_small_files(const JobInput& input) {
  PENSTOCK_TRY(make_folders(small_files_in(input)));
  for (std::uint64_t i = 0; i < input.size; ++i)
    PENSTOCK_TRY(write_purchases(small_file(input, i), i * kRowsPerSmallFile, kRowsPerSmallFile));
  return {};
}

Status prepare_huge_file(const JobInput& input) { return write_purchases(huge_file(input), 0, input.size); }

Pipeline files_pipeline(const std::string& path, Answer& answer) {
  Pipeline pipeline("files");
  pipeline.add("csv.read", Options{{"path", path}});
  pipeline.add("filter", Options{{"where", "event = 'buy' and quantity > 0"}});
  pipeline.add("derive", Options{{"set", OptionValue::Table{{"total", "price * quantity"}}}});
  pipeline.add("answer", answer_sink(answer.part(0)), {.name = "purchases"});
  pipeline.add("aggregate",
               Options{{"by", "user"},
                       {"compute", OptionValue::Table{
                                       {"purchases", "count()"}, {"total", "sum(total)"}, {"most", "max(total)"}}}});
  pipeline.add("answer", answer_sink(answer.part(1)), {.name = "answer"});
  return pipeline;
}

Pipeline small_files_pipeline(const JobInput& input, Answer& answer) {
  return files_pipeline(small_files_in(input) + "/*.csv", answer);
}
Pipeline huge_file_pipeline(const JobInput& input, Answer& answer) { return files_pipeline(huge_file(input), answer); }

struct Purchase {
  std::int64_t id = 0;
  std::string user;
  std::string event;
  std::int64_t price = 0;
  std::int64_t quantity = 0;
  std::int64_t total = 0;
};

struct UserTotals {
  std::int64_t purchases = 0;
  std::int64_t total = 0;
  std::int64_t most = 0;
};

Status read_naively(const std::string& path, std::vector<Purchase>& rows) {
  std::ifstream file(path);
  if (!file) return Error(ErrorCode::kUnavailable, "cannot open " + path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    Purchase row;
    std::string id;
    std::string price;
    std::string quantity;
    std::getline(cells, id, ',');
    std::getline(cells, row.user, ',');
    std::getline(cells, row.event, ',');
    std::getline(cells, price, ',');
    std::getline(cells, quantity, ',');
    row.id = std::stoll(id);
    row.price = std::stoll(price);
    row.quantity = std::stoll(quantity);
    rows.push_back(row);
  }
  return {};
}

void sum_naively(const std::vector<Purchase>& rows, Answer& answer) {
  std::vector<Purchase> bought;
  for (const Purchase& row : rows) {
    if (row.event == "buy" && row.quantity > 0) bought.push_back(row);
  }
  std::map<std::string, UserTotals> users;
  for (Purchase& row : bought) {
    row.total = row.price * row.quantity;
    UserTotals& user = users[row.user];
    ++user.purchases;
    user.total += row.total;
    user.most = std::max(user.most, row.total);
  }
  Answer::Part& rows_part = answer.part(0);
  for (const Purchase& row : bought) {
    rows_part.add(row.id);
    rows_part.add(std::string_view(row.user));
    rows_part.add(std::string_view(row.event));
    for (const std::int64_t value : {row.price, row.quantity, row.total}) rows_part.add(value);
    rows_part.end_record();
  }
  Answer::Part& part = answer.part(1);
  for (const auto& [name, user] : users) {
    part.add(std::string_view(name));
    for (const std::int64_t value : {user.purchases, user.total, user.most}) part.add(value);
    part.end_record();
  }
}

Status naive_small_files(const JobInput& input, Answer& answer) {
  std::vector<Purchase> rows;
  for (std::uint64_t i = 0; i < input.size; ++i) PENSTOCK_TRY(read_naively(small_file(input, i), rows));
  sum_naively(rows, answer);
  return {};
}

Status naive_huge_file(const JobInput& input, Answer& answer) {
  std::vector<Purchase> rows;
  PENSTOCK_TRY(read_naively(huge_file(input), rows));
  sum_naively(rows, answer);
  return {};
}

}  // namespace

Job small_files_job() {
  return {.name = "small_files",
          .what = "Many small files: 50 rows of CSV in each, filtered and summed by user.",
          .unit = "files",
          .quick_size = 500,
          .full_sizes = {1000, 4000},
          .prepare = prepare_small_files,
          .pipeline = small_files_pipeline,
          .naive = naive_small_files};
}

Job huge_file_job() {
  return {.name = "huge_file",
          .what = "One huge file: rows of CSV (about 26 bytes each), filtered and summed by user.",
          .unit = "rows",
          .quick_size = 500'000,
          .full_sizes = {1'000'000, 5'000'000},
          .prepare = prepare_huge_file,
          .pipeline = huge_file_pipeline,
          .naive = naive_huge_file};
}

}  // namespace penstock::app::bench
