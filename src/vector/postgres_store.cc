// SPDX-License-Identifier: MIT
// Rows go by COPY into a table of the session, and from there into the table in one statement: that is as fast as COPY
// alone can be, and the same for inserting and replacing.
#include "vector/postgres_store.h"

#ifndef PENSTOCK_POSTGRES
namespace penstock {

bool is_postgres_address(std::string_view where) noexcept {
  return where.starts_with("postgresql://") || where.starts_with("postgres://");
}

Result<std::unique_ptr<VectorStore>> open_postgres_store(const std::string&, const VectorStoreOptions&) {
  return Error(ErrorCode::kUnsupported, "this build has no stores in PostgreSQL")
      .hint("build it with libpq-dev installed");
}

}  // namespace penstock
#else
#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "vector/postgres_connection.h"

namespace penstock {
namespace {

// A third of a page, less what stands before it; what compresses well could be longer, but whether it does is not known
// before.
constexpr std::size_t kMostIdBytes = 2'600;

using Relation = Condition::Relation;

constexpr std::uint32_t kMostDimensions = 16'000;      // of pgvector
constexpr std::uint32_t kMostIndexDimensions = 2'000;  // of its index
constexpr std::size_t kMostSearchBreadth = 1'000;      // hnsw.ef_search
constexpr std::size_t kSearchBreadth = 256;

Error refusal(std::string message) { return Error(ErrorCode::kInvalidArgument, std::move(message)); }

/// What an address says.
struct PostgresAddress {
  std::string uri;     ///< For libpq.
  std::string schema;  ///< Empty: that of the search path.
  std::string table;
  bool indexed = true;

  std::string shown() const { return "the table " + (schema.empty() ? table : schema + "." + table); }
};

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + '"';
}

std::string sql_text(std::string_view value) {
  std::string text = "'";
  for (const char c : value) text += c == '\'' ? "''" : std::string(1, c);
  return text + '\'';
}

Result<std::string> unescaped(std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] != '%') {
      all += text[i];
      continue;
    }
    if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2 || value == 0)
      return refusal("\"" + std::string(text) + "\" has a % without two hexadecimal digits");
    all += static_cast<char>(value);
    i += 2;
  }
  return all;
}

Result<PostgresAddress> address_in(const std::string& where) {
  PostgresAddress address;
  const std::size_t question = where.find('?');
  address.uri = where.substr(0, question);
  std::string_view left =
      question == std::string::npos ? std::string_view() : std::string_view(where).substr(question + 1);
  char before = '?';
  while (!left.empty()) {
    const std::string_view one = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(left.size(), one.size() + 1));
    if (one.starts_with("table=")) {
      PENSTOCK_ASSIGN(address.table, unescaped(one.substr(6)));
    } else if (one.starts_with("index=")) {
      if (one != "index=hnsw" && one != "index=none")
        return refusal("the address says \"" + std::string(one) + "\"").hint("index=hnsw or index=none");
      address.indexed = one == "index=hnsw";
    } else {
      address.uri += std::exchange(before, '&');
      address.uri += one;
    }
  }
  if (const std::size_t dot = address.table.find('.'); dot != std::string::npos) {
    address.schema = address.table.substr(0, dot);
    address.table.erase(0, dot + 1);
  }
  if (address.table.empty() || address.table.size() > 50 ||
      (address.schema.empty() && where.find("table=.") != std::string::npos)) {
    return refusal("the address of a store in PostgreSQL names its table, with at most 50 bytes")
        .hint("for instance postgresql://localhost/photos?table=vectors");
  }
  return address;
}

void append_big_endian(std::string& to, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) to += static_cast<char>(value >> shift & 0xFF);
}

// As pgvector sends and takes it: dimensions, 0, big-endian floats.
std::string vector_bytes(std::span<const float> vector) {
  std::string bytes;
  bytes.reserve(4 + vector.size_bytes());
  append_big_endian(bytes, vector.size(), 2);
  append_big_endian(bytes, 0, 2);
  for (const float value : vector) append_big_endian(bytes, std::bit_cast<std::uint32_t>(value), 4);
  return bytes;
}

void append_field(std::string& to, std::string_view bytes, std::string_view before = {}) {
  append_big_endian(to, before.size() + bytes.size(), 4);
  to += before;
  to += bytes;
}

const char* distance_operator(Metric metric) {
  switch (metric) {
    case Metric::kCosine: return "<=>";
    case Metric::kL2: return "<->";
    case Metric::kDot: return "<#>";
  }
  return "<->";
}

const char* operator_class(Metric metric) {
  switch (metric) {
    case Metric::kCosine: return "vector_cosine_ops";
    case Metric::kL2: return "vector_l2_ops";
    case Metric::kDot: return "vector_ip_ops";
  }
  return "vector_l2_ops";
}

const char* sql_of(Relation relation) {
  switch (relation) {
    case Relation::kEqual: return "=";
    case Relation::kUnequal: return "<>";
    case Relation::kLess: return "<";
    case Relation::kLessOrEqual: return "<=";
    case Relation::kGreater: return ">";
    case Relation::kGreaterOrEqual: return ">=";
  }
  return "=";
}

// Of values that are of another kind than the condition's only "unequal" is true, so the kind is asked first; CASE,
// since AND may be worked out in any order, and a text is no number.
std::string sql_of(const Condition& condition, std::vector<PostgresValue>& values) {
  const auto parameter = [&](std::string text) {
    values.push_back({std::move(text), false});
    return "$" + std::to_string(values.size());
  };
  const std::string key = parameter(condition.key) + "::text";
  std::string kind, found, wanted;
  if (const bool* const yes = std::get_if<bool>(&condition.value)) {
    kind = "boolean";
    found = "(metadata->>" + key + ")";
    wanted = *yes ? "'true'" : "'false'";
  } else if (const auto* const integer = std::get_if<std::int64_t>(&condition.value)) {
    kind = "number";
    found = "(metadata->>" + key + ")::numeric";
    wanted = parameter(std::to_string(*integer)) + "::numeric";
  } else if (const double* const number = std::get_if<double>(&condition.value)) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, *number).ptr;
    kind = "number";
    found = "(metadata->>" + key + ")::float8";
    wanted = parameter(std::string(digits, end)) + "::float8";
  } else {
    kind = "string";
    found = "(metadata->>" + key + ") COLLATE \"C\"";
    wanted = parameter(std::get<std::string>(condition.value)) + "::text";
  }
  const char* const otherwise = condition.relation == Relation::kUnequal ? "true" : "false";
  return "CASE WHEN jsonb_typeof(metadata->" + key + ") = '" + kind + "' THEN " + found + " " +
         sql_of(condition.relation) + " " + wanted + " ELSE " + otherwise + " END";
}

class PostgresStore final : public VectorStore {
 public:
  PostgresStore(PostgresAddress address, VectorStoreOptions options, Shape shape, std::string description,
                PostgresConnection connection)
      : VectorStore(shape),
        address_(std::move(address)),
        options_(std::move(options)),
        description_(std::move(description)),
        connection_(std::move(connection)) {}

  std::string description() const override { return description_; }
  Status flush() override { return {}; }  // what was put is committed
  Result<std::uint64_t> count() const override;
  Status close() override;

 private:
  struct Unique;

  Result<PutCounts> put(const VectorRows& rows, Put how) override;
  Result<std::vector<Neighbor>> find(const VectorQuery& query) const override;
  Status check_more(std::string_view id, std::string_view metadata) const override;

  bool is_writable() const noexcept { return options_.open != VectorStoreOptions::Open::kRead; }
  std::string table() const {
    return (address_.schema.empty() ? "" : quoted_name(address_.schema) + ".") + quoted_name(address_.table);
  }
  Error named(const Error& error) const {
    return Error(error.code(), address_.shown() + ": " + error.message())
        .hint(error.hint())
        .retryable(error.retryable());
  }
  Status connect() const;
  Result<PutCounts> merge(const Unique& rows, Put how);
  Status make_index();
  Result<bool> has_index() const;
  Result<std::vector<Neighbor>> look(const VectorQuery& query, bool exact) const;
  Status set_search(bool exact, std::size_t breadth) const;
  template <class Work>
  auto in_transaction(Work work) -> decltype(work());

  const PostgresAddress address_;
  const VectorStoreOptions options_;
  const std::string description_;

  mutable std::mutex mutex_;
  // guarded by mutex_
  mutable PostgresConnection connection_;
  mutable bool has_rows_table_ = false;  ///< In this session.
  mutable int exact_ = -1;               ///< What the session's searches are set to; -1: nothing yet.
  mutable std::size_t breadth_ = 0;
};

/// Of the rows of a call the one that counts for each id, and what became of the others.
struct PostgresStore::Unique {
  std::vector<std::size_t> rows;
  PutCounts counts;
};

Status PostgresStore::check_more(std::string_view id, std::string_view metadata) const {
  if (id.size() > kMostIdBytes)
    return refusal("the index of PostgreSQL has room for ids of " + std::to_string(kMostIdBytes) +
                   " bytes, and this has " + std::to_string(id.size()));
  if (id.find('\0') != std::string_view::npos)
    return refusal("PostgreSQL has no text with the character U+0000, as this id");
  for (std::size_t at = metadata.find("\\u0000"); at != std::string_view::npos; at = metadata.find("\\u0000", at + 1)) {
    std::size_t slashes = 0;  // "\\u0000" is a backslash and five letters
    while (slashes < at && metadata[at - slashes - 1] == '\\') ++slashes;
    if (slashes % 2 == 0) return refusal("PostgreSQL has no text with the character U+0000, as in this metadata");
  }
  return {};
}

Status PostgresStore::connect() const {
  if (connection_.is_open()) return {};
  has_rows_table_ = false;
  exact_ = -1;
  PENSTOCK_ASSIGN(connection_, PostgresConnection::connect(address_.uri, options_.timeout));
  return {};
}

template <class Work>
auto PostgresStore::in_transaction(Work work) -> decltype(work()) {
  PENSTOCK_TRY(connection_.run("BEGIN"));
  auto result = work();
  if (!result) {
    if (connection_.is_open()) static_cast<void>(connection_.run("ROLLBACK"));
    return result;
  }
  PENSTOCK_TRY(connection_.run("COMMIT"));
  return result;
}

Result<PutCounts> PostgresStore::merge(const Unique& rows, Put how) {
  if (rows.rows.empty()) return rows.counts;
  const std::string on_conflict = how == Put::kInsert
                                      ? "NOTHING"
                                      : "UPDATE SET embedding = EXCLUDED.embedding, metadata = EXCLUDED.metadata WHERE "
                                        "old.embedding <> EXCLUDED.embedding OR old.metadata <> EXCLUDED.metadata";
  PENSTOCK_ASSIGN(
      const PostgresRows counted,
      connection_.run("WITH merged AS (INSERT INTO " + table() +
                      " AS old (id, embedding, metadata) SELECT id, embedding, metadata FROM "
                      "pg_temp.penstock_rows ON CONFLICT (id) DO " +
                      on_conflict +
                      " RETURNING (xmax = 0) AS added) SELECT count(*) FILTER (WHERE added), count(*) FILTER "
                      "(WHERE NOT added) FROM merged"));
  PutCounts counts = rows.counts;
  counts.added += counted.number(0, 0);
  counts.replaced += counted.number(0, 1);
  counts.kept += rows.rows.size() - counted.number(0, 0) - counted.number(0, 1);
  return counts;
}

Result<PutCounts> PostgresStore::put(const VectorRows& rows, Put how) {
  const std::size_t dimension = shape().dimension;
  std::vector<float> vectors(rows.vectors.begin(), rows.vectors.end());
  const auto vector = [&](std::size_t row) { return std::span<float>(vectors).subspan(row * dimension, dimension); };
  Unique unique;
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t row = 0; row < rows.ids.size(); ++row) {
    if (shape().metric == Metric::kCosine) to_length_one(vector(row));
    const auto [known, is_new] = places.emplace(rows.ids[row], unique.rows.size());
    if (is_new) {
      unique.rows.push_back(row);
      continue;
    }
    const std::size_t before = unique.rows[known->second];
    const bool same = rows.metadata[row] == rows.metadata[before] && std::ranges::equal(vector(row), vector(before));
    ++(how == Put::kInsert || same ? unique.counts.kept : unique.counts.replaced);
    if (how == Put::kUpsert) unique.rows[known->second] = row;
  }
  std::string bytes("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  for (const std::size_t row : unique.rows) {
    append_big_endian(bytes, 3, 2);
    append_field(bytes, rows.ids[row]);
    append_field(bytes, vector_bytes(vector(row)));
    append_field(bytes, rows.metadata[row].empty() ? "{}" : rows.metadata[row], "\1");  // version of jsonb's bytes
  }
  append_big_endian(bytes, 0xFFFF, 2);
  const std::lock_guard lock(mutex_);
  if (!is_writable()) return refusal(address_.shown() + " is not open for writing");
  auto done = [&]() -> Result<PutCounts> {
    PENSTOCK_TRY(connect());
    if (!has_rows_table_) {
      PENSTOCK_TRY(
          connection_.run("CREATE TEMPORARY TABLE penstock_rows (id text, embedding vector, metadata jsonb) ON "
                          "COMMIT DELETE ROWS"));
      has_rows_table_ = true;
    }
    return in_transaction([&]() -> Result<PutCounts> {
      PENSTOCK_TRY(
          connection_.copy("COPY pg_temp.penstock_rows (id, embedding, metadata) FROM STDIN (FORMAT binary)", bytes));
      return merge(unique, how);
    });
  }();
  if (!done) return named(done.error());
  return done;
}

Result<std::uint64_t> PostgresStore::count() const {
  const std::lock_guard lock(mutex_);
  PENSTOCK_TRY(connect());
  const auto counted = connection_.run("SELECT count(*) FROM " + table());
  if (!counted) return named(counted.error());
  return counted->number(0, 0);
}

// An index of walks for this metric, whoever made it.
Result<bool> PostgresStore::has_index() const {
  PENSTOCK_ASSIGN(const PostgresRows found,
                  connection_.run("SELECT 1 FROM pg_index AS i JOIN pg_opclass AS o ON o.oid = ANY (i.indclass) WHERE "
                                  "i.indrelid = " +
                                      sql_text(table()) + "::regclass AND o.opcname = $1 AND i.indisvalid",
                                  {{operator_class(shape().metric)}}, options_.timeout));
  return found.size() > 0;
}

Status PostgresStore::make_index() {
  if (!address_.indexed || shape().dimension > kMostIndexDimensions) return {};
  PENSTOCK_TRY(connect());
  PENSTOCK_ASSIGN(const bool is_there, has_index());
  if (is_there) return {};
  const Result<PostgresRows> made = in_transaction([&]() -> Result<PostgresRows> {
    PENSTOCK_TRY(connection_.run("SET LOCAL statement_timeout = 0"));
    return connection_.run("CREATE INDEX IF NOT EXISTS " + quoted_name(address_.table + "_embedding") + " ON " +
                               table() + " USING hnsw (embedding " + operator_class(shape().metric) + ")",
                           {}, std::nullopt);
  });
  if (!made) return Error(made.error());
  return {};
}

Status PostgresStore::close() {
  const std::lock_guard lock(mutex_);
  if (is_writable()) {
    const Status made = make_index();
    if (!made) return named(made.error());
  }
  connection_ = PostgresConnection();
  return {};
}

Status PostgresStore::set_search(bool exact, std::size_t breadth) const {
  if (exact_ != static_cast<int>(exact)) {
    PENSTOCK_TRY(connection_.run(std::string("SET enable_indexscan = ") + (exact ? "off" : "on")));
    exact_ = static_cast<int>(exact);
    breadth_ = 0;
  }
  if (exact || breadth_ == breadth) return {};
  PENSTOCK_TRY(connection_.run("SET hnsw.ef_search = " + std::to_string(breadth)));
  breadth_ = breadth;
  return {};
}

Result<std::vector<Neighbor>> PostgresStore::look(const VectorQuery& query, bool exact) const {
  PENSTOCK_TRY(set_search(exact, std::max(query.breadth > 0 ? query.breadth : kSearchBreadth, query.k)));
  std::vector<float> wanted(query.vector.begin(), query.vector.end());
  if (shape().metric == Metric::kCosine) to_length_one(wanted);
  std::vector<PostgresValue> values = {{vector_bytes(wanted), true}};
  const std::string distance = std::string("embedding ") + distance_operator(shape().metric) + " $1::vector";
  std::string statement = "SELECT id, " + distance + ", metadata FROM " + table();
  for (std::size_t i = 0; i < query.filter.size(); ++i)
    statement += (i == 0 ? " WHERE " : " AND ") + sql_of(query.filter[i], values);
  statement += " ORDER BY " + distance + (exact ? ", id COLLATE \"C\"" : "") + " LIMIT " + std::to_string(query.k);
  PENSTOCK_ASSIGN(const PostgresRows rows, connection_.run(statement, values, options_.timeout));
  std::vector<Neighbor> neighbors(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Neighbor& neighbor = neighbors[row];
    neighbor.id = rows.text(row, 0);
    neighbor.metadata = rows.text(row, 2);
    const std::string_view digits = rows.text(row, 1);
    double value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    neighbor.distance = static_cast<float>(value == 0 ? 0 : value);  // not -0
    if (shape().metric == Metric::kCosine) neighbor.distance = std::clamp(neighbor.distance, 0.0F, 2.0F);
  }
  std::ranges::sort(neighbors, [](const Neighbor& a, const Neighbor& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
  });
  return neighbors;
}

// The index gives at most as many as it keeps in sight, dead ones included, before any filter.
Result<std::vector<Neighbor>> PostgresStore::find(const VectorQuery& query) const {
  const std::lock_guard lock(mutex_);
  auto found = [&]() -> Result<std::vector<Neighbor>> {
    PENSTOCK_TRY(connect());
    const bool exact = !query.filter.empty() || std::max(query.k, query.breadth) > kMostSearchBreadth;
    PENSTOCK_ASSIGN(std::vector<Neighbor> neighbors, look(query, exact));
    if (exact || neighbors.size() == query.k) return neighbors;
    return look(query, true);
  }();
  if (!found) return named(found.error());
  return found;
}

// ---- Opening -------------------------------------------------------------------------------------------------------

/// What a table that is there says of itself.
struct TableFacts {
  bool is_there = false;
  std::int64_t dimension = -1;
  std::string metric;  ///< Empty: it does not say.
  std::string description;
};

constexpr std::string_view kMetricComment = "penstock metric ";

Result<TableFacts> look_at(PostgresConnection& connection, const std::string& table) {
  PENSTOCK_ASSIGN(const PostgresRows rows,
                  connection.run("SELECT a.atttypmod, format_type(a.atttypid, NULL), col_description(c.oid, a.attnum), "
                                 "obj_description(c.oid, 'pg_class') FROM pg_class AS c LEFT JOIN pg_attribute AS a ON "
                                 "a.attrelid = c.oid AND a.attname = 'embedding' AND NOT a.attisdropped WHERE c.oid = "
                                 "to_regclass($1)",
                                 {{table}}, connection.timeout()));
  TableFacts facts;
  if (rows.size() == 0) return facts;
  facts.is_there = true;
  if (rows.is_null(0, 0) || !rows.text(0, 1).ends_with("vector"))
    return refusal("it has no column \"embedding\" of type vector").hint("name another table");
  const std::string_view digits = rows.text(0, 0);
  std::from_chars(digits.data(), digits.data() + digits.size(), facts.dimension);
  const std::string_view comment = rows.text(0, 2);
  if (comment.starts_with(kMetricComment)) facts.metric = comment.substr(kMetricComment.size());
  facts.description = rows.text(0, 3);
  return facts;
}

Status make_table(PostgresConnection& connection, const std::string& table, const VectorStoreOptions& options) {
  PENSTOCK_TRY(connection.run("BEGIN"));
  // Who comes at the same time finds it made; without the lock one of them would fail in the system's tables.
  PENSTOCK_TRY(connection.run("SELECT pg_advisory_xact_lock(hashtext('penstock vectors'))"));
  PENSTOCK_ASSIGN(const TableFacts before, look_at(connection, table));
  if (!before.is_there) {
    PENSTOCK_TRY(connection.run("CREATE TABLE " + table + " (id text PRIMARY KEY, embedding vector(" +
                                std::to_string(options.shape.dimension) + ") NOT NULL, metadata jsonb NOT NULL)"));
    PENSTOCK_TRY(connection.run("COMMENT ON COLUMN " + table + ".embedding IS " +
                                sql_text(std::string(kMetricComment) + to_string(options.shape.metric))));
    if (!options.description.empty())
      PENSTOCK_TRY(connection.run("COMMENT ON TABLE " + table + " IS " + sql_text(options.description)));
  }
  PENSTOCK_TRY(connection.run("COMMIT"));
  return {};
}

Status make_extension(PostgresConnection& connection) {
  PENSTOCK_ASSIGN(const PostgresRows there, connection.run("SELECT 1 FROM pg_extension WHERE extname = 'vector'"));
  if (there.size() > 0) return {};
  const auto made = connection.run("CREATE EXTENSION IF NOT EXISTS vector");
  if (made) return {};
  // Somebody else may have made it at the same time, which "if not exists" does not see.
  const auto by_now = connection.run("SELECT 1 FROM pg_extension WHERE extname = 'vector'");
  if (by_now && by_now->size() > 0) return {};
  const bool refused = made.error().code() == ErrorCode::kPermissionDenied;
  return Error(refused ? ErrorCode::kPermissionDenied : ErrorCode::kUnsupported, made.error().message())
      .hint(refused ? "let a superuser say CREATE EXTENSION vector in this database"
                    : "install the extension pgvector where the server is");
}

Result<VectorStore::Shape> shape_of(const TableFacts& facts, const VectorStore::Shape& wanted) {
  if (facts.dimension < 1)
    return refusal("its column \"embedding\" is a vector without a number of values").hint("make it vector(N)");
  VectorStore::Shape shape;
  shape.dimension = static_cast<std::uint32_t>(facts.dimension);
  if (!facts.metric.empty()) {
    PENSTOCK_ASSIGN(shape.metric, metric_named(facts.metric));
  } else if (wanted.dimension != 0) {
    shape.metric = wanted.metric;  // a table that somebody else made
  } else {
    return refusal("it does not say which metric its vectors are for")
        .hint("COMMENT ON COLUMN ….embedding IS 'penstock metric cosine', or l2, or dot");
  }
  if (wanted.dimension != 0 && (wanted.dimension != shape.dimension || wanted.metric != shape.metric)) {
    return refusal("it has " + std::to_string(shape.dimension) + " values per vector and the metric " +
                   to_string(shape.metric) + ", and what comes has " + std::to_string(wanted.dimension) + " and " +
                   to_string(wanted.metric))
        .hint("use the model that it was filled with, or another table");
  }
  return shape;
}

Result<std::unique_ptr<VectorStore>> open_table(const PostgresAddress& address, const VectorStoreOptions& options) {
  using Open = VectorStoreOptions::Open;
  PENSTOCK_ASSIGN(PostgresConnection connection, PostgresConnection::connect(address.uri, options.timeout));
  const std::string table =
      (address.schema.empty() ? "" : quoted_name(address.schema) + ".") + quoted_name(address.table);
  const bool create = options.open == Open::kCreate && options.shape.dimension != 0;
  if (create) PENSTOCK_TRY(make_extension(connection));
  PENSTOCK_ASSIGN(TableFacts facts, look_at(connection, table));
  if (!facts.is_there && create) {
    PENSTOCK_TRY(make_table(connection, table, options));
    PENSTOCK_ASSIGN(facts, look_at(connection, table));
  }
  if (!facts.is_there) return Error(ErrorCode::kNotFound, "there is no such table");
  PENSTOCK_ASSIGN(const VectorStore::Shape shape, shape_of(facts, options.shape));
  // Only what uses the extension's library loads it, and with it the settings of searches.
  PENSTOCK_TRY(connection.run("SELECT '[1]'::vector"));
  return std::unique_ptr<VectorStore>(
      std::make_unique<PostgresStore>(address, options, shape, facts.description, std::move(connection)));
}

}  // namespace

bool is_postgres_address(std::string_view where) noexcept {
  return where.starts_with("postgresql://") || where.starts_with("postgres://");
}

Result<std::unique_ptr<VectorStore>> open_postgres_store(const std::string& where, const VectorStoreOptions& options) {
  PENSTOCK_ASSIGN(const PostgresAddress address, address_in(where));
  PENSTOCK_TRY(check_description(options.description));
  if (options.shape.dimension != 0) PENSTOCK_TRY(check_shape(options.shape));
  if (options.shape.dimension > kMostDimensions) {
    return refusal("pgvector has vectors of at most " + std::to_string(kMostDimensions) + " values, not of " +
                   std::to_string(options.shape.dimension));
  }
  if (options.description.find('\0') != std::string::npos)
    return refusal("PostgreSQL has no text with the character U+0000, as this description");
  auto opened = open_table(address, options);
  if (opened) return opened;
  const Error& why = opened.error();
  return Error(why.code(), address.shown() + ": " + why.message()).hint(why.hint()).retryable(why.retryable());
}

}  // namespace penstock
#endif
