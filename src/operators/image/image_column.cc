// SPDX-License-Identifier: MIT
#include "operators/image/image_column.h"

#include <fmt/format.h>

#include <utility>

namespace penstock {
namespace {

template <class T>
T chosen(const std::string& name, std::initializer_list<std::pair<const char*, T>> all) {
  for (const auto& [known, value] : all) {
    if (name == known) return value;
  }
  return all.begin()->second;
}

}  // namespace

Result<std::size_t> find_images(std::string_view op, const StreamType& input, const std::string& column,
                                const std::string& place) {
  if (input.schema == nullptr)
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} works on record batches", op)).at(place);
  Result<std::size_t> found = input.schema->find(column);
  if (!found) return Error(found.error()).at(place);
  const Type type = (*input.schema)[*found].type;
  if (type == Type::kImage) return found;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("column \"{}\" is {}, an image was expected", column, to_string(type)))
      .at(place)
      .hint("image.decode makes images of files");
}

Result<image::Pixels> pixels_of(const ImageView& image) {
  if (image.size_bytes() == 0) return Error(ErrorCode::kInvalidArgument, "the image has no pixels");
  if (image.channels != 1 && image.channels != 3 && image.channels != 4) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("the image has {} channels, 1, 3 or 4 were expected", image.channels));
  }
  return image::Pixels{image.pixels, {image.height, image.width}, image.channels};
}

std::vector<OptionInfo> resize_option_infos() {
  return {{.name = "width", .kind = OptionKind::kInteger, .doc = "In pixels.", .required = true, .example = "224"},
          {.name = "height", .kind = OptionKind::kInteger, .doc = "In pixels.", .required = true, .example = "224"},
          {.name = "column", .doc = "The images.", .default_value = "image"},
          {.name = "filter",
           .kind = OptionKind::kChoice,
           .doc = "The first three as Pillow and torchvision (antialias) have them.",
           .default_value = "bilinear",
           .choices = {"bilinear", "bicubic", "lanczos", "area"}},
          {.name = "mode",
           .kind = OptionKind::kChoice,
           .doc = "Change the ratio of the sides, fit into the size, fill it and cut off what stands over, or "
                  "fit into it on black.",
           .default_value = "stretch",
           .choices = {"stretch", "fit", "fill", "letterbox"}}};
}

Result<image::ResizeOptions> resize_options(const Options& options) {
  for (const char* const side : {"width", "height"}) {
    if (const std::int64_t pixels = options.integer(side); pixels < 1 || pixels > 65'535) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("option \"{}\" is {}, and must be from 1 to 65535", side, pixels))
          .at(options.place(side).to_text());
    }
  }
  image::ResizeOptions resize;
  resize.target = {static_cast<std::uint32_t>(options.integer("height")),
                   static_cast<std::uint32_t>(options.integer("width"))};
  resize.filter = chosen<image::Filter>(options.text("filter"), {{"bilinear", image::Filter::kBilinear},
                                                                 {"bicubic", image::Filter::kBicubic},
                                                                 {"lanczos", image::Filter::kLanczos},
                                                                 {"area", image::Filter::kArea}});
  resize.mode = chosen<image::Mode>(options.text("mode"), {{"stretch", image::Mode::kStretch},
                                                           {"fit", image::Mode::kFit},
                                                           {"fill", image::Mode::kFill},
                                                           {"letterbox", image::Mode::kLetterbox}});
  return resize;
}

}  // namespace penstock
