// SPDX-License-Identifier: MIT
// Workflows in C++: stages that are functions, commands or pipelines, each begun as soon as what it needs has ended.
// The same model as that of workflow files (docs/guide/workflows.md), kept in the same store.
#pragma once

#include <penstock/pipeline_file.h>
#include <penstock/stage_value.h>

#include <chrono>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace penstock {

/// A stage's function without its types. Thread-safe; made by `Workflow::stage`.
class StageFunction {
 public:
  using Value = std::shared_ptr<const void>;
  virtual ~StageFunction();
  /// Calls it with the values of its arguments, in order. May throw; then the stage fails with what it threw.
  virtual Result<Value> call(const std::vector<Value>& arguments) const = 0;
  virtual std::string encode(const void* value) const = 0;
  /// kDataLoss when the bytes are not those of a value of its type.
  virtual Result<Value> decode(std::string_view bytes) const = 0;
  /// The files that a value refers to.
  virtual std::vector<FileRef> files(const void* value) const = 0;
  /// The value with these files in the places of those that `files` gave, in the same order.
  virtual Value with_files(const Value& value, const std::vector<FileRef>& files) const = 0;
};

/// The list of a stage that is done for each of one, without its types. Thread-safe; made by `Workflow::for_each`.
class StageFan {
 public:
  using Value = StageFunction::Value;
  virtual ~StageFan();
  virtual std::size_t count(const void* list) const = 0;
  virtual Value item(const void* list, std::size_t index) const = 0;
  virtual std::string encode_item(const void* item) const = 0;
  /// kDataLoss when the bytes are not those of an item.
  virtual Result<Value> decode_item(std::string_view bytes) const = 0;
  /// What is called for an item, with it in the place of the list.
  virtual std::shared_ptr<const StageFunction> for_item() const = 0;
  /// A list of the results, in the order of the items.
  virtual Value collect(const std::vector<Value>& results) const = 0;
};

/// What may be said of a stage besides what it does.
struct StageOptions {
  std::string name = {};       ///< Its folder in the store: letters, digits, '_' and '-'. Required.
  std::string version = {};    ///< Raise it when the stage is to run again although nothing that is seen changed.
  bool cache = false;          ///< Take its result from other runs; one that is resumed is always looked at.
  bool code_declared = false;  ///< Only `version` speaks for its code; otherwise the build of the program does.
  StageRetry retry = {};
  std::vector<std::string> after = {};  ///< Names of stages that must have ended before.
  std::string when = {};                ///< A condition over the parameters, as in files: "params.report".
  OptionValue::Table resources = {};    ///< See `WorkflowSettings::resources`.
  /// Where it runs (`mode_of`). In a process it sees what the program was when the run began: what other functions
  /// change outside of their results does not reach it.
  StageMode mode = StageMode::kAuto;
  bool may_crash = false;  ///< It calls what may crash or hang: kAuto chooses a process.
  /// Most time of an attempt; 0: none. A process is killed then; a function in the program cannot be stopped, so its
  /// attempt fails when it returns too late.
  std::chrono::milliseconds timeout{0};
};

/// The result of a stage as an argument of later ones. A small value; the workflow must outlive it.
template <class T>
struct StageHandle {
  using value_type = T;
  std::string stage;
  std::size_t number = 0;  ///< Where it stands in its workflow, as far as known: there it is looked for first.
};

/// A parameter as an argument of stages.
template <class T>
struct ParamHandle {
  using value_type = T;
  std::string param;
};

namespace detail {

template <class T>
struct PlainResult {
  using type = T;
};
template <class T>
struct PlainResult<Result<T>> {
  using type = T;
};

template <class T>
class TypedFunction : public StageFunction {
 public:
  std::string encode(const void* value) const final {
    std::string bytes;
    encode_value(bytes, *static_cast<const T*>(value));
    return bytes;
  }
  Result<Value> decode(std::string_view bytes) const final {
    ValueReader reader{bytes};
    auto value = std::make_shared<T>();
    decode_value(reader, *value);
    if (reader.ok && reader.bytes.empty()) return Value(std::move(value));
    return Error(ErrorCode::kDataLoss, "the bytes are not those of a value of this stage");
  }
  std::vector<FileRef> files(const void* value) const final {
    std::vector<FileRef> files;
    for_each_file(*static_cast<const T*>(value), [&](const FileRef& file) { files.push_back(file); });
    return files;
  }
  Value with_files(const Value& value, const std::vector<FileRef>& files) const final {
    if (files.empty()) return value;
    auto copy = std::make_shared<T>(*static_cast<const T*>(value.get()));
    std::size_t next = 0;
    for_each_file(*copy, [&](FileRef& file) { file = files[next++]; });
    return copy;
  }
};

template <class T, class F, class... In>
class BoundFunction final : public TypedFunction<T> {
 public:
  explicit BoundFunction(F function) : function_(std::move(function)) {}
  Result<StageFunction::Value> call(const std::vector<StageFunction::Value>& arguments) const override {
    return call_with(arguments, std::index_sequence_for<In...>{});
  }

 private:
  template <std::size_t... I>
  Result<StageFunction::Value> call_with(const std::vector<StageFunction::Value>& arguments,
                                         std::index_sequence<I...>) const {
    Result<T> result = function_(*static_cast<const In*>(arguments[I].get())...);
    if (!result) return std::move(result).error();
    return StageFunction::Value(std::make_shared<const T>(std::move(*result)));
  }
  F function_;
};

/// The result of a stage that is done for each of a list: it is put together, never called.
template <class T>
class ListOf final : public TypedFunction<T> {
 public:
  Result<StageFunction::Value> call(const std::vector<StageFunction::Value>&) const override {
    return Error(ErrorCode::kInternal, "a list of results is not called");
  }
};

template <class In, class Out>
class FanOf final : public StageFan {
 public:
  explicit FanOf(std::shared_ptr<const StageFunction> function) : function_(std::move(function)) {}
  std::size_t count(const void* list) const override { return list_of(list).size(); }
  Value item(const void* list, std::size_t index) const override {
    return std::make_shared<const In>(list_of(list)[index]);
  }
  std::string encode_item(const void* item) const override {
    std::string bytes;
    encode_value(bytes, *static_cast<const In*>(item));
    return bytes;
  }
  Result<Value> decode_item(std::string_view bytes) const override {
    ValueReader reader{bytes};
    auto item = std::make_shared<In>();
    decode_value(reader, *item);
    if (reader.ok && reader.bytes.empty()) return Value(std::move(item));
    return Error(ErrorCode::kDataLoss, "the bytes are not those of an item of this stage");
  }
  std::shared_ptr<const StageFunction> for_item() const override { return function_; }
  Value collect(const std::vector<Value>& results) const override {
    auto list = std::make_shared<std::vector<Out>>();
    for (const Value& result : results) list->push_back(*static_cast<const Out*>(result.get()));
    return list;
  }

 private:
  static const std::vector<In>& list_of(const void* list) { return *static_cast<const std::vector<In>*>(list); }
  std::shared_ptr<const StageFunction> function_;
};

}  // namespace detail

/// A workflow that is built by calls. Building never fails; `run` reports wrong names and circles before anything runs.
/// Thread-compatible; may run several times.
class Workflow {
 public:
  explicit Workflow(std::string name);

  /// A parameter with a default, whose type is one of bool, std::int64_t, double and std::string.
  template <class T>
  ParamHandle<T> param(std::string name, T default_value) {
    static_assert(std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, double> ||
                      std::is_same_v<T, std::string>,
                  "penstock: param(): a parameter is a bool, std::int64_t, double or std::string");
    add_param(name, OptionValue(std::move(default_value)));
    return {std::move(name)};
  }

  /// Adds a stage that calls `function` with the results of other stages and parameters, handed over as const
  /// references. It returns a `StageValue` or a `Result` of one; it may throw. It is called on any thread, once per
  /// attempt, never twice at once for one stage of a run.
  template <class F, class... Arguments>
  auto stage(StageOptions options, F function, const Arguments&... arguments) {
    static_assert(std::is_invocable_v<const F&, const typename Arguments::value_type&...>,
                  "penstock: stage(): the function does not accept the results of these stages");
    if constexpr (std::is_invocable_v<const F&, const typename Arguments::value_type&...>) {
      using Returned = std::remove_cvref_t<std::invoke_result_t<const F&, const typename Arguments::value_type&...>>;
      using T = typename detail::PlainResult<Returned>::type;
      static_assert(StageValue<T>,
                    "penstock: stage(): what the function returns cannot be written down: give it "
                    "PENSTOCK_FIELDS, or return numbers, texts, or vectors of such");
      std::string name = options.name;
      add_function(
          std::move(options),
          std::make_shared<detail::BoundFunction<T, F, typename Arguments::value_type...>>(std::move(function)),
          {argument_of(arguments)...});
      return StageHandle<T>{std::move(name), file_.stages.size() - 1};
    }
  }

  /// Adds a stage that calls `function` once for each element of the list that another stage returned, several at once,
  /// with the further arguments as they are. Its result is the list of theirs, in the same order; with `cache` every
  /// element's result is kept by itself, so that one that is new runs alone.
  template <class F, class In, class... Arguments>
  auto for_each(StageOptions options, F function, const StageHandle<std::vector<In>>& list,
                const Arguments&... arguments) {
    static_assert(std::is_invocable_v<const F&, const In&, const typename Arguments::value_type&...>,
                  "penstock: for_each(): the function does not accept an element of this list");
    if constexpr (std::is_invocable_v<const F&, const In&, const typename Arguments::value_type&...>) {
      using Returned =
          std::remove_cvref_t<std::invoke_result_t<const F&, const In&, const typename Arguments::value_type&...>>;
      using T = typename detail::PlainResult<Returned>::type;
      static_assert(StageValue<T>,
                    "penstock: for_each(): what the function returns cannot be written down: give it "
                    "PENSTOCK_FIELDS, or return numbers, texts, or vectors of such");
      std::string name = options.name;
      auto called =
          std::make_shared<detail::BoundFunction<T, F, In, typename Arguments::value_type...>>(std::move(function));
      add_function(std::move(options), std::make_shared<detail::ListOf<std::vector<T>>>(),
                   {argument_of(list), argument_of(arguments)...},
                   std::make_shared<detail::FanOf<In, T>>(std::move(called)));
      return StageHandle<std::vector<T>>{std::move(name), file_.stages.size() - 1};
    }
  }

  /// Says what takes the place of a stage that failed: a function with the same arguments and result, as a stage
  /// "NAME-or-else".
  template <class T, class F, class... Arguments>
  void or_else(const StageHandle<T>& failed, F function, const Arguments&... arguments) {
    add_function({.name = failed.stage + "-or-else"},
                 std::make_shared<detail::BoundFunction<T, F, typename Arguments::value_type...>>(std::move(function)),
                 {argument_of(arguments)...});
    set_fallback(failed.stage);
  }

  /// Adds a stage of another kind, as files describe them. One that takes the stream of another comes behind that.
  void add(FileStage stage);
  /// Adds a parameter whose text is the path or URI of a file, and a stage of the same name whose result refers to it.
  StageHandle<FileRef> file(const std::string& name, std::string default_uri) {
    const ParamHandle<std::string> uri = param(name, std::move(default_uri));
    return stage({.name = name}, [](const std::string& text) { return FileRef{text, 0, {}}; }, uri);
  }
  WorkflowSettings& settings() noexcept { return file_.workflow; }
  RunOptions& run_options() noexcept { return file_.run; }

  /// Sets a parameter; kNotFound, kInvalidArgument like `--set`.
  Status set(const std::string& param, const std::string& text);

  /// Runs it. Thread-safe as `run_pipeline_file`.
  Result<FileRun> run(const FileRunOptions& options = {}) const { return run_pipeline_file(file_, options); }

  /// The result of a stage of a run that ended. kNotFound when it has none.
  template <StageValue T>
  Result<T> value(const FileRun& run, const StageHandle<T>& stage) const {
    PENSTOCK_ASSIGN(const StageFunction::Value found, find_value(run, stage.stage, stage.number));
    return *static_cast<const T*>(found.get());
  }

  /// The workflow as data.
  const PipelineFile& file() const noexcept { return file_; }

 private:
  template <class T>
  static StageArgument argument_of(const StageHandle<T>& handle) {
    return {handle.stage, {}, {}};
  }
  template <class T>
  static StageArgument argument_of(const ParamHandle<T>& handle) {
    return {{}, handle.param, {}};
  }

  void add_param(const std::string& name, OptionValue value);
  void add_function(StageOptions options, std::shared_ptr<const StageFunction> function,
                    std::vector<StageArgument> arguments, std::shared_ptr<const StageFan> fan = {});
  void set_fallback(const std::string& stage);
  Result<StageFunction::Value> find_value(const FileRun& run, const std::string& stage, std::size_t number) const;

  PipelineFile file_;
  bool streams_ = false;  ///< One of them takes a stream.
};

}  // namespace penstock
