// SPDX-License-Identifier: MIT
// Charts as SVG elements for a page of HTML: bars with whiskers, and lines.
#pragma once

#include <string>
#include <vector>

namespace penstock::app::bench {

struct Bar {
  std::string label;
  double value = 0;
  double low = 0;  ///< Ends of the whisker; equal ones draw none.
  double high = 0;
  std::string text;  ///< Written behind the bar.
  int colour = 0;    ///< The same number is the same colour in every chart.
};
/// Horizontal bars from zero, one below the other.
std::string bar_chart(const std::string& title, const std::vector<Bar>& bars);

struct Line {
  std::string name;
  std::vector<double> values;  ///< One for each name on the x-axis; negative: none.
  int colour = 0;
};
/// Lines over evenly spaced names, from zero, with a legend.
std::string line_chart(const std::string& title, const std::string& x_title, const std::vector<std::string>& x_names,
                       const std::string& y_title, const std::vector<Line>& lines);

}  // namespace penstock::app::bench
