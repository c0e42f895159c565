// SPDX-License-Identifier: MIT
// Vectors in a table of PostgreSQL, by the extension pgvector.
#pragma once

#include <penstock/result.h>
#include <penstock/vector_store.h>

#include <memory>
#include <string>
#include <string_view>

namespace penstock {

/// Whether an address is one of PostgreSQL: "postgresql://…" or "postgres://…".
bool is_postgres_address(std::string_view where) noexcept;

/// Opens the table that `where` names: a URI as libpq takes it, with the further parameters table=NAME (or SCHEMA.NAME,
/// required) and index=hnsw or none (docs/guide/images.md). Thread-safe; calls of one store take turns at its one
/// connection, which is made again when it was lost.
///
/// The table has the columns id (text, the primary key), embedding (vector) and metadata (jsonb); the metric stands in
/// the comment of the column embedding, the description in that of the table. What was put is committed when the call
/// returns. `close` makes the index when there is none, after all was loaded, and takes its time for it. Searches are
/// exact with a filter, without an index, and where the index gives too few; else they walk in the index and may miss
/// some of the nearest. Metadata comes back as jsonb writes it. Errors: those of open_vector_store, with what the
/// server said; kUnsupported in a build without libpq, or where the server lacks the extension.
Result<std::unique_ptr<VectorStore>> open_postgres_store(const std::string& where, const VectorStoreOptions& options);

}  // namespace penstock
