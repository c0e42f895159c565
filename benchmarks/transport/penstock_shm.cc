// SPDX-License-Identifier: MIT
#include <penstock/transport.h>
#include <time.h>

#include "transport/batch_ring.h"
#include "workload.h"

namespace penstock::benchmark::transport {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().to_text().c_str());
  std::abort();
}
void must(Status status) {
  if (!status) must(Result<int>(status.error()));
}

AnonymousStream stream(std::size_t capacity, std::uint32_t readers, std::uint32_t depth = 8) {
  TransportOptions options;
  options.capacity_bytes = capacity;
  options.wait_for_readers = readers;
  options.depth = depth;
  return must(AnonymousStream::create(options));
}

std::uint64_t read_all(const AnonymousStream& from) {
  const auto reader = must(from.open_reader());
  std::uint64_t total = 0;
  for (View view = must(reader->receive({})); view; view = must(reader->receive({}))) {
    total += sum(view.bytes().data(), view.bytes().size());
    view.release();
  }
  return total;
}

template <bool in_place, std::size_t size, std::uint32_t readers, std::uint32_t depth>
Outcome stream_blocks(std::uint64_t blocks) {
  Shared& common = shared();
  const AnonymousStream ring = stream(size, readers, depth);
  std::vector<pid_t> pids;
  for (std::uint32_t i = 0; i < readers; ++i) pids.push_back(start_reader(common, [&] { return read_all(ring); }));
  const auto writer = must(ring.open_writer());
  const auto& from = source(size);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::span<std::byte> room = must(writer->begin(size, {}));
    if (in_place) {
      fill(room.data(), size, i);
    } else {
      std::memcpy(room.data(), from.data(), size);
    }
    must(writer->commit(size));
  }
  must(writer->close());
  for (const pid_t pid : pids) wait_for(pid);
  return {common.result};
}

template <std::size_t size>
Outcome round_trip(std::uint64_t blocks) {
  Shared& common = shared();
  const AnonymousStream there = stream(size, 1);
  const AnonymousStream back = stream(64, 1);
  const pid_t pid = start_reader(common, [&] {
    const auto reader = must(there.open_reader());
    const auto writer = must(back.open_writer());
    std::uint64_t total = 0;
    for (View view = must(reader->receive({})); view; view = must(reader->receive({}))) {
      total += sum(view.bytes().data(), view.bytes().size());
      view.release();
      (void)must(writer->begin(8, {}));
      must(writer->commit(8));
    }
    return total;
  });
  const auto writer = must(there.open_writer());
  const auto reader = must(back.open_reader());
  const auto& from = source(size);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    std::memcpy(must(writer->begin(size, {})).data(), from.data(), size);
    must(writer->commit(size));
    must(reader->receive({}));
  }
  must(writer->close());
  wait_for(pid);
  return {common.result};
}

TransportOptions dictionary_options(TransportRole role, std::size_t capacity) {
  TransportOptions options;
  options.address = "benchmark-" + std::to_string(::getpid());
  options.role = role;
  options.capacity_bytes = capacity;
  return options;
}

template <std::size_t size>
Outcome look(std::uint64_t times) {
  const auto writer = must(TransportRegistry::global().open("shm", dictionary_options(TransportRole::kWriter, size)));
  must(writer->publish(std::as_bytes(std::span(source(size)))));
  const auto reader = must(TransportRegistry::global().open("shm", dictionary_options(TransportRole::kReader, 0)));
  std::uint64_t seen = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    const View view = must(reader->view());
    seen += view.version();
  }
  return {seen};
}

Outcome publish(std::uint64_t blocks) {
  constexpr std::size_t kSize = 64 * kMiB;
  const auto writer = must(TransportRegistry::global().open("shm", dictionary_options(TransportRole::kWriter, kSize)));
  for (std::uint64_t i = 0; i < blocks; ++i) must(writer->publish(std::as_bytes(std::span(source(kSize)))));
  return {blocks};
}

// The reader sleeps when a version comes, since that takes longer than it spins; latency from before publishing.
Outcome wake_up(std::uint64_t times) {
  Shared& common = shared();
  const TransportOptions as_writer = dictionary_options(TransportRole::kWriter, 64);
  const auto writer = must(TransportRegistry::global().open("shm", as_writer));
  Latencies& latencies =
      *new (::mmap(nullptr, sizeof(Latencies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Latencies;
  const pid_t pid = start_reader(common, [&] {
    TransportOptions options = as_writer;
    options.role = TransportRole::kReader;
    const auto reader = must(TransportRegistry::global().open("shm", options));
    common.ready = 1;
    for (Version seen = 0; seen < times;) {
      seen = must(reader->wait(seen, {}));
      latencies.add(now_ns() - common.sent_ns.load(std::memory_order_relaxed));
    }
    return times;
  });
  while (common.ready == 0) ::usleep(1000);
  for (std::uint64_t i = 0; i < times; ++i) {
    ::usleep(2000);
    common.sent_ns.store(now_ns(), std::memory_order_relaxed);
    must(writer->publish(std::as_bytes(std::span(&i, 1))));
  }
  wait_for(pid);
  Outcome outcome = {common.result};
  latencies.fill(outcome);
  return outcome;
}

const Register contenders({
    {kRoundTripSmall, "Penstock: shm stream", round_trip<kKiB>, false, 50'000},
    {kRoundTripLarge, "Penstock: shm stream", round_trip<kMiB>, false, 2'000},
    {kStreamCopied, "Penstock: shm stream", stream_blocks<false, kMiB, 1, 8>, false, 5'000},
    {kStreamInPlace, "Penstock: shm stream", stream_blocks<true, kMiB, 1, 8>, true, 5'000},
    {kStreamHuge, "Penstock: shm stream, 2 on the way", stream_blocks<false, 64 * kMiB, 1, 2>, false, 60},
    {kFanOut, "Penstock: shm stream", stream_blocks<false, kMiB, 3, 8>, false, 2'000},
    {kView, "Penstock: shm, version of 1 KiB", look<kKiB>, true, 50'000'000},
    {kView, "Penstock: shm, version of 64 MiB", look<64 * kMiB>, false, 50'000'000},
    {kPublish, "Penstock: shm", publish, false, 60},
    {kWakeUp, "Penstock: shm, wait", wake_up, false, 500},
});

}  // namespace
}  // namespace penstock::benchmark::transport
