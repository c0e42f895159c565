// SPDX-License-Identifier: MIT
// Rows are taken down in the table and in the block to be written under one lock, in the order of the calls; their
// links are made outside of it, by the calling threads side by side (vector/turns.h keeps searches away meanwhile).
#include "vector/embedded_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "vector/index_file.h"
#include "vector/metadata_filter.h"
#include "vector/row_table.h"
#include "vector/turns.h"

namespace penstock {
namespace {

using Group = Turns::Group;
using Turn = Turns::Turn;

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::uint64_t kMostRows = 0xFFFF'FFF0;

struct Ranked {
  float distance;
  std::uint32_t slot;
};

// What a writer that was killed while it made the file anew has left beside it: ".NAME.PID-DIGEST-N.tmp". Its lock is
// ours now, so nobody is at work there.
void remove_leftovers(const std::string& path) {
  const std::string start = "." + std::filesystem::path(path).filename().string() + ".";
  std::error_code failed;
  std::filesystem::directory_iterator entries(folder_of(path), failed);
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    const std::string name = entries->path().filename().string();
    if (!name.starts_with(start) || !name.ends_with(".tmp")) continue;
    const std::string_view mark = std::string_view(name).substr(start.size(), name.size() - start.size() - 4);
    std::error_code ignored;
    if (mark.find_first_not_of("0123456789abcdef-") == std::string_view::npos)
      std::filesystem::remove(entries->path(), ignored);
  }
}

class EmbeddedStore final : public VectorStore {
 public:
  EmbeddedStore(std::string path, const EmbeddedStoreOptions& options, const IndexHeader& header, IndexWriter writer)
      : VectorStore(header.shape),
        path_(std::move(path)),
        options_(options),
        header_(header),
        distance_(graph_distance(header.shape.metric)),
        writer_(std::move(writer)) {}

  static Result<std::unique_ptr<VectorStore>> open(const std::string& path, const EmbeddedStoreOptions& options);

  std::string description() const override { return header_.description; }
  Status flush() override;
  Result<std::uint64_t> count() const override;
  Status close() override;

 private:
  Result<PutCounts> put(const VectorRows& rows, Put how) override;
  Result<std::vector<Neighbor>> find(const VectorQuery& query) const override;

  Status load(IndexReader& reader);
  Status take_rows(const IndexReader& reader, std::string_view payload);
  Status bring_graph_up_to_date(std::size_t room);
  Status make_room(std::size_t rows);
  Status take_down(std::string_view id, std::string_view metadata, std::span<const float> vector);
  Status may_write() const;
  Status write_pending();
  Status write_all(bool at_end);
  Status write_graph();
  Status make_anew(bool without_dead);
  Result<std::vector<std::uint32_t>> add_to_table(const VectorRows& rows, Put how, std::span<const float> vectors,
                                                  PutCounts& counts);
  const float* vector(std::uint32_t slot) const {
    return graph_ != nullptr && slot < graph_->size() ? graph_->vector(slot)
                                                      : flat_.data() + std::size_t{slot} * shape().dimension;
  }
  std::span<const float> values(std::uint32_t slot) const { return {vector(slot), shape().dimension}; }
  std::vector<Ranked> ranked(const float* query, const VectorQuery& asked) const;
  std::vector<Ranked> exact(const float* query, const VectorQuery& asked) const;
  Neighbor neighbor(const Ranked& found) const;

  const std::string path_;
  const EmbeddedStoreOptions options_;
  const IndexHeader header_;
  const GraphDistance distance_;

  mutable Turns turns_;
  // Changed by those who add, under mutex_; read by those who search.
  mutable std::mutex mutex_;
  RowTable table_;
  std::vector<float> flat_;  ///< By slot, as long as there is no graph.
  std::unique_ptr<NeighborGraph> graph_;
  IndexWriter writer_;  ///< Not open: this store is for reading, or closed.
  RowsPayload pending_;
  std::uint64_t graph_rows_ = 0;   ///< In the last graph in the file.
  std::uint64_t graph_bytes_ = 0;  ///< Of that.
  std::uint64_t waste_bytes_ = 0;  ///< Of earlier ones.
  std::optional<Error> failed_;    ///< Why nothing can be written any more.
};

// What the blocks of a file say, before the graph takes the vectors.
Status EmbeddedStore::take_rows(const IndexReader& reader, std::string_view payload) {
  const auto rows = rows_in(payload, shape().dimension);
  if (!rows) return reader.damaged(rows.error().message());
  if (table_.size() + rows->size() > kMostRows) return reader.damaged("has more rows than there can be");
  const std::size_t bytes = shape().dimension * sizeof(float);
  for (const IndexRow& row : *rows) {
    table_.add(row.id, row.metadata, row.vector, bytes);
    const std::size_t at = flat_.size();
    flat_.resize(at + shape().dimension);
    std::memcpy(flat_.data() + at, row.vector, bytes);
    if (!check_vector(std::span(flat_).subspan(at))) return reader.damaged("has a vector that cannot be");
  }
  return {};
}

Status EmbeddedStore::load(IndexReader& reader) {
  IndexBlock block;
  std::string saved;
  const IndexMark mark = reader.mark();
  while (true) {
    if (reader.position() == mark.length && table_.size() != mark.rows) {
      return reader.damaged("comes after " + std::to_string(table_.size()) + " rows, and there were " +
                            std::to_string(mark.rows));
    }
    PENSTOCK_ASSIGN(const bool more, reader.next(block));
    if (!more) break;
    if (block.kind == IndexBlock::Kind::kRows) {
      PENSTOCK_TRY(take_rows(reader, block.payload));
    } else if (block.kind == IndexBlock::Kind::kGraph) {
      waste_bytes_ += graph_bytes_;
      graph_bytes_ = block.payload.size();
      graph_rows_ = table_.size();
      saved = std::move(block.payload);
    } else {
      return reader.damaged("is of a kind that is not known");
    }
  }
  if (!saved.empty() && NeighborGraph::is_there()) {
    auto graph = NeighborGraph::load(shape(), header_.graph, table_.size(), saved,
                                     std::span(flat_).first(graph_rows_ * shape().dimension));
    if (!graph) return reader.damaged(graph.error().message());
    graph_ = std::move(*graph);
    if (graph_->size() != graph_rows_) return reader.damaged("has a graph of other rows");
  }
  return bring_graph_up_to_date(table_.size());
}

// Adds to the graph what came after it, and makes one where the store has outgrown exact searches.
Status EmbeddedStore::bring_graph_up_to_date(std::size_t room) {
  if (!NeighborGraph::is_there() || (graph_ == nullptr && room <= options_.exact_rows)) return {};
  if (graph_ == nullptr) {
    PENSTOCK_ASSIGN(graph_, NeighborGraph::create(shape(), header_.graph, room));
  } else {
    PENSTOCK_TRY(graph_->reserve(std::max(room, graph_->capacity())));
  }
  for (auto slot = static_cast<std::uint32_t>(graph_->size()); slot < table_.size(); ++slot)
    PENSTOCK_TRY(graph_->add(slot, flat_.data() + std::size_t{slot} * shape().dimension));
  flat_ = {};
  return {};
}

Result<std::unique_ptr<VectorStore>> EmbeddedStore::open(const std::string& path, const EmbeddedStoreOptions& options) {
  using Open = EmbeddedStoreOptions::Open;
  if (options.shape.dimension != 0) PENSTOCK_TRY(check_shape(options.shape));
  PENSTOCK_TRY(check_description(options.description));
  const bool settings_fit = options.graph.links >= 2 && options.graph.links <= 128 && options.graph.breadth >= 1 &&
                            options.graph.breadth <= 10'000 && options.search_breadth >= 1;
  if (!settings_fit) {
    return Error(ErrorCode::kInvalidArgument,
                 "a store of vectors has 2 to 128 links per vector, and looks at 1 to 10,000 candidates for them");
  }
  const bool create = options.open == Open::kCreate && options.shape.dimension != 0;
  Descriptor file;
  if (options.open == Open::kRead) {
    file = Descriptor(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!file.is_open()) return file_error(errno, "open", path);
  } else {
    PENSTOCK_ASSIGN(file, lock_index(path, create));
    remove_leftovers(path);
  }
  if (create) {
    PENSTOCK_ASSIGN(const bool unbegun, is_unbegun(file.get(), path));
    if (unbegun) {
      const IndexHeader header = {options.shape, options.graph, options.description};
      PENSTOCK_ASSIGN(IndexWriter writer, IndexWriter::begin(std::move(file), path, header));
      PENSTOCK_TRY(writer.sync());
      PENSTOCK_TRY(sync_folder(folder_of(path)));
      return std::unique_ptr<VectorStore>(std::make_unique<EmbeddedStore>(path, options, header, std::move(writer)));
    }
  }
  PENSTOCK_ASSIGN(IndexReader reader, IndexReader::open(file.get(), path));
  const Shape& has = reader.header().shape;
  if (options.shape.dimension != 0 &&
      (has.dimension != options.shape.dimension || has.metric != options.shape.metric)) {
    return Error(ErrorCode::kInvalidArgument, "the store of vectors " + path + " has " + std::to_string(has.dimension) +
                                                  " values per vector and the metric " + to_string(has.metric) +
                                                  ", and what comes has " + std::to_string(options.shape.dimension) +
                                                  " and " + to_string(options.shape.metric))
        .hint("use the model that it was filled with, or another file");
  }
  auto store = std::make_unique<EmbeddedStore>(path, options, reader.header(), IndexWriter());
  PENSTOCK_TRY(store->load(reader));
  if (options.open != Open::kRead) {
    PENSTOCK_ASSIGN(store->writer_, IndexWriter::go_on(std::move(file), reader, store->table_.size()));
  }
  return std::unique_ptr<VectorStore>(std::move(store));
}

Status EmbeddedStore::may_write() const {
  if (failed_) return Error(*failed_);
  if (writer_.is_open()) return {};
  return Error(ErrorCode::kInvalidArgument, "the store of vectors " + path_ + " is not open for writing");
}

// There is room for `rows` more when this returns, until somebody else takes it.
Status EmbeddedStore::make_room(std::size_t rows) {
  const Turn turn(turns_, Group::kAlone);
  PENSTOCK_TRY(may_write());
  const std::size_t needed = table_.size() + rows;
  if (needed > kMostRows)
    return Error(ErrorCode::kResourceExhausted, "a store has at most 4,294,967,280 rows, dead ones included");
  const std::size_t doubled = graph_ == nullptr ? needed : std::max(needed, graph_->capacity() * 2);
  return bring_graph_up_to_date(std::min<std::size_t>(doubled, kMostRows));
}

Result<std::vector<std::uint32_t>> EmbeddedStore::add_to_table(const VectorRows& rows, Put how,
                                                               std::span<const float> vectors, PutCounts& counts) {
  const std::size_t dimension = shape().dimension;
  std::vector<std::uint32_t> put(rows.ids.size(), RowTable::kNone);
  for (std::size_t row = 0; row < rows.ids.size(); ++row) {
    const std::span<const float> vector = vectors.subspan(row * dimension, dimension);
    const std::uint32_t before = table_.slot_of(rows.ids[row]);
    const bool is_there = before != RowTable::kNone;
    if (is_there &&
        (how == Put::kInsert || table_.is_same(before, rows.metadata[row], vector.data(), vector.size_bytes()))) {
      ++counts.kept;
      continue;
    }
    ++(is_there ? counts.replaced : counts.added);
    put[row] = table_.size();
    table_.add(rows.ids[row], rows.metadata[row], vector.data(), vector.size_bytes());
    if (graph_ == nullptr) flat_.insert(flat_.end(), vector.begin(), vector.end());
    pending_.add(rows.ids[row], rows.metadata[row], vector);
    if (pending_.size_bytes() >= kBlockBytes) PENSTOCK_TRY(write_pending());
  }
  return put;
}

Result<PutCounts> EmbeddedStore::put(const VectorRows& rows, Put how) {
  const std::size_t dimension = shape().dimension;
  std::vector<float> own;
  std::span<const float> vectors = rows.vectors;
  if (shape().metric == Metric::kCosine) {
    own.assign(vectors.begin(), vectors.end());
    for (std::size_t row = 0; row < rows.ids.size(); ++row)
      to_length_one(std::span(own).subspan(row * dimension, dimension));
    vectors = own;
  }
  while (true) {
    {
      const Turn turn(turns_, Group::kAdding);
      std::unique_lock lock(mutex_);
      PENSTOCK_TRY(may_write());
      const std::size_t needed = table_.size() + rows.ids.size();
      const bool has_room =
          !NeighborGraph::is_there() || needed <= (graph_ == nullptr ? options_.exact_rows : graph_->capacity());
      if (has_room) {
        PutCounts counts;
        PENSTOCK_ASSIGN(const std::vector<std::uint32_t> slots, add_to_table(rows, how, vectors, counts));
        lock.unlock();
        for (std::size_t row = 0; row < slots.size() && graph_ != nullptr; ++row) {
          if (slots[row] == RowTable::kNone) continue;
          const Status added = graph_->add(slots[row], vectors.data() + row * dimension);
          if (added) continue;
          lock.lock();
          return failed_.emplace(added.error());
        }
        return counts;
      }
    }
    PENSTOCK_TRY(make_room(rows.ids.size()));
  }
}

Status EmbeddedStore::write_pending() {
  if (pending_.rows() == 0) return {};
  const std::uint64_t rows = pending_.rows();
  const Status written = writer_.append(IndexBlock::Kind::kRows, pending_.take(), rows);
  if (!written) failed_.emplace(written.error());
  return written;
}

Status EmbeddedStore::write_graph() {
  std::string payload;
  graph_->save(payload);
  const std::size_t bytes = payload.size();
  PENSTOCK_TRY(writer_.append(IndexBlock::Kind::kGraph, std::move(payload), 0));
  waste_bytes_ += graph_bytes_;
  graph_bytes_ = bytes;
  graph_rows_ = table_.size();
  return {};
}

// A graph is written when making its newer part again would take long: half as many rows as it had, or at the end one
// in sixteen. So all graphs together are at most three times as large as the last one.
Status EmbeddedStore::write_all(bool at_end) {
  PENSTOCK_TRY(may_write());
  const Status written = [&]() -> Status {
    PENSTOCK_TRY(write_pending());
    const std::uint64_t newer = table_.size() - graph_rows_;
    if (graph_ != nullptr && newer > graph_rows_ / (at_end ? 16 : 2)) PENSTOCK_TRY(write_graph());
    return writer_.sync();
  }();
  if (!written) failed_.emplace(written.error());
  return written;
}

Status EmbeddedStore::flush() {
  const Turn turn(turns_, Group::kAlone);
  if (options_.open == EmbeddedStoreOptions::Open::kRead) return {};
  return write_all(false);
}

Status EmbeddedStore::close() {
  const Turn turn(turns_, Group::kAlone);
  if (options_.open == EmbeddedStoreOptions::Open::kRead || !writer_.is_open()) return {};
  PENSTOCK_TRY(write_all(true));
  const bool many_dead = table_.dead() > table_.size() / 2;
  const bool much_waste = waste_bytes_ > writer_.length() / 3;
  if (many_dead || much_waste) PENSTOCK_TRY(make_anew(many_dead));
  writer_.close();
  return {};
}

// Writes the file aside and puts it in its place; the lock is held on both until then.
Status EmbeddedStore::make_anew(bool without_dead) {
  PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::create(path_, {.durable = true}));
  Descriptor own(::fcntl(file.descriptor(), F_DUPFD_CLOEXEC, 0));
  if (!own.is_open() || ::flock(own.get(), LOCK_EX | LOCK_NB) != 0)
    return file_error(errno, "lock a file beside", path_);
  PENSTOCK_ASSIGN(IndexWriter writer, IndexWriter::begin(std::move(own), path_, header_));
  std::unique_ptr<NeighborGraph> graph;
  const std::size_t rows = table_.size() - (without_dead ? table_.dead() : 0);
  const bool has_graph = graph_ != nullptr && rows > options_.exact_rows;
  if (has_graph && without_dead) {
    PENSTOCK_ASSIGN(graph, NeighborGraph::create(shape(), header_.graph, rows));
  }
  RowsPayload payload;
  const auto write = [&] {
    const std::uint64_t count = payload.rows();
    return count == 0 ? Status() : writer.append(IndexBlock::Kind::kRows, payload.take(), count);
  };
  std::uint32_t next = 0;
  for (std::uint32_t slot = 0; slot < table_.size(); ++slot) {
    if (without_dead && table_.alive()[slot] == 0) continue;
    payload.add(table_.id(slot), table_.metadata(slot), values(slot));
    if (graph != nullptr) PENSTOCK_TRY(graph->add(next++, vector(slot)));
    if (payload.size_bytes() >= kBlockBytes) PENSTOCK_TRY(write());
  }
  PENSTOCK_TRY(write());
  if (has_graph) {
    std::string saved;
    (graph != nullptr ? graph : graph_)->save(saved);
    PENSTOCK_TRY(writer.append(IndexBlock::Kind::kGraph, std::move(saved), 0));
  }
  PENSTOCK_TRY(writer.sync());
  return file.commit();
}

Result<std::uint64_t> EmbeddedStore::count() const {
  const Turn turn(turns_, Group::kSearching);
  if (failed_) return Error(*failed_);
  return std::uint64_t{table_.size() - table_.dead()};
}

std::vector<Ranked> EmbeddedStore::exact(const float* query, const VectorQuery& asked) const {
  const auto nearer = [&](const Ranked& a, const Ranked& b) {
    return a.distance != b.distance ? a.distance < b.distance : table_.id(a.slot) < table_.id(b.slot);
  };
  std::vector<Ranked> best;  // a heap, the farthest on top
  MetadataReader reader;
  for (std::uint32_t slot = 0; slot < table_.size(); ++slot) {
    if (table_.alive()[slot] == 0) continue;
    if (!asked.filter.empty() && !reader.fulfils(table_.metadata(slot), asked.filter)) continue;
    const Ranked one = {distance_(query, vector(slot), shape().dimension), slot};
    if (best.size() == asked.k && !nearer(one, best.front())) continue;
    if (best.size() == asked.k) {
      std::ranges::pop_heap(best, nearer);
      best.pop_back();
    }
    best.push_back(one);
    std::ranges::push_heap(best, nearer);
  }
  std::ranges::sort_heap(best, nearer);
  return best;
}

std::vector<Ranked> EmbeddedStore::ranked(const float* query, const VectorQuery& asked) const {
  const std::uint32_t alive = table_.size() - table_.dead();
  const std::size_t breadth = asked.breadth > 0 ? asked.breadth : options_.search_breadth;
  const bool walks = graph_ != nullptr && asked.filter.empty() && alive > options_.exact_rows &&
                     std::max(asked.k, asked.breadth) < alive / 8;
  if (!walks) return exact(query, asked);
  const auto found = graph_->search(query, asked.k, breadth, table_.alive());
  if (found.size() < asked.k) return exact(query, asked);
  std::vector<Ranked> best;
  for (const NeighborGraph::Found& each : found) best.push_back({each.distance, each.slot});
  std::ranges::sort(best, [&](const Ranked& a, const Ranked& b) {
    return a.distance != b.distance ? a.distance < b.distance : table_.id(a.slot) < table_.id(b.slot);
  });
  return best;
}

Neighbor EmbeddedStore::neighbor(const Ranked& found) const {
  Neighbor neighbor;
  neighbor.id = table_.id(found.slot);
  const std::string& metadata = table_.metadata(found.slot);
  neighbor.metadata = metadata.empty() ? "{}" : metadata;
  switch (shape().metric) {
    case Metric::kCosine: neighbor.distance = std::clamp(1 + found.distance, 0.0F, 2.0F); break;
    case Metric::kL2: neighbor.distance = std::sqrt(found.distance); break;
    case Metric::kDot: neighbor.distance = found.distance; break;
  }
  return neighbor;
}

Result<std::vector<Neighbor>> EmbeddedStore::find(const VectorQuery& query) const {
  std::vector<float> vector(query.vector.begin(), query.vector.end());
  if (shape().metric == Metric::kCosine) to_length_one(vector);
  const Turn turn(turns_, Group::kSearching);
  if (failed_) return Error(*failed_);  // a row may be in the table and its vector nowhere
  std::vector<Neighbor> neighbors;
  for (const Ranked& found : ranked(vector.data(), query)) neighbors.push_back(neighbor(found));
  return neighbors;
}

}  // namespace

Result<std::unique_ptr<VectorStore>> open_embedded_store(const std::string& path, const EmbeddedStoreOptions& options) {
  return EmbeddedStore::open(path, options);
}

}  // namespace penstock
