// SPDX-License-Identifier: MIT
// The operators `filter` and `validate`: the rows for which conditions hold; the others vanish or are rejected.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "expression/expression.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/failed_rows.h"

namespace penstock {
namespace {

Result<Expression> compile_condition(const std::string& text, const SchemaPtr& schema, const std::string& place) {
  Result<Expression> condition = Expression::compile(text, schema);
  if (!condition) return Error(std::move(condition).error()).at(place);
  if (condition->type() == Type::kBool) return condition;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("a condition must be a bool, but \"{}\" is a {}", text, to_string(condition->type())))
      .at(place)
      .hint("compare it with something, for instance with > 0 or is not null");
}

class Filter final : public Operator {
 public:
  Filter(std::string where, std::string place) : where_(std::move(where)), place_(std::move(place)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    PENSTOCK_ASSIGN(condition_, compile_condition(where_, schema, place_));
    return input;
  }

  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kDrops}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    failures_.clear();
    condition_->select(rows, *context_->pool, chosen_, failures_);
    if (!failures_.empty()) PENSTOCK_TRY(reject_failures(*context_, rows, failures_));
    if (!chosen_.empty()) out.emit(rows.take(chosen_, *context_->pool));
    return {};
  }

 private:
  const std::string where_;
  const std::string place_;
  OperatorContext* context_ = nullptr;
  std::optional<Expression> condition_;
  RowFailures failures_;
  std::vector<std::uint32_t> chosen_;
};

struct Rule {
  std::string name;
  std::string text;
  std::string place;
};

class Validate final : public Operator {
 public:
  explicit Validate(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(schema_, schema_of(input));
    for (const Rule& rule : rules_) {
      Result<Expression> condition = compile_condition(rule.text, schema_, rule.place);
      if (!condition) return Error(std::move(condition).error()).at(rule.name);
      conditions_.push_back(std::move(*condition));
    }
    return input;
  }

  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    breaches_.clear();
    for (std::size_t rule = 0; rule < rules_.size(); ++rule) check(rows, rule);
    if (breaches_.empty()) {
      out.emit(std::move(batch));
      return {};
    }
    std::stable_sort(breaches_.begin(), breaches_.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    PENSTOCK_TRY(reject_breaches(rows));
    keep_the_others(rows.num_rows());
    if (!kept_.empty()) out.emit(rows.take(kept_, *context_->pool));
    return {};
  }

 private:
  struct Breach {
    std::uint32_t row;
    std::size_t rule;
    std::string failure;  // why the rule could not be evaluated; empty when it is plainly broken
  };

  // Adds the rows that break the rule.
  void check(const RecordBatch& rows, std::size_t rule) {
    failures_.clear();
    conditions_[rule].select_others(rows, *context_->pool, broken_, failures_);
    auto failure = failures_.all().begin();
    for (const std::uint32_t row : broken_) {
      const bool failed = failure != failures_.all().end() && failure->row == row;
      breaches_.push_back({row, rule, failed ? (failure++)->reason : std::string()});
    }
  }

  // One rejection per row, with every rule that it breaks.
  Status reject_breaches(const RecordBatch& rows) {
    for (auto breach = breaches_.begin(); breach != breaches_.end();) {
      const std::uint32_t row = breach->row;
      std::string column = only_column(breach->rule);
      std::string reason;
      for (; breach != breaches_.end() && breach->row == row; ++breach) {
        const Rule& rule = rules_[breach->rule];
        if (!reason.empty()) reason += "; ";
        reason +=
            fmt::format("rule \"{}\" is broken: {}", rule.name, breach->failure.empty() ? rule.text : breach->failure);
      }
      PENSTOCK_TRY(reject_row(*context_, rows, row, std::move(reason), std::move(column)));
    }
    return {};
  }

  void keep_the_others(std::size_t num_rows) {
    kept_.resize(num_rows);
    auto to = kept_.begin();
    std::uint32_t next = 0;
    const auto keep_before = [&](std::size_t end) {
      for (; next < end; ++next) *to++ = next;
    };
    for (const Breach& breach : breaches_) {
      keep_before(breach.row);
      next = breach.row + 1;
    }
    keep_before(num_rows);
    kept_.erase(to, kept_.end());
  }

  // The column at fault, when the rule reads one only.
  std::string only_column(std::size_t rule) const {
    const std::vector<std::size_t>& columns = conditions_[rule].columns();
    return columns.size() == 1 ? (*schema_)[columns.front()].name : std::string();
  }

  const std::vector<Rule> rules_;
  OperatorContext* context_ = nullptr;
  SchemaPtr schema_;
  std::vector<Expression> conditions_;
  std::vector<Breach> breaches_;  // of the batch at hand
  RowFailures failures_;
  std::vector<std::uint32_t> broken_;  // by one rule
  std::vector<std::uint32_t> kept_;
};

}  // namespace

OperatorInfo filter_info() {
  return {.name = "filter",
          .summary =
              "Keeps the rows for which a condition is true. The others are dropped and count as filtered, not as "
              "rejected; validate rejects. A row for which the condition cannot be evaluated goes to the error policy.",
          .options = {{.name = "where",
                       .kind = OptionKind::kExpression,
                       .doc = "The condition; null counts as false.",
                       .required = true,
                       .example = "\"amount > 0 and country is not null\""}},
          .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
            return std::make_unique<Filter>(options.text("where"), options.place("where").to_text());
          },
          .example = "op = \"filter\"\nwhere = \"amount > 0 and country is not null\""};
}

OperatorInfo validate_info() {
  return {
      .name = "validate",
      .summary =
          "Rejects the rows that break a rule: they go to the error policy (for instance to quarantine) with the names "
          "and texts of all rules that they break.",
      .options =
          {{.name = "rules",
            .kind = OptionKind::kExpressions,
            .doc = "A table: name = condition. A row must make every condition true; null is not true, so write \"x is "
                   "null or x > 0\" where nulls are fine.",
            .required = true,
            .example = "{ positive = \"amount > 0\", known = \"country is not null\" }"}},
      .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
        std::vector<Rule> rules;
        for (const OptionValue::Entry& entry : options.table("rules")) {
          rules.push_back({entry.name, *entry.value.as_text(), entry.value.place.to_text()});
        }
        return std::make_unique<Validate>(std::move(rules));
      },
      .example = "op = \"validate\"\nrules = { positive = \"amount > 0\" }\non_error = \"quarantine\""};
}

}  // namespace penstock
