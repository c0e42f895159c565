// SPDX-License-Identifier: MIT
// Options by name against the table of those that exist, for all that is made by name: operators, transports.
#pragma once

#include <penstock/operator.h>

#include <string_view>
#include <vector>

namespace penstock {

/// Checks names and kinds of `options` against `infos` and fills in defaults. `owner` opens the messages:
/// "operator \"csv.read\"" gives "operator \"csv.read\" has no option \"pth\"". Errors carry the place and "did you
/// mean".
Result<Options> check_named_options(std::string_view owner, const std::vector<OptionInfo>& infos,
                                    const Options& options);

}  // namespace penstock
