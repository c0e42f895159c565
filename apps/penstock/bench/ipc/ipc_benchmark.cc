// SPDX-License-Identifier: MIT
// One rank writes a dictionary, the others read it. In each round the writer serialises, publishes a copy, and
// publishes what it builds in place; after a meeting all readers look at it at the same time: in place, and decoded
// into a map as a design with pickles would. Sums over all fields must agree.
#include "apps/penstock/bench/ipc/ipc_benchmark.h"

#include <fmt/format.h>
#include <penstock/dictionary_builder.h>
#include <penstock/transport.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_map>

#include "apps/penstock/bench/ipc/interrupt.h"
#include "apps/penstock/bench/ipc/ipc_gang.h"
#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "platform/clock.h"
#include "platform/machine.h"

namespace penstock::app {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

enum Series : std::uint32_t {
  kSerialise,
  kPublish,
  kInPlace,
  kArrive,
  kView,
  kLookup,
  kScan,
  kDecode,
  kSend,
  kReceive
};
enum Total : std::uint8_t { kCpu, kMemory, kReserved, kBlockBytes, kWall };

constexpr int kManyTimes = 100;  // what takes nanoseconds is done so often between two looks at the clock

struct Entry {
  std::string key;
  std::int64_t id = 0;
  std::string name;
  double value = 0;
  std::string tag;
  double score = 0;
};

/// {"id", "name", "value", "meta": {"tag", "score"}}, about 99 bytes when pickled; the same in every rank.
std::vector<Entry> make_entries(std::uint64_t count) {
  std::mt19937_64 random(1);
  std::vector<Entry> entries(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = random() >> 33;
    entries[i] = {fmt::format("entry_{:06}", i),
                  static_cast<std::int64_t>(i),
                  fmt::format("name_{}", number % 100'000),
                  0.25 * static_cast<double>(number % 9973),
                  fmt::format("tag_{}", i % 17),
                  static_cast<double>(number % 1000)};
  }
  return entries;
}

// Exact, since the numbers are small.
double sum_of(std::int64_t id, std::string_view name, double value, std::string_view tag, double score) {
  return static_cast<double>(id) + static_cast<double>(name.size()) + value + static_cast<double>(tag.size()) + score;
}

double sum_of(const std::vector<Entry>& entries) {
  double sum = 0;
  for (const Entry& each : entries) sum += sum_of(each.id, each.name, each.value, each.tag, each.score);
  return sum;
}

Result<std::span<const std::byte>> build(DictionaryBuilder& builder, const std::vector<Entry>& entries) {
  const auto meta = builder.shape({"tag", "score"});
  const auto entry = builder.shape({"id", "name", "value", "meta"});
  for (const Entry& each : entries) {
    builder.add(each.key, entry(each.id, each.name, each.value, meta(each.tag, each.score)));
  }
  return builder.finish();
}

/// For single look-ups: where the fields are, learnt from the first entry and checked by each use.
struct Fields {
  Dictionary::Path meta{"meta"}, score{"score"};
};

/// For whole dictionaries: asks for the fields once per layout, since the entries share one.
template <class Each>
void visit(const Dictionary& dictionary, Each each) {
  const void* outer = nullptr;
  const void* inner = nullptr;
  Dictionary::Field id, name, value, meta, tag, score;
  for (const auto& [key, entry] : dictionary.root()) {
    const auto row = entry.as_dict();
    if (row.layout() != outer) {
      outer = row.layout();
      id = row.field("id");
      name = row.field("name");
      value = row.field("value");
      meta = row.field("meta");
    }
    const auto more = row[meta].as_dict();
    if (more.layout() != inner) {
      inner = more.layout();
      tag = more.field("tag");
      score = more.field("score");
    }
    each(key, row[id].int64_or(0), row[name].string_or(""), row[value].float64_or(0), more[tag].string_or(""),
         more[score].float64_or(0));
  }
}

double scan(const Dictionary& dictionary) {
  double sum = 0;
  visit(dictionary, [&](std::string_view, auto... values) { sum += sum_of(values...); });
  return sum;
}

double decode(const Dictionary& dictionary) {
  std::unordered_map<std::string, Entry> map;
  map.reserve(dictionary.size());
  visit(dictionary,
        [&](std::string_view key, std::int64_t id, std::string_view name, double value, std::string_view tag,
            double score) { map.emplace(key, Entry{{}, id, std::string(name), value, std::string(tag), score}); });
  double sum = 0;
  for (const auto& [key, each] : map) sum += sum_of(each.id, each.name, each.value, each.tag, each.score);
  return sum;
}

template <class Work>
Result<double> nanoseconds(Work work) {
  const auto begin = Clock::now();
  PENSTOCK_TRY(work());
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

double peak_bytes() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

/// A backend, and which of the kinds of addresses that it knows.
struct Backend {
  const TransportInfo* info = nullptr;
  std::size_t kind = 0;
  std::string name;  ///< "zeromq-tcp"; "shm", which has one kind only.
};

std::vector<Backend> kinds_of(const TransportInfo& info) {
  const std::vector<std::string> examples = info.example_addresses("kind");
  if (examples.size() == 1) return {{&info, 0, info.name}};
  std::vector<Backend> kinds;
  for (const std::string& each : examples) {
    kinds.push_back({&info, kinds.size(), fmt::format("{}-{}", info.name, each.substr(0, each.find(':')))});
  }
  return kinds;
}

/// One backend with one number of entries, as one rank sees it.
class Case {
 public:
  Case(Gang& gang, const IpcSettings& settings, const Backend& backend, std::uint64_t entries)
      : gang_(gang),
        settings_(settings),
        info_(*backend.info),
        kind_(backend.kind),
        entries_(make_entries(entries)),
        sum_(sum_of(entries_)) {}

  Status shared() {
    PENSTOCK_TRY(choose_address("shared"));
    const double cpu = process_cpu_seconds();
    PENSTOCK_TRY(gang_.rank() == 0 ? write_shared() : read_shared());
    gang_.totals(gang_.rank())[kCpu] = process_cpu_seconds() - cpu;
    gang_.totals(gang_.rank())[kMemory] = peak_bytes();
    return meet();
  }

  Status streaming() {
    PENSTOCK_TRY(choose_address("streaming"));
    const double cpu = process_cpu_seconds();
    PENSTOCK_TRY(gang_.rank() == 0 ? send_all() : receive_all());
    gang_.totals(gang_.rank())[kCpu] = process_cpu_seconds() - cpu;
    gang_.totals(gang_.rank())[kMemory] = peak_bytes();
    return meet();
  }

 private:
  Status go_on() const {
    return gang_.has_failed() ? Status(Error(ErrorCode::kUnavailable, gang_.failure())) : Status();
  }
  Status meet() {
    if (gang_.meet()) return {};
    const std::string why = gang_.failure();
    return Error(ErrorCode::kUnavailable, why.empty() ? "another rank failed" : why);
  }

  Status choose_address(std::string_view what) {
    if (gang_.rank() == 0) {
      const std::string unique = fmt::format("bench-{}-{}", what, entries_.size());
      gang_.say(info_.example_addresses(unique).at(kind_));
    }
    PENSTOCK_TRY(meet());
    options_.address = gang_.heard();
    options_.max_readers = std::max(gang_.ranks(), 2U) - 1;
    return meet();
  }

  double& sample(Series series, std::uint32_t at) { return gang_.samples(gang_.rank(), series)[at]; }

  Status write_shared() {
    options_.role = TransportRole::kWriter;
    PENSTOCK_ASSIGN(const auto writer, TransportRegistry::global().open(info_.name, options_));
    PENSTOCK_TRY(meet());
    PENSTOCK_TRY(meet());  // the readers are there
    DictionaryBuilder builder;
    std::span<const std::byte> block;
    for (std::uint32_t i = 0; i < settings_.iterations; ++i) {
      PENSTOCK_ASSIGN(sample(kSerialise, i), nanoseconds([&]() -> Status {
                        builder.clear();
                        PENSTOCK_ASSIGN(block, build(builder, entries_));
                        return {};
                      }));
      PENSTOCK_ASSIGN(sample(kPublish, i), nanoseconds([&] { return writer->publish(block); }));
      PENSTOCK_ASSIGN(sample(kInPlace, i), nanoseconds([&] {
                        return writer->publish(block.size(), [&](std::span<std::byte> room) -> Result<std::size_t> {
                          DictionaryBuilder in_place(room, {.checksum = false});
                          PENSTOCK_ASSIGN(const auto made, build(in_place, entries_));
                          return made.size();
                        });
                      }));
      PENSTOCK_TRY(meet());
      PENSTOCK_TRY(meet());
    }
    gang_.totals(0)[kBlockBytes] = static_cast<double>(block.size());
    gang_.totals(0)[kReserved] = static_cast<double>(writer->stats().reserved_bytes);
    return {};
  }

  Status read_shared() {
    options_.role = TransportRole::kReader;
    PENSTOCK_TRY(meet());
    PENSTOCK_ASSIGN(const auto reader, TransportRegistry::global().open(info_.name, options_));
    PENSTOCK_TRY(meet());
    std::mt19937_64 random(gang_.rank());
    for (std::uint32_t i = 0; i < settings_.iterations; ++i) {
      PENSTOCK_TRY(meet());
      PENSTOCK_ASSIGN(sample(kArrive, i), nanoseconds([&] { return reader->wait(2 * Version{i} + 1, {}); }));
      PENSTOCK_TRY(read_once(*reader, i, random));
      PENSTOCK_TRY(meet());
    }
    gang_.totals(gang_.rank())[kReserved] = static_cast<double>(reader->stats().reserved_bytes);
    return {};
  }

  Status read_once(DictionaryBackend& reader, std::uint32_t i, std::mt19937_64& random) {
    const auto with_view = [&](auto work) -> Status {
      PENSTOCK_ASSIGN(const View view, reader.view());
      PENSTOCK_ASSIGN(const Dictionary dictionary, Dictionary::view(view.bytes()));
      return work(dictionary);
    };
    const auto many = [&](auto work) {
      return nanoseconds([&]() -> Status {
        for (int times = 0; times < kManyTimes; ++times) PENSTOCK_TRY(with_view(work));
        return {};
      });
    };
    PENSTOCK_ASSIGN(const double views, many([](const Dictionary&) { return Status(); }));
    sample(kView, i) = views / kManyTimes;
    double found = 0;
    PENSTOCK_ASSIGN(const double lookups, many([&](const Dictionary& dictionary) {
                      const Entry& wanted = entries_[random() % entries_.size()];
                      found +=
                          fields_.score.in(fields_.meta.in(dictionary.find(wanted.key))).float64_or(-1) - wanted.score;
                      return Status();
                    }));
    sample(kLookup, i) = lookups / kManyTimes;
    double sum = 0;
    PENSTOCK_ASSIGN(sample(kScan, i), nanoseconds([&] {
                      return with_view([&](const Dictionary& d) { return sum = scan(d), Status(); });
                    }));
    double decoded = 0;
    PENSTOCK_ASSIGN(sample(kDecode, i), nanoseconds([&] {
                      return with_view([&](const Dictionary& d) { return decoded = decode(d), Status(); });
                    }));
    return found == 0 && sum == sum_ && decoded == sum_ ? Status() : wrong();
  }

  Error wrong() const {
    return Error(ErrorCode::kInternal, fmt::format("{}: a reader found other values than were written", info_.name));
  }

  Status send_all() {
    options_.wait_for_readers = gang_.ranks() - 1;
    PENSTOCK_ASSIGN(const auto writer, TransportRegistry::global().open_writer(info_.name, options_));
    PENSTOCK_TRY(meet());
    DictionaryBuilder builder;
    PENSTOCK_ASSIGN(const std::span<const std::byte> block, build(builder, entries_));
    PENSTOCK_TRY(writer->begin(1, {}));  // waits until the readers are there
    writer->abandon();
    PENSTOCK_TRY(meet());
    PENSTOCK_ASSIGN(gang_.totals(0)[kWall], nanoseconds([&]() -> Status {
                      for (std::uint32_t i = 0; i < settings_.iterations; ++i) {
                        PENSTOCK_TRY(go_on());
                        PENSTOCK_ASSIGN(sample(kSend, i), nanoseconds([&] { return writer->send(block); }));
                      }
                      PENSTOCK_TRY(writer->close());
                      return meet();  // all readers have everything
                    }));
    gang_.totals(0)[kBlockBytes] = static_cast<double>(block.size());
    gang_.totals(0)[kReserved] = static_cast<double>(writer->stats().reserved_bytes);
    return {};
  }

  Status receive_all() {
    PENSTOCK_TRY(meet());
    PENSTOCK_ASSIGN(const auto reader, TransportRegistry::global().open_reader(info_.name, options_));
    PENSTOCK_TRY(meet());
    double sum = 0;
    for (std::uint32_t i = 0; i < settings_.iterations; ++i) {
      PENSTOCK_ASSIGN(sample(kReceive, i), nanoseconds([&]() -> Status {
                        PENSTOCK_ASSIGN(const View view, reader->receive({}));
                        PENSTOCK_ASSIGN(const Dictionary dictionary, Dictionary::view(view.bytes()));
                        sum = scan(dictionary);
                        return {};
                      }));
      if (sum != sum_) return wrong();
      PENSTOCK_TRY(go_on());
    }
    PENSTOCK_ASSIGN(const View end, reader->receive({}));
    if (end) return wrong();
    return meet();
  }

  Gang& gang_;
  const IpcSettings& settings_;
  const TransportInfo& info_;
  const std::size_t kind_;
  const std::vector<Entry> entries_;
  const double sum_;
  TransportOptions options_;
  Fields fields_;
};

/// p50, p99 and so on of a series, of all readers together or of the writer, in microseconds.
Json summary(Gang& gang, Series series, bool of_readers) {
  std::vector<double> all;
  for (std::uint32_t rank = of_readers ? 1 : 0; rank < (of_readers ? gang.ranks() : 1); ++rank) {
    const auto samples = gang.samples(rank, series);
    all.insert(all.end(), samples.begin(), samples.end());
  }
  std::sort(all.begin(), all.end());
  double sum = 0;
  for (const double each : all) sum += each;
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(all.size())));
    return all[std::min(std::max<std::size_t>(rank, 1), all.size()) - 1] / 1000;
  };
  return {{"min", at(0)},
          {"p50", at(0.5)},
          {"p99", at(0.99)},
          {"max", at(1)},
          {"mean", sum / static_cast<double>(all.size()) / 1000}};
}

double readers_total(Gang& gang, Total total, bool add) {
  double result = 0;
  for (std::uint32_t rank = 1; rank < gang.ranks(); ++rank) {
    const double value = gang.totals(rank)[total];
    result = add ? result + value : std::max(result, value);
  }
  return result;
}

Json both_sides(Gang& gang, std::uint64_t bytes_moved) {
  return {{"bytes_moved", bytes_moved},
          {"cpu_seconds", {{"writer", gang.totals(0)[kCpu]}, {"readers", readers_total(gang, kCpu, true)}}},
          {"peak_memory_bytes", {{"writer", gang.totals(0)[kMemory]}, {"reader", readers_total(gang, kMemory, false)}}},
          {"transport_bytes", gang.totals(0)[kReserved]}};
}

Json shared_json(Gang& gang, const IpcSettings& settings) {
  const auto block = static_cast<std::uint64_t>(gang.totals(0)[kBlockBytes]);
  Json json = both_sides(gang, 2 * settings.iterations * block);
  json["write_us"] = {{"serialise", summary(gang, kSerialise, false)},
                      {"publish", summary(gang, kPublish, false)},
                      {"build_and_publish_in_place", summary(gang, kInPlace, false)}};
  json["read_us"] = {{"arrive", summary(gang, kArrive, true)},
                     {"view_and_release", summary(gang, kView, true)},
                     {"one_lookup", summary(gang, kLookup, true)},
                     {"scan_in_place", summary(gang, kScan, true)},
                     {"decode", summary(gang, kDecode, true)}};
  return json;
}

Json streaming_json(Gang& gang, const IpcSettings& settings) {
  const auto block = static_cast<std::uint64_t>(gang.totals(0)[kBlockBytes]);
  Json json = both_sides(gang, settings.iterations * block);
  const double seconds = gang.totals(0)[kWall] / 1e9;
  json["send_us"] = summary(gang, kSend, false);
  json["receive_and_scan_us"] = summary(gang, kReceive, true);
  json["seconds"] = seconds;
  json["batches_per_second"] = settings.iterations / seconds;
  json["delivered_gb_per_second"] =
      static_cast<double>(settings.iterations * block * (gang.ranks() - 1)) / seconds / 1e9;
  return json;
}

/// One row of the results; rank 0 gets it.
Result<Json> one_case(Gang& gang, const IpcSettings& settings, const Backend& backend, std::uint64_t entries) {
  if (gang.rank() == 0) log(LogLevel::kInfo, fmt::format("{}: {} entries", backend.name, entries));
  Case one(gang, settings, backend, entries);
  Json row = {{"backend", backend.name}, {"entries", entries}};
  if (settings.shared && backend.info->make != nullptr) {
    PENSTOCK_TRY(one.shared());
    if (gang.rank() == 0) row["shared"] = shared_json(gang, settings);
    if (!gang.meet()) return Error(ErrorCode::kUnavailable, gang.failure());
  }
  // The streams of a job do not depend on the kind of address.
  const bool streams_again = backend.info->is_one_job && backend.kind > 0;
  if (settings.streaming && backend.info->open_writer != nullptr && !streams_again) {
    PENSTOCK_TRY(one.streaming());
    if (gang.rank() == 0) row["streaming"] = streaming_json(gang, settings);
    if (!gang.meet()) return Error(ErrorCode::kUnavailable, gang.failure());
  }
  if (gang.rank() == 0) row["block_bytes"] = static_cast<std::uint64_t>(gang.totals(0)[kBlockBytes]);
  return row;
}

/// What one rank does from the beginning to the end.
Result<Json> all_cases(Gang& gang, const IpcSettings& settings) {
  Json results = Json::array();
  for (const std::string& name : settings.backends) {
    PENSTOCK_ASSIGN(const TransportInfo* const info, TransportRegistry::global().find(name));
    // The ranks of a job come together when all open something; what they find does not matter.
    if (info->is_one_job) (void)TransportRegistry::global().open(name, {.address = "nothing"});
    for (const Backend& backend : kinds_of(*info)) {
      for (const std::uint64_t entries : settings.entries) {
        PENSTOCK_ASSIGN(Json row, one_case(gang, settings, backend, entries));
        results.push_back(std::move(row));
      }
    }
  }
  return results;
}

Json head(const Gang& gang, const IpcSettings& settings) {
  const Machine machine = this_machine();
  Json missing = Json::array();
  for (const TransportInfo* info : TransportRegistry::global().all()) {
    if (const auto why = why_not_here(*info)) missing.push_back({{"backend", info->name}, {"why", *why}});
  }
  return {{"version", 1},
          {"penstock", std::string(program_version())},
          {"machine",
           {{"system", machine.system},
            {"processor", machine.processor},
            {"cores", machine.cores},
            {"memory_bytes", machine.memory_bytes}}},
          {"processes", gang.under_mpiexec() ? "mpiexec" : "fork"},
          {"readers", gang.ranks() - 1},
          {"iterations", settings.iterations},
          {"missing", std::move(missing)}};
}

}  // namespace

std::optional<std::string> why_not_here(const TransportInfo& info) {
  if (!info.missing.empty()) return info.missing;
  if (info.can_use_here == nullptr) return std::nullopt;
  const Status usable = info.can_use_here();
  if (usable) return std::nullopt;
  return fmt::format("{}; {}", usable.error().message(), usable.error().hint());
}

Result<Json> run_ipc_benchmark(const IpcSettings& settings) {
  const MpiPlace place = mpi_place();
  if (place.ranks > 0 && !place.one_machine) {
    return Error(ErrorCode::kUnsupported, "the ranks of this mpiexec are on several machines, the backends on one")
        .hint("mpiexec --host localhost:4 -n 4 ...");
  }
  if (place.ranks == 1 || place.ranks > Gang::kMostRanks) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("it needs 2 to {} ranks, but mpiexec started {}", Gang::kMostRanks, place.ranks))
        .hint("mpiexec -n 4 ...");
  }
  Interrupt interrupt;
  PENSTOCK_ASSIGN(const std::unique_ptr<Gang> gang, Gang::join(place, settings.readers + 1, settings.iterations));
  const auto work = [&]() -> Result<Json> {
    Result<Json> results = all_cases(*gang, settings);
    if (!results) gang->fail(results.error().to_text());
    return results;
  };
  PENSTOCK_TRY(gang->fork_others([&](std::uint32_t) { return work() ? 0 : 1; }));
  interrupt.watch([&] { gang->fail("interrupted"); });
  Json json = head(*gang, settings);
  Result<Json> results = work();
  if (results || interrupt.came()) gang->wait_for_others();  // else the others may hang, and are ended
  interrupt.stop();
  if (interrupt.came()) return Error(ErrorCode::kCancelled, "interrupted; nothing was written");
  if (!results) return std::move(results).error();
  if (gang->rank() != 0) return Json();
  json["results"] = std::move(*results);
  return json;
}

}  // namespace penstock::app
