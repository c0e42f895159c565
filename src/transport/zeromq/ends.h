// SPDX-License-Identifier: MIT
// The ends of the transport "zeromq".
#pragma once

#include <penstock/transport.h>

#include <cstdint>
#include <memory>
#include <string>

#include "transport/deadline.h"
#include "transport/zeromq/link.h"

namespace penstock::zeromq {

/// What a reader asked for, from checked options.
LinkOptions link_options(const TransportOptions& options, Topic topic);
/// Most bytes of a block. Errors: kResourceExhausted when `bytes` are more.
Status expect_room_for(std::size_t bytes, const TransportOptions& options);

std::unique_ptr<DictionaryBackend> make_dictionary();
Result<std::unique_ptr<StreamWriter>> open_stream_writer(const TransportOptions& options);
Result<std::unique_ptr<StreamReader>> open_stream_reader(const TransportOptions& options);

}  // namespace penstock::zeromq
