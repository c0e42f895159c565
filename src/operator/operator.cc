// SPDX-License-Identifier: MIT
#include <penstock/operator.h>

namespace penstock {

RowErrors::~RowErrors() = default;
Emitter::~Emitter() = default;
void Emitter::give_back(Batch) {}
Operator::~Operator() = default;

Status Operator::open(OperatorContext&) { return {}; }
Status Operator::merge(Operator&) { contract_broken("an operator that says it is mergeable does not define merge"); }
Buffer Operator::prepare(const Batch&, BufferPool&) { return {}; }
Result<bool> Operator::idle(Emitter&, bool) { return false; }
Status Operator::finish(Emitter&) { return {}; }
Status Operator::save(StateWriter&) {
  contract_broken("an operator that says it saves its state does not define save");
}
Status Operator::restore(StateReader&) {
  contract_broken("an operator that says it saves its state does not define restore");
}
Status Operator::commit() { return {}; }
void Operator::abort() noexcept {}

SourcePiece::~SourcePiece() = default;

Result<std::unique_ptr<SourcePiece>> Source::cut(std::unique_ptr<SourcePiece>) {
  contract_broken("a source that is not divisible was asked for a piece");
}

Status Source::read(SourcePiece&, Emitter&) { contract_broken("a piece was handed to a source that is not divisible"); }

Status Source::process(Batch, Emitter&) { contract_broken("a batch was handed to a source"); }

void StopSignal::request(State state) noexcept {
  State now = state_.load(std::memory_order_relaxed);
  while (state > now && !state_.compare_exchange_weak(now, state, std::memory_order_relaxed)) {
  }
}

}  // namespace penstock
