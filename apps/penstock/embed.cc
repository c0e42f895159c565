// SPDX-License-Identifier: MIT
// penstock embed: images into a store of vectors. It writes a pipeline file and runs it.
#include <fmt/format.h>

#include <charconv>
#include <tuple>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "apps/penstock/run_file.h"
#include "platform/file.h"
#include "service/image_steps.h"
#include "store/digest.h"

namespace penstock::app {
namespace {

std::string line_of(const char* name, const OptionValue& value) {
  return fmt::format("{} = {}\n", name, value.to_text());
}

/// What SOURCE may be.
enum class SourceKind : std::uint8_t { kImages, kShards, kCsv, kJson };

SourceKind kind_of(std::string_view source) {
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (source.ends_with(packed)) source.remove_suffix(packed.size());
  }
  if (source.ends_with(".tar")) return SourceKind::kShards;
  if (source.ends_with(".csv")) return SourceKind::kCsv;
  if (source.ends_with(".jsonl") || source.ends_with(".ndjson")) return SourceKind::kJson;
  return SourceKind::kImages;
}

// A pipeline would put a file that is not there aside, as any other image that cannot be read.
Status is_there(const std::string& source) {
  if (has_glob(source)) return {};
  const Result<FileStamp> stamp = stamp_of(source);
  return stamp ? Status() : Status(stamp.error());
}

Result<std::string> source_step(const Arguments& arguments) {
  const SourceKind kind = kind_of(arguments.positional(0));
  OptionValue::List paths;
  for (std::size_t i = 0; i < arguments.positionals(); ++i) {
    if (kind_of(arguments.positional(i)) != kind) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{} and {} are sources of two kinds", arguments.positional(0), arguments.positional(i)))
          .hint("embed them one after the other; what is in the store already stays");
    }
    PENSTOCK_TRY(is_there(arguments.positional(i)));
    paths.emplace_back(arguments.positional(i));
  }
  const char* const op = kind == SourceKind::kShards ? "image.shards"
                         : kind == SourceKind::kCsv  ? "csv.read"
                         : kind == SourceKind::kJson ? "json.read"
                                                     : "image.list";
  const bool one_path = kind == SourceKind::kCsv || kind == SourceKind::kJson;
  if (one_path && paths.size() > 1) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} takes one list", op))
        .hint("a glob in quotes stands for several: 'lists/*.csv'");
  }
  return line_of("\n[[operator]]\nop", op) + line_of("path", one_path ? paths.front() : OptionValue(paths)) +
         "on_error = \"quarantine\"\n";
}

// "224" or "640x480".
Result<std::pair<std::uint32_t, std::uint32_t>> size_of(const std::string& text) {
  const std::size_t cross = text.find('x');
  std::pair<std::uint32_t, std::uint32_t> size(0, 0);
  const auto number = [](std::string_view digits, std::uint32_t& into) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return error == std::errc() && end == digits.data() + digits.size() && into >= 1 && into <= 65'535;
  };
  const bool fine = number(std::string_view(text).substr(0, cross), size.first) &&
                    number(cross == std::string::npos ? text : text.substr(cross + 1), size.second);
  if (fine) return size;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--image-size takes a number of pixels, or WIDTHxHEIGHT, but is \"{}\"", text))
      .hint("for instance --image-size 224");
}

Result<std::uint32_t> number_of(const Arguments& arguments, const char* flag, const char* otherwise) {
  const std::string text = arguments.value(flag, otherwise);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number > 0) return number;
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} takes a number from 1 on, but is \"{}\"", flag, text));
}

/// From an image's path to its vector.
Result<std::vector<ImageStep>> steps_of(const Arguments& arguments) {
  PreprocessOptions images;
  PENSTOCK_ASSIGN(const auto size, size_of(arguments.value("--image-size", "224")));
  std::tie(images.width, images.height) = size;
  PENSTOCK_ASSIGN(images.batch_size, number_of(arguments, "--batch-size", "32"));
  images.mode = arguments.value("--mode", images.mode);
  images.quality = arguments.value("--quality", images.quality);
  const std::string model = arguments.value("--model");
  std::uint32_t dimension = 0;
  if (is_server(model)) {
    if (!arguments.has("--dimension")) {
      return Error(ErrorCode::kInvalidArgument, "how many values the vectors of " + model + " have is not said")
          .hint("for instance --dimension 512");
    }
    PENSTOCK_ASSIGN(dimension, number_of(arguments, "--dimension", ""));
  }
  return steps_to_vectors(images, model, dimension);
}

/// The pipeline file that does what the command line says.
Result<std::string> pipeline_text(const Arguments& arguments) {
  if (!arguments.has("--to")) {
    return Error(ErrorCode::kInvalidArgument, "no store is named").hint("--to photos.index makes one in a file");
  }
  PENSTOCK_ASSIGN(const std::vector<ImageStep> steps, steps_of(arguments));
  PENSTOCK_ASSIGN(const std::string description, description_of(steps));
  PENSTOCK_ASSIGN(const std::string source, source_step(arguments));

  std::string text = "# Made by penstock embed. `penstock run` runs it, too.\nname = \"embed\"\n\n[run]\n";
  text += line_of("strategy", processes.name);
  text += line_of("queue_depth", static_cast<std::int64_t>(PreprocessOptions().queue_depth));
  text += line_of("batch_size", 1);  // an image is work enough to be handed to a worker
  text += source;
  text += steps_to_toml(steps);
  text += line_of("\n[[operator]]\nop", "vector.write");
  text += line_of("store", arguments.value("--to"));
  text += line_of("metric", arguments.value("--metric", "cosine"));
  OptionValue::List metadata;
  for (const std::string& column : arguments.values("--metadata")) metadata.emplace_back(column);
  if (!metadata.empty()) text += line_of("metadata", metadata);
  if (kind_of(arguments.positional(0)) == SourceKind::kShards) text += line_of("metadata_json", "metadata");
  text += line_of("description", description);
  text += "on_error = \"quarantine\"\n";
  return text;
}

// The file is kept where the runs are, so that `penstock resume` finds it again.
Result<std::string> kept_file(const std::string& text, const std::string& store) {
  const std::string path = fmt::format("{}/embed/{}.toml", store, sha256(text).substr(0, 16));
  PENSTOCK_TRY(make_folders(folder_of(path)));
  PENSTOCK_TRY(write_file(path, text));
  return path;
}

int embed(const Arguments& arguments) {
  if (arguments.has("--log-level")) set_log_level(arguments.value("--log-level"));
  const Result<std::string> text = pipeline_text(arguments);
  if (!text) return failed(text.error(), text.error().code() == ErrorCode::kInvalidArgument ? kUsage : kFailed);
  if (arguments.has("--show-file")) {
    print_data(*text);
    return kOk;
  }
  FileRunOptions options;
  options.store = arguments.value("--out", options.store);
  const Result<std::string> path = kept_file(*text, options.store);
  if (!path) return failed(path.error());
  Result<PipelineFile> file = load_pipeline_file(*path);
  if (!file) return failed(file.error(), kUsage);
  if (const Status set = apply_settings(*file, arguments); !set) return failed(set.error(), kUsage);
  return run_file("embed", arguments, std::move(*file), std::move(options));
}

}  // namespace

Command embed_command() {
  Command command;
  command.name = "embed";
  command.summary = "Puts images into a store of vectors";
  command.description =
      "Decodes the images of SOURCE in worker processes, makes a vector of each, and puts it into STORE with its path "
      "as the\n"
      "id. An image that cannot be read, or that its worker does not survive, is written to quarantine.jsonl with the "
      "reason,\n"
      "and the others go on. The same image again replaces itself. After a kill `penstock resume` goes on.\n\n"
      "SOURCE is a folder with all folders below it, a file, a glob in quotes, tar files (shards of WebDataset), or a "
      "table\n"
      "(.csv, .jsonl) with the columns id and path. STORE is a file, postgresql://... or milvus://...: see "
      "docs/guide/images.md.\n"
      "Without --model a vector is made of colours and edges, which finds the same picture turned, resized and "
      "compressed again.";
  command.positionals = {
      {"SOURCE", true, "Images: folder, file, glob, tar files, table", Completes::kFolders, {}, true}};
  command.flags = {{"--to", "STORE", "The store; a file that is not there is made"},
                   {"--model", "M", "What makes vectors of images: an ONNX model, or an address of http(s)://"},
                   {"--dimension", "N", "How many values the vectors of a server have"},
                   {"--image-size", "N", "Pixels of a side that a model wants, or WIDTHxHEIGHT (default: 224)"},
                   {"--mode",
                    "MODE",
                    "How images get that size (default: fill)",
                    false,
                    Completes::kWords,
                    {"stretch", "fill", "letterbox"}},
                   {"--quality",
                    "Q",
                    "Of resizing, against speed (default: high)",
                    false,
                    Completes::kWords,
                    {"exact", "high", "fast"}},
                   {"--metric",
                    "M",
                    "How near two vectors are (default: cosine)",
                    false,
                    Completes::kWords,
                    {"cosine", "l2", "dot"}},
                   {"--metadata", "COLUMN", "Keep this column of SOURCE with each vector, for filters", true},
                   {"--show-file", "", "Print the pipeline file that does this, and do nothing"}};
  for (Flag& flag : run_setting_flags()) command.flags.push_back(std::move(flag));
  for (Flag& flag : running_flags()) command.flags.push_back(std::move(flag));
  command.examples = {
      {"penstock embed photos --to photos.index", "All images in a folder"},
      {"penstock search photos.index one.jpg", "Look for similar ones"},
      {"penstock embed photos --to photos.index --model resnet50.onnx --batch-size 16", "With a model"},
      {"penstock embed list.csv --to photos.index --metadata year", "Those of a table, with its column year"},
      {"penstock embed photos --to photos.index --show-file > photos.toml", "As a pipeline file, to go on from"}};
  command.run = embed;
  return command;
}

}  // namespace penstock::app
