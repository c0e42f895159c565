// SPDX-License-Identifier: MIT
// A program outside the repository with an operator of its own, "twice", which pipeline files can name. With arguments
// it has the commands of penstock; without, it loads and runs own.toml by itself.
#include <penstock/main.h>
#include <penstock/penstock.h>
#include <penstock/pipeline_file.h>

namespace {

/// Emits every batch twice.
class Twice final : public penstock::Operator {
 public:
  penstock::Result<penstock::StreamType> bind(const penstock::StreamType& input) override { return input; }
  penstock::Status process(penstock::Batch batch, penstock::Emitter& out) override {
    out.emit(batch.record_batch());
    out.emit(std::move(batch));
    return {};
  }
};

penstock::Result<std::unique_ptr<penstock::Operator>> make_twice(const penstock::Options&) {
  return std::make_unique<Twice>();
}

int run_by_itself() {
  const auto file = penstock::load_pipeline_file("own.toml");
  if (!file) return penstock::fail(file.error());
  const auto run = penstock::run_pipeline_file(*file, {.store = "by_itself"});
  if (!run) return penstock::fail(run.error());
  return run->error ? 0 : penstock::fail(run->error.error());
}

}  // namespace

int main(int argc, char** argv) {
  penstock::OperatorInfo info;
  info.name = "twice";
  info.summary = "Emits every batch twice.";
  info.make = make_twice;
  if (penstock::Status added = penstock::Registry::global().add(std::move(info)); !added)
    return penstock::fail(added.error());
  return argc > 1 ? penstock::run_main(argc, argv) : run_by_itself();
}
