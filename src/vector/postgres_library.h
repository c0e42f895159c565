// SPDX-License-Identifier: MIT
// The functions of libpq, looked up when they are first needed (platform/shared_library.h).
#pragma once

#ifdef PENSTOCK_POSTGRES
#include <libpq-fe.h>
#include <penstock/result.h>

namespace penstock {

// clang-format off: one per line
#define PENSTOCK_LIBPQ_FUNCTIONS(EACH) \
  EACH(PQclear) \
  EACH(PQcmdTuples) \
  EACH(PQconnectPoll) \
  EACH(PQconnectStartParams) \
  EACH(PQconsumeInput) \
  EACH(PQconninfoFree) \
  EACH(PQconninfoParse) \
  EACH(PQdb) \
  EACH(PQerrorMessage) \
  EACH(PQfinish) \
  EACH(PQflush) \
  EACH(PQgetResult) \
  EACH(PQgetisnull) \
  EACH(PQgetlength) \
  EACH(PQgetvalue) \
  EACH(PQisBusy) \
  EACH(PQntuples) \
  EACH(PQputCopyData) \
  EACH(PQputCopyEnd) \
  EACH(PQresultErrorField) \
  EACH(PQresultStatus) \
  EACH(PQsendQueryParams) \
  EACH(PQsetNoticeProcessor) \
  EACH(PQsetnonblocking) \
  EACH(PQsocket) \
  EACH(PQstatus)
// clang-format on

struct Libpq {
#define PENSTOCK_LIBPQ_FUNCTION_MEMBER(name) decltype(&::name) name = nullptr;
  PENSTOCK_LIBPQ_FUNCTIONS(PENSTOCK_LIBPQ_FUNCTION_MEMBER)
#undef PENSTOCK_LIBPQ_FUNCTION_MEMBER
};

/// Loads it, once; whoever connects asks first. Thread-safe. Errors: kUnsupported when it is not installed.
Status load_libpq();
/// The functions; only after `load_libpq` went well.
const Libpq& libpq() noexcept;

}  // namespace penstock
#endif
