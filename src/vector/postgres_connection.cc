// SPDX-License-Identifier: MIT
// libpq's calls that wait know no time limit, so only those are used that do not wait, and poll(2) between them.
#ifdef PENSTOCK_POSTGRES
#include "vector/postgres_connection.h"

#include <poll.h>

#include <cerrno>
#include <charconv>
#include <utility>

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

// The server has the same time limit, and says more when it is met; so it is waited for a little longer.
constexpr std::chrono::seconds kGrace{1};

// The server's message without the line end that it has.
std::string words(const char* text) {
  std::string all = text == nullptr ? "" : text;
  while (!all.empty() && (all.back() == '\n' || all.back() == ' ')) all.pop_back();
  return all.empty() ? "the server said nothing" : all;
}

// What should be done about an SQLSTATE (PostgreSQL's documentation, appendix A).
ErrorCode code_of(std::string_view state) {
  if (state == "57014") return ErrorCode::kTimeout;                                         // statement_timeout
  if (state.starts_with("08") || state.starts_with("57P")) return ErrorCode::kUnavailable;  // connection, shutdown
  if (state == "53300" || state.starts_with("40") || state == "55P03") return ErrorCode::kUnavailable;
  if (state.starts_with("53")) return ErrorCode::kResourceExhausted;
  if (state.starts_with("28") || state == "42501") return ErrorCode::kPermissionDenied;
  if (state == "42P01" || state == "3D000") return ErrorCode::kNotFound;
  if (state == "0A000" || state == "58P01") return ErrorCode::kUnsupported;
  if (state.starts_with("XX")) return ErrorCode::kDataLoss;
  return ErrorCode::kInvalidArgument;
}

Error error_in(const PGresult* result) {
  const auto field = [&](int which) {
    const char* const text = libpq().PQresultErrorField(result, which);
    return std::string(text == nullptr ? "" : text);
  };
  std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = "the server said nothing";
  if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) message += " (" + detail + ")";
  Error error(code_of(field(PG_DIAG_SQLSTATE)), "PostgreSQL: " + message);
  const std::string hint = field(PG_DIAG_MESSAGE_HINT);
  return hint.empty() ? error : std::move(error).hint(hint);
}

// Before a connection is there, there are words and no SQLSTATE.
ErrorCode code_of_refusal(std::string_view said) {
  const auto has = [&](std::string_view part) { return said.find(part) != std::string_view::npos; };
  if (has("password") || has("authentication") || has("pg_hba.conf") || has("role \""))
    return ErrorCode::kPermissionDenied;
  if (has("does not exist")) return ErrorCode::kNotFound;
  return ErrorCode::kUnavailable;
}

}  // namespace

std::uint64_t PostgresRows::number(std::size_t row, int column) const noexcept {
  const std::string_view digits = text(row, column);
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Result<PostgresConnection> PostgresConnection::connect(const std::string& uri, Timeout timeout) {
  PENSTOCK_TRY(load_libpq());
  const char* const keys[] = {"dbname", "client_encoding", "fallback_application_name", nullptr};
  const char* const values[] = {uri.c_str(), "UTF8", "penstock", nullptr};
  PostgresConnection made;
  made.timeout_ = timeout;
  made.connection_.reset(libpq().PQconnectStartParams(keys, values, 1));
  PGconn* const connection = made.connection_.get();
  if (connection == nullptr) return Error(ErrorCode::kResourceExhausted, "PostgreSQL: there is no memory to connect");
  const auto refused = [&] {
    const std::string said = words(libpq().PQerrorMessage(connection));
    return Error(code_of_refusal(said), "PostgreSQL: " + said);
  };
  const std::optional<Moment> until = Clock::now() + timeout;
  if (libpq().PQstatus(connection) == CONNECTION_BAD) return refused();
  for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
       state = libpq().PQconnectPoll(connection)) {
    if (state == PGRES_POLLING_FAILED) return refused();
    PENSTOCK_TRY(made.wait(state == PGRES_POLLING_WRITING, until));
  }
  libpq().PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  if (libpq().PQsetnonblocking(connection, 1) != 0) return refused();
  PENSTOCK_TRY(
      made.run("SELECT set_config('statement_timeout', $1, false)", {{std::to_string(timeout.count())}}, timeout));
  return made;
}

Error PostgresConnection::close(Error error) {
  connection_.reset();
  return error;
}

Error PostgresConnection::lost() {
  const std::string said = words(libpq().PQerrorMessage(connection_.get()));
  return close(Error(ErrorCode::kUnavailable, "PostgreSQL: the connection was lost: " + said));
}

Status PostgresConnection::wait(bool for_writing, const std::optional<Moment>& until) {
  pollfd socket = {libpq().PQsocket(connection_.get()), static_cast<short>(for_writing ? POLLIN | POLLOUT : POLLIN), 0};
  while (true) {
    int left = -1;
    if (until) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
      if (rest <= 0) {
        return close(Error(ErrorCode::kTimeout,
                           "PostgreSQL: the server did not answer within " + std::to_string(timeout_.count()) + " ms"));
      }
      left = static_cast<int>(std::min<std::int64_t>(rest, 60'000));
    }
    const int ready = ::poll(&socket, 1, left);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return lost();
  }
}

// Sends what libpq keeps, taking in meanwhile what the server says, as libpq's documentation of PQflush asks for.
Status PostgresConnection::send(const std::optional<Moment>& until) {
  while (true) {
    const int left = libpq().PQflush(connection_.get());
    if (left < 0) return lost();
    if (left == 0) return {};
    PENSTOCK_TRY(wait(true, until));
    if (libpq().PQconsumeInput(connection_.get()) == 0) return lost();
  }
}

Result<PGresult*> PostgresConnection::next(const std::optional<Moment>& until) {
  while (libpq().PQisBusy(connection_.get()) != 0) {
    PENSTOCK_TRY(wait(false, until));
    if (libpq().PQconsumeInput(connection_.get()) == 0) return lost();
  }
  return libpq().PQgetResult(connection_.get());
}

// All results of a statement, of which the last one or the first error counts.
Result<PostgresRows> PostgresConnection::finish(const std::optional<Moment>& until) {
  PostgresRows rows;
  std::optional<Error> failed;
  while (true) {
    PENSTOCK_ASSIGN(PGresult* const result, next(until));
    if (result == nullptr) break;
    const ExecStatusType status = libpq().PQresultStatus(result);
    PostgresRows owner(result);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return owner;
    if (status == PGRES_FATAL_ERROR && !failed) failed = error_in(result);
    rows = std::move(owner);
  }
  if (libpq().PQstatus(connection_.get()) == CONNECTION_BAD) {
    return failed ? close(Error(ErrorCode::kUnavailable, failed->message())) : lost();
  }
  if (failed) return std::move(*failed);
  return rows;
}

Result<PostgresRows> PostgresConnection::run(const std::string& statement, const std::vector<PostgresValue>& values,
                                             std::optional<Timeout> timeout) {
  std::vector<const char*> bytes;
  std::vector<int> sizes;
  std::vector<int> formats;
  for (const PostgresValue& value : values) {
    bytes.push_back(value.bytes.c_str());
    sizes.push_back(static_cast<int>(value.bytes.size()));
    formats.push_back(value.binary ? 1 : 0);
  }
  const std::optional<Moment> until = timeout ? std::optional<Moment>(Clock::now() + *timeout + kGrace) : std::nullopt;
  if (libpq().PQsendQueryParams(connection_.get(), statement.c_str(), static_cast<int>(values.size()), nullptr,
                                bytes.data(), sizes.data(), formats.data(), 0) == 0)
    return lost();
  PENSTOCK_TRY(send(until));
  return finish(until);
}

Status PostgresConnection::copy(const std::string& statement, std::string_view bytes) {
  PENSTOCK_TRY(run(statement));
  const std::optional<Moment> until = Clock::now() + timeout_ + kGrace;
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view piece = bytes.substr(at, kPiece);
    const int taken = libpq().PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size()));
    if (taken < 0) return lost();
    if (taken > 0) at += piece.size();
    PENSTOCK_TRY(send(until));
  }
  while (true) {
    const int ended = libpq().PQputCopyEnd(connection_.get(), nullptr);
    if (ended < 0) return lost();
    if (ended > 0) break;
    PENSTOCK_TRY(wait(true, until));
  }
  PENSTOCK_TRY(send(until));
  PENSTOCK_TRY(finish(until));
  return {};
}

}  // namespace penstock
#endif
