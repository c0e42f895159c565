// SPDX-License-Identifier: MIT
#include "vector/milvus_calls.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <thread>

namespace penstock::milvus {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kService = "milvus.proto.milvus.MilvusService/";
constexpr milliseconds kFirstPause(20);
constexpr milliseconds kLongestPause(2000);

bool is_one_of(std::int64_t code, std::initializer_list<std::int64_t> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

// Of github.com/milvus-io/milvus/pkg/util/merr: unavailable, too many requests, rate limit, node not found, loading or
// recovering, and channels or replicas that are on their way to another node.
bool is_passing(std::int64_t code) { return is_one_of(code, {2, 4, 8, 12, 103, 106, 400, 500, 501, 502, 503, 901}); }
// Of common.ErrorCode: no leader, no replica, rate limit, another node, late ticks, not ready.
bool is_passing_of_old(std::int64_t code) { return is_one_of(code, {45, 46, 49, 50, 55, 56, 57}); }

ErrorCode meaning(const CallStatus& status) {
  const std::int64_t code = status.code;
  const std::int64_t old = status.legacy_code;
  if (is_one_of(code, {100, 700}) || (code == 0 && is_one_of(old, {4, 25, 28}))) return ErrorCode::kNotFound;
  if (is_one_of(code, {3, 7, 9}) || is_one_of(old, {48, 52, 53, 54})) return ErrorCode::kResourceExhausted;
  if ((code >= 1400 && code < 1500) || code == 1800 || old == 3) return ErrorCode::kPermissionDenied;
  if ((code >= 1100 && code < 1200) || is_one_of(old, {5, 6, 7, 8, 9, 10, 11, 23})) return ErrorCode::kInvalidArgument;
  return ErrorCode::kUnavailable;
}

bool says_not_loaded(const CallStatus& status) { return status.code == 101; }

milliseconds pause_after(std::uint32_t attempts) {
  const std::uint32_t doublings = std::min<std::uint32_t>(attempts - 1, 10);
  return std::min(kFirstPause * (1 << doublings), kLongestPause);
}

milliseconds until(Clock::time_point end) {
  return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(end - Clock::now()));
}

}  // namespace

Error error_of(const CallStatus& status) {
  std::string text = status.reason.empty() ? "the server gives no reason" : status.reason;
  text += " (code " + std::to_string(status.code != 0 ? status.code : status.legacy_code) + ")";
  if (status.retriable || is_passing(status.code) || is_passing_of_old(status.legacy_code) || says_not_loaded(status))
    return Error(ErrorCode::kUnavailable, std::move(text));
  return Error(meaning(status), std::move(text)).retryable(false);
}

Error Calls::explained(const Error& error, const std::string& doing) const {
  Error whole(error.code(), address_.shown() + ": " + doing + ": " + error.message());
  whole = std::move(whole).retryable(error.retryable());
  if (!error.hint().empty()) return std::move(whole).hint(error.hint());
  if (error.code() == ErrorCode::kPermissionDenied)
    return std::move(whole).hint(
        "give USER:PASSWORD or a key in front of the host, milvus://TOKEN@HOST…, or as MILVUS_TOKEN");
  if (error.code() == ErrorCode::kTimeout)
    return std::move(whole).hint(
        "see whether the server is well, or allow more time: milvus://…/COLLECTION?timeout=5min");
  return whole;
}

Status Calls::attempt(const char* method, std::string& request, milliseconds left, Patience patience,
                      const ReadStatus& read_status) const {
  PENSTOCK_ASSIGN(const std::string message, channel_.call(std::string(kService) + method, request, left));
  const CallStatus* const status = read_status(message);
  if (status == nullptr) return Error(ErrorCode::kDataLoss, "the answer cannot be read");
  if (status->is_ok()) return {};
  const Error error = error_of(*status);
  if (patience == Patience::kAgainLoaded && says_not_loaded(*status)) PENSTOCK_TRY(load());
  return error;
}

Status Calls::perform(const char* method, std::string& request, const std::string& doing, Patience patience,
                      const ReadStatus& read_status) const {
  const Clock::time_point end = Clock::now() + address_.timeout;
  std::optional<Error> before;
  for (std::uint32_t attempts = 1;; ++attempts) {
    const milliseconds left = attempts == 1 ? address_.timeout : until(end);
    const Status done = attempt(method, request, left, patience, read_status);
    if (done) return {};
    const milliseconds pause = pause_after(attempts);
    const bool may_pass = done.error().code() == ErrorCode::kUnavailable && done.error().retryable();
    if (patience != Patience::kOnce && may_pass && Clock::now() + pause < end) {
      before = done.error();
      std::this_thread::sleep_for(pause);
      continue;
    }
    // What went wrong first says more than that the rest of the time was not enough.
    const bool rest_was_short = before && done.error().code() == ErrorCode::kTimeout;
    const std::string times = attempts > 1 ? ", tried " + std::to_string(attempts) + " times" : "";
    return explained(rest_was_short ? *before : done.error(), doing + times);
  }
}

Status Calls::load() const {
  const std::string doing = "loading the collection";
  PENSTOCK_TRY(call<StatusAnswer>("LoadCollection", load_collection(address_.collection), doing));
  std::int64_t before = -1;
  Clock::time_point end = Clock::now();
  for (std::uint32_t looks = 1;; ++looks) {
    PENSTOCK_ASSIGN(const auto now,
                    call<ProgressAnswer>("GetLoadingProgress", loading_progress(address_.collection), doing));
    if (now.percent >= 100) return {};
    if (now.percent > before) end = Clock::now() + address_.timeout;
    before = std::max(before, now.percent);
    const milliseconds pause = pause_after(looks);
    if (Clock::now() + pause >= end) {
      return explained(Error(ErrorCode::kTimeout, "it stands at " + std::to_string(now.percent) + " %"), doing);
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace penstock::milvus
