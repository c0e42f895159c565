// SPDX-License-Identifier: MIT
// A vector in two blocks.
//
// Layout: per ring of the inscribed disc and per channel of the opponent colour space (van de Sande, Gevers, Snoek:
// Evaluating Color Descriptors, 2010) the harmonics of the values along the ring. Of order m only what turning the
// picture does not change is kept: its length, as for Zernike moments (Khotanzad, Hong: Invariant Image Recognition by
// Zernike Moments, 1990), and the angle between neighbouring rings, as the product of one with the conjugate of the
// other. Square roots bring small coefficients up (Perronnin, Sánchez, Mensink: Improving the Fisher Kernel, 2010).
//
// Colour: histograms of lightness and of the two colour differences, in the middle and at the margin of the disc, each
// value shared by neighbouring bins (Swain, Ballard: Color Indexing, 1991), compared by the square roots of their
// shares (Arandjelović, Zisserman: Three Things Everyone Should Know, 2012).
//
// Sums are of whole numbers. What follows are IEEE 754's basic operations and square roots in one order.
#include "embed/classical.h"

#include <algorithm>
#include <cmath>

#include "embed/polar_cells.h"

namespace penstock::embed {
namespace {

constexpr std::size_t kChannels = 3;  // lightness R + G + B, then R - G and R + G - 2 B
constexpr std::array<std::size_t, kChannels> kOrdersOf = {kOrders, 4, 4};
constexpr std::array<double, kChannels> kScaleOf = {1.0 / 3, 1, 0.5};
constexpr double kLayoutShare = 1;
constexpr double kColourShare = 0.7;
// What is added to the sum of squares of a layout: that of a picture without contrast, which is noise, stays small.
constexpr double kQuietLayout = 64;

constexpr std::size_t kLightBins = 16;
constexpr std::size_t kHueBins = 7;      // per colour difference
constexpr std::int32_t kMostHue = 96;    // a difference of R and G beyond is in the last bin
constexpr std::int32_t kLightOne = 256;  // parts of a bin
constexpr std::int32_t kHueOne = 64;
constexpr std::int32_t kMostLight = 3 * 255 * kGridOne;
constexpr std::int32_t kMostDifference = 2 * 255 * kGridOne;

using Plane = std::array<std::int16_t, kGridCells>;

// Where on the axis of bins a colour difference lies, in parts of a bin: as its square root, since most are small.
using HuePlaces = std::array<std::uint16_t, 2 * kMostDifference + 1>;

HuePlaces make_hue_places() {
  HuePlaces places;
  for (std::int32_t difference = -kMostDifference; difference <= kMostDifference; ++difference) {
    const double share = std::min(1.0, std::abs(difference) / (2.0 * kGridOne * kMostHue));
    const double middle = (kHueBins - 1) * kHueOne / 2.0;
    const double away = std::sqrt(share) * middle;
    const double place = difference < 0 ? middle - away : middle + away;
    places[static_cast<std::size_t>(difference + kMostDifference)] = static_cast<std::uint16_t>(place + 0.5);
  }
  return places;
}

const HuePlaces& hue_places() {
  static const HuePlaces kPlaces = make_hue_places();
  return kPlaces;
}

double signed_root(double value) { return value < 0 ? -std::sqrt(-value) : std::sqrt(value); }

double sum_of_squares(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

}  // namespace

struct ClassicalEmbedder::Scratch {
  /// What the pairs of cells add up to in one ring.
  struct RingSums {
    std::int64_t value = 0;  // times weight
    std::array<std::int32_t, kOrders> even = {};
    std::array<std::int32_t, kOrders> odd = {};
  };

  /// Shares of bins, not yet divided by their sum; one bin more on each axis takes the nothing beyond the last.
  struct Histograms {
    std::array<std::uint32_t, kLightBins + 1> light = {};
    std::array<std::uint32_t, (kHueBins + 1) * (kHueBins + 1)> hue = {};
  };

  GridValues grid;
  std::array<Plane, kChannels> planes;
  std::array<std::array<RingSums, kRings>, kChannels> rings;
  std::array<Histograms, 2> histograms;  // of the middle and of the margin
  std::array<double, kDimension> values;

  void set_planes();
  void add_rings();
  void add_histograms();
  std::size_t put_layout(std::size_t channel, std::size_t at);
  void put_colour(std::size_t at);

 private:
  void add_pair(const CellPair& pair, std::size_t channel, std::int32_t mean);
  void add_cell(const HuePlaces& places, std::size_t cell, std::uint32_t middle);
};

void ClassicalEmbedder::Scratch::set_planes() {
  for (std::size_t i = 0; i < kGridCells; ++i) {
    const std::int32_t red = grid[3 * i];
    const std::int32_t green = grid[3 * i + 1];
    const std::int32_t blue = grid[3 * i + 2];
    planes[0][i] = static_cast<std::int16_t>(red + green + blue);
    planes[1][i] = static_cast<std::int16_t>(red - green);
    planes[2][i] = static_cast<std::int16_t>(red + green - 2 * blue);
  }
}

void ClassicalEmbedder::Scratch::add_pair(const CellPair& pair, std::size_t channel, std::int32_t mean) {
  const std::int32_t one = planes[channel][pair.one] - mean;
  const std::int32_t other = planes[channel][pair.other] - mean;
  const auto sum = static_cast<std::int16_t>(one + other);
  const auto difference = static_cast<std::int16_t>(one - other);
  for (std::size_t i = 0; i < 2; ++i) {
    const Harmonics& harmonics = pair.in[i];
    RingSums& ring = rings[channel][pair.ring + i];
    ring.value += harmonics.weight * sum;
    for (std::size_t k = 0; k < kOrders; ++k) ring.even[k] += harmonics.even[k] * sum;
    for (std::size_t k = 0; k < kOrders; ++k) ring.odd[k] += harmonics.odd[k] * difference;
  }
}

void ClassicalEmbedder::Scratch::add_rings() {
  const PolarCells& cells = polar_cells();
  std::int64_t light = 0;
  for (const CellPair& pair : cells.pairs) light += planes[0][pair.one] + planes[0][pair.other];
  const auto mean = static_cast<std::int32_t>(light / static_cast<std::int64_t>(2 * cells.pairs.size()));
  rings = {};
  for (const CellPair& pair : cells.pairs) {
    add_pair(pair, 0, mean);
    add_pair(pair, 1, 0);
    add_pair(pair, 2, 0);
  }
}

void ClassicalEmbedder::Scratch::add_cell(const HuePlaces& places, std::size_t cell, std::uint32_t middle) {
  const std::int32_t light = planes[0][cell] * static_cast<std::int32_t>((kLightBins - 1) * kLightOne) / kMostLight;
  const std::int32_t one = places[static_cast<std::size_t>(2 * planes[1][cell] + kMostDifference)];
  const std::int32_t other = places[static_cast<std::size_t>(planes[2][cell] + kMostDifference)];
  const auto light_bin = static_cast<std::size_t>(light / kLightOne);
  const auto light_part = static_cast<std::uint32_t>(light % kLightOne);
  const auto hue_bin =
      static_cast<std::size_t>(one / kHueOne * static_cast<std::int32_t>(kHueBins + 1) + other / kHueOne);
  const auto one_part = static_cast<std::uint32_t>(one % kHueOne);
  const auto other_part = static_cast<std::uint32_t>(other % kHueOne);
  const std::array<std::uint32_t, 2> weights = {middle, static_cast<std::uint32_t>(kWeightOne) - middle};
  for (std::size_t i = 0; i < 2; ++i) {
    std::uint32_t* const lights = histograms[i].light.data() + light_bin;
    lights[0] += weights[i] * (kLightOne - light_part);
    lights[1] += weights[i] * light_part;
    std::uint32_t* const hues = histograms[i].hue.data() + hue_bin;
    const std::uint32_t here = weights[i] * (kHueOne - one_part);
    const std::uint32_t next = weights[i] * one_part;
    hues[0] += here * (kHueOne - other_part);
    hues[1] += here * other_part;
    hues[kHueBins + 1] += next * (kHueOne - other_part);
    hues[kHueBins + 2] += next * other_part;
  }
}

void ClassicalEmbedder::Scratch::add_histograms() {
  histograms = {};
  const HuePlaces& places = hue_places();
  for (const CellPair& pair : polar_cells().pairs) {
    add_cell(places, pair.one, pair.middle);
    add_cell(places, pair.other, pair.middle);
  }
}

// Per ring the mean, then per order the lengths of all rings, then of each two neighbouring rings the product of one
// with the conjugate of the other, brought back to the size of a coefficient.
std::size_t ClassicalEmbedder::Scratch::put_layout(std::size_t channel, std::size_t at) {
  const double scale = kScaleOf[channel] / kGridOne;
  const auto part = [&](std::size_t ring, std::size_t order, std::size_t which) {
    const RingSums& sums = rings[channel][ring];
    const auto& of = order % 2 == 0 ? sums.even : sums.odd;
    const auto weight = static_cast<double>(polar_cells().ring_weight[ring]);
    return of[(order - 1) / 2 * 2 + which] / weight * scale;
  };
  for (std::size_t ring = 0; ring < kRings; ++ring) {
    const auto weight = static_cast<double>(polar_cells().ring_weight[ring]);
    values[at++] = signed_root(static_cast<double>(rings[channel][ring].value) / weight * scale);
  }
  for (std::size_t order = 1; order <= kOrdersOf[channel]; ++order) {
    for (std::size_t ring = 0; ring < kRings; ++ring) {
      const double re = part(ring, order, 0);
      const double im = part(ring, order, 1);
      values[at++] = std::sqrt(std::sqrt(2 * (re * re + im * im)));
    }
    for (std::size_t ring = 0; ring + 1 < kRings; ++ring) {
      const double a = part(ring, order, 0);
      const double b = part(ring, order, 1);
      const double c = part(ring + 1, order, 0);
      const double d = part(ring + 1, order, 1);
      const double re = a * c + b * d;
      const double im = b * c - a * d;
      const double size = std::sqrt(std::sqrt(re * re + im * im));
      values[at++] = size > 0 ? signed_root(re / size) : 0;
      values[at++] = size > 0 ? signed_root(im / size) : 0;
    }
  }
  return at;
}

void ClassicalEmbedder::Scratch::put_colour(std::size_t at) {
  for (const Histograms& of : histograms) {
    std::uint64_t lights = 0;
    for (std::size_t bin = 0; bin < kLightBins; ++bin) lights += of.light[bin];
    for (std::size_t bin = 0; bin < kLightBins; ++bin)
      values[at++] = std::sqrt(of.light[bin] / static_cast<double>(lights));
    std::uint64_t hues = 0;
    for (const std::uint32_t share : of.hue) hues += share;
    for (std::size_t one = 0; one < kHueBins; ++one) {
      for (std::size_t other = 0; other < kHueBins; ++other)
        values[at++] = std::sqrt(of.hue[one * (kHueBins + 1) + other] / static_cast<double>(hues));
    }
  }
}

ClassicalEmbedder::ClassicalEmbedder(std::uint32_t height, std::uint32_t width)
    : Embedder({TensorElement::kU8, {height, width, 3}}, kDimension),
      picture_bytes_(std::size_t{3} * height * width),
      grid_(height, width),
      scratch_(std::make_unique<Scratch>()) {}

ClassicalEmbedder::~ClassicalEmbedder() = default;

Status ClassicalEmbedder::embed(std::span<const std::byte> tensors, std::span<float> vectors) {
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(tensors.data());
  for (std::size_t at = 0; at < vectors.size(); at += kDimension, pixels += picture_bytes_)
    embed_one(pixels, vectors.subspan(at).first<kDimension>());
  return {};
}

void ClassicalEmbedder::embed_one(const std::uint8_t* pixels, std::span<float, kDimension> vector) {
  Scratch& work = *scratch_;
  grid_.take(pixels, work.grid);
  work.set_planes();
  work.add_rings();
  work.add_histograms();
  std::size_t at = 0;
  for (std::size_t channel = 0; channel < kChannels; ++channel) at = work.put_layout(channel, at);
  work.put_colour(at);
  const std::span<double, kDimension> values(work.values);
  const std::span<double> layout = values.first<kLayoutValues>();
  const std::span<double> colour = values.last<kColourValues>();
  const double layout_scale = kLayoutShare / std::sqrt(sum_of_squares(layout) + kQuietLayout);
  const double colour_scale = kColourShare / std::sqrt(sum_of_squares(colour));
  for (double& value : layout) value *= layout_scale;
  for (double& value : colour) value *= colour_scale;
  const double length = std::sqrt(sum_of_squares(values));
  for (std::size_t i = 0; i < kDimension; ++i) vector[i] = static_cast<float>(values[i] / length);
}

}  // namespace penstock::embed
