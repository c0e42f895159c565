// SPDX-License-Identifier: MIT
// How many photographs per second become tensors, and how near are these to exact resizing?
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

#include "embed/classical.h"
#include "image/decode.h"
#include "image/file_fixture.h"
#include "image/normalize.h"
#include "image/photo_fixture.h"
#include "platform/clock.h"
#include "timing.h"
#include "workload.h"

namespace penstock::benchmark {
namespace {

std::vector<ImageContender>& all_contenders() {
  static std::vector<ImageContender> all;
  return all;
}

/// One kind of photographs.
struct Photos {
  std::string name;
  image::Size size;
  std::size_t count;
  std::vector<File> files = {};
  std::vector<std::vector<double>> references = {};  // of the first few: exact resizing, values as those of bytes
};

constexpr std::size_t kCompared = 4;

// The float64 triangle filter over the wholly decoded picture.
std::vector<double> exact(const File& file) {
  std::vector<std::uint8_t> pixels;
  image::Size size;
  image::decode(file, {.quality = image::Quality::kExact}, [&](image::Size wanted) -> Result<std::uint8_t*> {
    size = wanted;
    pixels.resize(std::size_t{3} * wanted.height * wanted.width);
    return pixels.data();
  }).value();
  std::vector<double> columns(std::size_t{3} * size.height * kSide);
  for (std::size_t x = 0; x < kSide; ++x) {
    const auto weights = image::exact_weights(image::Filter::kBilinear, size.width, {0, double(size.width)}, kSide, x);
    for (std::size_t y = 0; y < size.height; ++y) {
      for (std::size_t k = 0; k < weights.values.size(); ++k) {
        for (std::size_t c = 0; c < 3; ++c)
          columns[3 * (y * kSide + x) + c] += weights.values[k] * pixels[3 * (y * size.width + weights.first + k) + c];
      }
    }
  }
  std::vector<double> planes(kTensor);
  for (std::size_t y = 0; y < kSide; ++y) {
    const auto weights =
        image::exact_weights(image::Filter::kBilinear, size.height, {0, double(size.height)}, kSide, y);
    for (std::size_t i = 0; i < 3 * kSide; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < weights.values.size(); ++k)
        sum += weights.values[k] * columns[(weights.first + k) * 3 * kSide + i];
      planes[(i % 3 * kSide + y) * kSide + i / 3] = sum;
    }
  }
  return planes;
}

void make(Photos& photos, const std::string& folder) {
  std::filesystem::create_directories(folder);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < photos.count; ++i) {
    photos.files.push_back(image::fixture::jpeg(image::fixture::photo(photos.size, i), photos.size));
    bytes += photos.files.back().size();
    if (i < kCompared) photos.references.push_back(exact(photos.files.back()));
    std::ofstream(fmt::format("{}/{:04}.jpg", folder, i), std::ios::binary)
        .write(reinterpret_cast<const char*>(photos.files.back().data()),
               static_cast<std::streamsize>(photos.files.back().size()));
  }
  fmt::print("{}: {} photographs of {} KB each\n", photos.name, photos.count, bytes / photos.count / 1000);
}

// Images per second.
double rate(const ImageContender& contender, const Photos& photos, int threads, double seconds) {
  std::atomic<std::size_t> next = 0;
  const std::int64_t begin = now_ns();
  const std::int64_t end = begin + static_cast<std::int64_t>(seconds * 1e9);
  std::atomic<std::size_t> done = 0;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        std::vector<float> tensor(kTensor);
        while (now_ns() < end) {
          contender.prepare(photos.files[next++ % photos.files.size()], tensor.data());
          ++done;
        }
      });
    }
  }
  return static_cast<double>(done) * 1e9 / static_cast<double>(now_ns() - begin);
}

double psnr_of(double squares, std::size_t count) {
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(count) / squares);
}

double psnr(const ImageContender& contender, const Photos& photos) {
  double squares = 0;
  std::vector<float> tensor(kTensor);
  for (std::size_t i = 0; i < photos.references.size(); ++i) {
    contender.prepare(photos.files[i], tensor.data());
    for (std::size_t k = 0; k < kTensor; ++k) {
      const std::size_t c = k / (kSide * kSide);
      const double value = (tensor[k] * image::kImagenetDeviation[c] + image::kImagenetMean[c]) * 255;
      squares += (value - photos.references[i][k]) * (value - photos.references[i][k]);
    }
  }
  return psnr_of(squares, kTensor * photos.references.size());
}

/// Pillow in a process of its own; 0 where it is not installed.
double pillow_rate(const std::string& folder, const char* kind, double seconds) {
  const std::string command =
      fmt::format("PATH=/usr/bin:$PATH python3 '{}' '{}' {} {} 2>/dev/null", PENSTOCK_PILLOW_PY, folder, seconds, kind);
  FILE* const pipe = ::popen(command.c_str(), "r");
  double found = 0;
  if (pipe == nullptr || std::fscanf(pipe, "%lf", &found) != 1) found = 0;
  if (pipe != nullptr) ::pclose(pipe);
  return found;
}

double pillow_psnr(const std::string& folder, const char* kind, const Photos& photos) {
  double squares = 0;
  for (std::size_t i = 0; i < photos.references.size(); ++i) {
    std::ifstream file(fmt::format("{}/{:04}.{}.rgb", folder, i, kind), std::ios::binary);
    std::vector<char> rgb(kTensor);
    file.read(rgb.data(), kTensor);
    for (std::size_t k = 0; k < kTensor; ++k) {
      const double value = static_cast<std::uint8_t>(rgb[3 * (k % (kSide * kSide)) + k / (kSide * kSide)]);
      squares += (value - photos.references[i][k]) * (value - photos.references[i][k]);
    }
  }
  return psnr_of(squares, kTensor * photos.references.size());
}

/// The rates of one contender, of all rounds.
struct Row {
  std::string name;
  bool is_floor = false;
  std::vector<double> rates[2] = {};
  double psnr = 0;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// What others on the machine took least from.
double best(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

std::string rates_text(const std::vector<double>& rates) {
  if (rates.empty() || median(rates) == 0) return "–";
  const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
  return fmt::format("{:.1f} ({:.1f}..{:.1f})", median(rates), *least, *most);
}

// A floor's ratio is to the other floor; that of the rest is to the floor that decodes as much.
double floor_of(const std::vector<Row>& rows, const Row& row, std::size_t threads) {
  const std::string wanted = row.name.find("fast") != std::string::npos ||
                                     row.name.find("reduced") != std::string::npos ||
                                     row.name.find("draft") != std::string::npos
                                 ? "floor: libjpeg at 1x and more"
                                 : "floor: libjpeg at 2x and more";
  for (const Row& other : rows) {
    if (other.name == wanted) return best(other.rates[threads]);
  }
  return 0;
}

void print_rows(const Photos& photos, const std::vector<Row>& rows) {
  fmt::print(
      "\n| {} | images/s, 1 thread | best of best floor | 2 threads | best of best floor | PSNR dB "
      "|\n|---|--:|--:|--:|--:|--:|\n",
      photos.name);
  for (const Row& row : rows) {
    const auto part = [&](std::size_t t) {
      const double floor = floor_of(rows, row, t);
      return row.rates[t].empty() || floor == 0 ? std::string("–") : fmt::format("{:.2f}", best(row.rates[t]) / floor);
    };
    fmt::print("| {} | {} | {} | {} | {} | {} |\n", row.name, rates_text(row.rates[0]), part(0),
               rates_text(row.rates[1]), part(1), row.is_floor ? "–" : fmt::format("{:.1f}", row.psnr));
  }
  std::fflush(stdout);
}

/// What the command line asks.
struct Settings {
  int rounds = 5;
  double seconds = 1;
  std::string only;
  std::string folder = fmt::format("/tmp/penstock-photos-{}", ::getuid());
};

void measure(Photos photos, const Settings& settings) {
  const std::string folder = settings.folder + "/" + photos.name;
  make(photos, folder);
  std::vector<Row> rows;
  for (const ImageContender& contender : all_contenders())
    rows.push_back({contender.name, contender.is_floor, {}, contender.is_floor ? 0 : psnr(contender, photos)});
  constexpr const char* kKinds[] = {"full", "draft"};
  const std::size_t own = rows.size();
  for (const char* const kind : kKinds) rows.push_back({fmt::format("Pillow: bilinear, {}", kind)});
  for (int round = 0; round < settings.rounds; ++round) {
    for (int threads = 1; threads <= 2; ++threads) {
      for (std::size_t i = 0; i < own; ++i)
        rows[i].rates[threads - 1].push_back(rate(all_contenders()[i], photos, threads, settings.seconds));
    }
    for (std::size_t i = 0; i < 2; ++i)
      rows[own + i].rates[0].push_back(pillow_rate(folder, kKinds[i], settings.seconds));
  }
  for (std::size_t i = 0; i < 2; ++i) rows[own + i].psnr = pillow_psnr(folder, kKinds[i], photos);
  print_rows(photos, rows);
}

// Processor time, and the least of many turns: others may use the machine.
void measure_embedding(int rounds) {
  constexpr std::size_t kPictures = 16;
  constexpr int kTurnsPerRound = 20;
  std::vector<std::uint8_t> pictures;
  for (unsigned i = 0; i < kPictures; ++i) {
    const std::vector<std::uint8_t> pixels = image::fixture::photo({kSide, kSide}, i);
    pictures.insert(pictures.end(), pixels.begin(), pixels.end());
  }
  embed::ClassicalEmbedder embedder(kSide, kSide);
  std::vector<float> vectors(kPictures * embedder.dimension());
  std::vector<double> micros;
  for (int turn = 0; turn < rounds * kTurnsPerRound; ++turn) {
    const std::int64_t before = thread_cpu_ns();
    (void)embedder.embed(std::as_bytes(std::span(pictures)), vectors);
    micros.push_back(static_cast<double>(thread_cpu_ns() - before) / 1e3 / kPictures);
  }
  fmt::print("\nembed.classical, {0} x {0}: {1:.0f} microseconds of a processor (least of {2} turns; median {3:.0f})\n",
             kSide, *std::min_element(micros.begin(), micros.end()), micros.size(), median(micros));
}

int usage() {
  fmt::print(
      "usage: images_benchmark [--rounds N] [--seconds S] [--only TEXT (of a size, or embedding)] [--folder DIR]\n");
  return 2;
}

}  // namespace

RegisterImages::RegisterImages(std::vector<ImageContender> contenders) {
  for (ImageContender& contender : contenders) all_contenders().push_back(std::move(contender));
}

int images_main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) return usage();
    if (name == "--rounds") {
      settings.rounds = std::atoi(argv[i + 1]);
    } else if (name == "--seconds") {
      settings.seconds = std::atof(argv[i + 1]);
    } else if (name == "--only") {
      settings.only = argv[i + 1];
    } else if (name == "--folder") {
      settings.folder = argv[i + 1];
    } else {
      return usage();
    }
  }
  fmt::print("vector instructions: {}\n", image::pixel_kernels().name);
  for (const Photos& photos : {Photos{"640x480", {480, 640}, 60}, Photos{"4000x3000", {3000, 4000}, 6}}) {
    if (settings.only.empty() || photos.name.find(settings.only) != std::string::npos) measure(photos, settings);
  }
  if (settings.only.empty() || std::string_view("embedding").find(settings.only) != std::string::npos)
    measure_embedding(settings.rounds);
  return 0;
}

}  // namespace penstock::benchmark

int main(int argc, char** argv) { return penstock::benchmark::images_main(argc, argv); }
