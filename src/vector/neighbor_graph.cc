// SPDX-License-Identifier: MIT
#include "vector/neighbor_graph.h"

#include <algorithm>
#include <cstring>

#include "vector/distance.h"

namespace penstock {

GraphDistance graph_distance(Metric metric) noexcept {
  return metric == Metric::kL2 ? distance_kernels().squared_distance : distance_kernels().minus_dot;
}

}  // namespace penstock

#ifdef PENSTOCK_HNSWLIB
#include <queue>
#include <unordered_map>
#include <unordered_set>

// Under names of its own: a program that uses hnswlib itself has other functions under the old ones, made with other
// options of the compiler.
#define hnswlib penstock_hnswlib
#define cpuid penstock_hnswlib_cpuid
#define xgetbv penstock_hnswlib_xgetbv
#define AVXCapable penstock_hnswlib_avx
#define AVX512Capable penstock_hnswlib_avx512
#include <hnswlib/hnswlib.h>

namespace penstock {
namespace {

constexpr int kMaxLevel = 40;

// The paper's distribution, of the slot instead of a random number: each level has one in `links` of the one below.
int level_of(std::uint32_t slot, std::uint32_t links) {
  std::uint64_t bits = slot + 0x9E3779B97F4A7C15U;  // SplitMix64
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EBU;
  bits ^= bits >> 31;
  int level = 0;
  for (std::uint64_t limit = ~std::uint64_t{0} / links; bits < limit && level < kMaxLevel; limit /= links) ++level;
  return level;
}

// What hnswlib hands to each call.
struct Measure {
  std::size_t dimension;
  GraphDistance distance;
};

float measured(const void* left, const void* right, const void* measure) {
  const auto& by = *static_cast<const Measure*>(measure);
  return by.distance(static_cast<const float*>(left), static_cast<const float*>(right), by.dimension);
}

class Space final : public hnswlib::SpaceInterface<float> {
 public:
  explicit Space(const VectorStore::Shape& shape) : measure_{shape.dimension, graph_distance(shape.metric)} {}
  std::size_t get_data_size() override { return measure_.dimension * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return measured; }
  void* get_dist_func_param() override { return &measure_; }

 private:
  Measure measure_;
};

using Node = hnswlib::tableint;
using Graph = hnswlib::HierarchicalNSW<float>;

Error damaged(const char* what) {
  return Error(ErrorCode::kDataLoss, std::string("a saved graph of neighbours is damaged: ") + what);
}

Error no_memory(std::size_t vectors) {
  return Error(ErrorCode::kResourceExhausted,
               "there is no memory for a graph of " + std::to_string(vectors) + " vectors");
}

std::span<const Node> links_in(const hnswlib::linklistsizeint* list) {
  return {list + 1, *reinterpret_cast<const unsigned short*>(list)};
}

// Takes numbers of 32 bits off the front; once too few are left, all are 0.
struct Words {
  std::string_view bytes;
  bool cut = false;

  std::uint32_t next() {
    std::uint32_t word = 0;
    cut = cut || bytes.size() < sizeof word;
    if (cut) return 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    bytes.remove_prefix(sizeof word);
    return word;
  }
};

void put_number(std::string& to, std::uint32_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  to.append(bytes, sizeof number);
}

// What a saved graph says, checked.
struct SavedGraph {
  std::uint32_t entry = 0;
  std::uint32_t top_level = 0;
  std::vector<std::uint32_t> slots;   // by node
  std::vector<std::uint32_t> levels;  // by node
  std::string_view lists;             // links of each node and level

  static Result<SavedGraph> read(std::string_view saved, std::size_t max_nodes);
  Status check_lists(std::uint32_t links) const;

  template <class Take>
  void each_list(Take take) const {
    Words words{lists};
    for (std::uint32_t node = 0; node < slots.size() && !words.cut; ++node) {
      for (std::uint32_t level = 0; level <= levels[node] && !words.cut; ++level) take(words, node, level);
    }
  }
};

Result<SavedGraph> SavedGraph::read(std::string_view saved, std::size_t max_nodes) {
  Words words{saved};
  SavedGraph graph;
  const std::uint32_t count = words.next();
  graph.entry = words.next();
  graph.top_level = words.next();
  if (words.cut || count == 0 || count > max_nodes) return damaged("it has another number of vectors");
  if (graph.entry >= count || graph.top_level > static_cast<std::uint32_t>(kMaxLevel))
    return damaged("its entry is none");
  if (words.bytes.size() / 8 < count) return damaged("it is cut short");
  std::vector<bool> seen(count);
  for (std::uint32_t node = 0; node < count; ++node) {
    const std::uint32_t slot = words.next();
    const std::uint32_t level = words.next();
    if (slot >= count || seen[slot]) return damaged("it has a vector twice");
    if (level > graph.top_level) return damaged("a level is above the highest");
    seen[slot] = true;
    graph.slots.push_back(slot);
    graph.levels.push_back(level);
  }
  if (graph.levels[graph.entry] != graph.top_level) return damaged("its entry is not at the top");
  graph.lists = words.bytes;
  return graph;
}

Status SavedGraph::check_lists(std::uint32_t links) const {
  bool good = true;
  bool whole = true;
  each_list([&](Words& words, std::uint32_t node, std::uint32_t level) {
    const std::uint32_t count = words.next();
    good = good && count <= (level == 0 ? links * 2 : links);
    for (std::uint32_t i = 0; good && i < count; ++i) {
      const std::uint32_t to = words.next();
      good = to < slots.size() && to != node && levels[to] >= level;
    }
    whole = whole && !words.cut;
    words.cut = words.cut || !good;
  });
  if (!whole) return damaged("its links are cut short");
  if (!good) return damaged("a link leads nowhere");
  return {};
}

}  // namespace

struct NeighborGraph::Impl {
  Impl(const VectorStore::Shape& shape, Settings settings, std::size_t capacity)
      : space(shape),
        dimension(shape.dimension),
        distance(graph_distance(shape.metric)),
        settings(settings),
        graph(&space, capacity, settings.links, settings.breadth),
        node_of(capacity) {
    graph.size_links_per_element_ += sizeof(Node);  // hnswlib reads one link ahead, beyond the last one
    graph.mult_ = 0;                                // levels are given, see level_of; 0 is what it then draws
  }

  std::uint32_t descend(const float* query, float& nearest) const;

  Space space;
  const std::size_t dimension;
  const GraphDistance distance;
  const Settings settings;
  Graph graph;
  std::vector<Node> node_of;  ///< By slot.
};

bool NeighborGraph::is_there() noexcept { return true; }

NeighborGraph::NeighborGraph(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
NeighborGraph::~NeighborGraph() = default;

Result<std::unique_ptr<NeighborGraph>> NeighborGraph::create(VectorStore::Shape shape, Settings settings,
                                                             std::size_t capacity) {
  try {
    return std::unique_ptr<NeighborGraph>(new NeighborGraph(std::make_unique<Impl>(shape, settings, capacity)));
  } catch (const std::exception&) {  // hnswlib says nothing else
    return no_memory(capacity);
  }
}

Result<std::unique_ptr<NeighborGraph>> NeighborGraph::load(VectorStore::Shape shape, Settings settings,
                                                           std::size_t capacity, std::string_view saved,
                                                           std::span<const float> vectors) {
  PENSTOCK_ASSIGN(const SavedGraph from, SavedGraph::read(saved, vectors.size() / shape.dimension));
  PENSTOCK_TRY(from.check_lists(settings.links));
  PENSTOCK_ASSIGN(auto made, create(shape, settings, std::max(capacity, from.slots.size())));
  Graph& graph = made->impl_->graph;
  std::memset(graph.data_level0_memory_, 0, from.slots.size() * graph.size_data_per_element_);
  for (Node node = 0; node < from.slots.size(); ++node) {
    const std::uint32_t slot = from.slots[node];
    made->impl_->node_of[slot] = node;
    graph.label_lookup_[slot] = node;
    graph.setExternalLabel(node, slot);
    std::memcpy(graph.getDataByInternalId(node), vectors.data() + std::size_t{slot} * shape.dimension,
                shape.dimension * sizeof(float));
    const std::size_t upper = from.levels[node] * graph.size_links_per_element_;
    graph.linkLists_[node] = upper == 0 ? nullptr : static_cast<char*>(std::calloc(1, upper + 1));
    graph.element_levels_[node] =
        upper == 0 || graph.linkLists_[node] == nullptr ? 0 : static_cast<int>(from.levels[node]);
    graph.cur_element_count = node + 1;
    if (upper != 0 && graph.linkLists_[node] == nullptr) return no_memory(from.slots.size());
  }
  from.each_list([&](Words& words, Node node, std::uint32_t level) {
    auto* const list = graph.get_linklist_at_level(node, static_cast<int>(level));
    *list = words.next();
    for (std::uint32_t i = 1; i <= *list; ++i) list[i] = words.next();
  });
  graph.enterpoint_node_ = from.entry;
  graph.maxlevel_ = static_cast<int>(from.top_level);
  return made;
}

std::size_t NeighborGraph::size() const noexcept { return impl_->graph.cur_element_count; }
std::size_t NeighborGraph::capacity() const noexcept { return impl_->graph.max_elements_; }

Status NeighborGraph::reserve(std::size_t capacity) {
  try {
    impl_->node_of.resize(std::max(capacity, impl_->node_of.size()));
    if (capacity > impl_->graph.max_elements_) impl_->graph.resizeIndex(capacity);
    return {};
  } catch (const std::exception&) {
    return no_memory(capacity);
  }
}

Status NeighborGraph::add(std::uint32_t slot, const float* vector) {
  try {
    impl_->node_of[slot] = impl_->graph.addPoint(vector, slot, level_of(slot, impl_->settings.links));
    return {};
  } catch (const std::exception&) {
    return no_memory(size());
  }
}

const float* NeighborGraph::vector(std::uint32_t slot) const noexcept {
  return reinterpret_cast<const float*>(impl_->graph.getDataByInternalId(impl_->node_of[slot]));
}

// Walks from the entry to the nearest node of the level above the bottom.
std::uint32_t NeighborGraph::Impl::descend(const float* query, float& nearest) const {
  Node at = graph.enterpoint_node_;
  const auto away = [&](Node node) {
    return distance(query, reinterpret_cast<const float*>(graph.getDataByInternalId(node)), dimension);
  };
  nearest = away(at);
  for (int level = graph.maxlevel_; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Node next : links_in(graph.get_linklist(at, level))) {
        const float its = away(next);
        if (!(its < nearest)) continue;
        nearest = its;
        at = next;
        moved = true;
      }
    }
  }
  return at;
}

// hnswlib's own search counts its steps in atomics that all threads share, knows no rows that are gone without being
// slowed down by its check for them, and has one breadth for all callers.
std::vector<NeighborGraph::Found> NeighborGraph::search(const float* query, std::size_t k, std::size_t breadth,
                                                        std::span<const std::uint8_t> alive) const {
  const Graph& graph = impl_->graph;
  if (size() == 0) return {};
  breadth = std::max(breadth, k);
  using Step = std::pair<float, Node>;
  std::priority_queue<Step> best;  // the worst on top
  std::priority_queue<Step, std::vector<Step>, std::greater<>> ahead;
  hnswlib::VisitedList* const visited = graph.visited_list_pool_->getFreeVisitedList();
  const auto vector_at = [&](Node node) { return reinterpret_cast<const float*>(graph.getDataByInternalId(node)); };
  const auto meet = [&](Node node, float distance) {
    if (best.size() >= breadth && distance >= best.top().first) return;
    ahead.emplace(distance, node);
    if (alive[graph.getExternalLabel(node)] == 0) return;
    best.emplace(distance, node);
    if (best.size() > breadth) best.pop();
  };
  float nearest = 0;
  const Node entry = impl_->descend(query, nearest);
  visited->mass[entry] = visited->curV;
  meet(entry, nearest);
  while (!ahead.empty()) {
    const auto [distance, node] = ahead.top();
    if (best.size() >= breadth && distance > best.top().first) break;
    ahead.pop();
    const std::span<const Node> links = links_in(graph.get_linklist0(node));
    for (std::size_t i = 0; i < links.size(); ++i) {
      if (i + 1 < links.size()) {
        __builtin_prefetch(vector_at(links[i + 1]));
        __builtin_prefetch(visited->mass + links[i + 1]);
      }
      if (visited->mass[links[i]] == visited->curV) continue;
      visited->mass[links[i]] = visited->curV;
      meet(links[i], impl_->distance(query, vector_at(links[i]), impl_->dimension));
    }
  }
  graph.visited_list_pool_->releaseVisitedList(visited);
  while (best.size() > k) best.pop();
  std::vector<Found> found(best.size());
  for (std::size_t i = found.size(); i-- > 0; best.pop())
    found[i] = {best.top().first, static_cast<std::uint32_t>(graph.getExternalLabel(best.top().second))};
  return found;
}

void NeighborGraph::save(std::string& to) const {
  const Graph& graph = impl_->graph;
  const auto count = static_cast<std::uint32_t>(size());
  put_number(to, count);
  put_number(to, graph.enterpoint_node_);
  put_number(to, static_cast<std::uint32_t>(graph.maxlevel_));
  for (Node node = 0; node < count; ++node) {
    put_number(to, static_cast<std::uint32_t>(graph.getExternalLabel(node)));
    put_number(to, static_cast<std::uint32_t>(graph.element_levels_[node]));
  }
  for (Node node = 0; node < count; ++node) {
    for (int level = 0; level <= graph.element_levels_[node]; ++level) {
      const std::span<const Node> links = links_in(graph.get_linklist_at_level(node, level));
      put_number(to, static_cast<std::uint32_t>(links.size()));
      for (const Node link : links) put_number(to, link);
    }
  }
}

}  // namespace penstock
#else
namespace penstock {

struct NeighborGraph::Impl {};

namespace {
Error no_graph() {
  return Error(ErrorCode::kUnsupported, "this build has no hnswlib").hint("install libhnswlib-dev and build again");
}
}  // namespace

bool NeighborGraph::is_there() noexcept { return false; }
NeighborGraph::NeighborGraph(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
NeighborGraph::~NeighborGraph() = default;
Result<std::unique_ptr<NeighborGraph>> NeighborGraph::create(VectorStore::Shape, Settings, std::size_t) {
  return no_graph();
}
Result<std::unique_ptr<NeighborGraph>> NeighborGraph::load(VectorStore::Shape, Settings, std::size_t, std::string_view,
                                                           std::span<const float>) {
  return no_graph();
}
std::size_t NeighborGraph::size() const noexcept { return 0; }
std::size_t NeighborGraph::capacity() const noexcept { return 0; }
Status NeighborGraph::reserve(std::size_t) { return no_graph(); }
Status NeighborGraph::add(std::uint32_t, const float*) { return no_graph(); }
const float* NeighborGraph::vector(std::uint32_t) const noexcept { return nullptr; }
std::vector<NeighborGraph::Found> NeighborGraph::search(const float*, std::size_t, std::size_t,
                                                        std::span<const std::uint8_t>) const {
  return {};
}
void NeighborGraph::save(std::string&) const {}

}  // namespace penstock
#endif
