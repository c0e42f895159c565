// SPDX-License-Identifier: MIT
// A request is the number of the stage, whether it is an item, and the arguments as bytes; the answer is the result as
// bytes, or an error as code and text.
#include "workflow/function_process.h"

#include <fmt/format.h>
#include <penstock/stage_value.h>

#include <algorithm>
#include <cstring>

#include "workflow/stage_attempt.h"

namespace penstock {
namespace {

using Value = StageFunction::Value;
using Clock = std::chrono::steady_clock;

void put_bytes(std::string& out, std::string_view bytes) {
  detail::put_number(out, bytes.size());
  out += bytes;
}

std::string_view take_bytes(detail::ValueReader& reader) {
  const std::uint64_t size = reader.number();
  reader.ok = reader.ok && size <= reader.bytes.size();
  if (!reader.ok) return {};
  const std::string_view bytes = reader.bytes.substr(0, static_cast<std::size_t>(size));
  reader.bytes.remove_prefix(bytes.size());
  return bytes;
}

const FileStage& stage_of_name(const PipelineFile& file, const std::string& name) {
  return *std::find_if(file.stages.begin(), file.stages.end(),
                       [&](const FileStage& stage) { return stage.name == name; });
}

std::string encode_call(const PipelineFile& file, const FunctionCall& call) {
  std::string bytes;
  detail::put_number(bytes, call.number);
  detail::put_number(bytes, call.stage.item ? 1 : 0);
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const StageArgument& argument = call.stage.arguments[i];
    if (argument.value != nullptr) {
      put_bytes(bytes, file.stages[call.number].fan->encode_item(argument.value.get()));
    } else if (!argument.stage.empty()) {
      put_bytes(bytes, stage_of_name(file, argument.stage).function->encode(call.arguments[i].get()));
    } else {
      put_bytes(bytes, "");  // a parameter, which the process knows
    }
  }
  return bytes;
}

// ---- In the process ------------------------------------------------------------------------------------------------

Result<std::string> call_here(const PipelineFile& file, std::string_view request) {
  detail::ValueReader reader{request};
  const FileStage& stage = file.stages[reader.number()];
  const bool item = reader.number() != 0;
  std::vector<Value> arguments;
  for (std::size_t i = 0; i < stage.arguments.size(); ++i) {
    const StageArgument& argument = stage.arguments[i];
    const std::string_view bytes = take_bytes(reader);
    if (item && i == 0) {
      PENSTOCK_ASSIGN(Value value, stage.fan->decode_item(bytes));
      arguments.push_back(std::move(value));
    } else if (!argument.stage.empty()) {
      PENSTOCK_ASSIGN(Value value, stage_of_name(file, argument.stage).function->decode(bytes));
      arguments.push_back(std::move(value));
    } else {
      for (const OptionValue::Entry& param : file.params) {
        if (param.name == argument.param) arguments.push_back(value_of_param(param.value));
      }
    }
  }
  const std::shared_ptr<const StageFunction> function = item ? stage.fan->for_item() : stage.function;
  PENSTOCK_ASSIGN(const Value value, call_stage_function(stage.name, *function, arguments));
  return function->encode(value.get());
}

void serve(const PipelineFile& file, WorkerLink& link) {
  while (true) {
    const Result<WorkRequest> request = link.receive();
    if (!request) return;
    const std::span<const std::byte> bytes = link.request_bytes(*request);
    const Result<std::string> result = call_here(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    std::string answer;
    detail::put_number(answer, result ? 1 : 0);
    if (result) {
      answer += *result;
    } else {
      detail::put_number(answer, static_cast<std::uint64_t>(result.error().code()));
      put_bytes(answer, result.error().message());
      put_bytes(answer, result.error().hint());
    }
    const Result<std::span<std::byte>> room = link.room(answer.size());
    if (!room) return;
    std::memcpy(room->data(), answer.data(), answer.size());
    if (!link.reply(nullptr)) return;
  }
}

// ---- In the run ----------------------------------------------------------------------------------------------------

Result<Value> value_of_answer(const StageFunction& function, std::string_view answer) {
  detail::ValueReader reader{answer};
  if (reader.number() == 1 && reader.ok) return function.decode(reader.bytes);
  const std::uint64_t code = reader.number();
  const std::string message(take_bytes(reader));
  const std::string hint(take_bytes(reader));
  if (!reader.ok || code > static_cast<std::uint64_t>(ErrorCode::kInternal))
    return Error(ErrorCode::kDataLoss, "the process of a function said what cannot be");
  return Error(static_cast<ErrorCode>(code), message).hint(hint);
}

}  // namespace

FunctionProcesses::FunctionProcesses(const PipelineFile& file, std::unique_ptr<WorkerNursery> nursery)
    : file_(file), nursery_(std::move(nursery)) {}

FunctionProcesses::~FunctionProcesses() {
  for (WorkerProcess& process : idle_) nursery_->end(process);
}

Result<std::unique_ptr<FunctionProcesses>> FunctionProcesses::start(const PipelineFile& file) {
  PENSTOCK_ASSIGN(std::unique_ptr<WorkerNursery> nursery,
                  WorkerNursery::start([&file](std::uint32_t, WorkerLink& link) { serve(file, link); }));
  return std::unique_ptr<FunctionProcesses>(new FunctionProcesses(file, std::move(nursery)));
}

Result<WorkerProcess> FunctionProcesses::take_process() {
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      WorkerProcess process = std::move(idle_.back());
      idle_.pop_back();
      return process;
    }
    number = started_++;
  }
  return nursery_->spawn(number, 0);
}

FunctionEnd FunctionProcesses::call(const FunctionCall& call) {
  FunctionEnd end;
  Result<WorkerProcess> process = take_process();
  if (!process) {
    end.value = process.error();
    return end;
  }
  const std::string request = encode_call(file_, call);
  const Result<std::span<std::byte>> room = process->link->room(request.size());
  Status sent = room ? Status() : Status(room.error());
  if (sent) {
    std::memcpy(room->data(), request.data(), request.size());
    sent = process->link->send({0, request.size()});
  }
  constexpr int kLookMs = 20;
  while (sent) {
    const ParentLink::Event event = process->link->wait(kLookMs, process->ended.get());
    if (event == ParentLink::Event::kAnswer) {
      const Result<ParentLink::Answer> answer = process->link->take();
      if (!answer) {
        end.value = answer.error();
        break;
      }
      end.value = value_of_answer(*call.stage.function,
                                  {reinterpret_cast<const char*>(answer->bytes.data()), answer->bytes.size()});
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(*process));
      return end;
    }
    if (event == ParentLink::Event::kGone) break;
    if (call.stop != nullptr && call.stop->cancelled()) {
      end.cancelled = true;
      end.value = Error(ErrorCode::kCancelled, "the function was cancelled").at(call.stage.name);
      break;
    }
    if (call.deadline && Clock::now() >= *call.deadline) {
      end.value =
          Error(ErrorCode::kTimeout, "the function did not end in time, and its process was ended").at(call.stage.name);
      break;
    }
  }
  const bool told = end.cancelled || (!end.value && end.value.error().code() == ErrorCode::kTimeout);
  const WorkerEnd ended = nursery_->end(*process);
  if (told) return end;
  if (ended.known) end.exit = ExitStatus{ended.exit_code, ended.signal};
  end.value =
      Error(ErrorCode::kUserCode, fmt::format("the process of the function {}", ended.to_text())).at(call.stage.name);
  return end;
}

}  // namespace penstock
