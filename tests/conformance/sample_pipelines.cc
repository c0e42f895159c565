// SPDX-License-Identifier: MIT
#include "sample_pipelines.h"

#include <fmt/format.h>
#include <penstock/pipeline_file.h>
#include <penstock/stream.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace penstock::conformance {
namespace {

constexpr int kRows = 3'000;

// Orders as in benchmarks/csv_job: quotes, commas and line feeds inside of cells, and a defect every 97th row.
std::string orders_csv() {
  static constexpr const char* kCategories[] = {"books", "toys", "café", "garden"};
  std::string text = "id,ts,category,name,price,qty,score,note\n";
  for (int i = 1; i <= kRows; ++i) {
    const std::string price = i % 97 == 13 ? "a lot" : fmt::format("{}.{:02}", i * 7 % 500, i % 100);
    const std::string qty = i % 97 == 40 ? "0" : fmt::format("{}", 1 + i * 31 % 9);
    const std::string note = i % 5 == 0 ? "\"said \"\"hi\"\",\nthen left\"" : "plain";
    text += fmt::format("{},2024-03-{:02}T10:{:02}:00Z,{}, Name {} ,{},{},{},{}", i, 1 + i % 28, i % 60,
                        kCategories[i * i % 4], i % 50, price, qty, i % 11 == 0 ? "" : fmt::format("{}", i % 100 / 4.0),
                        note);
    text += i % 97 == 66 ? ",one too many\n" : "\n";
  }
  return text;
}

std::string lines_txt() {
  std::string text;
  for (int i = 0; i < kRows; ++i)
    text += fmt::format("line {} {}\r\n", i, std::string(static_cast<std::size_t>(i % 40), 'x'));
  return text + "the last, without an end";
}

std::string events_jsonl() {
  std::string text;
  for (int i = 0; i < kRows; ++i) {
    text += i % 97 == 50 ? "{\"id\": broken\n"
                         : fmt::format(R"({{"id":{},"kind":"k{}","weight":{}}})"
                                       "\n",
                                       i, i % 7, i * 0.125);
  }
  return text;
}

// Paragraphs as `apt-cache dumpavail` prints them.
std::string packages_txt() {
  std::string text;
  for (int i = 0; i < kRows / 10; ++i) {
    text +=
        fmt::format("Package: pkg{}\nVersion: 1.{}\nSection: {}\nPriority: {}\nMaintainer: Some One <one@host{}.org>\n",
                    i, i, i % 3 == 0 ? "non-free/libs" : "utils", i % 17 == 0 ? "extra" : "optional", i % 5);
    text += fmt::format("Installed-Size: {}\nSize: {}\nHomepage: {}\nDescription: of {}\n more of it\n\n", i * 3,
                        i % 23 == 0 ? "many" : fmt::format("{}", i * 1024 + 5),
                        i % 4 == 0 ? "http://a.org" : "https://b.org", i);
  }
  return text;
}

// A picture as the format that needs no library: 24 bits per pixel, the lowest row first, rows padded to four bytes.
std::string picture_bmp(std::uint32_t width, std::uint32_t height, unsigned seed) {
  const std::uint32_t row_bytes = (3 * width + 3) / 4 * 4;
  const std::uint32_t words[] = {54 + row_bytes * height, 0, 54, 40, width, height, 24U << 16 | 1U, 0, 0, 0, 0, 0, 0};
  std::string file = "BM";
  for (const std::uint32_t word : words) {
    for (int shift = 0; shift < 32; shift += 8) file += static_cast<char>(word >> shift & 0xFFU);
  }
  for (std::uint32_t i = 0; i < row_bytes * height; ++i) file += static_cast<char>((i * i * (seed + 3) >> 4) & 0xFFU);
  return file;
}

Options path(const std::string& file) { return Options{{"path", file}}; }

// Orders with the types that the callables below expect.
Options typed_orders(const Folders& at) {
  return Options{{"path", at.in + "/orders.csv"},
                 {"types", OptionValue::Table{{"price", "float64"}, {"score", "float64"}}}};
}

struct Scored {
  std::int64_t id = 0;
  std::string category;
  double price = 0;
  std::optional<double> score;
  PENSTOCK_FIELDS(id, category, price, score)
};

using Pipelines = Result<std::vector<Pipeline>>;

Pipelines lines_to_lines(const Folders& at) {
  return std::vector<Pipeline>{
      read("text.read", path(at.in + "/lines.txt")).to("text.write", path(at.out + "/lines.txt"))};
}

// Columns of images, of many sizes, and of tensors, some of them null; broken files.
Pipelines images(const Folders& at) {
  const Options pictures = {{"path", at.in + "/pictures"}, {"rows", 3}};
  return std::vector<Pipeline>{read("image.list", pictures)
                                   .then("image.decode", Options{}, {.on_error = quarantine(at.out + "/bad.jsonl")})
                                   .then("image.normalize", Options{{"width", 6}, {"height", 4}, {"mode", "letterbox"}})
                                   .then("select", Options{{"columns", OptionValue::List{"path", "tensor"}}})
                                   .then("vector.write",
                                         Options{{"store", at.out + "/pictures.index"},
                                                 {"id", "path"},
                                                 {"vector", "tensor"},
                                                 {"metric", "l2"},
                                                 {"metadata", "path"}},
                                         {.on_error = skip()})
                                   .then("npy.write", Options{{"path", at.out + "/tensors.npy"}, {"column", "tensor"}})
                                   .to("json.write", path(at.out + "/tensors.jsonl"))};
}

// Vectors of pictures, gathered to batches in between.
Pipelines vectors(const Folders& at) {
  const Options pictures = {{"path", at.in + "/pictures"}, {"rows", 3}};
  const Options pixels = {{"width", 20}, {"height", 20}, {"element", "u8"}, {"layout", "nhwc"}};
  return std::vector<Pipeline>{read("image.list", pictures)
                                   .then("image.decode", Options{}, {.on_error = quarantine(at.out + "/bad.jsonl")})
                                   .then("image.normalize", pixels)
                                   .then("tensor.batch", Options{{"rows", 7}})
                                   .then("embed.classical", Options{})
                                   .then("select", Options{{"columns", OptionValue::List{"path", "vector"}}})
                                   .to("json.write", path(at.out + "/vectors.jsonl"))};
}

Pipelines csv_to_csv(const Folders& at) {
  return std::vector<Pipeline>{
      read("csv.read", path(at.in + "/orders.csv"), {.on_error = quarantine(at.out + "/bad.jsonl")})
          .then("select", Options{{"columns", OptionValue::List{"id", "category", "note", "price"}}})
          .then("rename", Options{{"columns", OptionValue::Table{{"price", "cost"}}}})
          .to("csv.write", path(at.out + "/orders.csv"))};
}

Pipelines json_to_csv(const Folders& at) {
  return std::vector<Pipeline>{
      read("json.read", path(at.in + "/events.jsonl"), {.on_error = quarantine(at.out + "/bad.jsonl")})
          .to("csv.write", path(at.out + "/events.csv"))};
}

Pipelines typed_only(const Folders& at) {
  return std::vector<Pipeline>{range(0, kRows)
                                   .map(
                                       [](std::uint64_t n) {
                                         if (n % 101 == 7) throw std::runtime_error("unlucky");
                                         return n * n;
                                       },
                                       {.name = "square", .on_error = quarantine(at.out + "/bad.jsonl")})
                                   .filter([](std::uint64_t n) { return n % 3 != 1; })
                                   .flat_map<Scored>([](std::uint64_t n, Emit<Scored>& emit) {
                                     for (std::uint64_t i = 0; i < n % 4; ++i)
                                       emit({static_cast<std::int64_t>(n), "c", static_cast<double>(i), {}});
                                   })
                                   .to("csv.write", path(at.out + "/numbers.csv"))};
}

// Operators of the registry, then callables on typed records, then operators of the registry again.
Pipelines mixed(const Folders& at) {
  const auto half = [](Scored& order) -> Result<Scored> {
    if (order.price > 490) return Error(ErrorCode::kInvalidArgument, fmt::format("too dear: {}", order.price));
    order.price /= 2;
    return order;
  };
  return std::vector<Pipeline>{
      read("csv.read", typed_orders(at), {.on_error = quarantine(at.out + "/unreadable.jsonl")})
          .as<Scored>({.on_error = quarantine(at.out + "/bad.jsonl")})
          .map(half, {.name = "half", .on_error = quarantine(at.out + "/bad.jsonl")})
          .filter([](const Scored& order) { return order.category != "toys"; })
          .then("distinct", Options{{"by", OptionValue::List{"category", "price"}}})
          .then("json.write", path(at.out + "/orders.jsonl"))
          .to("csv.write", path(at.out + "/orders.csv"))};
}

Pipelines branches(const Folders& at) {
  return std::vector<Pipeline>{
      read("csv.read", typed_orders(at), {.on_error = skip()})
          .tee([&](const Stream<RecordBatch>& rows) {
            return rows.then("top", Options{{"by", "price"}, {"n", 10}}).to("csv.write", path(at.out + "/top.csv"));
          })
          .tee([&](const Stream<RecordBatch>& rows) {
            return rows.as<Scored>({.on_error = skip()})
                .map([](const Scored& order) { return order; })
                .to("csv.write", path(at.out + "/typed.csv"));
          })
          .then("sample", Options{{"fraction", 0.25}, {"seed", 7}})
          .to("csv.write", path(at.out + "/sample.csv"))};
}

Pipelines generated(const Folders& at) {
  return std::vector<Pipeline>{read("generate", Options{{"records", kRows}, {"seed", 42}})
                                   .then("csv.write", path(at.out + "/all.csv"))
                                   .then("distinct", Options{{"by", OptionValue::List{"category"}}})
                                   .to("json.write", path(at.out + "/categories.jsonl"))};
}

Pipelines first_rows(const Folders& at) {
  return std::vector<Pipeline>{read("csv.read", path(at.in + "/orders.csv"), {.on_error = skip()})
                                   .then("head", Options{{"n", 123}})
                                   .to("csv.write", path(at.out + "/head.csv"))};
}

// What is written before the end is whole although nobody needs more.
Pipelines written_before_the_end(const Folders& at) {
  return std::vector<Pipeline>{read("csv.read", typed_orders(at), {.on_error = skip()})
                                   .then("csv.write", path(at.out + "/all.csv"))
                                   .then("head", Options{{"n", 5}})
                                   .to("csv.write", path(at.out + "/head.csv"))};
}

// Numbers of which some need a second attempt, some a fallback, and some cannot be helped and are put aside; then rows,
// of which some are refused. The numbers can cross into processes.
Pipelines policies(const Folders& at) {
  const auto tried = std::make_shared<std::vector<std::atomic<bool>>>(kRows);  // a record meets one worker only
  const auto twice = [tried](std::uint64_t n) {
    if (n % 10 == 3 && !(*tried)[n].exchange(true)) throw std::runtime_error("not at once");
    if (n % 25 == 7) throw std::runtime_error("never");
    return 2 * n;
  };
  const auto repair = [](std::uint64_t n, const Error& error) {
    if (n % 50 == 7) throw std::runtime_error("beyond repair: " + error.message());
    return n;
  };
  const auto to_row = [](std::uint64_t n) {
    return Scored{static_cast<std::int64_t>(n), n % 7 == 0 ? "seven" : "other", static_cast<double>(n % 100) - 2, {}};
  };
  const ErrorPolicy aside = quarantine(at.out + "/bad.jsonl");
  return std::vector<Pipeline>{
      range(0, kRows)
          .map(with_fallback(twice, repair), {.name = "twice", .on_error = retry(2, 1, aside), .stateless = true})
          .map(to_row)
          .then("validate", Options{{"rules", OptionValue::Table{{"positive", "price >= 0"}}}}, {.on_error = aside})
          .then("derive", Options{{"set", OptionValue::Table{{"share", "100 // int64(price)"}}}}, {.on_error = skip()})
          .then("aggregate", Options{{"by", "category"}, {"compute", OptionValue::Table{{"shares", "sum(share)"}}}})
          .to("csv.write", path(at.out + "/shares.csv"))};
}

// A pipeline file, its parameters given as "name=value" with {in} and {out} for the folders.
SamplePipeline file(const std::string& name, const std::string& file_path,
                    std::vector<std::pair<std::string, std::string>> params) {
  const auto make = [file_path, params](const Folders& at) -> Pipelines {
    ParamOverrides overrides;
    for (const auto& [param, pattern] : params) {
      overrides.emplace_back(param, fmt::format(fmt::runtime(pattern), fmt::arg("in", at.in), fmt::arg("out", at.out)));
    }
    PENSTOCK_ASSIGN(const PipelineFile file, load_pipeline_file(PENSTOCK_SOURCE_DIR "/" + file_path, overrides));
    std::vector<Pipeline> pipelines;
    for (const FileStage& stage : file.stages) pipelines.push_back(make_pipeline(file, stage, at.out));
    return pipelines;
  };
  return {name, make};
}

}  // namespace

std::vector<SamplePipeline> sample_pipelines() {
  return {
      {"lines_to_lines", lines_to_lines},
      {"csv_to_csv", csv_to_csv},
      {"images", images, false, "pictures.index"},
      {"vectors", vectors},
      {"json_to_csv", json_to_csv},
      {"typed_only", typed_only},
      {"mixed", mixed},
      {"branches", branches},
      {"generated", generated},
      {"first_rows", first_rows, true},
      {"written_before_the_end", written_before_the_end, true},
      {"quarantine_retry_and_fallback", policies},
      file("reference_job", "examples/reference_job/reference_job.toml", {{"records", "3000"}}),
      file("packages", "examples/packages/packages.toml",
           {{"input", "{in}/packages.txt"}, {"topics", PENSTOCK_SOURCE_DIR "/examples/packages/topics.csv"}}),
      file("csv_job", "benchmarks/csv_job/orders.toml", {{"input", "{in}/orders.csv"}, {"output", "{out}"}}),
  };
}

void write_sample_inputs(const std::string& folder) {
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name, std::ios::binary) << text;
  };
  write("orders.csv", orders_csv());
  write("lines.txt", lines_txt());
  write("events.jsonl", events_jsonl());
  write("packages.txt", packages_txt());
  std::filesystem::create_directories(folder + "/pictures");
  for (unsigned i = 0; i < 60; ++i) {
    std::string file = picture_bmp(1 + i * 7 % 40, 1 + i * 5 % 33, i);
    if (i % 13 == 5) file.resize(file.size() / 2);
    if (i % 17 == 8) file.clear();
    write(fmt::format("pictures/{:02}.bmp", i), file);
  }
}

}  // namespace penstock::conformance
