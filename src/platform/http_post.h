// SPDX-License-Identifier: MIT
// One HTTP request in the calling thread: for telling somebody, not for data (operators wait for many at once:
// penstock/async_io.h).
#pragma once

#include <penstock/result.h>

#include <atomic>
#include <chrono>
#include <string>

namespace penstock {

/// OK when this build speaks HTTP; else kUnsupported with what to install.
Status http_is_there();

/// Sends `json` to `url` by POST and waits for the answer, at most `timeout`, or until `stop`. An answer of 2xx is OK;
/// another is kUnavailable, a URL that cannot be one kInvalidArgument. No redirects are followed.
Status post_json(const std::string& url, const std::string& json, std::chrono::milliseconds timeout,
                 const std::atomic<bool>& stop);

}  // namespace penstock
