// SPDX-License-Identifier: MIT
#include "image/filter_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace penstock::image {
namespace {

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * kA : 0;
}

double sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }
double lanczos(double x) { return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0; }

double radius_of(Filter filter) {
  switch (filter) {
    case Filter::kBilinear: return 1;
    case Filter::kBicubic: return 2;
    case Filter::kLanczos: return 3;
    case Filter::kArea: return 0.5;
  }
  return 1;
}

double weight_of(Filter filter, double distance) {
  switch (filter) {
    case Filter::kBilinear: return triangle(distance);
    case Filter::kBicubic: return cubic(distance);
    case Filter::kLanczos: return lanczos(distance);
    case Filter::kArea: return 0;
  }
  return 0;
}

// Which inputs one output is made from.
struct Window {
  double scale;  // input pixels per output pixel, at least 1
  double centre;
  std::size_t first;
  std::size_t end;
};

// The width of a filter whose variance, with that of a mean of `reduced_by` pixels, is that of one of width `scale`.
// The variance of a triangle is 1/6 of its squared width, that of an area 1/12; the others have about none.
double narrowed_scale(Filter filter, double scale, std::uint32_t reduced_by) {
  const double by = reduced_by;
  const double of_mean = (1 - 1 / (by * by)) / 12;
  const double parts = filter == Filter::kBilinear ? 6 : filter == Filter::kArea ? 12 : 0;
  return std::sqrt(std::max(1.0, scale * scale - parts * of_mean));
}

Window window_of(Filter filter, std::size_t in, Interval from, std::size_t out, std::size_t at,
                 std::uint32_t reduced_by) {
  const double ratio = (from.end - from.begin) / static_cast<double>(out);
  Window window{narrowed_scale(filter, std::max(ratio, 1.0), reduced_by),
                from.begin + (static_cast<double>(at) + 0.5) * ratio, 0, 0};
  const double radius = radius_of(filter) * window.scale;
  const auto limit = static_cast<double>(in);
  if (filter == Filter::kArea) {
    window.first = static_cast<std::size_t>(std::clamp(std::floor(window.centre - radius), 0.0, limit - 1));
    window.end = static_cast<std::size_t>(std::clamp(std::ceil(window.centre + radius), 1.0, limit));
  } else {
    window.first = static_cast<std::size_t>(std::clamp(std::trunc(window.centre - radius + 0.5), 0.0, limit - 1));
    window.end = static_cast<std::size_t>(std::clamp(std::trunc(window.centre + radius + 0.5), 1.0, limit));
  }
  window.end = std::max(window.end, window.first + 1);
  return window;
}

double raw_weight(Filter filter, const Window& window, std::size_t input) {
  const auto place = static_cast<double>(input);
  if (filter != Filter::kArea) return weight_of(filter, (place + 0.5 - window.centre) / window.scale);
  const double half = 0.5 * window.scale;
  return std::max(0.0, std::min(place + 1, window.centre + half) - std::max(place, window.centre - half));
}

// The largest number of bits with which the largest weight still fits into 16.
int precision_for(double largest, int most_precision) {
  int precision = most_precision;
  while (precision > 0 && largest * std::ldexp(1.0, precision) > 32'766) --precision;
  return precision;
}

void round_weights(const ExactWeights& exact, int precision, std::int16_t* to) {
  const double one = std::ldexp(1.0, precision);
  double sum = 0;
  double rounded_sum = 0;
  for (std::size_t i = 0; i < exact.values.size(); ++i) {
    sum += exact.values[i] * one;
    const double next = i + 1 == exact.values.size() ? one : std::round(sum);
    to[i] = static_cast<std::int16_t>(next - rounded_sum);
    rounded_sum = next;
  }
}

}  // namespace

ExactWeights exact_weights(Filter filter, std::size_t in, Interval from, std::size_t out, std::size_t at,
                           std::uint32_t reduced_by) {
  const Window window = window_of(filter, in, from, out, at, reduced_by);
  ExactWeights weights;
  weights.first = window.first;
  double sum = 0;
  for (std::size_t i = window.first; i < window.end; ++i) {
    weights.values.push_back(raw_weight(filter, window, i));
    sum += weights.values.back();
  }
  if (sum == 0) weights.values.front() = sum = 1;
  for (double& value : weights.values) value /= sum;
  return weights;
}

FilterWeights filter_weights(Filter filter, std::size_t in, Interval from, std::size_t out, int most_precision,
                             std::uint32_t reduced_by) {
  std::vector<ExactWeights> exact;
  FilterWeights weights;
  weights.in = in;
  double largest = 0;
  for (std::size_t at = 0; at < out; ++at) {
    exact.push_back(exact_weights(filter, in, from, out, at, reduced_by));
    weights.taps = std::max(weights.taps, exact.back().values.size());
    for (const double value : exact.back().values) largest = std::max(largest, std::abs(value));
  }
  weights.taps += weights.taps % 2;
  weights.precision = precision_for(largest, most_precision);
  weights.values.resize(out * weights.taps);
  for (std::size_t at = 0; at < out; ++at) {
    weights.first.push_back(static_cast<std::uint32_t>(exact[at].first));
    round_weights(exact[at], weights.precision, weights.values.data() + at * weights.taps);
  }
  return weights;
}

}  // namespace penstock::image
