// SPDX-License-Identifier: MIT
// Runs the examples in the tables of docs/guide/expressions.md, and looks whether a function is missing there.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "expression/expression_fixture.h"
#include "expression/function_table.h"

namespace penstock::expression {
namespace {

std::string page() {
  std::ifstream file(PENSTOCK_GUIDE "/expressions.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The cells of a table row, without spaces and backticks around; "\|" is a "|" in a cell.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> result;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] != '|') {
      cell += line[i];
    } else {
      cell.erase(0, std::min(cell.find_first_not_of(" `"), cell.size()));
      cell.erase(cell.find_last_not_of(" `") + 1);
      result.push_back(std::move(cell));
      cell.clear();
    }
  }
  return result;
}

struct Example {
  std::string text;
  std::string value;
};

std::vector<Example> examples() {
  std::vector<Example> result;
  std::ifstream file(PENSTOCK_GUIDE "/expressions.md");
  std::ptrdiff_t column = -1;  // of the examples in the table at hand
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("|")) {
      column = -1;
    } else if (const std::vector<std::string> row = cells(line); column < 0) {
      column = std::find(row.begin(), row.end(), "Example") - row.begin();
    } else if (!line.starts_with("|---") && static_cast<std::size_t>(column) + 1 < row.size()) {
      result.push_back({row[static_cast<std::size_t>(column)], row[static_cast<std::size_t>(column) + 1]});
    }
  }
  return result;
}

TEST(ExpressionsGuide, ExamplesHaveTheValueBesideThem) {
  EXPECT_GT(examples().size(), 80U);
  for (const Example& example : examples()) EXPECT_EQ(constant(example.text), example.value) << example.text;
}

TEST(ExpressionsGuide, NamesEveryFunction) {
  const std::string text = page();
  for (const Overload& overload : function_table()) {
    const std::string name(overload.name);
    if (name.find(' ') != name.npos) continue;  // the signs
    const bool word = name[0] >= 'a' && name[0] <= 'z' && name != "not";
    EXPECT_NE(text.find(word ? "`" + name + "(" : name), text.npos) << name;
  }
}

}  // namespace
}  // namespace penstock::expression
