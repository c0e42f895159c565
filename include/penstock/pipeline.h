// SPDX-License-Identifier: MIT
// A pipeline as data: steps that refer to operators by name or by factory, each fed by one earlier step.
#pragma once

#include <penstock/run.h>

namespace penstock {

/// Makes operators for one step: one per worker. Thread-safe.
class OperatorFactory {
 public:
  virtual ~OperatorFactory();
  virtual Result<std::unique_ptr<Operator>> make() const = 0;
};

/// What one may say about a step besides what it does.
struct StepOptions {
  std::string name = {};      ///< For messages, plan and report; by default the operator's name, made unique.
  ErrorPolicy on_error = {};  ///< By default `fail()`.
  std::chrono::milliseconds timeout{0};  ///< For one batch; 0: none.
  bool light = false;                    ///< Not worth a thread of its own, whatever the operator says.
  /// Its result depends on its record or batch alone, so that workers may be replicated. Known without saying for
  /// operators of the registry, and for callables that capture nothing; each worker has a copy of the callable.
  bool stateless = false;
  bool may_crash = false;  ///< It calls what may crash or hang: the strategy `auto` gives it worker processes.
  /// Where the strategy `hybrid` runs it; no name: it is free to choose. `serial`: in the thread of its input,
  /// `threads`: in a thread of its own, `parallel(4)`: in four threads, `processes(2)`: in two processes.
  Strategy on = {};
};

/// Reads a placement: "processes", or "processes(2)" with its number of workers. kInvalidArgument with the nearest
/// name.
Result<Strategy> placement_from_text(std::string_view text);

/// A pipeline: what is to be done, without how. A value; copies are independent (factories are shared).
///
/// Building never fails; `check`, `plan` and `run` report wrong names, options and types before the first record moves.
/// Thread-compatible; one pipeline may run several times, also at once, if its operators' outputs do not collide.
class Pipeline {
 public:
  using StepId = std::size_t;
  static constexpr StepId kLast = static_cast<StepId>(-1);  ///< The step that was added last.
  static constexpr StepId kNone = static_cast<StepId>(-2);

  struct Step {
    std::string name;
    std::string op;                                  ///< Name in the registry, or of the function: "map".
    Options options;                                 ///< For operators of the registry.
    std::shared_ptr<const OperatorFactory> factory;  ///< Null: by name.
    std::shared_ptr<const OperatorFactory> fused;    ///< One loop for this and the `fused_steps - 1` steps before.
    std::size_t fused_steps = 1;
    StepId input = kNone;  ///< kNone for sources.
    ErrorPolicy on_error;
    std::chrono::milliseconds timeout{0};
    bool light = false;
    bool stateless = false;
    bool may_crash = false;
    Strategy on;
  };

  explicit Pipeline(std::string name = "pipeline") : name_(std::move(name)) {}

  /// Adds an operator of the registry behind `input`; sources have none. Returns its id.
  StepId add(std::string op, Options options = {}, StepOptions step = {}, StepId input = kLast);
  /// Adds an operator made by `factory`; `op` names it in messages.
  StepId add(std::string op, std::shared_ptr<const OperatorFactory> factory, StepOptions step = {},
             StepId input = kLast);
  /// Says that `fused` does the work of step `id` and of the `steps - 1` steps before it in one loop.
  void set_fused(StepId id, std::shared_ptr<const OperatorFactory> fused, std::size_t steps);

  const std::string& name() const noexcept { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  const std::vector<Step>& steps() const noexcept { return steps_; }
  StepId last() const noexcept { return steps_.empty() ? kNone : steps_.size() - 1; }

  /// Makes and binds every operator; reads at most samples of the input.
  Status check() const;
  /// The decision how it would run.
  Result<Plan> plan(const RunOptions& options = {}) const;
  /// Runs to the end. On an error nothing was committed. Ctrl-C is not its business: see `RunOptions::stop`.
  Result<Report> run(const RunOptions& options = {}) const;
  Result<Report> run(const Strategy& strategy) const;
  /// Like `run`, with the report also of a run that failed.
  RunOutcome run_to_outcome(const RunOptions& options) const;

 private:
  StepId append(Step step, StepId input);

  std::string name_;
  std::vector<Step> steps_;
};

/// What a strategy decides from.
struct StrategyInput {
  struct Step {
    std::size_t input = Pipeline::kNone;
    std::vector<std::size_t> consumers;
    OperatorTraits traits;
    std::string name;
    Strategy on;         ///< Where the user wants it; no name: anywhere.
    bool stays = false;  ///< It belongs into the segment of its input, so that not one record too many is looked at.
    bool output_crosses = false;  ///< What it emits can be handed to another process.
    bool may_crash = false;       ///< The user says so, or it did.
  };
  std::vector<Step> steps;    ///< In an order in which every step follows its input.
  std::uint32_t workers = 0;  ///< At most so many; 0: free to choose.
  std::size_t queue_depth = 8;
  std::uint32_t cores = 1;
};

/// A strategy decides by filling in segments and a reason. Pure: same input, same plan.
struct StrategyInfo {
  std::string name;
  std::string summary;
  Result<Plan> (*decide)(const StrategyInput& input) = nullptr;  ///< Only `segments` and `reason` are used.
};

/// Adds a strategy; kAlreadyExists when the name is taken. Thread-safe.
Status add_strategy(StrategyInfo info);
/// The known strategies, in the order in which they were added: serial, threads, then others.
std::vector<StrategyInfo> all_strategies();

}  // namespace penstock
