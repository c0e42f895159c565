// SPDX-License-Identifier: MIT
// Answers of a Milvus that may be anything: no read may leave the message, and what was read must fit into it. The
// first byte chooses the kind of answer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/grpc_channel.h"
#include "vector/milvus_calls.h"
#include "vector/milvus_messages.h"

namespace {

using namespace penstock::milvus;

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

template <class Answer>
Answer answer_in(std::string_view message) {
  Answer answer;
  if (read(message, answer) && !answer.status.is_ok() && error_of(answer.status).message().empty())
    wrong("an error says nothing");
  return answer;
}

// A value takes a byte at least, a float four.
void check(const QueryAnswer& answer, std::size_t bytes) {
  std::size_t texts = 0;
  for (const std::string& id : answer.ids) texts += id.size();
  for (const std::string& metadata : answer.metadata) texts += metadata.size();
  if (texts > bytes || answer.vectors.size() > bytes / 4 || answer.count.size() > bytes)
    wrong("it has more than there was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string copy(reinterpret_cast<const char*>(data) + 1, size - 1);  // its end is the end of its memory
  switch (data[0] % 9) {
    case 0: answer_in<StatusAnswer>(copy); break;
    case 1: answer_in<CollectionAnswer>(copy); break;
    case 2: answer_in<IndexAnswer>(copy); break;
    case 3: answer_in<ProgressAnswer>(copy); break;
    case 4: check(answer_in<QueryAnswer>(copy), copy.size()); break;
    case 5: answer_in<MutationAnswer>(copy); break;
    case 6: answer_in<SearchAnswer>(copy); break;
    case 7: answer_in<FlushAnswer>(copy); break;
    default: (void)penstock::grpc_message_in(copy); break;
  }
  return 0;
}
