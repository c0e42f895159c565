// SPDX-License-Identifier: MIT
#include "operators/image/image_files.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "platform/file.h"

namespace penstock {

OptionValue image_extensions() { return OptionValue::List{"jpg", "jpeg", "png", "webp", "tif", "tiff", "gif", "bmp"}; }

bool has_extension(std::string_view name, const std::vector<std::string>& extensions) {
  if (extensions.empty()) return true;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  std::string extension(name.substr(dot + 1));
  for (char& letter : extension) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

/// Walks folders from the top; knows those between it and the top.
class Walk {
 public:
  explicit Walk(const std::vector<std::string>& extensions) : extensions_(extensions) {}

  Status enter(const std::string& folder) {
    struct stat info = {};
    if (::stat(folder.c_str(), &info) != 0) return file_error(errno, "look into", folder);
    const std::pair<dev_t, ino_t> here(info.st_dev, info.st_ino);
    if (std::find(above_.begin(), above_.end(), here) != above_.end()) return {};
    above_.push_back(here);
    PENSTOCK_TRY(look_through(folder));
    above_.pop_back();
    return {};
  }

  std::vector<std::string> found() {
    std::sort(found_.begin(), found_.end());
    return std::move(found_);
  }

 private:
  Status look_through(const std::string& folder) {
    PENSTOCK_ASSIGN(const std::vector<std::string> names, names_in(folder));
    for (const std::string& name : names) {
      const std::string path = folder.ends_with('/') ? folder + name : fmt::format("{}/{}", folder, name);
      struct stat info = {};
      if (::stat(path.c_str(), &info) != 0) {
        // A link that leads nowhere, or that went away: whoever opens it says so.
        if (has_extension(name, extensions_)) found_.push_back(path);
      } else if (S_ISDIR(info.st_mode)) {
        PENSTOCK_TRY(enter(path));
      } else if (has_extension(name, extensions_)) {
        found_.push_back(path);
      }
    }
    return {};
  }

  // Those that are not hidden.
  static Result<std::vector<std::string>> names_in(const std::string& folder) {
    const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
    if (open == nullptr) return file_error(errno, "look into", folder);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const entry = ::readdir(open.get())) {
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
      errno = 0;
    }
    if (errno != 0) return file_error(errno, "look into", folder);
    return names;
  }

  const std::vector<std::string>& extensions_;
  std::vector<std::pair<dev_t, ino_t>> above_;
  std::vector<std::string> found_;
};

bool is_folder(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

Result<std::vector<std::string>> images_in_folder(const std::string& folder,
                                                  const std::vector<std::string>& extensions) {
  Walk walk(extensions);
  PENSTOCK_TRY(walk.enter(folder));
  return walk.found();
}

Result<std::vector<std::string>> image_files(const std::vector<std::string>& paths,
                                             const std::vector<std::string>& extensions) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    PENSTOCK_ASSIGN(const std::vector<std::string> found,
                    is_folder(path) ? images_in_folder(path, extensions) : expand_glob(path));
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

Result<std::vector<std::string>> paths_in_list(const std::string& list) {
  PENSTOCK_ASSIGN(const std::string text, read_file(list));
  std::vector<std::string> paths;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const bool carriage_return = end > at && text[end - 1] == '\r';
    const std::size_t length = end - at - (carriage_return ? 1 : 0);
    if (length > 0) paths.push_back(text.substr(at, length));
    at = end + 1;
  }
  return paths;
}

}  // namespace penstock
