// SPDX-License-Identifier: MIT
// Images as tensors, and as vectors in a store: pipelines that are ready made. docs/guide/images.md tells of the
// operators that they are made of.
#pragma once

#include <penstock/pipeline.h>
#include <penstock/vector_store.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace penstock {

/// An image, by its file.
struct ImageItem {
  std::string path;
  std::string id = {};        ///< Empty: the path. UTF-8.
  std::string metadata = {};  ///< A JSON object, or empty: {}.
};

/// Where images come from, one after the other.
class ImageFeed {
 public:
  virtual ~ImageFeed();
  /// The next image; nothing at the end. Called from a thread of the library, one call at a time, as far ahead as
  /// memory is bounded to.
  virtual std::optional<ImageItem> next() = 0;
};

/// Why an image is missing among the results.
struct ImageError {
  std::string id;
  std::string reason;  ///< With the path.
};

/// How images become tensors, and how that is run.
struct PreprocessOptions {
  std::uint32_t width = 224;  ///< Of the tensors, in pixels.
  std::uint32_t height = 224;
  std::string mode = "fill";           ///< "stretch", "fill" or "letterbox": see image.resize.
  std::string filter = "bilinear";     ///< "area", "bilinear", "bicubic" or "lanczos".
  std::string quality = "high";        ///< "exact", "high" or "fast": see image.decode.
  std::string element = "f32";         ///< Of the tensors: "f32", "f16", or "u8" for the pixels as they are.
  std::string layout = "nchw";         ///< Or "nhwc".
  std::vector<double> mean = {};       ///< Per channel, of values from 0 to 1; empty: ImageNet's.
  std::vector<double> deviation = {};  ///< The same.
  std::size_t batch_size = 32;         ///< Most tensors in a batch, which takes 64 MiB at most; at least 1.
  std::size_t queue_depth = 4;         ///< Most images waiting in front of a step; at least 1.
  std::uint64_t memory_limit = 0;      ///< Bytes in flight; 0: no limit beyond queue_depth.
  /// Under `processes` an image that crashes its decoder costs that image; the results are the same under all.
  Strategy strategy = processes;
  std::chrono::milliseconds timeout{60'000};  ///< For one image, under `processes`: then its worker is ended. 0: none.
};

/// Tensors of one size, in the order of their images.
struct ImageTensors {
  TensorType tensor;                  ///< Of one of them; N of them lie one behind the other: f32 [N, 3, 224, 224] …
  std::span<const std::byte> values;  ///< Aligned to 64 bytes. Valid as long as `rows`, or a copy of it.
  std::vector<std::string> ids;       ///< N of them.
  std::vector<std::string> metadata;  ///< As it was given; empty where it was.
  std::vector<ImageError> errors;     ///< Of the images that were left out since the batch before.
  RecordBatch rows;                   ///< What holds them: the columns id, metadata, tensor.
};

/// Makes tensors of image files, each batch as soon as it is ready.
///
/// A broken image is no error of the whole: it stands among the errors. Memory is bounded by `queue_depth` and
/// `batch_size`, however many images there are, but for the errors, which wait for the next batch. Thread-safe.
class Preprocessor {
 public:
  explicit Preprocessor(PreprocessOptions options = {}) : options_(std::move(options)) {}

  /// Tensors that come. Used by one thread; when it is destroyed earlier, the rest is not made.
  class Tensors {
   public:
    Tensors(Tensors&&) noexcept;
    Tensors& operator=(Tensors&&) noexcept;
    ~Tensors();

    /// Waits for the next batch; nothing at the end. The last may have no tensors, but errors. Errors: what ended the
    /// whole, as wrong options, or a machine without memory.
    Result<std::optional<ImageTensors>> next();

   private:
    friend class Preprocessor;
    class Work;
    explicit Tensors(std::unique_ptr<Work> work);
    std::unique_ptr<Work> work_;
  };

  /// Begins at once, in the background; waits when nobody takes what it made.
  Tensors stream(std::vector<ImageItem> images) const;
  /// The same with images that come as they are asked for.
  Tensors stream(std::shared_ptr<ImageFeed> images) const;
  /// All of them as one batch, in memory. Errors: as Tensors::next; kResourceExhausted beyond 1 GiB of tensors.
  Result<ImageTensors> preprocess(std::vector<ImageItem> images) const;

  const PreprocessOptions& options() const noexcept { return options_; }

 private:
  PreprocessOptions options_;
};

/// How images become vectors in a store.
struct ImagePipelineOptions {
  /// An address: see open_vector_store.
  std::string store;
  /// What makes vectors of tensors: empty for the descriptor that comes with the library (embed.classical), the path of
  /// an ONNX model, or an address of http:// or https://.
  std::string model = {};
  std::uint32_t dimension = 0;  ///< How many values the vectors of a server have; of others it is known.
  /// With the descriptor of the library `element` and `layout` are its own, whatever they say.
  PreprocessOptions images = {};
  Metric metric = Metric::kCosine;  ///< Of a store that is made; one that is there has its own.
  /// Images whose id is in the store take its place; without they leave it as it is.
  bool replace = false;
};

/// What became of images that were put into a store.
struct InsertedImages {
  std::vector<std::string> ids;    ///< Of those that are in the store now, in the order of the images.
  std::vector<ImageError> errors;  ///< Of those that are not.
  PutCounts counts;
};

/// Is told what came into a store.
class InsertListener {
 public:
  virtual ~InsertListener();
  /// In the order of the images, as soon as they are in the store; from a thread of the library.
  virtual void inserted(std::span<const std::string> ids) = 0;
};

/// An insert that goes on in the background. Its destructor waits for the end.
class PendingInsert {
 public:
  PendingInsert(PendingInsert&&) noexcept;
  PendingInsert& operator=(PendingInsert&&) noexcept;
  ~PendingInsert();

  /// Waits for the end. To be called once.
  Result<InsertedImages> wait();

 private:
  friend class ImagePipeline;
  class Work;
  explicit PendingInsert(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

/// Puts images into a store of vectors, and looks for similar ones. Thread-safe.
///
/// The store remembers what its vectors were made with; another model, or another size, is refused. A store in a file
/// is written by one process at a time.
class ImagePipeline {
 public:
  /// Opens the store, and makes it where it is not there. Errors: as open_vector_store; kInvalidArgument where its
  /// vectors were made otherwise, or where the model cannot be used.
  static Result<ImagePipeline> open(ImagePipelineOptions options);

  /// Returns when the images are in the store, flushed. A broken image is no error of the whole. Errors: what kept the
  /// rest from being put; images before may be in the store then, and to insert them again changes nothing.
  Result<InsertedImages> insert(std::vector<ImageItem> images);
  /// The same in the background. Several may be on their way at once.
  PendingInsert insert_async(std::vector<ImageItem> images);
  /// The same with images that come as they are asked for; `listener` may be null. The result has no ids. Memory is
  /// bounded, however many images there are, but for the errors.
  Result<InsertedImages> insert_streaming(std::shared_ptr<ImageFeed> images, InsertListener* listener = nullptr);

  /// The vector of one image: f32 [dimension].
  Result<std::vector<float>> embed(const std::string& path) const;
  /// The k images of the store that are most like the one in `path`.
  Result<std::vector<Neighbor>> search(const std::string& path, std::size_t k = 10,
                                       std::vector<Condition> filter = {}) const;

  /// The store. Closing it is not necessary: what was inserted is flushed; but PostgreSQL's index is made by `close`.
  VectorStore& store() noexcept { return *store_; }
  const ImagePipelineOptions& options() const noexcept { return options_; }

 private:
  ImagePipeline(ImagePipelineOptions options, std::shared_ptr<VectorStore> store)
      : options_(std::move(options)), store_(std::move(store)) {}

  ImagePipelineOptions options_;
  std::shared_ptr<VectorStore> store_;
};

}  // namespace penstock
