// SPDX-License-Identifier: MIT
// For sharing_guide_test.py: publishes versions as fast as it can, each a block of one number repeated, until its input
// ends.
#include <penstock/transport.h>
#include <poll.h>

#include <cstring>

int main(int argc, char** argv) {
  using namespace penstock;
  const TransportOptions options = {.address = argc > 1 ? argv[1] : "", .role = TransportRole::kWriter};
  const auto writer = TransportRegistry::global().open("shm", options).value();
  pollfd input = {0, POLLIN, 0};
  for (int version = 1; ::poll(&input, 1, 0) == 0; ++version) {
    constexpr std::size_t kBytes = 64 * 1024;
    writer
        ->publish(kBytes,
                  [&](std::span<std::byte> room) {
                    std::memset(room.data(), version % 256, kBytes);
                    return kBytes;
                  })
        .value();
  }
}
