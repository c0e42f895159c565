// SPDX-License-Identifier: MIT
#include "platform/machine.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "platform/file.h"
#include "platform/memory_use.h"

namespace penstock {
namespace {

// Returns a small file of the system as text, or nothing.
std::string text_of(const std::string& path) { return read_file(path, 1 << 20).value_or(std::string()); }

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

std::string processor_name() {
  const std::string text = text_of("/proc/cpuinfo");
  const std::size_t at = text.find("model name");
  const std::size_t colon = at == std::string::npos ? at : text.find(": ", at);
  return colon == std::string::npos ? std::string() : first_line(text.substr(colon + 2));
}

std::uint32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? static_cast<std::uint32_t>(count) : 1;
}

// Returns the state letter and the start time out of /proc/PID/stat; the name in it may hold spaces and parentheses.
struct Stat {
  char state = 0;
  std::uint64_t start_ticks = 0;
};
Stat stat_of(std::int64_t pid) {
  const std::string text = text_of("/proc/" + std::to_string(pid) + "/stat");
  std::size_t at = text.rfind(')');
  if (at == std::string::npos || at + 2 >= text.size()) return {};
  Stat stat;
  stat.state = text[at + 2];
  constexpr int kFieldsBeforeStart = 20;  // from the state, field 3, to the start time, field 22
  ++at;
  for (int field = 1; field < kFieldsBeforeStart && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), stat.start_ticks);
  return stat;
}

std::string boot_identity() { return first_line(text_of("/proc/sys/kernel/random/boot_id")); }

}  // namespace

Machine this_machine() {
  Machine machine;
  utsname names;
  if (::uname(&names) == 0) {
    machine.host = names.nodename;
    machine.system = std::string(names.sysname) + " " + names.release + " " + names.machine;
  }
  machine.processor = processor_name();
  machine.cores = usable_cores();
  machine.memory_bytes = memory_limit_bytes();
  return machine;
}

std::uint32_t threads_running() {
  const std::string text = text_of("/proc/loadavg");  // "0.20 0.18 0.12 1/80 11206"
  std::size_t at = 0;
  for (int field = 0; field < 3 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  std::uint32_t running = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), running);
  return running;
}

ProcessIdentity this_process() { return process_with(::getpid()); }

ProcessIdentity process_with(std::int64_t pid) { return {pid, stat_of(pid).start_ticks, boot_identity()}; }

std::string mark_of(const ProcessIdentity& process) {
  std::uint32_t digest = 2166136261;  // FNV-1a
  for (const char c : process.boot + ":" + std::to_string(process.start_ticks)) {
    digest = (digest ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  char text[40];
  std::snprintf(text, sizeof text, "%lld-%08x", static_cast<long long>(process.pid), static_cast<unsigned>(digest));
  return text;
}

std::string this_process_mark() {
  thread_local ProcessIdentity known;
  if (known.pid != ::getpid()) known = this_process();
  return mark_of(known);
}

bool is_running(const ProcessIdentity& process) {
  if (process.boot != boot_identity()) return false;
  const Stat stat = stat_of(process.pid);
  return stat.state != 0 && stat.state != 'Z' && stat.start_ticks == process.start_ticks;
}

}  // namespace penstock
