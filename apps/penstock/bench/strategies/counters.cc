// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/counters.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace penstock::app::bench {
namespace {

struct Wanted {
  const char* name;
  std::uint64_t config;
};
constexpr Wanted kWanted[] = {{"cycles", PERF_COUNT_HW_CPU_CYCLES},
                              {"instructions", PERF_COUNT_HW_INSTRUCTIONS},
                              {"cache_references", PERF_COUNT_HW_CACHE_REFERENCES},
                              {"cache_misses", PERF_COUNT_HW_CACHE_MISSES}};

int open_counter(std::uint64_t config) {
  perf_event_attr attributes = {};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = config;
  attributes.inherit = 1;
  attributes.exclude_kernel = 1;  // all that an unprivileged process may ask for by default
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

const char* reason_of(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM: return "the kernel does not allow it (see /proc/sys/kernel/perf_event_paranoid)";
    case ENOENT:
    case EOPNOTSUPP:
    case ENODEV: return "this processor, or the virtual machine, has none";
    case ENOSYS: return "the kernel has no perf events";
    default: return std::strerror(error_number);
  }
}

}  // namespace

Counters Counters::start() {
  Counters counters;
  for (const Wanted& wanted : kWanted) {
    Descriptor descriptor(open_counter(wanted.config));
    if (descriptor.get() >= 0) {
      counters.all_.push_back({wanted.name, std::move(descriptor)});
    } else if (counters.missing_.empty()) {
      counters.missing_ = reason_of(errno);
    }
  }
  if (!counters.all_.empty()) counters.missing_.clear();
  return counters;
}

std::map<std::string, double> Counters::read() const {
  std::map<std::string, double> values;
  for (const One& each : all_) {
    struct {
      std::uint64_t value;
      std::uint64_t enabled;
      std::uint64_t running;
    } got = {};
    if (::read(each.descriptor.get(), &got, sizeof got) != sizeof got || got.running == 0) continue;
    values[each.name] =
        static_cast<double>(got.value) * static_cast<double>(got.enabled) / static_cast<double>(got.running);
  }
  return values;
}

}  // namespace penstock::app::bench
