// SPDX-License-Identifier: MIT
// Numbers of fields and of kinds are those of milvus.proto, schema.proto and common.proto; a comment names each
// message.
#include "vector/milvus_messages.h"

#include <fmt/format.h>

#include "platform/grpc_channel.h"
#include "vector/milvus_expression.h"
#include "vector/milvus_wire.h"

namespace penstock::milvus {
namespace {

// schema.DataType
constexpr std::uint64_t kVarChar = 21;
constexpr std::uint64_t kJson = 23;
constexpr std::uint64_t kFloatVector = 101;
// Requests say no level of consistency: what is left out is 0, Strong, and finds all that was put before.

WireWriter request() { return WireWriter(GrpcChannel::kHeadBytes); }

// common.KeyValuePair
void pair(WireWriter& to, std::uint32_t field, std::string_view key, std::string_view value) {
  to.message(field, [&] {
    to.text(1, key);
    to.text(2, value);
  });
}

std::string naming(const std::string& collection, std::uint32_t field) {
  WireWriter to = request();
  to.text(field, collection);
  return to.take();
}

// schema.FieldSchema
void field_schema(WireWriter& to, const char* name, std::uint64_t type, const char* parameter, std::string_view value) {
  to.message(4, [&] {
    to.text(2, name);
    if (type == kVarChar) to.number(3, 1);  // is_primary_key
    to.number(5, type);
    if (parameter != nullptr) pair(to, 6, parameter, value);
  });
}

// schema.FieldData of texts: StringArray and JSONArray are alike.
void texts(WireWriter& to, const char* name, std::uint64_t type, std::uint32_t kind,
           std::span<const std::string_view> values, std::string_view for_empty) {
  to.message(5, [&] {
    to.number(1, type);
    to.text(2, name);
    to.message(3, [&] {  // ScalarField
      to.message(kind, [&] {
        for (const std::string_view value : values) to.text(1, value.empty() ? for_empty : value);
      });
    });
  });
}

}  // namespace

const char* metric_name(Metric metric) noexcept {
  switch (metric) {
    case Metric::kCosine: return "COSINE";
    case Metric::kL2: return "L2";
    case Metric::kDot: return "IP";
  }
  return "";
}

// DescribeCollectionRequest, DescribeIndexRequest, LoadCollectionRequest; GetLoadingProgressRequest; FlushRequest
std::string describe_collection(const std::string& collection) { return naming(collection, 3); }
std::string load_collection(const std::string& collection) { return naming(collection, 3); }
std::string loading_progress(const std::string& collection) { return naming(collection, 2); }
std::string flush(const std::string& collection) { return naming(collection, 3); }
std::string describe_index(const std::string& collection) {
  WireWriter to = request();
  to.text(3, collection);
  to.text(4, kVectorField);
  return to.take();
}

// CreateCollectionRequest; the schema is a message of its own in a field of bytes.
std::string create_collection(const std::string& collection, std::uint32_t dimension, const std::string& description) {
  WireWriter to = request();
  to.text(3, collection);
  to.message(4, [&] {  // schema.CollectionSchema
    to.text(1, collection);
    to.text(2, description);
    field_schema(to, kIdField, kVarChar, "max_length", std::to_string(VectorStore::kMaxIdBytes));
    field_schema(to, kVectorField, kFloatVector, "dim", std::to_string(dimension));
    field_schema(to, kMetadataField, kJson, nullptr, {});
  });
  to.number(5, 1);  // shards_num
  if (!description.empty()) pair(to, 7, kDescriptionProperty, description);
  return to.take();
}

// CreateIndexRequest
std::string create_index(const std::string& collection, Metric metric) {
  WireWriter to = request();
  to.text(3, collection);
  to.text(4, kVectorField);
  pair(to, 5, "index_type", "HNSW");
  pair(to, 5, "metric_type", metric_name(metric));
  pair(to, 5, "params", R"({"M":16,"efConstruction":200})");
  to.text(6, kVectorField);  // index_name
  return to.take();
}

// QueryRequest
std::string query_ids(const std::string& collection, std::span<const std::string_view> ids, bool whole) {
  WireWriter to = request();
  to.text(3, collection);
  to.text(4, expression_of_ids(ids));
  to.text(5, kIdField);
  if (whole) {
    to.text(5, kVectorField);
    to.text(5, kMetadataField);
  }
  return to.take();
}

std::string count_rows(const std::string& collection) {
  WireWriter to = request();
  to.text(3, collection);
  to.text(5, "count(*)");
  return to.take();
}

// UpsertRequest
std::string upsert(const std::string& collection, const VectorRows& rows, std::uint32_t dimension) {
  WireWriter to = request();
  std::size_t bytes = rows.vectors.size_bytes() + 1024;
  for (const std::string_view id : rows.ids) bytes += id.size() + 8;
  for (const std::string_view metadata : rows.metadata) bytes += metadata.size() + 8;
  to.reserve(bytes);
  to.text(3, collection);
  texts(to, kIdField, kVarChar, 6, rows.ids, {});
  to.message(5, [&] {  // schema.FieldData
    to.number(1, kFloatVector);
    to.text(2, kVectorField);
    to.message(4, [&] {  // VectorField
      to.number(1, dimension);
      to.message(2, [&] { to.floats(1, rows.vectors); });  // FloatArray
    });
  });
  texts(to, kMetadataField, kJson, 9, rows.metadata, "{}");
  to.number(7, rows.ids.size());
  return to.take();
}

// SearchRequest
std::string search(const std::string& collection, std::span<const float> vector, Metric metric, std::size_t limit,
                   std::size_t breadth, const std::string& expression) {
  WireWriter to = request();
  to.text(3, collection);
  to.text(5, expression);
  to.message(6, [&] {    // common.PlaceholderGroup
    to.message(1, [&] {  // PlaceholderValue
      to.text(1, "$0");
      to.number(2, kFloatVector);
      to.floats(3, vector);
    });
  });
  to.number(7, 1);  // dsl_type: BoolExprV1
  to.text(8, kMetadataField);
  pair(to, 9, "anns_field", kVectorField);
  pair(to, 9, "topk", std::to_string(limit));
  pair(to, 9, "metric_type", metric_name(metric));
  pair(to, 9, "params", fmt::format(R"({{"ef":{}}})", breadth));
  pair(to, 9, "round_decimal", "-1");
  to.number(12, 1);  // nq
  return to.take();
}

// GetFlushStateRequest
std::string flush_state(const std::string& collection, const FlushAnswer& flushed) {
  WireWriter to = request();
  for (const std::int64_t segment : flushed.segments) to.number(1, static_cast<std::uint64_t>(segment));
  to.number(2, flushed.time);
  to.text(4, collection);
  return to.take();
}

namespace {

// common.Status
bool read_status(const WireField& field, CallStatus& status) {
  status = {};
  return field.type == WireType::kBytes && read_fields(field.bytes, [&](const WireField& part) {
           switch (part.field) {
             case 1: status.legacy_code = part.integer(); break;
             case 2: status.reason = part.bytes; break;
             case 3: status.code = part.integer(); break;
             case 4: status.retriable = part.number != 0; break;
             default: break;
           }
           return true;
         });
}

// common.KeyValuePair: its value is put into `value` when it has that key.
bool read_pair(const WireField& field, std::string_view key, std::string& value) {
  std::string_view its_key;
  std::string_view its_value;
  const bool good = read_fields(field.bytes, [&](const WireField& part) {
    if (part.field == 1) its_key = part.bytes;
    if (part.field == 2) its_value = part.bytes;
    return true;
  });
  if (its_key == key) value = its_value;
  return good;
}

// schema.FieldSchema
bool read_schema_field(std::string_view message, CollectionAnswer::Field& field) {
  return read_fields(message, [&](const WireField& part) {
    switch (part.field) {
      case 2: field.name = part.bytes; break;
      case 3: field.is_primary = part.number != 0; break;
      case 5: field.type = part.integer(); break;
      case 6: return read_pair(part, "dim", field.dimension);
      case 8: field.makes_ids = part.number != 0; break;
      default: break;
    }
    return true;
  });
}

// schema.CollectionSchema
bool read_schema(std::string_view message, CollectionAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 2) answer.description = part.bytes;
    if (part.field != 4) return true;
    return read_schema_field(part.bytes, answer.fields.emplace_back());
  });
}

// schema.StringArray or schema.JSONArray
bool read_texts(std::string_view message, std::vector<std::string>& texts) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 1) texts.emplace_back(part.bytes);
    return true;
  });
}

// schema.LongArray
bool read_integers(std::string_view message, std::vector<std::int64_t>& values) {
  return read_fields(message, [&](const WireField& part) { return part.field != 1 || part.append_to(values); });
}

// schema.FloatArray
bool read_floats(std::string_view message, std::vector<float>& values) {
  return read_fields(message, [&](const WireField& part) { return part.field != 1 || part.append_to(values); });
}

// schema.ScalarField
bool read_scalars(std::string_view message, std::vector<std::string>& texts, std::vector<std::int64_t>& integers) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 6 || part.field == 9) return read_texts(part.bytes, texts);
    return part.field != 3 || read_integers(part.bytes, integers);
  });
}

// schema.FieldData: texts go to ids or metadata, by the field's name.
bool read_column(std::string_view message, QueryAnswer& rows) {
  std::string_view name;
  std::vector<std::string> texts;
  const bool good = read_fields(message, [&](const WireField& part) {
    if (part.field == 2) name = part.bytes;
    if (part.field == 3) return read_scalars(part.bytes, texts, rows.count);
    if (part.field != 4) return true;
    return read_fields(part.bytes, [&](const WireField& inner) {  // VectorField
      return inner.field != 2 || read_floats(inner.bytes, rows.vectors);
    });
  });
  if (name == kIdField) rows.ids = std::move(texts);
  if (name == kMetadataField) rows.metadata = std::move(texts);
  return good;
}

// schema.SearchResultData
bool read_results(std::string_view message, SearchAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 3) {
      QueryAnswer column;
      if (!read_column(part.bytes, column)) return false;
      if (!column.metadata.empty()) answer.metadata = std::move(column.metadata);
    }
    if (part.field == 4) return part.append_to(answer.scores);
    if (part.field != 5) return true;
    return read_fields(part.bytes, [&](const WireField& ids) {  // schema.IDs
      return ids.field != 2 || read_texts(ids.bytes, answer.ids);
    });
  });
}

// An entry of a map from the collection's name.
template <class Each>
bool read_entry(const WireField& entry, Each&& each) {
  return read_fields(entry.bytes, [&](const WireField& part) { return part.field != 2 || each(part); });
}

}  // namespace

bool read(std::string_view message, StatusAnswer& answer) {
  WireField whole;
  whole.type = WireType::kBytes;
  whole.bytes = message;
  return read_status(whole, answer.status);
}

bool read(std::string_view message, CollectionAnswer& answer) {
  std::string property;
  const bool good = read_fields(message, [&](const WireField& part) {
    if (part.field == 1) return read_status(part, answer.status);
    if (part.field == 13) return read_pair(part, kDescriptionProperty, property);
    return part.field != 2 || read_schema(part.bytes, answer);
  });
  if (answer.description.empty()) answer.description = std::move(property);
  return good;
}

bool read(std::string_view message, IndexAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 1) return read_status(part, answer.status);
    if (part.field != 2) return true;
    std::string metric;
    std::string_view of;
    const bool good = read_fields(part.bytes, [&](const WireField& inner) {  // IndexDescription
      if (inner.field == 4) of = inner.bytes;
      return inner.field != 3 || read_pair(inner, "metric_type", metric);
    });
    if (of == kVectorField) answer.metric = std::move(metric);
    return good;
  });
}

bool read(std::string_view message, ProgressAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 2) answer.percent = part.integer();
    return part.field != 1 || read_status(part, answer.status);
  });
}

bool read(std::string_view message, QueryAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 1) return read_status(part, answer.status);
    return part.field != 2 || read_column(part.bytes, answer);
  });
}

bool read(std::string_view message, MutationAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 8) answer.upserted = part.integer();
    if (part.field == 4) return part.append_to(answer.refused);
    return part.field != 1 || read_status(part, answer.status);
  });
}

bool read(std::string_view message, SearchAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 1) return read_status(part, answer.status);
    return part.field != 2 || read_results(part.bytes, answer);
  });
}

bool read(std::string_view message, FlushAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 1) return read_status(part, answer.status);
    if (part.field == 3)
      return read_entry(part, [&](const WireField& ids) { return read_integers(ids.bytes, answer.segments); });
    if (part.field != 6) return true;
    return read_entry(part, [&](const WireField& time) {
      answer.time = time.number;
      return true;
    });
  });
}

bool read(std::string_view message, FlushStateAnswer& answer) {
  return read_fields(message, [&](const WireField& part) {
    if (part.field == 2) answer.is_flushed = part.number != 0;
    return part.field != 1 || read_status(part, answer.status);
  });
}

}  // namespace penstock::milvus
