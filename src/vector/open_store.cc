// SPDX-License-Identifier: MIT
// Which store an address stands for.
#include <penstock/vector_store.h>

#include "platform/http_post.h"
#include "vector/embedded_store.h"
#include "vector/milvus_address.h"
#include "vector/milvus_store.h"
#include "vector/neighbor_graph.h"
#include "vector/postgres_store.h"
#include "vector/stores_text.h"

namespace penstock {

std::string vector_stores_text() {
  std::string text = NeighborGraph::is_there() ? "files" : "files (searched without a graph: install libhnswlib-dev)";
#ifdef PENSTOCK_POSTGRES
  text += ", PostgreSQL";
#else
  text += " (no: PostgreSQL, install libpq-dev)";
#endif
  text += http_is_there() ? ", Milvus" : " (no: Milvus, install libcurl4-openssl-dev)";
  return text;
}

Result<std::unique_ptr<VectorStore>> open_vector_store(const std::string& where, const VectorStoreOptions& options) {
  if (is_postgres_address(where)) return open_postgres_store(where, options);
  if (milvus::is_address(where)) return open_milvus_store(where, options);
  EmbeddedStoreOptions embedded;
  embedded.open = options.open;
  embedded.shape = options.shape;
  embedded.description = options.description;
  return open_embedded_store(where, embedded);
}

}  // namespace penstock
