// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/svg.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/xml_text.h"

namespace penstock::app::bench {
namespace {

constexpr const char* kColours[] = {"#8c8c8c", "#2f6db3", "#d9822b", "#3a8f52", "#a8479c",
                                    "#c23b3b", "#6b5bbd", "#1f9a9a", "#8a6d1f"};

const char* colour_of(int index) { return kColours[static_cast<std::size_t>(index) % std::size(kColours)]; }

std::string svg_begin(int width, int height, const std::string& title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\">"
      "<title>{}</title><text class=\"title\" x=\"4\" y=\"14\">{}</text>\n",
      width, height, width, height, xml_text(title), xml_text(title));
}

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, xml_text(text));
}

std::string line_from(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", style, x1, y1,
                     x2, y2);
}

// ---- Bars

constexpr int kBarWidth = 560;
constexpr int kBarLeft = 90;    // labels
constexpr int kBarRight = 130;  // texts behind the bars
constexpr int kBarStep = 20;
constexpr int kBarTop = 24;

std::string one_bar(const Bar& bar, double y, double scale) {
  const double end = kBarLeft + bar.value * scale;
  std::string svg = text_at(kBarLeft - 6, y + 12, "end", bar.label);
  svg += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"14\" fill=\"{}\"/>\n", kBarLeft, y + 1,
                     std::max(1.0, bar.value * scale), colour_of(bar.colour));
  if (bar.high > bar.low) {
    svg += line_from(kBarLeft + bar.low * scale, y + 8, kBarLeft + bar.high * scale, y + 8, "whisker");
  }
  return svg + text_at(std::max(end, kBarLeft + bar.high * scale) + 6, y + 12, "start", bar.text);
}

// ---- Lines

constexpr int kLineWidth = 420;
constexpr int kLineHeight = 240;
constexpr int kLineLeft = 46;
constexpr int kLineRight = 100;  // legend
constexpr int kLineTop = 40;
constexpr int kLineBottom = 40;

struct Area {
  std::size_t points;
  double highest;
  double x(std::size_t index) const {
    const double width = kLineWidth - kLineLeft - kLineRight;
    return points < 2 ? kLineLeft + width / 2
                      : kLineLeft + width * static_cast<double>(index) / static_cast<double>(points - 1);
  }
  double y(double value) const {
    return kLineHeight - kLineBottom - (kLineHeight - kLineTop - kLineBottom) * value / highest;
  }
};

std::string axes(const Area& area, const std::vector<std::string>& x_names) {
  constexpr int kGridLines = 4;
  std::string svg;
  for (int i = 0; i <= kGridLines; ++i) {
    const double value = area.highest * i / kGridLines;
    svg += line_from(kLineLeft, area.y(value), kLineWidth - kLineRight, area.y(value), "grid");
    svg += text_at(kLineLeft - 4, area.y(value) + 4, "end", fmt::format("{:.3g}", value));
  }
  for (std::size_t i = 0; i < x_names.size(); ++i)
    svg += text_at(area.x(i), kLineHeight - kLineBottom + 14, "middle", x_names[i]);
  return svg;
}

std::string one_line(const Line& line, const Area& area) {
  std::string points;
  std::string dots;
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    if (line.values[i] < 0) continue;
    points += fmt::format("{:.1f},{:.1f} ", area.x(i), area.y(line.values[i]));
    dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>", area.x(i),
                        area.y(line.values[i]), colour_of(line.colour));
  }
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>{}\n",
                     colour_of(line.colour), points, dots);
}

}  // namespace

std::string bar_chart(const std::string& title, const std::vector<Bar>& bars) {
  double most = 0;
  for (const Bar& bar : bars) most = std::max({most, bar.value, bar.high});
  const double scale = most > 0 ? (kBarWidth - kBarLeft - kBarRight) / most : 0;
  std::string svg = svg_begin(kBarWidth, kBarTop + kBarStep * static_cast<int>(bars.size()) + 4, title);
  double y = kBarTop;
  for (const Bar& bar : bars) {
    svg += one_bar(bar, y, scale);
    y += kBarStep;
  }
  return svg + "</svg>\n";
}

std::string line_chart(const std::string& title, const std::string& x_title, const std::vector<std::string>& x_names,
                       const std::string& y_title, const std::vector<Line>& lines) {
  Area area = {x_names.size(), 0};
  for (const Line& line : lines) {
    for (const double value : line.values) area.highest = std::max(area.highest, value);
  }
  if (area.highest <= 0) area.highest = 1;
  std::string svg = svg_begin(kLineWidth, kLineHeight, title);
  svg += axes(area, x_names);
  svg += text_at(kLineLeft, kLineTop - 8, "start", y_title);
  svg += text_at((kLineLeft + kLineWidth - kLineRight) / 2.0, kLineHeight - 8, "middle", x_title);
  double y = kLineTop + 8;
  for (const Line& line : lines) {
    svg += one_line(line, area);
    svg += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"10\" height=\"10\" fill=\"{}\"/>",
                       kLineWidth - kLineRight + 10, y - 9, colour_of(line.colour));
    svg += text_at(kLineWidth - kLineRight + 25, y, "start", line.name);
    y += 16;
  }
  return svg + "</svg>\n";
}

}  // namespace penstock::app::bench
