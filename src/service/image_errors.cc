// SPDX-License-Identifier: MIT
#include "service/image_errors.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace penstock {
namespace {

// Records of steps come as JSON.
std::string id_of(const Rejection& rejection) {
  const nlohmann::json row = nlohmann::json::parse(rejection.raw, nullptr, false);
  const auto id = row.is_object() ? row.find("id") : row.end();
  return row.is_object() && id != row.end() && id->is_string() ? id->get<std::string>() : rejection.file;
}

}  // namespace

void ImageErrors::rejected(const std::string&, const Rejection& rejection) {
  add({id_of(rejection), rejection.reason});
}

void ImageErrors::add(ImageError error) {
  const std::lock_guard lock(mutex_);
  errors_.push_back(std::move(error));
}

std::vector<ImageError> ImageErrors::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(errors_, {});
}

}  // namespace penstock
