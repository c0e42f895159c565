// SPDX-License-Identifier: MIT
#include <penstock/vector_store.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/utf8.h"
#include "vector/distance.h"
#include "vector/metadata_filter.h"

namespace penstock {
namespace {

// Beyond it the square of a distance, or a sum on the way to it, could be infinite.
constexpr float kMaxSquaredLength = std::numeric_limits<float>::max() / 4;

Error invalid(std::string message) { return Error(ErrorCode::kInvalidArgument, std::move(message)); }

std::string named(std::string_view id) { return "the row \"" + std::string(id.substr(0, 200)) + "\""; }

Error wrong_dimension(const std::string& what, std::size_t found, std::uint32_t expected) {
  return invalid(what + " has " + std::to_string(found) + " values, and the vectors of this store have " +
                 std::to_string(expected))
      .hint("use the model that the store was filled with, or another store");
}

Status check_id(std::string_view id) {
  if (id.empty()) return invalid("an id is empty");
  if (id.size() > VectorStore::kMaxIdBytes) {
    return invalid("an id has " + std::to_string(id.size()) + " bytes, more than " +
                   std::to_string(VectorStore::kMaxIdBytes) + ": \"" + std::string(id.substr(0, 60)) + "…\"");
  }
  if (!is_utf8(id)) return invalid("an id is no valid UTF-8: " + named(id));
  return {};
}

Status check_metadata(std::string_view id, std::string_view text, MetadataReader& reader) {
  if (text.size() > VectorStore::kMaxMetadataBytes) {
    return invalid("the metadata of " + named(id) + " has " + std::to_string(text.size()) + " bytes, more than " +
                   std::to_string(VectorStore::kMaxMetadataBytes));
  }
  const std::string why = reader.why_no_object(text);
  if (!why.empty()) return invalid("the metadata of " + named(id) + " must be a JSON object, and " + why);
  return {};
}

// `what`: "the vector of …".
Status check_values(const std::string& what, std::span<const float> vector, const VectorStore::Shape& shape) {
  if (vector.size() != shape.dimension) return wrong_dimension(what, vector.size(), shape.dimension);
  const float squared_length = distance_kernels().dot(vector.data(), vector.data(), vector.size());
  const auto is_zero = [&] { return std::ranges::all_of(vector, [](float value) { return value == 0; }); };
  const bool no_direction = shape.metric == Metric::kCosine && squared_length == 0 && is_zero();
  if (squared_length <= kMaxSquaredLength && !no_direction) return {};
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i]))
      return invalid(what + " has " + (std::isnan(vector[i]) ? "no number" : "infinity") + " as value " +
                     std::to_string(i));
  }
  if (no_direction) return invalid(what + " has the length 0, and so no direction for the metric cosine");
  return invalid(what + " is too long: lengths are at most 9.2e18");
}

Status check_one(std::string_view id, std::span<const float> vector, std::string_view metadata,
                 const VectorStore::Shape& shape, MetadataReader& reader) {
  PENSTOCK_TRY(check_id(id));
  PENSTOCK_TRY(check_values("the vector of " + named(id), vector, shape));
  return check_metadata(id, metadata, reader);
}

}  // namespace

const char* to_string(Metric metric) noexcept {
  switch (metric) {
    case Metric::kCosine: return "cosine";
    case Metric::kL2: return "l2";
    case Metric::kDot: return "dot";
  }
  return "unknown";
}

Result<Metric> metric_named(std::string_view name) {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    if (name == to_string(metric)) return metric;
  }
  return invalid("there is no metric \"" + std::string(name) + "\"").hint("use cosine, l2 or dot");
}

Status check_shape(const VectorStore::Shape& shape) {
  if (shape.dimension >= 1 && shape.dimension <= VectorStore::kMaxDimension) return {};
  return invalid("vectors have from 1 to " + std::to_string(VectorStore::kMaxDimension) + " values, not " +
                 std::to_string(shape.dimension));
}

Status check_description(std::string_view description) {
  if (description.size() > VectorStore::kMaxDescriptionBytes) {
    return invalid("the description of a store has " + std::to_string(description.size()) + " bytes, more than " +
                   std::to_string(VectorStore::kMaxDescriptionBytes));
  }
  if (!is_utf8(description)) return invalid("the description of a store is no valid UTF-8");
  return {};
}

void to_length_one(std::span<float> vector) noexcept {
  // In double, since the square of a small number may be none in float.
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  const double length = std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) / length);
}

Status VectorStore::check_row(std::string_view id, std::span<const float> vector, std::string_view metadata) const {
  MetadataReader reader;
  PENSTOCK_TRY(check_one(id, vector, metadata, shape_, reader));
  return check_more(id, metadata);
}

Status VectorStore::check_more(std::string_view, std::string_view) const { return {}; }

Status VectorStore::check_vector(std::span<const float> vector) const {
  return check_values("the vector", vector, shape_);
}

Status VectorStore::check_rows(const VectorRows& rows) const {
  const std::size_t count = rows.ids.size();
  PENSTOCK_CHECK(rows.metadata.empty() || rows.metadata.size() == count, "VectorRows: one metadata per id, or none");
  const std::size_t dimension = count == 0 ? 0 : rows.vectors.size() / count;
  if (dimension * count != rows.vectors.size()) {
    return invalid(std::to_string(count) + " ids come with " + std::to_string(rows.vectors.size()) +
                   " values, which is no multiple");
  }
  MetadataReader reader;
  for (std::size_t row = 0; row < count; ++row) {
    const std::string_view metadata = rows.metadata.empty() ? std::string_view() : rows.metadata[row];
    Status good = check_one(rows.ids[row], rows.vectors.subspan(row * dimension, dimension), metadata, shape_, reader);
    if (good) good = check_more(rows.ids[row], metadata);
    if (!good) return Error(good.error()).record(static_cast<std::int64_t>(row));
  }
  return {};
}

Result<PutCounts> VectorStore::put_checked(const VectorRows& rows, Put how) {
  PENSTOCK_TRY(check_rows(rows));
  if (rows.ids.empty()) return PutCounts();
  if (!rows.metadata.empty()) return put(rows, how);
  const std::vector<std::string_view> none(rows.ids.size());
  return put({rows.ids, rows.vectors, none}, how);
}

Result<PutCounts> VectorStore::insert(const VectorRows& rows) { return put_checked(rows, Put::kInsert); }

Result<PutCounts> VectorStore::upsert(const VectorRows& rows) { return put_checked(rows, Put::kUpsert); }

Result<std::vector<Neighbor>> VectorStore::search(const VectorQuery& query) const {
  PENSTOCK_TRY(check_values("the vector to look for", query.vector, shape_));
  if (query.k < 1 || query.k > kMaxNeighbors) {
    return invalid("from 1 to " + std::to_string(kMaxNeighbors) + " neighbours can be looked for, not " +
                   std::to_string(query.k));
  }
  if (query.breadth > kMaxNeighbors) {
    return invalid("a search keeps at most " + std::to_string(kMaxNeighbors) + " candidates in sight, not " +
                   std::to_string(query.breadth));
  }
  for (const Condition& condition : query.filter) {
    const bool equality =
        condition.relation == Condition::Relation::kEqual || condition.relation == Condition::Relation::kUnequal;
    if (std::holds_alternative<bool>(condition.value) && !equality)
      return invalid("true and false have no order: ask whether \"" + condition.key + "\" equals one of them");
    if (const auto* const number = std::get_if<double>(&condition.value); number != nullptr && !std::isfinite(*number))
      return invalid("\"" + condition.key + "\" cannot be compared with a number that is not finite");
  }
  return find(query);
}

}  // namespace penstock
