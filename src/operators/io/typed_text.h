// SPDX-License-Identifier: MIT
// Values of columns from text: what operators do that cut texts into columns of given types.
#pragma once

#include <penstock/operator.h>

#include "data/parse_outcome.h"

namespace penstock {

/// Appends `text` as a value of the builder's type (see data/number_text.h and data/timestamp_text.h); appends nothing
/// unless it returns kOk.
ParseOutcome append_typed(ColumnBuilder& to, std::string_view text);

/// Returns why `text` was not taken: `expected int64, found "abc"`.
std::string explain_typed(ParseOutcome outcome, Type type, std::string_view text);

/// Returns `text` in quotes, cut to about 60 bytes, with control characters and invalid UTF-8 escaped.
std::string excerpt(std::string_view text);

/// The option `types`: a table column = type.
OptionInfo types_option(std::string doc);

/// Sets the types of `fields` after the option `types`. A column that is not among them is kInvalidArgument with the
/// nearest name.
Status apply_types(const Options& options, std::vector<Field>& fields);

/// Returns the fields of a table column = type, in its order. With `tensors` "image" and "f32 [3, 224, 224]" are types,
/// too.
Result<std::vector<Field>> fields_from_table(const Options& options, std::string_view option, bool tensors = false);

}  // namespace penstock
