// SPDX-License-Identifier: MIT
// The messages of Milvus (github.com/milvus-io/milvus-proto) that a store of vectors needs, with the fields that it
// needs of them. Requests come with room for the head of a gRPC frame.
#pragma once

#include <penstock/vector_store.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::milvus {

/// The fields of a collection that a store makes.
constexpr const char* kIdField = "id";
constexpr const char* kVectorField = "vector";
constexpr const char* kMetadataField = "metadata";
/// Milvus Lite forgets the description of a collection, so that it is also kept as a property.
constexpr const char* kDescriptionProperty = "penstock.description";

/// "COSINE", "L2" or "IP".
const char* metric_name(Metric metric) noexcept;

std::string describe_collection(const std::string& collection);
std::string create_collection(const std::string& collection, std::uint32_t dimension, const std::string& description);
std::string describe_index(const std::string& collection);
std::string create_index(const std::string& collection, Metric metric);
std::string load_collection(const std::string& collection);
std::string loading_progress(const std::string& collection);
/// The rows with these ids: of each its id, and with `whole` its vector and metadata as well.
std::string query_ids(const std::string& collection, std::span<const std::string_view> ids, bool whole);
std::string count_rows(const std::string& collection);
/// Puts rows, in the place of those that have their ids.
std::string upsert(const std::string& collection, const VectorRows& rows, std::uint32_t dimension);
/// The `limit` nearest rows that fulfil `expression`. `breadth`: how many candidates are kept in sight.
std::string search(const std::string& collection, std::span<const float> vector, Metric metric, std::size_t limit,
                   std::size_t breadth, const std::string& expression);
std::string flush(const std::string& collection);

/// What a server says about a call.
struct CallStatus {
  std::int64_t code = 0;         ///< 0: all went well. Since 2.3.
  std::int64_t legacy_code = 0;  ///< The code of earlier versions.
  bool retriable = false;
  std::string reason;

  bool is_ok() const noexcept { return code == 0 && legacy_code == 0; }
};

struct StatusAnswer {
  CallStatus status;
};
struct CollectionAnswer {
  struct Field {
    std::string name;
    std::int64_t type = 0;
    bool is_primary = false;
    bool makes_ids = false;
    std::string dimension;
  };
  CallStatus status;
  std::string description;
  std::vector<Field> fields;
};
struct IndexAnswer {
  CallStatus status;
  std::string metric;  ///< Of the vectors; empty when they have no index.
};
struct ProgressAnswer {
  CallStatus status;
  std::int64_t percent = 0;
};
/// Rows column by column; a column that was not asked for is empty.
struct QueryAnswer {
  CallStatus status;
  std::vector<std::string> ids;
  std::vector<float> vectors;
  std::vector<std::string> metadata;
  std::vector<std::int64_t> count;
};
struct MutationAnswer {
  CallStatus status;
  std::int64_t upserted = 0;
  std::vector<std::int64_t> refused;  ///< Numbers of rows.
};
struct SearchAnswer {
  CallStatus status;
  std::vector<std::string> ids;
  std::vector<float> scores;
  std::vector<std::string> metadata;
};
struct FlushAnswer {
  CallStatus status;
  std::vector<std::int64_t> segments;
  std::uint64_t time = 0;
};
struct FlushStateAnswer {
  CallStatus status;
  bool is_flushed = false;
};

/// Whether what was flushed has arrived.
std::string flush_state(const std::string& collection, const FlushAnswer& flushed);

/// These read an answer. False when it is damaged. Fields that are not known are passed over.
bool read(std::string_view message, StatusAnswer& answer);
bool read(std::string_view message, CollectionAnswer& answer);
bool read(std::string_view message, IndexAnswer& answer);
bool read(std::string_view message, ProgressAnswer& answer);
bool read(std::string_view message, QueryAnswer& answer);
bool read(std::string_view message, MutationAnswer& answer);
bool read(std::string_view message, SearchAnswer& answer);
bool read(std::string_view message, FlushAnswer& answer);
bool read(std::string_view message, FlushStateAnswer& answer);

}  // namespace penstock::milvus
