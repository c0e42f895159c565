// SPDX-License-Identifier: MIT
// What a command left in its folder: the outputs stay, all else goes.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "platform/file.h"
#include "platform/link_file.h"
#include "workflow/command_stage.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

Error wrong_output(const FileStage& stage, const StageOutput& output, std::string what, const char* hint) {
  return Error(ErrorCode::kUserCode, std::move(what)).at(stage.name).at(output.place.to_text()).hint(hint);
}

Status check_file(const FileStage& stage, const StageOutput& output, const fs::path& path, const std::string& name) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::exists(status)) {
    return wrong_output(stage, output, fmt::format("the command ended well, but there is no {}", name),
                        "outputs are files below the working folder of the command; {outputs.NAME} is their path");
  }
  if (fs::is_symlink(status)) {
    return wrong_output(stage, output, fmt::format("{} is a symbolic link, which is no output", name),
                        "write the file itself; what a link points to may change or go");
  }
  if (fs::is_regular_file(status) != output.folder) return {};
  return wrong_output(stage, output, fmt::format("{} is {}", name, output.folder ? "no folder" : "no regular file"),
                      "an output with a '/' at its end is a folder, one without is a file");
}

Status check_output(const FileStage& stage, const StageOutput& output, const std::string& folder) {
  // Also the folders in which it lies must be no links.
  for (std::size_t slash = output.path.find('/'); slash != std::string::npos;
       slash = output.path.find('/', slash + 1)) {
    const std::string part = output.path.substr(0, slash);
    StageOutput above = output;
    above.folder = true;
    PENSTOCK_TRY(check_file(stage, above, folder + "/" + part, part));
  }
  const fs::path path = folder + "/" + output.path;
  PENSTOCK_TRY(check_file(stage, output, path, output.path));
  if (!output.folder) return {};
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const fs::file_status status = it->symlink_status(error);
    if (error) break;
    const std::string name = it->path().lexically_relative(folder).string();
    if (it->path().filename().string().starts_with('.')) {
      return wrong_output(stage, output, fmt::format("{} is a hidden name, which no output has", name),
                          "hidden names are kept for temporary files");
    }
    if (fs::is_directory(status)) continue;
    StageOutput inside = output;
    inside.folder = false;
    PENSTOCK_TRY(check_file(stage, inside, it->path(), name));
  }
  if (error) return file_error(error.value(), "list", path.string());
  return {};
}

// Removes what is no output and holds none.
Status remove_others(const FileStage& stage, const std::string& folder, const std::string& below) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(below.empty() ? folder : folder + "/" + below, error), end; !error && it != end;
       it.increment(error))
    names.push_back((below.empty() ? "" : below + "/") + it->path().filename().string());
  if (error) return file_error(error.value(), "list", folder);
  for (const std::string& name : names) {
    const bool kept =
        std::any_of(stage.outputs.begin(), stage.outputs.end(), [&](const auto& each) { return each.path == name; });
    const bool above = std::any_of(stage.outputs.begin(), stage.outputs.end(),
                                   [&](const auto& each) { return each.path.starts_with(name + "/"); });
    if (above) {
      PENSTOCK_TRY(remove_others(stage, folder, name));
    } else if (!kept) {
      PENSTOCK_TRY(remove_tree(folder + "/" + name));
    }
  }
  return {};
}

}  // namespace

Status keep_outputs(const FileStage& stage, const std::string& folder) {
  for (const StageOutput& output : stage.outputs) PENSTOCK_TRY(check_output(stage, output, folder));
  return remove_others(stage, folder, "");
}

}  // namespace penstock
