// SPDX-License-Identifier: MIT
#include "random_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <vector>

#include "data/random.h"

namespace penstock::conformance {
namespace {

constexpr int kRows = 240;

class Chance {
 public:
  Chance(std::uint64_t seed, std::uint64_t stream) : random_(seed, 17, stream) {}
  std::size_t below(std::size_t count) {
    return static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(count) - 1));
  }
  bool once_in(std::size_t count) { return below(count) == 0; }
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

 private:
  Random random_;
};

const std::vector<std::string> kReals = {"0", "-0.0", "1.5", "-3.25", "1e300", "-1e300", "0.1", "", "17.125", "2.5e-7"};
const std::vector<std::string> kIntegers = {"0", "1", "-7", "1000000000000", "", "9223372036854775807", "3", "-5"};
const std::vector<std::string> kKeys = {"a", "b", "c", "", "d\xC3\xA9", "a longer key than fits into a word"};

void write_csv(const std::string& folder) {
  const std::vector<std::string> texts = {"\"q,uote\"", "plain",   "\"two\nlines\"",    "",
                                          "a=1 b=22",   "a=7 b=x", "\"say \"\"hi\"\"\""};
  std::ofstream file(folder + "/mixed.csv");
  file << "id,k,x,y,t,when\n";
  Chance chance(1, 0);
  for (int i = 0; i < kRows; ++i) {
    const std::string y = chance.once_in(60) ? "oops" : chance.one_of(kIntegers);
    file << i << ',' << chance.one_of(kKeys) << ',' << chance.one_of(kReals) << ',' << y << ',' << chance.one_of(texts);
    if (!chance.once_in(80)) file << ',' << chance.one_of<std::string>({"2024-01-31", "2024-02-29T10:20:30Z", ""});
    file << '\n';
  }
}

void write_json(const std::string& folder) {
  std::ofstream file(folder + "/mixed.jsonl");
  Chance chance(2, 0);
  for (int i = 0; i < kRows; ++i) {
    if (chance.once_in(70)) file << "{\"id\": broken";
    file << fmt::format(R"({{"id":{},"k":{},"x":{},"y":{},"t":{}}})", i,
                        chance.one_of<std::string>({"\"a\"", "\"b\"", "null", "\"x\\ty\""}),
                        chance.one_of<std::string>({"1.5", "-2.25", "-0.0", "null", "3e5"}),
                        chance.one_of<std::string>({"null", "1", "2", "-7", "4611686018427387904"}),
                        chance.one_of<std::string>({"\"a=1 b=22\"", "\"z\"", "\"\"", "null"}))
         << '\n';
  }
}

enum class Kind { kInteger, kReal, kText, kTime };
using Columns = std::map<std::string, Kind>;

/// One stream of the pipeline: the step it comes out of, and its columns.
struct Branch {
  std::string from;
  Columns columns;
};

class Writer {
 public:
  Writer(std::uint64_t seed, std::string inputs) : chance_(seed, 1), inputs_(std::move(inputs)) {
    may_fail_ = chance_.once_in(5);
  }

  std::string write() {
    branches_.push_back(source());
    while (!branches_.empty()) {
      Branch branch = std::move(branches_.back());
      branches_.pop_back();
      for (std::size_t left = chance_.below(7); left > 0; --left) add_operator(branch);
      sink(branch);
    }
    if (chance_.once_in(12))
      text_ = fmt::format("[run]\nmax_errors = {}\n\n", chance_.one_of<int>({0, 3, 200})) + text_;
    return "name = \"p\"\n" + text_;
  }

 private:
  using Lines = std::vector<std::string>;

  std::string add(const std::string& op, const Branch& branch, Lines options, bool can_reject) {
    const std::string name = fmt::format("{}_{}", op.substr(0, op.find('.')), count_++);
    text_ += fmt::format("[[operator]]\nop = \"{}\"\nname = \"{}\"\n", op, name);
    if (!branch.from.empty()) text_ += fmt::format("input = \"{}\"\n", branch.from);
    for (const std::string& option : options) text_ += option + "\n";
    if (can_reject) text_ += "on_error = " + policy() + "\n";
    text_ += "\n";
    return name;
  }

  std::string policy() {
    if (may_fail_ && chance_.once_in(4)) return "\"fail\"";
    return chance_.one_of<std::string>({"\"skip\"", "\"quarantine\"", "\"quarantine\"",
                                        "{ action = \"quarantine\", max_attempts = 2, backoff = \"1us\" }"});
  }

  Branch source() {
    if (chance_.once_in(3)) {
      Branch made;
      made.from = add("generate", {}, {fmt::format("records = {}", chance_.one_of<int>({0, 1, 50, 700}))}, false);
      made.columns = {
          {"id", Kind::kInteger}, {"value1", Kind::kReal}, {"value2", Kind::kReal}, {"category", Kind::kText}};
      return made;
    }
    Branch read;
    read.columns = {
        {"id", Kind::kInteger}, {"k", Kind::kText}, {"x", Kind::kReal}, {"y", Kind::kInteger}, {"t", Kind::kText}};
    const std::string types = R"({ id = "int64", k = "utf8", x = "float64", y = "int64", t = "utf8" })";
    if (chance_.once_in(3)) {
      read.from = add("json.read", {}, {"path = \"" + inputs_ + "/mixed.jsonl\"", "schema = " + types}, true);
    } else {
      read.from = add("csv.read", {}, {"path = \"" + inputs_ + "/mixed.csv\"", "types = " + types}, true);
      read.columns["when"] = Kind::kTime;
    }
    return read;
  }

  void sink(const Branch& branch) {
    const std::string path = fmt::format("path = \"{{artifacts}}/out{}\"", count_);
    add(chance_.one_of<std::string>({"csv.write", "json.write"}), branch, {path}, false);
  }

  // A column of one of these kinds, or an empty text.
  std::string column(const Branch& branch, std::vector<Kind> kinds) {
    std::vector<std::string> names;
    for (const auto& [name, kind] : branch.columns) {
      if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) names.push_back(name);
    }
    return names.empty() ? std::string() : chance_.one_of(names);
  }
  std::string any_column(const Branch& branch) {
    return column(branch, {Kind::kInteger, Kind::kReal, Kind::kText, Kind::kTime});
  }

  void add_operator(Branch& branch) {
    using Make = void (Writer::*)(Branch&);
    static const std::vector<Make> kMakers = {
        &Writer::filter,      &Writer::filter,     &Writer::validate, &Writer::derive,    &Writer::derive,
        &Writer::regex,       &Writer::join,       &Writer::gather,   &Writer::distinct,  &Writer::top,
        &Writer::head,        &Writer::sample,     &Writer::select,   &Writer::normalize, &Writer::rename,
        &Writer::keep_a_copy, &Writer::branch_off, &Writer::numeric};
    (this->*chance_.one_of(kMakers))(branch);
  }

  void filter(Branch& branch) {
    const std::string number = column(branch, {Kind::kInteger, Kind::kReal});
    const std::string integer = column(branch, {Kind::kInteger});
    if (number.empty()) return;
    const std::string where = !integer.empty() && chance_.once_in(3)
                                  ? fmt::format("100 // {} < 50", integer)  // cannot be evaluated for 0
                                  : fmt::format("{} > {}", number, chance_.one_of<int>({0, 1, 10, -100}));
    branch.from = add("filter", branch, {"where = \"" + where + "\""}, true);
  }
  void validate(Branch& branch) {
    const std::string number = column(branch, {Kind::kInteger, Kind::kReal});
    if (number.empty()) return;
    branch.from = add("validate", branch, {fmt::format("rules = {{ r1 = \"{} >= 0\" }}", number)}, true);
  }
  void derive(Branch& branch) {
    const std::string number = column(branch, {Kind::kInteger, Kind::kReal});
    if (number.empty()) return;
    const std::string value =
        fmt::format(fmt::runtime(chance_.one_of<std::string>({"{} * 2", "{} + 0.5", "1000 / {}"})), number);
    const std::string name = chance_.one_of<std::string>({"d1", "d2", "x"});
    branch.from = add("derive", branch, {fmt::format("set = {{ {} = \"float64({})\" }}", name, value)}, true);
    branch.columns[name] = Kind::kReal;
  }
  void regex(Branch& branch) {
    const std::string text = column(branch, {Kind::kText});
    if (text.empty() || branch.columns.count("ra") > 0) return;
    branch.from = add("regex", branch,
                      {"column = \"" + text + "\"", R"toml(pattern = "a=(?P<ra>\\d+) b=(?P<rb>\\S+)")toml",
                       "keep = true", R"(types = { ra = "int64" })",
                       fmt::format("unmatched = \"{}\"", chance_.one_of<std::string>({"reject", "null"}))},
                      true);
    branch.columns["ra"] = Kind::kInteger;
    branch.columns["rb"] = Kind::kText;
  }
  void join(Branch& branch) {
    if (branch.columns.count("k") == 0 || branch.columns.count("full") > 0) return;
    if (branch.columns.at("k") != Kind::kText) return;
    branch.from = add("join", branch,
                      {"path = \"" + inputs_ + "/names.csv\"", "on = [\"k\"]",
                       fmt::format("how = \"{}\"", chance_.one_of<std::string>({"left", "inner"})),
                       fmt::format("missing = \"{}\"", chance_.one_of<std::string>({"allow", "reject"}))},
                      true);
    branch.columns["full"] = Kind::kText;
  }
  void gather(Branch& branch) {
    const std::string number = column(branch, {Kind::kInteger, Kind::kReal});
    const std::string key = any_column(branch);
    if (number.empty()) return;
    const bool grouped = !chance_.once_in(4);
    Columns columns;
    if (grouped) columns[key] = branch.columns.at(key);
    std::string compute =
        fmt::format("n_ = \"count()\", su_ = \"sum(float64({}))\", ma_ = \"max({})\"", number, number);
    columns.insert({{"n_", Kind::kInteger}, {"su_", Kind::kReal}, {"ma_", branch.columns.at(number)}});
    if (chance_.once_in(2)) {
      compute += fmt::format(", sd_ = \"std({})\", q_ = \"quantile({}, 0.9)\"", number, number);
      columns.insert({{"sd_", Kind::kReal}, {"q_", Kind::kReal}});
    }
    for (const auto& [name, kind] : columns) {
      if (grouped && name == key && key.back() == '_') return;  // a column of an earlier aggregate
    }
    const Lines options = {grouped ? "by = [\"" + key + "\"]" : "by = []", "compute = { " + compute + " }"};
    branch.from = add("aggregate", branch, options, true);
    branch.columns = std::move(columns);
  }
  void distinct(Branch& branch) {
    branch.from = add("distinct", branch, {"by = [\"" + any_column(branch) + "\"]"}, false);
  }
  void top(Branch& branch) {
    branch.from =
        add("top", branch,
            {"by = [\"" + any_column(branch) + "\"]", fmt::format("n = {}", chance_.one_of<int>({0, 1, 5, 100})),
             fmt::format("order = \"{}\"", chance_.one_of<std::string>({"ascending", "descending"}))},
            false);
  }
  void head(Branch& branch) {
    branch.from = add("head", branch, {fmt::format("n = {}", chance_.one_of<int>({1, 7, 100, 5000}))}, false);
  }
  void sample(Branch& branch) {
    branch.from = add("sample", branch, {chance_.one_of<std::string>({"fraction = 0.5", "n = 20"}), "seed = 3"}, false);
  }
  void select(Branch& branch) {
    Columns kept;
    std::string names;
    for (const auto& [name, kind] : branch.columns) {
      if (!kept.empty() && chance_.once_in(2)) continue;
      kept[name] = kind;
      names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
    }
    branch.from = add("select", branch, {"columns = [" + names + "]"}, false);
    branch.columns = std::move(kept);
  }
  void normalize(Branch& branch) {
    const std::string real = column(branch, {Kind::kReal});
    if (!real.empty()) branch.from = add("normalize", branch, {"columns = [\"" + real + "\"]"}, false);
  }
  void numeric(Branch& branch) {
    const std::string number = column(branch, {Kind::kInteger, Kind::kReal});
    if (number.empty()) return;
    const std::string other = column(branch, {Kind::kInteger, Kind::kReal});
    const std::string last = chance_.one_of<std::string>({"\"sqrt\"", "{ clamp = [-10, 1000] }", "{ moving_mean = 5 }",
                                                          "{ moving_max = 64 }", "{ divide = \"" + other + "\" }"});
    Lines options = {"columns = [\"" + number + "\"]",
                     "steps = [{ affine = [0.5, 1] }, \"log1p\", { zscore = [1, 3] }, " + last + "]"};
    if (chance_.once_in(4)) options.push_back("keep_min = -0.5");
    branch.from = add("numeric", branch, options, false);
    branch.columns[number] = Kind::kReal;
  }
  void rename(Branch& branch) {
    const std::string name = any_column(branch);
    const std::string other = name + "r";
    if (branch.columns.count(other) > 0) return;
    branch.from = add("rename", branch, {fmt::format("columns = {{ {} = \"{}\" }}", name, other)}, false);
    branch.columns[other] = branch.columns.at(name);
    branch.columns.erase(name);
  }
  void keep_a_copy(Branch& branch) {
    const std::string path = fmt::format("path = \"{{artifacts}}/copy{}\"", count_);
    branch.from = add("json.write", branch, {path}, false);
  }
  void branch_off(Branch& branch) {
    if (++branched_ <= 2) branches_.push_back(branch);
  }

  Chance chance_;
  const std::string inputs_;
  bool may_fail_ = false;
  int branched_ = 0;
  int count_ = 0;
  std::string text_;
  std::vector<Branch> branches_;
};

}  // namespace

void write_random_inputs(const std::string& folder) {
  write_csv(folder);
  write_json(folder);
  std::ofstream(folder + "/names.csv") << "k,full\na,Alpha\nd\xC3\xA9,Delta\na longer key than fits into a word,Long\n";
}

std::string random_pipeline(std::uint64_t seed, const std::string& inputs) { return Writer(seed, inputs).write(); }

}  // namespace penstock::conformance
