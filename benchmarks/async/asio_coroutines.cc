// SPDX-License-Identifier: MIT
// asio: its own coroutines and timers.
#include <asio.hpp>

#include "workload.h"

namespace penstock::benchmark::async {
namespace {

std::uint64_t next_record = 0;
std::uint64_t sum = 0;

asio::awaitable<void> work_through(std::uint64_t records) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (next_record < records) {
    const std::uint64_t record = next_record++;
    timer.expires_after(kWait);
    co_await timer.async_wait(asio::use_awaitable);
    sum += value_of(record);
  }
}

Outcome run(std::uint64_t records, std::size_t at_once) {
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE);
  for (std::size_t i = 0; i < at_once; ++i) asio::co_spawn(io, work_through(records), asio::detached);
  io.run();
  return {.result = sum};
}

Outcome thousand(std::uint64_t records) { return run(records, 1'000); }
Outcome ten_thousand(std::uint64_t records) { return run(records, 10'000); }

const Register registered({{kThousand, "asio: awaitable, steady_timer", thousand, false, kThousandRecords},
                           {kTenThousand, "asio: awaitable, steady_timer", ten_thousand, false, kTenThousandRecords}});

}  // namespace
}  // namespace penstock::benchmark::async
