// SPDX-License-Identifier: MIT
// Vectors in a collection of a Milvus server.
#pragma once

#include <penstock/vector_store.h>

#include <memory>
#include <string>

namespace penstock {

/// Opens the collection at `where`, milvus://[TOKEN@]HOST[:PORT]/COLLECTION[?timeout=TIME]. Thread-safe.
///
/// The collection has the fields "id", a VarChar and the primary key, "vector" and "metadata", JSON. One that is made
/// has the index HNSW. Every call waits at most for the timeout, a minute unless the address says another; within it a
/// call is tried again when the server cannot be reached or says that it is overloaded. Rows are put by "upsert", since
/// the server's "insert" takes an id twice; so rows that are put again are there once. What is there is asked for
/// before, for the counts, and not locked: of two writers that put one id at the same time the later one wins, also by
/// `insert`.
///
/// Beyond what every store promises: of equally near rows at the end of an answer the server chooses. Metadata have at
/// most 65,536 bytes. Errors: kUnavailable when there is no server; kTimeout; kPermissionDenied.
Result<std::unique_ptr<VectorStore>> open_milvus_store(const std::string& where, const VectorStoreOptions& options);

}  // namespace penstock
