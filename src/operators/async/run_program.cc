// SPDX-License-Identifier: MIT
// Programs that coroutines wait for.
#include <penstock/async_io.h>

#ifdef PENSTOCK_ASYNC
#include <fmt/format.h>
#include <penstock/asio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "platform/descriptor.h"
#include "platform/file.h"
#include "platform/process.h"
#endif

namespace penstock {

#ifdef PENSTOCK_ASYNC
namespace {

// What a program reads lies in memory, so that nobody has to write while it writes.
Result<Descriptor> file_of(const std::string& input) {
  Descriptor file(::memfd_create("input", MFD_CLOEXEC));
  if (!file.is_open()) return file_error(errno, "make", "the input of a program");
  if (!write_all(file.get(), input)) return file_error(errno, "write", "the input of a program");
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return file_error(errno, "rewind", "the input of a program");
  return file;
}

struct RunningProgram {
  Descriptor output;
  ChildProcess process;
};

Result<RunningProgram> start_program(const ProgramRequest& request) {
  if (request.command.empty()) return Error(ErrorCode::kInvalidArgument, "no program is named");
  SpawnOptions options;
  PENSTOCK_ASSIGN(options.program, find_program(request.command.front()));
  options.words = request.command;
  options.env = environment();
  PENSTOCK_ASSIGN(const Descriptor input, file_of(request.input));
  PENSTOCK_ASSIGN(Pipe output, make_pipe("from " + options.program));
  options.stdin_fd = input.get();
  options.stdout_fd = output.writing.get();
  options.stderr_fd = STDERR_FILENO;
  PENSTOCK_ASSIGN(ChildProcess process, ChildProcess::spawn(options));
  return RunningProgram{std::move(output.reading), std::move(process)};
}

Task<Status> read_output(int descriptor, std::size_t max_bytes, std::string& output) {
  asio::posix::stream_descriptor from(current_io_context(), ::dup(descriptor));
  std::string block(std::size_t{16} << 10, '\0');
  for (;;) {
    const asio::mutable_buffer room = asio::buffer(block);
    const Result<std::size_t> got = co_await from.async_read_some(room, use_task);
    if (!got) co_return Status();  // its end
    output.append(block, 0, *got);
    if (output.size() > max_bytes) {
      co_return Error(ErrorCode::kResourceExhausted, fmt::format("it writes more than {} bytes", max_bytes));
    }
  }
}

// Not the public function itself: its frame must hold no types of this file alone.
Task<Result<ProgramEnd>> run_to_end(ProgramRequest request) {
  Result<RunningProgram> program = start_program(request);
  if (!program) co_return std::move(program).error();
  ProgramEnd end;
  Task<Status> reading = read_output(program->output.get(), request.max_output_bytes, end.output);
  const Status read = co_await std::move(reading);
  if (!read) co_return read.error();
  if (program->process.exit_descriptor() >= 0) {
    asio::posix::stream_descriptor over(current_io_context(), ::dup(program->process.exit_descriptor()));
    const Status ended = co_await over.async_wait(asio::posix::stream_descriptor::wait_read, use_task);
    if (!ended) co_return ended.error();
  }
  const ExitStatus status = program->process.reap();
  end.exit_code = status.code;
  end.signal = status.signal;
  co_return end;
}

}  // namespace

Task<Result<ProgramEnd>> run_program(ProgramRequest request) { return run_to_end(std::move(request)); }
#else
Task<Result<ProgramEnd>> run_program(ProgramRequest) {
  co_return Error(ErrorCode::kUnsupported, "this build runs no programs in coroutines")
      .hint("install libasio-dev and build again");
}
#endif

}  // namespace penstock
