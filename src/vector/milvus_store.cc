// SPDX-License-Identifier: MIT
#include "vector/milvus_store.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "vector/metadata_filter.h"
#include "vector/milvus_calls.h"
#include "vector/milvus_expression.h"
#include "vector/milvus_messages.h"

namespace penstock {
namespace {

using milvus::Calls;
using Open = VectorStoreOptions::Open;
using Patience = Calls::Patience;

constexpr std::size_t kMaxMilvusMetadata = 65'536;
// A server takes, and gives, 64 MB in one call; its messages have more in them than rows.
constexpr std::size_t kMaxCallBytes = std::size_t{48} << 20;
constexpr std::size_t kMaxCallRows = 4096;
constexpr std::size_t kSearchBreadth = 256;
constexpr std::size_t kMaxDescription = std::size_t{64} << 10;

std::string rows_text(std::size_t rows) { return std::to_string(rows) + (rows == 1 ? " row" : " rows"); }

/// Rows for one call, chosen from those that come, given what is there of them.
class Chosen {
 public:
  /// `there` outlives this; it has vectors and metadata unless ids are all that matters.
  Chosen(const VectorStore::Shape& shape, const milvus::QueryAnswer& there) : shape_(shape) {
    for (std::size_t i = 0; i < there.ids.size(); ++i) {
      Known& known = known_[there.ids[i]];
      if (there.metadata.empty()) continue;
      known.vector = there.vectors.data() + i * shape.dimension;
      known.metadata = there.metadata[i];
    }
  }

  void insert(std::string_view id, std::span<const float> vector, std::string_view metadata, PutCounts& counts) {
    const auto [found, is_new] = known_.try_emplace(id);
    ++(is_new ? counts.added : counts.kept);
    if (is_new) put(found->second, id, as_kept(vector), metadata);
  }
  void upsert(std::string_view id, std::span<const float> vector, std::string_view metadata, PutCounts& counts) {
    const auto [found, is_new] = known_.try_emplace(id);
    const std::vector<float> kept = as_kept(vector);
    const bool same = !is_new && has(found->second, kept, metadata);
    ++(is_new ? counts.added : same ? counts.kept : counts.replaced);
    if (!same) put(found->second, id, kept, metadata);
  }
  VectorRows rows() const { return {ids_, vectors_, metadata_}; }

 private:
  static constexpr std::size_t kNotChosen = static_cast<std::size_t>(-1);

  /// What a row has that is there, or was chosen before.
  struct Known {
    const float* vector = nullptr;  ///< In the server's answer.
    std::string_view metadata;
    std::size_t chosen = kNotChosen;  ///< Its number among the chosen ones.
  };

  std::vector<float> as_kept(std::span<const float> vector) const {
    std::vector<float> kept(vector.begin(), vector.end());
    if (shape_.metric == Metric::kCosine) to_length_one(kept);
    return kept;
  }
  bool has(const Known& known, const std::vector<float>& vector, std::string_view metadata) const {
    const bool chosen = known.chosen != kNotChosen;
    const float* const its = chosen ? vectors_.data() + known.chosen * shape_.dimension : known.vector;
    return std::memcmp(its, vector.data(), vector.size() * sizeof(float)) == 0 &&
           same_metadata(chosen ? metadata_[known.chosen] : known.metadata, metadata);
  }
  void put(Known& known, std::string_view id, const std::vector<float>& vector, std::string_view metadata) {
    if (known.chosen == kNotChosen) {
      known.chosen = ids_.size();
      ids_.push_back(id);
      vectors_.resize(vectors_.size() + shape_.dimension);
      metadata_.emplace_back();
    }
    std::ranges::copy(vector, vectors_.begin() + static_cast<std::ptrdiff_t>(known.chosen * shape_.dimension));
    metadata_[known.chosen] = metadata;
  }

  const VectorStore::Shape shape_;
  std::unordered_map<std::string_view, Known> known_;
  std::vector<std::string_view> ids_;
  std::vector<float> vectors_;
  std::vector<std::string_view> metadata_;
};

class MilvusStore final : public VectorStore {
 public:
  MilvusStore(std::shared_ptr<const Calls> calls, Shape shape, std::string description, Open open)
      : VectorStore(shape), calls_(std::move(calls)), description_(std::move(description)), open_(open) {}

  std::string description() const override { return description_; }
  Status flush() override;
  Result<std::uint64_t> count() const override;
  Status close() override { return flush(); }

 private:
  Result<PutCounts> put(const VectorRows& rows, Put how) override;
  Result<std::vector<Neighbor>> find(const VectorQuery& query) const override;

  Status check_more(std::string_view id, std::string_view metadata) const override;
  Status check_writable() const;
  std::size_t rows_in_one_call(const VectorRows& rows, std::size_t from, Put how) const;
  Result<milvus::QueryAnswer> rows_there(std::span<const std::string_view> ids, Put how) const;
  Status put_some(const VectorRows& rows, Put how, PutCounts& counts);
  Status send(const VectorRows& rows);
  Result<std::vector<Neighbor>> nearest(const VectorQuery& query, std::size_t limit, std::size_t& given) const;
  float distance(float score) const;
  const std::string& collection() const { return calls_->address().collection; }

  const std::shared_ptr<const Calls> calls_;
  const std::string description_;
  const Open open_;

  std::mutex mutex_;  ///< Held while rows are put, so that they are counted right.
  bool unflushed_ = false;
};

Status MilvusStore::check_writable() const {
  if (open_ == Open::kRead) {
    return Error(ErrorCode::kInvalidArgument,
                 "the store of vectors " + calls_->address().shown() + " is not open for writing");
  }
  return {};
}

Status MilvusStore::check_more(std::string_view id, std::string_view metadata) const {
  if (metadata.size() <= kMaxMilvusMetadata) return {};
  return Error(ErrorCode::kInvalidArgument, "the metadata of the row \"" + std::string(id.substr(0, 200)) + "\" has " +
                                                std::to_string(metadata.size()) + " bytes, and Milvus takes " +
                                                std::to_string(kMaxMilvusMetadata));
}

// At least one: no row is too long for a call by itself.
std::size_t MilvusStore::rows_in_one_call(const VectorRows& rows, std::size_t from, Put how) const {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (std::size_t row = from; row < rows.ids.size() && count < kMaxCallRows; ++row, ++count) {
    // An id stands twice as long where all of it is escaped; what is there may have longer metadata than what comes.
    const std::size_t metadata = how == Put::kUpsert ? kMaxMilvusMetadata : rows.metadata[row].size();
    bytes += 2 * rows.ids[row].size() + shape().dimension * sizeof(float) + metadata + 32;
    if (bytes > kMaxCallBytes && count > 0) break;
  }
  return count;
}

// For an insert it is enough to know the ids.
Result<milvus::QueryAnswer> MilvusStore::rows_there(std::span<const std::string_view> ids, Put how) const {
  const std::string doing = "looking which of " + rows_text(ids.size()) + " are there";
  PENSTOCK_ASSIGN(auto there,
                  calls_->call<milvus::QueryAnswer>("Query", milvus::query_ids(collection(), ids, how == Put::kUpsert),
                                                    doing, Patience::kAgainLoaded));
  const std::size_t rows = there.ids.size();
  if (how == Put::kUpsert && (there.metadata.size() != rows || there.vectors.size() != rows * shape().dimension))
    return calls_->explained(Error(ErrorCode::kDataLoss, "the columns of the answer do not fit together"), doing);
  return there;
}

Status MilvusStore::send(const VectorRows& rows) {
  const std::string doing = "putting " + rows_text(rows.ids.size());
  unflushed_ = true;
  PENSTOCK_ASSIGN(const auto done,
                  calls_->call<milvus::MutationAnswer>("Upsert", milvus::upsert(collection(), rows, shape().dimension),
                                                       doing, Patience::kAgainLoaded));
  const auto wanted = static_cast<std::int64_t>(rows.ids.size());
  const auto refused = static_cast<std::int64_t>(done.refused.size());
  if (refused == 0 && done.upserted == wanted) return {};
  const std::int64_t taken = refused == 0 ? done.upserted : wanted - refused;
  return calls_->explained(Error(ErrorCode::kUnavailable, "the server took " + std::to_string(taken) + " of them"),
                           doing);
}

Status MilvusStore::put_some(const VectorRows& rows, Put how, PutCounts& counts) {
  PENSTOCK_ASSIGN(const auto there, rows_there(rows.ids, how));
  Chosen chosen(shape(), there);
  PutCounts its;
  for (std::size_t row = 0; row < rows.ids.size(); ++row) {
    const auto vector = rows.vectors.subspan(row * shape().dimension, shape().dimension);
    if (how == Put::kInsert) {
      chosen.insert(rows.ids[row], vector, rows.metadata[row], its);
    } else {
      chosen.upsert(rows.ids[row], vector, rows.metadata[row], its);
    }
  }
  if (!chosen.rows().ids.empty()) PENSTOCK_TRY(send(chosen.rows()));
  counts.added += its.added;
  counts.replaced += its.replaced;
  counts.kept += its.kept;
  return {};
}

Result<PutCounts> MilvusStore::put(const VectorRows& rows, Put how) {
  PENSTOCK_TRY(check_writable());
  const std::lock_guard lock(mutex_);
  PutCounts counts;
  for (std::size_t from = 0; from < rows.ids.size();) {
    const std::size_t some = rows_in_one_call(rows, from, how);
    const VectorRows part = {rows.ids.subspan(from, some),
                             rows.vectors.subspan(from * shape().dimension, some * shape().dimension),
                             rows.metadata.subspan(from, some)};
    PENSTOCK_TRY(put_some(part, how, counts));
    from += some;
  }
  return counts;
}

float MilvusStore::distance(float score) const {
  switch (shape().metric) {
    case Metric::kCosine: return std::clamp(1 - score, 0.0F, 2.0F);
    case Metric::kL2: return std::sqrt(std::max(score, 0.0F));  // it gives the square
    case Metric::kDot: return -score;
  }
  return 0;
}

/// One search. `given`: how many rows the server gave, of which some may not fulfil the filter as we understand it.
Result<std::vector<Neighbor>> MilvusStore::nearest(const VectorQuery& query, std::size_t limit,
                                                   std::size_t& given) const {
  const std::string doing = "searching";
  PENSTOCK_ASSIGN(auto found, calls_->call<milvus::SearchAnswer>(
                                  "Search",
                                  milvus::search(collection(), query.vector, shape().metric, limit,
                                                 std::max(limit, query.breadth > 0 ? query.breadth : kSearchBreadth),
                                                 milvus::expression_of(query.filter)),
                                  doing, Patience::kAgainLoaded));
  given = found.ids.size();
  if (found.scores.size() != given || found.metadata.size() != given)
    return calls_->explained(Error(ErrorCode::kDataLoss, "the columns of the answer do not fit together"), doing);
  MetadataReader reader;
  std::vector<Neighbor> neighbors;
  for (std::size_t i = 0; i < given; ++i) {
    if (!query.filter.empty() && !reader.fulfils(found.metadata[i], query.filter)) continue;
    neighbors.push_back({std::move(found.ids[i]), distance(found.scores[i]), std::move(found.metadata[i])});
  }
  return neighbors;
}

// Servers differ in what they find equal (docs/guide/images.md), so that the filter is asked here as well, and more
// rows where some are lost by that.
Result<std::vector<Neighbor>> MilvusStore::find(const VectorQuery& query) const {
  std::size_t limit = query.k;
  std::vector<Neighbor> neighbors;
  while (true) {
    std::size_t given = 0;
    PENSTOCK_ASSIGN(neighbors, nearest(query, limit, given));
    if (neighbors.size() >= query.k || given < limit || limit == kMaxNeighbors) break;
    limit = std::min(limit * 4, kMaxNeighbors);
  }
  std::ranges::sort(neighbors, [](const Neighbor& a, const Neighbor& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
  });
  if (neighbors.size() > query.k) neighbors.resize(query.k);
  return neighbors;
}

Result<std::uint64_t> MilvusStore::count() const {
  const std::string doing = "counting the rows";
  PENSTOCK_ASSIGN(const auto answer, calls_->call<milvus::QueryAnswer>("Query", milvus::count_rows(collection()), doing,
                                                                       Patience::kAgainLoaded));
  if (answer.count.size() == 1 && answer.count[0] >= 0) return static_cast<std::uint64_t>(answer.count[0]);
  return calls_->explained(Error(ErrorCode::kDataLoss, "the answer has no number"), doing);
}

// A server allows a collection one flush in ten seconds, or as it is told: more are refused as too many requests, and
// tried again.
Status MilvusStore::flush() {
  const std::lock_guard lock(mutex_);
  if (!unflushed_) return {};
  const std::string doing = "flushing";
  PENSTOCK_ASSIGN(const auto flushed, calls_->call<milvus::FlushAnswer>("Flush", milvus::flush(collection()), doing));
  const auto end = std::chrono::steady_clock::now() + calls_->address().timeout;
  for (std::chrono::milliseconds pause(20);; pause = std::min(pause * 2, std::chrono::milliseconds(500))) {
    PENSTOCK_ASSIGN(const auto state, calls_->call<milvus::FlushStateAnswer>(
                                          "GetFlushState", milvus::flush_state(collection(), flushed), doing));
    if (state.is_flushed) break;
    if (std::chrono::steady_clock::now() + pause >= end)
      return calls_->explained(Error(ErrorCode::kTimeout, "it has not ended yet"), doing);
    std::this_thread::sleep_for(pause);
  }
  unflushed_ = false;
  return {};
}

// What is to be said of a collection before it is used.

Error not_such_a_store(const Calls& calls, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "the collection " + calls.address().shown() + " " + what)
      .hint(
          "such stores have the fields id (VarChar, the primary key), vector (FloatVector) and metadata (JSON); name "
          "another collection and it is made");
}

Result<std::uint32_t> dimension_of(const milvus::CollectionAnswer& collection, const Calls& calls) {
  constexpr std::int64_t kVarChar = 21;
  constexpr std::int64_t kJson = 23;
  constexpr std::int64_t kFloatVector = 101;
  const auto has = [&](const char* name, std::int64_t type) {
    const auto found = std::ranges::find(collection.fields, name, &milvus::CollectionAnswer::Field::name);
    return found != collection.fields.end() && found->type == type ? &*found : nullptr;
  };
  const auto* const id = has(milvus::kIdField, kVarChar);
  const auto* const vector = has(milvus::kVectorField, kFloatVector);
  if (id == nullptr || !id->is_primary || id->makes_ids) return not_such_a_store(calls, "has no ids of the user's");
  if (vector == nullptr) return not_such_a_store(calls, "has no vectors");
  if (has(milvus::kMetadataField, kJson) == nullptr) return not_such_a_store(calls, "has no metadata");
  if (collection.fields.size() != 3) return not_such_a_store(calls, "has more fields");
  std::uint32_t dimension = 0;
  const std::string& digits = vector->dimension;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), dimension);
  const bool good = failed == std::errc() && end == digits.data() + digits.size();
  if (!good || !check_shape({dimension, Metric::kL2})) return not_such_a_store(calls, "has vectors of another kind");
  return dimension;
}

/// Nothing: there is no such collection.
Result<std::optional<milvus::CollectionAnswer>> described(const Calls& calls) {
  auto answer = calls.call<milvus::CollectionAnswer>(
      "DescribeCollection", milvus::describe_collection(calls.address().collection), "opening", Patience::kOnce);
  if (answer) return std::optional(std::move(*answer));
  if (answer.error().code() == ErrorCode::kNotFound) return std::optional<milvus::CollectionAnswer>();
  return std::move(answer).error();
}

// Another process may be making the same at this moment, so that it counts that it is there soon, and not who made it.
template <class Look>
auto soon(const Calls& calls, const Result<milvus::StatusAnswer>& making, const char* doing, Look&& look)
    -> decltype(look()) {
  for (std::chrono::milliseconds pause(20);; pause *= 2) {
    auto found = look();
    if (!found || *found) return found;
    if (pause > std::chrono::seconds(1)) break;
    std::this_thread::sleep_for(pause);
  }
  if (!making) return Error(making.error());
  return calls.explained(Error(ErrorCode::kUnavailable, "it is not there afterwards"), doing);
}

Result<milvus::CollectionAnswer> made(const Calls& calls, const VectorStoreOptions& options) {
  const char* const doing = "making the collection";
  const auto making = calls.call<milvus::StatusAnswer>(
      "CreateCollection",
      milvus::create_collection(calls.address().collection, options.shape.dimension, options.description), doing);
  PENSTOCK_ASSIGN(auto collection, soon(calls, making, doing, [&] { return described(calls); }));
  return std::move(*collection);
}

/// The name of the metric. Nothing: there is no index.
Result<std::optional<std::string>> indexed_metric(const Calls& calls) {
  auto answer = calls.call<milvus::IndexAnswer>("DescribeIndex", milvus::describe_index(calls.address().collection),
                                                "looking for the index");
  using Name = std::optional<std::string>;
  if (answer) return answer->metric.empty() ? Name() : Name(std::move(answer->metric));
  if (answer.error().code() == ErrorCode::kNotFound) return Name();
  return std::move(answer).error();
}

// Who made the collection may have been killed before it had its index.
Result<std::optional<std::string>> make_index(const Calls& calls, Metric metric) {
  const char* const doing = "making the index";
  const auto making =
      calls.call<milvus::StatusAnswer>("CreateIndex", milvus::create_index(calls.address().collection, metric), doing);
  return soon(calls, making, doing, [&] { return indexed_metric(calls); });
}

Result<Metric> metric_of(const Calls& calls, const VectorStoreOptions& options) {
  PENSTOCK_ASSIGN(auto name, indexed_metric(calls));
  if (!name) {
    if (options.open == Open::kRead || options.shape.dimension == 0)
      return not_such_a_store(calls, "has no index of its vectors, which says by what metric they are compared");
    PENSTOCK_ASSIGN(name, make_index(calls, options.shape.metric));
  }
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    if (*name == milvus::metric_name(metric)) return metric;
  }
  return not_such_a_store(calls, "compares its vectors by \"" + *name + "\"");
}

Status check_same(const Calls& calls, const VectorStore::Shape& has, const VectorStore::Shape& asked) {
  if (asked.dimension == 0 || (asked.dimension == has.dimension && asked.metric == has.metric)) return {};
  return Error(ErrorCode::kInvalidArgument, "the store of vectors " + calls.address().shown() + " has " +
                                                std::to_string(has.dimension) + " values per vector and the metric " +
                                                to_string(has.metric) + ", and what comes has " +
                                                std::to_string(asked.dimension) + " and " + to_string(asked.metric))
      .hint("use the model that the store was filled with, or name another collection");
}

Result<milvus::CollectionAnswer> found_or_made(const Calls& calls, const VectorStoreOptions& options) {
  PENSTOCK_ASSIGN(auto collection, described(calls));
  if (collection) return std::move(*collection);
  if (options.open == Open::kCreate && options.shape.dimension != 0) return made(calls, options);
  return Error(ErrorCode::kNotFound, "there is no collection " + calls.address().shown())
      .hint("look at its name, or fill it first");
}

}  // namespace

Result<std::unique_ptr<VectorStore>> open_milvus_store(const std::string& where, const VectorStoreOptions& options) {
  PENSTOCK_ASSIGN(auto address, milvus::parse_address(where, options.timeout));
  if (options.shape.dimension != 0) PENSTOCK_TRY(check_shape(options.shape));
  if (options.description.size() > kMaxDescription)
    return Error(ErrorCode::kInvalidArgument, "the description of a store has at most 65,536 bytes");
  auto calls = std::make_shared<const Calls>(std::move(address));
  PENSTOCK_ASSIGN(auto collection, found_or_made(*calls, options));
  VectorStore::Shape shape;
  PENSTOCK_ASSIGN(shape.dimension, dimension_of(collection, *calls));
  PENSTOCK_ASSIGN(shape.metric, metric_of(*calls, options));
  PENSTOCK_TRY(check_same(*calls, shape, options.shape));
  PENSTOCK_TRY(calls->load());
  return std::unique_ptr<VectorStore>(
      std::make_unique<MilvusStore>(std::move(calls), shape, std::move(collection.description), options.open));
}

}  // namespace penstock
