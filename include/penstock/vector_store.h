// SPDX-License-Identifier: MIT
// Where vectors are kept and found again: one interface, and behind it the store that comes with the library or one
// that another program serves.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock {

/// How near two vectors are. Distances are such that the smallest is the nearest.
enum class Metric : std::uint8_t {
  kCosine =
      1,     ///< 1 − cosine of the angle, from 0 to 2. Vectors are kept at length one; one of length zero is refused.
  kL2 = 2,   ///< Euclidean distance.
  kDot = 3,  ///< Minus the inner product.
};

/// "cosine", "l2" or "dot".
const char* to_string(Metric metric) noexcept;
/// The metric of that name. Errors: kInvalidArgument with the names that there are.
Result<Metric> metric_named(std::string_view name);

/// Rows to put into a store, in order. What it points to belongs to the caller.
struct VectorRows {
  std::span<const std::string_view> ids;       ///< UTF-8, 1 to 65,535 bytes.
  std::span<const float> vectors;              ///< f32 [ids.size(), dimension]; finite.
  std::span<const std::string_view> metadata;  ///< JSON objects of at most 1 MiB, one per id; or empty: "{}" for all.
};

/// What became of rows that were put.
struct PutCounts {
  std::uint64_t added = 0;     ///< Their id was new.
  std::uint64_t replaced = 0;  ///< Their id was there with another vector or other metadata.
  std::uint64_t kept = 0;      ///< Their id was there, and what it had has stayed.
};

/// A condition on one key at the top of the metadata. A key that is missing, null or of another kind than `value`
/// fulfils kUnequal and nothing else; numbers compare by value, texts by their bytes; of booleans only equality is
/// asked.
struct Condition {
  enum class Relation : std::uint8_t { kEqual, kUnequal, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

  std::string key;
  Relation relation = Relation::kEqual;
  std::variant<bool, std::int64_t, double, std::string> value;
};

/// What to look for.
struct VectorQuery {
  std::span<const float> vector;  ///< f32 [dimension].
  std::size_t k = 10;             ///< How many at most; 1 to 16,384.
  std::vector<Condition> filter;  ///< All must hold.
  /// How many candidates a search by an index keeps in sight: more takes longer and misses less (the `ef` of HNSW). 0:
  /// as many as the store finds right, 256; at most VectorStore::kMaxNeighbors. A store may look at all rows instead.
  std::size_t breadth = 0;
};

/// One answer.
struct Neighbor {
  std::string id;
  float distance = 0;    ///< See Metric.
  std::string metadata;  ///< As it was put.
};

/// Vectors with ids and metadata. Thread-safe, unless an implementation says less.
///
/// Every row has an id, a text, and a store holds one row per id; so what is put again after a failure is there once.
class VectorStore {
 public:
  /// What vectors of a store are like.
  struct Shape {
    std::uint32_t dimension = 0;  ///< 1 to 32,768.
    Metric metric = Metric::kCosine;
  };

  static constexpr std::uint32_t kMaxDimension = 32'768;
  static constexpr std::size_t kMaxIdBytes = 65'535;
  static constexpr std::size_t kMaxMetadataBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxNeighbors = 16'384;
  static constexpr std::size_t kMaxDescriptionBytes = std::size_t{64} << 10;

  virtual ~VectorStore() = default;
  VectorStore(const VectorStore&) = delete;
  VectorStore& operator=(const VectorStore&) = delete;

  const Shape& shape() const noexcept { return shape_; }
  /// What made the vectors, as it was said when the store was made: a text of at most 64 KiB, empty when nothing was.
  virtual std::string description() const { return {}; }

  /// Puts rows whose ids are new; rows whose ids are there stay as they are.
  /// Errors: kInvalidArgument for a row that cannot be put, with its number as `record()`: then nothing was put.
  Result<PutCounts> insert(const VectorRows& rows);
  /// Puts rows, replacing those with the same ids. Errors: as `insert`.
  Result<PutCounts> upsert(const VectorRows& rows);
  /// Says why a row cannot be put, without putting it: for callers that leave such rows out.
  Status check_row(std::string_view id, std::span<const float> vector, std::string_view metadata) const;
  /// Makes what was put survive the end of the process and of the machine.
  virtual Status flush() = 0;

  /// The k nearest rows that fulfil the filter, the nearest first; of equal ones the smaller id first. Rows that were
  /// put before are found, flushed or not. Errors: kInvalidArgument for a vector of another dimension.
  Result<std::vector<Neighbor>> search(const VectorQuery& query) const;
  /// How many ids there are.
  virtual Result<std::uint64_t> count() const = 0;
  /// Flushes and puts away. Nothing but the destructor may follow; without it what was not flushed may be lost.
  virtual Status close() = 0;

 protected:
  enum class Put : std::uint8_t { kInsert, kUpsert };

  explicit VectorStore(Shape shape) noexcept : shape_(shape) {}
  /// Whether a vector could have been put, with what is wrong with it otherwise.
  Status check_vector(std::span<const float> vector) const;

 private:
  /// The rows are checked, and of each there is one metadata, which may be empty.
  virtual Result<PutCounts> put(const VectorRows& rows, Put how) = 0;
  /// Why this store cannot hold a row that others could. Its vector is one that it can hold.
  virtual Status check_more(std::string_view id, std::string_view metadata) const;
  /// The query is checked.
  virtual Result<std::vector<Neighbor>> find(const VectorQuery& query) const = 0;
  Status check_rows(const VectorRows& rows) const;
  Result<PutCounts> put_checked(const VectorRows& rows, Put how);

  const Shape shape_;
};

/// Checks a shape: kInvalidArgument for a dimension that no store can have.
Status check_shape(const VectorStore::Shape& shape);
/// Checks a description: kInvalidArgument when it is too long, or no UTF-8.
Status check_description(std::string_view description);

/// How to open a store.
struct VectorStoreOptions {
  enum class Open : std::uint8_t {
    kRead,    ///< It must be there.
    kWrite,   ///< It must be there.
    kCreate,  ///< As kWrite, and it is made where it is not there.
  };

  Open open = Open::kCreate;
  /// With a dimension of 0 that of the store, which must be there then; else it must be that of the store.
  VectorStore::Shape shape = {};
  /// VectorStore::description of a store that is made; what a store has that is there stays.
  std::string description = {};
  /// How long one call may take where another program serves the store; then it is kTimeout.
  std::chrono::milliseconds timeout{30'000};
};

/// Opens the store at `where`: a path of a file (the store that comes with the library, docs/formats/vectors.md), or
/// "postgresql://HOST/DATABASE?table=NAME" (a table of PostgreSQL with pgvector), or
/// "milvus://[TOKEN@]HOST[:PORT]/COLLECTION" (a collection of a Milvus server): docs/guide/images.md. Thread-safe.
/// Errors: kNotFound; kUnavailable when it cannot be had now; kDataLoss when it is damaged; kInvalidArgument when its
/// dimension or metric is another, or `where` names no store.
Result<std::unique_ptr<VectorStore>> open_vector_store(const std::string& where, const VectorStoreOptions& options);

/// Brings a vector to length one, with the same bits on every machine. Requires that its length is neither zero nor
/// infinite.
void to_length_one(std::span<float> vector) noexcept;

}  // namespace penstock
