// SPDX-License-Identifier: MIT
// How an operator is written: the base classes, what the engine hands to it, its options, and the registry of names.
#pragma once

#include <penstock/batch.h>
#include <penstock/result.h>

#include <atomic>
#include <initializer_list>

namespace penstock {

// ---- What happens to a record that an operator cannot process ------------------------------------------------------

/// What an operator does with a record, or a batch, that fails. Made by `fail`, `skip`, `quarantine` and `retry`.
struct ErrorPolicy {
  enum class Action : std::uint8_t { kFail, kSkip, kQuarantine };

  Action action = Action::kFail;     ///< What happens when all attempts failed.
  std::string quarantine_path = {};  ///< JSON Lines; empty: "quarantine.jsonl" in the folder of the run's artifacts.
  std::uint32_t max_attempts = 1;    ///< At least 1.
  std::int64_t backoff_micros = 0;   ///< Before the second attempt; doubles with each further one.
};

/// The run ends with the error. The default.
ErrorPolicy fail();
/// The record is dropped and counted.
ErrorPolicy skip();
/// The record is written to `path` (JSON Lines: operator, record, line, column, reason, raw) and counted.
ErrorPolicy quarantine(std::string path = {});
/// Tries up to `max_attempts` times, then does what `then` says.
ErrorPolicy retry(std::uint32_t max_attempts, std::int64_t backoff_micros = 10'000, ErrorPolicy then = fail());

/// A record that an operator refuses.
struct Rejection {
  /// Its index in the batch at hand (the engine adds what came before); in all for sources, and for operators that work
  /// on records of earlier batches, too (see OperatorTraits::in_flight).
  std::uint64_t record = 0;
  std::string reason;        ///< What was found and what was expected.
  std::string raw;           ///< The record as it came: its bytes, or JSON.
  std::string column = {};   ///< The column at fault, when there is one.
  std::string file = {};     ///< Where it was read, when known.
  std::uint64_t line = 0;    ///< Line in `file`, from 1; 0: unknown.
  std::uint64_t offset = 0;  ///< First byte in `file` after decompression; means nothing while `line` is 0.
};

/// Where an operator hands its rejected records to. Belongs to one worker; not thread-safe.
class RowErrors {
 public:
  virtual ~RowErrors();
  /// Applies the operator's policy: OK means the record is counted (and kept, if the policy says so) and the work goes
  /// on; an error is to be returned from `process` at once.
  virtual Status reject(Rejection rejection) = 0;
  /// True when the policy keeps no rejected record, so that `raw` need not be filled.
  virtual bool raw_unused() const noexcept { return false; }
  /// Counts an attempt that was tried again, or a record that a fallback made.
  virtual void count_retry() noexcept {}
  virtual void count_fallback() noexcept {}
};

// ---- What the engine hands to an operator --------------------------------------------------------------------------

/// How a run is asked to stop. Thread-safe.
class StopSignal {
 public:
  enum class State : std::uint8_t {
    kRun,
    kDrain,   ///< Take no more input; finish and commit what is in flight.
    kCancel,  ///< Stop soon; drop what is in flight, commit nothing.
  };
  State state() const noexcept { return state_.load(std::memory_order_relaxed); }
  bool cancelled() const noexcept { return state() == State::kCancel; }
  /// Never goes back from kCancel to kDrain.
  void request(State state) noexcept;

 private:
  std::atomic<State> state_{State::kRun};
};

/// Where an operator puts its output. Belongs to one worker.
class Emitter {
 public:
  virtual ~Emitter();
  /// Hands `batch` on; waits while the next channel is full. Returns false when nobody wants more (the run stops, or a
  /// later operator has all it needs): the operator may then stop early; it need not.
  virtual bool emit(Batch batch) = 0;
  /// True when `emit` would return false.
  virtual bool done() const noexcept = 0;
  /// Takes typed records that nobody needs any more, so that the worker that allocated what they hold can free it:
  /// memory that wanders from thread to thread costs several times as much. Need not be called.
  virtual void give_back(Batch spent);
};

/// What an operator may use while it works; valid from `open` to `finish`.
struct OperatorContext {
  std::string name;          ///< In the pipeline; for messages.
  std::uint32_t worker = 0;  ///< Which of the operator's workers this is.
  /// Most records per batch that a source or aggregate should emit. The engine lowers it between two calls of `produce`
  /// when fewer are wanted, so look at it in each.
  std::size_t batch_size = 1024;
  BufferPool* pool = nullptr;           ///< For columns.
  RowErrors* errors = nullptr;          ///< For rejected records.
  const ErrorPolicy* policy = nullptr;  ///< What the user asked for.
  const StopSignal* stop = nullptr;     ///< To look at in long loops.
};

// ---- State in checkpoints ------------------------------------------------------------------------------------------

/// Takes down what an operator keeps from batch to batch: see `Operator::save`. The bytes are the same on every
/// machine. Used by one thread.
class StateWriter {
 public:
  StateWriter() = default;
  StateWriter(StateWriter&& other) noexcept = default;
  StateWriter& operator=(StateWriter&& other) = delete;
  ~StateWriter();

  void integer(std::uint64_t value);
  void number(double value);  ///< Bit for bit.
  void text(std::string_view bytes);
  /// The state is worth nothing without what was written to the open file so far: the checkpoint counts only when that
  /// is on the disk. The caller may go on writing and close the file.
  Status needs(int descriptor);
  /// The file at `path` belongs to the state, and is to be removed with the checkpoint when nobody needs it.
  void owns(std::string path);

  // For the engine.
  const std::string& bytes() const noexcept { return bytes_; }
  const std::vector<std::string>& files() const noexcept { return files_; }
  /// Hands over the descriptors that `needs` was given, as copies to be closed.
  std::vector<int> take_descriptors() noexcept { return std::exchange(descriptors_, {}); }

 private:
  std::string bytes_;
  std::vector<int> descriptors_;
  std::vector<std::string> files_;
};

/// Gives back what a StateWriter took down, in the same order. After something did not fit all that follows is 0 or
/// empty, and `end` says so. Used by one thread; the bytes must outlive it.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) noexcept : bytes_(bytes) {}

  std::uint64_t integer() noexcept;
  double number() noexcept;
  std::string_view text() noexcept;
  /// kDataLoss unless everything was there and nothing is left.
  Status end() const;

 private:
  std::string_view bytes_;
  bool cut_ = false;
};

// ---- Operators -----------------------------------------------------------------------------------------------------

/// What becomes of the records that enter an operator. The engine checks it: no record gets lost unseen.
enum class RowEffect : std::uint8_t {
  kChanges,  ///< Anything: an aggregate, a flat_map.
  kKeeps,    ///< Every record comes out, or is rejected.
  kDrops,    ///< Every record comes out, is rejected, or is dropped on purpose: a filter.
};

/// What an operator promises, for the strategies.
struct OperatorTraits {
  bool stateless = false;  ///< `process` depends on nothing but its batch: workers may be replicated.
  bool mergeable =
      false;  ///< Its workers may each see a part of the batches, and `merge` puts together what they gathered.
  bool divisible = false;     ///< A source whose input several workers may read side by side: see `Source::cut`.
  bool light = false;         ///< A few nanoseconds per record: not worth a thread of its own.
  bool unordered = false;     ///< The output's order may differ between strategies; plan and report say so.
  bool prepares = false;      ///< Others may do a part of its work ahead: see `Operator::prepare`.
  bool effects = false;       ///< It must see every record even when nobody needs its output: it writes something.
  bool ends_early = false;    ///< It may need only the first records of its input: see `records_wanted`.
  bool retries_rows = false;  ///< It tries single records again by itself, as its policy says.
  bool saves = false;         ///< What it keeps from batch to batch can be saved and restored: see `Operator::save`.
  /// It waits for up to so many records at once, also for those of earlier batches; 0: it is done with a batch when
  /// `process` returns. It is never replicated, numbers the records that it rejects from the first of its input, and
  /// the engine calls `idle`.
  std::uint32_t in_flight = 0;
  RowEffect rows = RowEffect::kChanges;
};

/// Something that an operator leaves behind, for the report and the run's manifest.
struct OutputFile {
  std::string path = {};
  std::string kind = {};  ///< "data", "quarantine" …
  std::uint64_t records = 0;
  std::uint64_t size_bytes = 0;
};

/// A step of a pipeline. One instance serves one worker, so members are the per-worker state and need no locks.
///
/// The engine calls bind (before any record moves), open, process for each batch in order, finish, and when all
/// operators of the run have finished: commit. If the run fails or is cancelled it calls abort.
/// All but bind may be called on another thread than the constructor. Sinks are operators too: they usually pass
/// batches on, so that a sink in the middle of a pipeline keeps a copy of what flows by.
class Operator {
 public:
  virtual ~Operator();

  /// Checks that it can work on `input` and returns what it emits. Called once, before open.
  virtual Result<StreamType> bind(const StreamType& input) = 0;
  virtual OperatorTraits traits() const { return {}; }
  /// One line on what the operator decided by itself, for plan and report (for instance an inferred schema). May be
  /// empty.
  virtual std::string note() const { return {}; }
  /// Gets ready; keeps `context`.
  virtual Status open(OperatorContext& context);
  /// Works on one batch. An error ends the run, unless the policy says otherwise.
  virtual Status process(Batch batch, Emitter& out) = 0;
  /// Does the part of `process` that needs nothing but the batch, ahead of the batch's turn: what it returns waits in
  /// `batch.prepared` when `process` is called. Empty: `process` has all to do, as it must be able to. Called only
  /// where the traits say `prepares`, by the workers that a batch comes from, on instances of their own that were bound
  /// and never opened. It rejects nothing; what it throws is thrown again by `process`, or was worth nothing.
  virtual Buffer prepare(const Batch& batch, BufferPool& pool);
  /// Goes on with what is in flight while there is no input, and emits what is done. With `may_wait` it may wait up to
  /// a millisecond for that; without, it must not. Returns whether anything is still in flight. Called only where the
  /// traits say `in_flight`, between calls of `process`, as long as it returns true.
  virtual Result<bool> idle(Emitter& out, bool may_wait);
  /// How many more records it has use for at most; 0: it needs no more input, so that what feeds it may end early.
  virtual std::uint64_t records_wanted() const noexcept { return kAll; }
  static constexpr std::uint64_t kAll = static_cast<std::uint64_t>(-1);
  /// Takes over what `other`, an instance of the same step in another worker, gathered. Called before finish, in the
  /// order of the workers, when all batches were processed; the result must not depend on which worker saw which batch.
  virtual Status merge(Operator& other);
  /// Emits what is left; every record was seen.
  virtual Status finish(Emitter& out);
  /// Writes down what it keeps from batch to batch: what it has written, gathered and counted. Called, where the traits
  /// say `saves`, between two batches when no record is on its way; perhaps on another thread than `process`. The work
  /// goes on afterwards. A source that cannot just now says kUnavailable, and is asked again behind its next batch.
  virtual Status save(StateWriter& to);
  /// Goes on from what another instance of the same step saved, in an earlier process perhaps. Called after `open`,
  /// before the first batch, or with `merge` following at once. An error, for instance when a file is not what it was:
  /// the run begins anew.
  virtual Status restore(StateReader& from);
  /// Makes outputs visible, whole. Called in pipeline order after every operator finished.
  virtual Status commit();
  /// Removes what is half-written. Called after `commit` when a later operator could not commit: then it takes back
  /// what became visible, so that of all outputs of a run there are all or none.
  virtual void abort() noexcept;
  /// What commit left behind.
  virtual std::vector<OutputFile> outputs() const { return {}; }
  /// What the report shows of the records that it saw: a JSON array of objects, at most about 1 MiB; empty: nothing.
  /// Asked after commit.
  virtual std::string result() const { return {}; }
};

/// How far a source is.
struct SourceProgress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;     ///< 0: unknown.
  const char* unit = "bytes";  ///< "bytes" or "records".
};

/// A part of a source's input, found in order and read in any: see `Source::cut`.
class SourcePiece {
 public:
  virtual ~SourcePiece();
};

/// An operator without input. Its `process` is never called.
class Source : public Operator {
 public:
  enum class Next : std::uint8_t { kMore, kEnd };

  /// Emits some batches, at least one unless it ends, and says whether there are more.
  virtual Result<Next> produce(Emitter& out) = 0;
  /// Called from another thread while the source works.
  virtual SourceProgress progress() const noexcept { return {}; }
  static constexpr std::uint64_t kUnknown = static_cast<std::uint64_t>(-1);
  /// How many records it found in its input, counted by itself; kUnknown: the engine counts. The engine compares it
  /// with what was emitted and rejected. Called after the source ended.
  virtual std::uint64_t records_read() const noexcept { return kUnknown; }

  // Where several workers read one source (trait `divisible`), one instance cuts and reads nothing; each worker has one
  // that reads: opened but not bound, it knows what pieces bring. What they counted is merged into the first.

  /// Returns the next piece, in place of `produce`; null at the end. By one worker at a time, so it does what must be
  /// done in order and no more, and rejects nothing. `spent` is a piece that was read, or null: its memory may serve
  /// again.
  virtual Result<std::unique_ptr<SourcePiece>> cut(std::unique_ptr<SourcePiece> spent);
  /// Emits what is in a piece. Depends on nothing but the piece, and numbers rejected records from its first one.
  virtual Status read(SourcePiece& piece, Emitter& out);
  Status process(Batch batch, Emitter& out) final;
};

// ---- Options -------------------------------------------------------------------------------------------------------

/// Where in a pipeline file something was written. Line and column from 1; 0: unknown.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  /// Returns "orders.toml:12:9", or an empty text.
  std::string to_text() const;
};

/// A value of an option, as read from a file or given in C++: bool, integer, number, text, list or table (in order).
class OptionValue {
 public:
  using List = std::vector<OptionValue>;
  struct Entry;
  using Table = std::vector<Entry>;

  OptionValue() noexcept = default;
  OptionValue(bool value) : kind_(Kind::kBool), bool_(value) {}                    // NOLINT: implicit on purpose
  OptionValue(int value) : OptionValue(std::int64_t{value}) {}                     // NOLINT
  OptionValue(std::int64_t value) : kind_(Kind::kInteger), integer_(value) {}      // NOLINT
  OptionValue(double value) : kind_(Kind::kNumber), number_(value) {}              // NOLINT
  OptionValue(std::string value) : kind_(Kind::kText), text_(std::move(value)) {}  // NOLINT
  OptionValue(std::string_view value) : OptionValue(std::string(value)) {}         // NOLINT
  OptionValue(const char* value) : OptionValue(std::string(value)) {}              // NOLINT
  OptionValue(List value);                                                         // NOLINT
  OptionValue(Table value);                                                        // NOLINT

  /// Null when it is something else.
  const bool* as_bool() const noexcept { return kind_ == Kind::kBool ? &bool_ : nullptr; }
  const std::int64_t* as_integer() const noexcept { return kind_ == Kind::kInteger ? &integer_ : nullptr; }
  const double* as_number() const noexcept { return kind_ == Kind::kNumber ? &number_ : nullptr; }
  const std::string* as_text() const noexcept { return kind_ == Kind::kText ? &text_ : nullptr; }
  const List* as_list() const noexcept { return list_.get(); }
  const Table* as_table() const noexcept { return table_.get(); }
  /// "a bool", "an integer", "a number", "a text", "a list", "a table" or "nothing".
  const char* kind_name() const noexcept;
  /// As in a TOML file.
  std::string to_text() const;

  Place place;

 private:
  enum class Kind : std::uint8_t { kNothing, kBool, kInteger, kNumber, kText, kList, kTable };

  Kind kind_ = Kind::kNothing;
  bool bool_ = false;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string text_;
  std::shared_ptr<const List> list_;
  std::shared_ptr<const Table> table_;
};

struct OptionValue::Entry {
  std::string name;
  OptionValue value;
};

/// What an option accepts; the registry checks it before the operator is made.
enum class OptionKind : std::uint8_t {
  kBool,
  kInteger,
  kNumber,  ///< An integer is accepted too.
  kText,
  kChoice,       ///< A text out of `OptionInfo::choices`.
  kBytes,        ///< An integer, or a text like "64MiB"; read it with `Options::integer`.
  kDuration,     ///< A number of seconds, or a text like "1.5s"; microseconds from `Options::integer`.
  kTexts,        ///< A list of texts; one text is accepted too.
  kExpression,   ///< A text in the language of docs/guide/expressions.md.
  kExpressions,  ///< A table: column = expression.
  kTable,        ///< A table of texts, numbers and bools.
  kAny,          ///< Checked by the operator.
};
const char* to_string(OptionKind kind) noexcept;

struct OptionInfo {
  std::string name;
  OptionKind kind = OptionKind::kText;
  std::string doc;                 ///< One or two sentences; what it does, unit, range.
  OptionValue default_value = {};  ///< Nothing: see `required`.
  bool required = false;
  std::vector<std::string> choices = {};
  std::string example = {};  ///< As in a TOML file, for instance `"amount > 0"`.
};

/// The options of one operator, by name.
class Options {
 public:
  Options() = default;
  Options(std::initializer_list<OptionValue::Entry> entries) : entries_(entries) {}
  Options& set(std::string name, OptionValue value);
  /// Null when it is not set.
  const OptionValue* find(std::string_view name) const noexcept;
  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  const OptionValue::Table& entries() const noexcept { return entries_; }

  // For operators, after the registry checked kinds and filled in defaults; asking for an option that is not set is a
  // broken contract, so ask `has` for those without default.
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;  ///< Also bytes, and durations in microseconds.
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  const OptionValue::Table& table(std::string_view name) const;
  /// Where the option was written.
  Place place(std::string_view name) const;

  /// Of the operator's table in the file.
  Place origin;

 private:
  OptionValue::Table entries_;
};

/// Reads "64MiB", "512k", "1.5 GB", "1000" as bytes (k, M, G, T: powers of 1,000; Ki, Mi …: of 1,024).
Result<std::int64_t> parse_bytes(std::string_view text);
/// Reads "250ms", "1.5s", "5m", "2h", "1d" or plain seconds as microseconds.
Result<std::int64_t> parse_duration(std::string_view text);

// ---- The registry --------------------------------------------------------------------------------------------------

/// An operator as known by name: documentation, options, and how to make one.
struct OperatorInfo {
  enum class Role : std::uint8_t { kSource, kTransform, kSink };

  std::string name;  ///< "csv.read".
  Role role = Role::kTransform;
  std::string summary;  ///< One sentence.
  std::vector<OptionInfo> options = {};
  /// Makes an operator from checked options. Errors say what is wrong with the values.
  Result<std::unique_ptr<Operator>> (*make)(const Options& options) = nullptr;
  std::string example = {};  ///< An `[[operator]]` table in TOML, without the header line.
};
const char* to_string(OperatorInfo::Role role) noexcept;

/// The operators known by name. Thread-safe; entries stay valid for ever.
class Registry {
 public:
  /// The registry of the program; it holds the built-in operators from the start.
  static Registry& global();

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// kAlreadyExists when the name is taken.
  Status add(OperatorInfo info);
  /// kNotFound with the nearest name.
  Result<const OperatorInfo*> find(std::string_view name) const;
  /// By name.
  std::vector<const OperatorInfo*> all() const;
  /// Checks names and kinds of `options`, fills in defaults, makes the operator. Errors carry the place and "did you
  /// mean".
  Result<std::unique_ptr<Operator>> make(std::string_view name, const Options& options) const;
  /// The first half of `make`.
  Result<Options> check_options(const OperatorInfo& info, const Options& options) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Makes an `ErrorPolicy` from "fail", "skip", "quarantine", or a table {action, path, max_attempts, backoff}.
Result<ErrorPolicy> error_policy_from_option(const OptionValue& value);

}  // namespace penstock
