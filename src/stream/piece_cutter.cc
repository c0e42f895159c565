// SPDX-License-Identifier: MIT
#include "stream/piece_cutter.h"

#include <utility>

#include "stream/user_call.h"

namespace penstock {

PieceCutter::PieceCutter(RunState& run, const StepAtWork& step, std::unique_ptr<Operator> source)
    : run_(run), step_(step), op_(std::move(source)), context_(context_of(run, step, 0)) {}

Result<std::unique_ptr<SourcePiece>> PieceCutter::next(std::unique_ptr<SourcePiece> spent) {
  if (closed_.load(std::memory_order_relaxed) || run_.poll_stop() != StopSignal::State::kRun) return nullptr;
  Result<std::unique_ptr<SourcePiece>> piece = cut(std::move(spent));
  if (!piece || *piece == nullptr) close();  // other workers will ask, too, and the source was asked for the last time
  if (piece) return piece;
  if (piece.error().code() == ErrorCode::kCancelled && run_.stop.state() != StopSignal::State::kRun) return nullptr;
  return std::move(piece).error().at(step_.step->spec->name);
}

Result<std::unique_ptr<SourcePiece>> PieceCutter::cut(std::unique_ptr<SourcePiece> spent) {
  if (!opened_) {
    opened_ = true;
    PENSTOCK_TRY(guarded([&] { return op_->open(context_); }));
    PENSTOCK_TRY(restored_.give_to(*op_, run_));
  }
  context_.batch_size = run_.batch_size.load(std::memory_order_relaxed);
  return guarded([&] { return static_cast<Source&>(*op_).cut(std::move(spent)); });
}

void PieceCutter::merge(Operator& reader) {
  if (run_.cancelled()) return;
  Status status = guarded([&] { return op_->merge(reader); });
  if (!status) run_.fail(std::move(status).error().at(step_.step->spec->name));
}

}  // namespace penstock
