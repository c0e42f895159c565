// SPDX-License-Identifier: MIT
// Calls to a Milvus, tried again where that can help.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "platform/grpc_channel.h"
#include "vector/milvus_address.h"
#include "vector/milvus_messages.h"

namespace penstock::milvus {

/// What a status other than success stands for: kUnavailable and retryable when the same call may succeed later.
Error error_of(const CallStatus& status);

/// The calls that concern one collection. Thread-safe.
class Calls {
 public:
  /// What is done after a call that failed with a retryable kUnavailable.
  enum class Patience : std::uint8_t {
    kOnce,         ///< Nothing.
    kAgain,        ///< It is tried again, after pauses, as long as the timeout of the address lasts.
    kAgainLoaded,  ///< As well, and the collection is loaded before where it is not any more.
  };

  explicit Calls(Address address)
      : address_(std::move(address)), channel_(address_.host_and_port, authorization_of(address_)) {}

  const Address& address() const noexcept { return address_; }

  /// Calls `method`. `doing` begins the messages of errors: "putting 100 rows". Errors: what `error_of` and GrpcChannel
  /// say; kDataLoss for an answer that cannot be read.
  template <class Answer>
  Result<Answer> call(const char* method, std::string request, const std::string& doing,
                      Patience patience = Patience::kAgain) const {
    Answer answer;
    PENSTOCK_TRY(perform(method, request, doing, patience, [&](std::string_view message) {
      answer = {};
      return read(message, answer) ? &answer.status : nullptr;
    }));
    return answer;
  }
  /// Has the collection loaded and waits until it is. Errors: also kTimeout when that makes no progress.
  Status load() const;
  /// `error` with the address and what was being done in front.
  Error explained(const Error& error, const std::string& doing) const;

 private:
  /// Null: the answer is damaged.
  using ReadStatus = std::function<const CallStatus*(std::string_view message)>;

  Status perform(const char* method, std::string& request, const std::string& doing, Patience patience,
                 const ReadStatus& read_status) const;
  Status attempt(const char* method, std::string& request, std::chrono::milliseconds left, Patience patience,
                 const ReadStatus& read_status) const;

  const Address address_;
  const GrpcChannel channel_;
};

}  // namespace penstock::milvus
