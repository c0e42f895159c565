// SPDX-License-Identifier: MIT
// The backends by name, and what all endpoints have in common.
#include <fmt/format.h>
#include <penstock/transport.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/nearest_name.h"
#include "operator/option_check.h"
#include "transport/builtin.h"

namespace penstock {

DictionaryBackend::~DictionaryBackend() = default;
StreamWriter::~StreamWriter() = default;
StreamReader::~StreamReader() = default;

Result<Version> DictionaryBackend::publish(std::span<const std::byte> bytes) {
  PENSTOCK_ASSIGN(const std::span<std::byte> room, begin(bytes.size()));
  if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
  return commit(bytes.size());
}

Result<Version> StreamWriter::send(std::span<const std::byte> bytes, const WaitLimit& limit) {
  PENSTOCK_ASSIGN(const std::span<std::byte> room, begin(bytes.size(), limit));
  if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
  return commit(bytes.size());
}

struct TransportRegistry::State {
  mutable std::mutex mutex;
  std::deque<TransportInfo> infos;  // addresses stay valid
};

TransportRegistry::TransportRegistry() : state_(std::make_unique<State>()) {}
TransportRegistry::~TransportRegistry() = default;

TransportRegistry& TransportRegistry::global() {
  static TransportRegistry& registry = []() -> TransportRegistry& {
    auto* const made = new TransportRegistry;  // never destroyed: endpoints may live in static objects
    add_builtin_transports(*made);
    return *made;
  }();
  return registry;
}

Status TransportRegistry::add(TransportInfo info) {
  const std::lock_guard lock(state_->mutex);
  for (const TransportInfo& known : state_->infos) {
    if (known.name != info.name) continue;
    return Error(ErrorCode::kAlreadyExists, fmt::format("there is a transport \"{}\" already", info.name))
        .hint("choose another name");
  }
  state_->infos.push_back(std::move(info));
  return {};
}

Result<const TransportInfo*> TransportRegistry::find(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> known;
  for (const TransportInfo& info : state_->infos) {
    known.push_back(info.name);
    if (info.name != name) continue;
    if (info.missing.empty()) return &info;
    return Error(ErrorCode::kUnsupported, fmt::format("this build of Penstock has no transport \"{}\"", name))
        .hint(info.missing);
  }
  std::sort(known.begin(), known.end());
  return Error(ErrorCode::kNotFound, fmt::format("unknown transport: \"{}\"", name)).hint(suggest_name(name, known));
}

std::vector<const TransportInfo*> TransportRegistry::all() const {
  std::vector<const TransportInfo*> infos;
  {
    const std::lock_guard lock(state_->mutex);
    for (const TransportInfo& info : state_->infos) infos.push_back(&info);
  }
  std::sort(infos.begin(), infos.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return infos;
}

Result<TransportOptions> TransportRegistry::check(const TransportInfo& info, TransportOptions options) const {
  constexpr std::uint32_t kMostReaders = 64;
  constexpr std::uint32_t kMostDepth = 1024;
  if (options.max_readers < 1 || options.max_readers > kMostReaders) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("max_readers must be in [1, {}], but is {}", kMostReaders, options.max_readers));
  }
  if (options.depth < 1 || options.depth > kMostDepth) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("depth must be in [1, {}], but is {}", kMostDepth, options.depth));
  }
  PENSTOCK_ASSIGN(options.more,
                  check_named_options(fmt::format("transport \"{}\"", info.name), info.options, options.more));
  return options;
}

Result<std::unique_ptr<DictionaryBackend>> TransportRegistry::open(std::string_view backend,
                                                                   const TransportOptions& options) const {
  PENSTOCK_ASSIGN(const TransportInfo* const info, find(backend));
  PENSTOCK_ASSIGN(const TransportOptions checked, check(*info, options));
  std::unique_ptr<DictionaryBackend> made = info->make();
  PENSTOCK_TRY(made->initialize(checked));
  return made;
}

namespace {

Error no_streams(const TransportInfo& info) {
  return Error(ErrorCode::kUnsupported, fmt::format("transport \"{}\" has no streams", info.name)).hint("shm has them");
}

}  // namespace

Result<std::unique_ptr<StreamWriter>> TransportRegistry::open_writer(std::string_view backend,
                                                                     TransportOptions options) const {
  PENSTOCK_ASSIGN(const TransportInfo* const info, find(backend));
  if (info->open_writer == nullptr) return no_streams(*info);
  options.role = TransportRole::kWriter;
  PENSTOCK_ASSIGN(const TransportOptions checked, check(*info, std::move(options)));
  return info->open_writer(checked);
}

Result<std::unique_ptr<StreamReader>> TransportRegistry::open_reader(std::string_view backend,
                                                                     TransportOptions options) const {
  PENSTOCK_ASSIGN(const TransportInfo* const info, find(backend));
  if (info->open_reader == nullptr) return no_streams(*info);
  options.role = TransportRole::kReader;
  PENSTOCK_ASSIGN(const TransportOptions checked, check(*info, std::move(options)));
  return info->open_reader(checked);
}

Result<std::unique_ptr<DictionaryBackend>> TransportRegistry::wait_until_open(std::string_view backend,
                                                                              TransportOptions options,
                                                                              const WaitLimit& limit) const {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPause = std::chrono::milliseconds(1);
  options.role = TransportRole::kReader;
  const auto begin = Clock::now();
  while (true) {
    Result<std::unique_ptr<DictionaryBackend>> opened = open(backend, options);
    if (opened || opened.error().code() != ErrorCode::kNotFound || !find(backend)) return opened;
    if (limit.stop != nullptr && limit.stop->state() != StopSignal::State::kRun) {
      return Error(ErrorCode::kCancelled, "stopped while waiting for somebody to make " + options.address);
    }
    const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
    if (limit.timeout_micros != WaitLimit::kForever && waited >= limit.timeout_micros) {
      return Error(ErrorCode::kTimeout, fmt::format("nobody made {} within {} ms", options.address, waited / 1000))
          .caused_by(std::move(opened).error());
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace penstock
