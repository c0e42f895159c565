// SPDX-License-Identifier: MIT
// What milvus_test.py talks to while it kills, stops and starts servers: reads one command per line, and answers it
// with one line of JSON.
//   open ADDRESS create|read|write DIMENSION METRIC [DESCRIPTION]
//   insert|upsert FIRST LAST VERSION [BYTES]   rows "row N": vectors (N, VERSION, 0, …), metadata with both, and so
//   many
//                                              bytes of text
//   count · describe · flush · close
//   search N VERSION K                         ids, distances and versions of the nearest to (N, VERSION, 0, …)
#include <penstock/vector_store.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

using nlohmann::json;
using penstock::Error;
using penstock::ErrorCode;
using penstock::Result;
using penstock::VectorStore;
using penstock::VectorStoreOptions;

class Client {
 public:
  Result<json> answer(std::istream& line) {
    std::string command;
    line >> command;
    if (command == "open") return open(line);
    if (store_ == nullptr) return Error(ErrorCode::kInvalidArgument, "no store is open");
    if (command == "insert" || command == "upsert") return put(line, command == "insert");
    if (command == "search") return search(line);
    if (command == "describe") {
      return json{{"dimension", store_->shape().dimension},
                  {"metric", to_string(store_->shape().metric)},
                  {"description", store_->description()}};
    }
    if (command == "count") {
      PENSTOCK_ASSIGN(const std::uint64_t count, store_->count());
      return json(count);
    }
    PENSTOCK_TRY(command == "flush" ? store_->flush() : store_->close());
    return json(nullptr);
  }

 private:
  Result<json> open(std::istream& line) {
    std::string where;
    std::string how;
    std::string metric;
    VectorStoreOptions options;
    line >> where >> how >> options.shape.dimension >> metric >> std::ws;
    std::getline(line, options.description);
    options.open = how == "create" ? VectorStoreOptions::Open::kCreate
                   : how == "read" ? VectorStoreOptions::Open::kRead
                                   : VectorStoreOptions::Open::kWrite;
    PENSTOCK_ASSIGN(options.shape.metric, penstock::metric_named(metric));
    store_.reset();
    PENSTOCK_ASSIGN(store_, penstock::open_vector_store(where, options));
    return json(nullptr);
  }

  std::vector<float> vector(int number, int version) const {
    std::vector<float> made(store_->shape().dimension);
    made[0] = static_cast<float>(number);
    if (made.size() > 1) made[1] = static_cast<float>(version);
    return made;
  }

  Result<json> put(std::istream& line, bool inserting) {
    int first = 0;
    int last = 0;
    int version = 0;
    std::size_t bytes = 0;
    line >> first >> last >> version >> bytes;
    std::vector<std::string> ids;
    std::vector<std::string> texts;
    std::vector<float> vectors;
    for (int number = first; number <= last; ++number) {
      ids.push_back("row " + std::to_string(number));
      texts.push_back(json({{"number", number}, {"version", version}, {"text", std::string(bytes, 'x')}}).dump());
      const std::vector<float> one = vector(number, version);
      vectors.insert(vectors.end(), one.begin(), one.end());
    }
    const std::vector<std::string_view> id_views(ids.begin(), ids.end());
    const std::vector<std::string_view> metadata(texts.begin(), texts.end());
    const penstock::VectorRows rows = {id_views, vectors, metadata};
    PENSTOCK_ASSIGN(const auto counts, inserting ? store_->insert(rows) : store_->upsert(rows));
    return json{{"added", counts.added}, {"replaced", counts.replaced}, {"kept", counts.kept}};
  }

  Result<json> search(std::istream& line) {
    int number = 0;
    int version = 0;
    std::size_t k = 0;
    line >> number >> version >> k;
    const std::vector<float> wanted = vector(number, version);
    PENSTOCK_ASSIGN(const auto found, store_->search({wanted, k, {}}));
    json all = json::array();
    for (const penstock::Neighbor& each : found)
      all.push_back({each.id, each.distance, json::parse(each.metadata)["version"]});
    return all;
  }

  std::unique_ptr<VectorStore> store_;
};

}  // namespace

int main() {
  Client client;
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    const Result<json> answer = client.answer(line);
    json told = {{"ok", answer.has_value()}};
    if (answer) {
      told["answer"] = *answer;
    } else {
      told["code"] = to_string(answer.error().code());
      told["text"] = answer.error().to_text();
      told["retryable"] = answer.error().retryable();
    }
    std::cout << told.dump() << std::endl;
  }
  return 0;
}
