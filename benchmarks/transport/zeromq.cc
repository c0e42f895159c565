// SPDX-License-Identifier: MIT
#include <zmq.h>

#include <string>

#include "workload.h"

namespace penstock::benchmark::transport {
namespace {

std::string address() { return "ipc:///tmp/penstock-benchmark-" + std::to_string(::getpid()); }

// The address is bound before it is connected to: the other order costs ZeroMQ's pause of 100 ms before it tries again.
template <std::size_t size, bool answers>
Outcome pair(std::uint64_t blocks) {
  Shared& common = shared();
  const std::string where = address();
  const pid_t pid = start_reader(common, [&] {
    while (common.ready == 0) ::usleep(100);
    void* const context = zmq_ctx_new();
    void* const socket = zmq_socket(context, ZMQ_PAIR);
    if (zmq_connect(socket, where.c_str()) != 0) give_up("zmq_connect");
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      zmq_msg_t message;
      zmq_msg_init(&message);
      if (zmq_msg_recv(&message, socket, 0) < 0) give_up("zmq_msg_recv");
      total += sum(zmq_msg_data(&message), zmq_msg_size(&message));
      zmq_msg_close(&message);
      if (answers) zmq_send(socket, &total, 8, 0);
    }
    zmq_send(socket, "", 0, 0);
    zmq_close(socket);
    zmq_ctx_term(context);
    return total;
  });
  void* const context = zmq_ctx_new();
  void* const socket = zmq_socket(context, ZMQ_PAIR);
  const int on_the_way = 8;
  zmq_setsockopt(socket, ZMQ_SNDHWM, &on_the_way, sizeof on_the_way);
  if (zmq_bind(socket, where.c_str()) != 0) give_up("zmq_bind");
  common.ready = 1;
  std::uint64_t answer = 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    if (zmq_send(socket, source(size).data(), size, 0) < 0) give_up("zmq_send");
    if (answers) zmq_recv(socket, &answer, 8, 0);
  }
  zmq_recv(socket, &answer, 8, 0);
  zmq_close(socket);
  zmq_ctx_term(context);
  wait_for(pid);
  ::unlink(where.c_str() + std::string("ipc://").size());
  return {common.result};
}

const Register contenders({
    {kRoundTripSmall, "ZeroMQ: ipc, PAIR", pair<kKiB, true>, false, 50'000},
    {kRoundTripLarge, "ZeroMQ: ipc, PAIR", pair<kMiB, true>, false, 2'000},
    {kStreamCopied, "ZeroMQ: ipc, PAIR", pair<kMiB, false>, false, 5'000},
    {kStreamHuge, "ZeroMQ: ipc, PAIR", pair<64 * kMiB, false>, false, 60},
});

}  // namespace
}  // namespace penstock::benchmark::transport
