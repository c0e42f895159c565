// SPDX-License-Identifier: MIT
// One connection to a PostgreSQL server. Every call has a time limit, and every error has the server's own words.
#pragma once

#ifdef PENSTOCK_POSTGRES
#include <penstock/result.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vector/postgres_library.h"

namespace penstock {

/// Rows that a query returned.
class PostgresRows {
 public:
  PostgresRows() = default;
  explicit PostgresRows(PGresult* result) noexcept : result_(result) {}

  std::size_t size() const noexcept {
    return result_ == nullptr ? 0 : static_cast<std::size_t>(libpq().PQntuples(result_.get()));
  }
  bool is_null(std::size_t row, int column) const noexcept {
    return libpq().PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
  }
  /// As text; empty for null.
  std::string_view text(std::size_t row, int column) const noexcept {
    return {libpq().PQgetvalue(result_.get(), static_cast<int>(row), column),
            static_cast<std::size_t>(libpq().PQgetlength(result_.get(), static_cast<int>(row), column))};
  }
  std::uint64_t number(std::size_t row, int column) const noexcept;

 private:
  struct Clear {
    void operator()(PGresult* result) const noexcept { libpq().PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

/// A value for $1, $2 … of a query.
struct PostgresValue {
  std::string bytes;
  bool binary = false;
};

/// Thread-compatible. After an error for which `is_open` is false nothing but the destructor may follow.
class PostgresConnection {
 public:
  using Timeout = std::chrono::milliseconds;

  /// `uri`: as libpq takes it. Errors: kUnavailable, kTimeout, kPermissionDenied, kNotFound with what the server said.
  static Result<PostgresConnection> connect(const std::string& uri, Timeout timeout);
  PostgresConnection() = default;
  PostgresConnection(PostgresConnection&&) noexcept = default;
  PostgresConnection& operator=(PostgresConnection&&) noexcept = default;

  bool is_open() const noexcept { return connection_ != nullptr; }
  /// Runs one statement. Without a time limit where `timeout` is nothing. Errors: what the server said, as the code
  /// that fits its SQLSTATE; kTimeout and kUnavailable when it says nothing, and then the connection is closed.
  Result<PostgresRows> run(const std::string& statement, const std::vector<PostgresValue>& values,
                           std::optional<Timeout> timeout);
  Result<PostgresRows> run(const std::string& statement) { return run(statement, {}, timeout_); }
  /// Runs `statement`, a COPY FROM STDIN, with these bytes.
  Status copy(const std::string& statement, std::string_view bytes);

  Timeout timeout() const noexcept { return timeout_; }

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Finish {
    void operator()(PGconn* connection) const noexcept { libpq().PQfinish(connection); }
  };

  Status wait(bool for_writing, const std::optional<Moment>& until);
  Status send(const std::optional<Moment>& until);
  /// The next result; null behind the last one.
  Result<PGresult*> next(const std::optional<Moment>& until);
  Result<PostgresRows> finish(const std::optional<Moment>& until);
  Error lost();
  Error close(Error error);

  std::unique_ptr<PGconn, Finish> connection_;
  Timeout timeout_{0};
};

}  // namespace penstock
#endif
