// SPDX-License-Identifier: MIT
// What may stand in a co_await expression. GCC 12 destroys twice what is a temporary aggregate, or the closure of a
// temporary lambda, among the arguments of a coroutine that is awaited in the same expression. docs/guide/async.md says
// how to write it.
#include <gtest/gtest.h>
#include <penstock/async.h>
#include <penstock/async_io.h>

namespace penstock {
namespace {

struct Counts {
  int made = 0;
  int destroyed = 0;
};

// Counts its copies.
class Probe {
 public:
  explicit Probe(Counts& counts) : counts_(&counts) { ++counts_->made; }
  Probe(const Probe& other) : counts_(other.counts_) { ++counts_->made; }
  Probe& operator=(const Probe&) = delete;
  ~Probe() { ++counts_->destroyed; }

 private:
  Counts* counts_;
};

struct Aggregate {
  Probe probe;
};
class WithConstructor {
 public:
  explicit WithConstructor(Probe probe) : probe_(probe) {}

 private:
  Probe probe_;
};

template <class T>
Task<int> take(T) {
  co_await sleep_for(std::chrono::microseconds(1));
  co_return 1;
}

// Runs `body(counts)`, a coroutine, for one record.
template <class F>
Counts counts_of(F body) {
  Counts counts;
  std::vector<int> out;
  const auto call = [&](std::uint64_t) -> Task<int> {
    Task<int> task = body(counts);
    co_return co_await std::move(task);
  };
  EXPECT_TRUE(range(0, 1).apply(map_async(call)).collect(out).run());
  EXPECT_EQ(out, std::vector<int>{1});
  return counts;
}

#define EXPECT_BALANCED(counts) EXPECT_EQ((counts).made, (counts).destroyed)

TEST(Await, NamedVariablesAreSafe) {
  EXPECT_BALANCED(counts_of([](Counts& counts) -> Task<int> {
    Aggregate aggregate{Probe(counts)};
    co_return co_await take(std::move(aggregate));
  }));
  EXPECT_BALANCED(counts_of([](Counts& counts) -> Task<int> {
    const Probe probe(counts);
    const auto closure = [probe] { return 1; };
    co_return co_await take(closure);
  }));
}

TEST(Await, ATaskMadeInAStatementOfItsOwnIsSafe) {
  EXPECT_BALANCED(counts_of([](Counts& counts) -> Task<int> {
    Task<int> task = take(Aggregate{Probe(counts)});
    co_return co_await std::move(task);
  }));
}

TEST(Await, TemporariesWithConstructorsAreSafe) {
  EXPECT_BALANCED(counts_of([](Counts& counts) -> Task<int> {  //
    co_return co_await take(WithConstructor(Probe(counts)));
  }));
}

// Should this fail, the compiler has learnt it, and the page can say so.
TEST(Await, TemporaryAggregatesAreNot) {
  const Counts counts = counts_of([](Counts& counts) -> Task<int> {  //
    co_return co_await take(Aggregate{Probe(counts)});
  });
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ == 12
  EXPECT_GT(counts.destroyed, counts.made);
#else
  EXPECT_BALANCED(counts);
#endif
}

// What the library offers can be awaited in one expression.
TEST(Await, TheLibrarysOwnRequestsHaveConstructors) {
  static_assert(!std::is_aggregate_v<HttpRequest> && !std::is_aggregate_v<ProgramRequest>);
}

}  // namespace
}  // namespace penstock
