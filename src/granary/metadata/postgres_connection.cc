#include "granary/metadata/postgres_connection.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>

namespace granary::metadata {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct ResultCloser {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ResultCloser>;

std::string OneLine(const char* text) {
  std::string out(text == nullptr ? "" : text);
  for (char& c : out)
    if (c == '\n') c = ' ';
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// True once the socket can be read, or written; false when the time is over.
bool WaitFor(int descriptor, short events, SteadyClock::time_point until) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now()).count();
    if (left <= 0 || descriptor < 0) return false;
    pollfd waited{descriptor, events, 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Code CodeOfState(std::string_view state) {
  if (state.starts_with("40")) return Code::kConflict;  // Serialisation failure, deadlock.
  // No connection, stopping or starting, too many clients, cancelled for its time.
  if (state.starts_with("08") || state.starts_with("57P") || state == "57014" ||
      state.starts_with("53300"))
    return Code::kUnavailable;
  if (state == "53100") return Code::kDiskFull;
  if (state.starts_with("28") || state == "42501") return Code::kPermissionDenied;
  if (state == "25006") return Code::kUnavailable;  // A standby that became no primary yet.
  return Code::kInternal;
}

Status WaitUntilConnected(PGconn* connection, SteadyClock::time_point until) {
  // As if it had said that it writes (libpq, PQconnectPoll): asked earlier it takes an address that
  // will refuse for one that took the connection, and tries no other.
  if (!WaitFor(PQsocket(connection), POLLOUT, until))
    return {Code::kUnavailable, "no connection within the time for it"};
  for (;;) {
    switch (PQconnectPoll(connection)) {
      case PGRES_POLLING_OK: return Status::Ok();
      case PGRES_POLLING_READING:
        if (WaitFor(PQsocket(connection), POLLIN, until)) continue;
        break;
      case PGRES_POLLING_WRITING:
        if (WaitFor(PQsocket(connection), POLLOUT, until)) continue;
        break;
      default: return {Code::kUnavailable, OneLine(PQerrorMessage(connection))};
    }
    return {Code::kUnavailable, "no connection within the time for it"};
  }
}

PostgresConnection::Rows RowsOf(const PGresult* result) {
  PostgresConnection::Rows rows(static_cast<std::size_t>(PQntuples(result)));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < PQnfields(result); ++column) {
      const int at = static_cast<int>(row);
      rows[row].emplace_back(PQgetvalue(result, at, column),
                             static_cast<std::size_t>(PQgetlength(result, at, column)));
    }
  }
  return rows;
}

}  // namespace

void PostgresConnection::Closer::operator()(pg_conn* connection) const { PQfinish(connection); }

Result<PostgresConnection> PostgresConnection::Open(const PostgresPlace& place) {
  const std::string port = std::to_string(place.port);
  const std::string limit =
      fmt::format("-c statement_timeout={} -c lock_timeout={}", place.timeout_ms, place.timeout_ms);
  const std::array names = {"host",
                            "port",
                            "dbname",
                            "user",
                            "password",
                            "sslmode",
                            "application_name",
                            "options",
                            static_cast<const char*>(nullptr)};
  const std::array values = {
      place.host.c_str(), port.c_str(),           place.database.c_str(),
      place.user.c_str(), place.password.c_str(), place.tls ? "verify-full" : "prefer",
      "granary",          limit.c_str(),          static_cast<const char*>(nullptr)};
  Handle connection(PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/0));
  if (connection == nullptr) return Status::Internal("no memory for a connection");
  if (PQstatus(connection.get()) == CONNECTION_BAD)
    return Status(Code::kUnavailable, OneLine(PQerrorMessage(connection.get())));
  const auto until = SteadyClock::now() + std::chrono::milliseconds(place.timeout_ms);
  GRANARY_TRY(WaitUntilConnected(connection.get(), until));
  PQsetnonblocking(connection.get(), 1);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  return PostgresConnection(std::move(connection), place.timeout_ms);
}

Status PostgresConnection::Lost(std::string_view doing) {
  Status status(Code::kUnavailable,
                fmt::format("{}: {}", doing, OneLine(PQerrorMessage(connection_.get()))));
  connection_.reset();
  return status;
}

Result<PostgresConnection::Rows> PostgresConnection::Run(
    const char* sql, const std::vector<std::string>& parameters) {
  if (!is_open()) return Status(Code::kUnavailable, "the connection is closed");
  PGconn* connection = connection_.get();
  const auto until = SteadyClock::now() + std::chrono::milliseconds(timeout_ms_);
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection, sql, static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, /*resultFormat=*/0) == 0)
    return Lost("cannot send");
  for (int unsent = PQflush(connection); unsent != 0; unsent = PQflush(connection)) {
    if (unsent < 0) return Lost("cannot send");
    // The server may want to be read before it reads on.
    if (!WaitFor(PQsocket(connection), POLLIN | POLLOUT, until)) return Lost("cannot send in time");
    if (PQconsumeInput(connection) == 0) return Lost("the connection broke");
  }
  ResultHandle last;
  for (;;) {
    while (PQisBusy(connection) != 0) {
      if (!WaitFor(PQsocket(connection), POLLIN, until)) return Lost("no answer in time");
      if (PQconsumeInput(connection) == 0) return Lost("the connection broke");
    }
    ResultHandle result(PQgetResult(connection));
    if (result == nullptr) break;
    last = std::move(result);
  }
  if (last == nullptr) return Lost("no answer");
  const ExecStatusType status = PQresultStatus(last.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return RowsOf(last.get());
  const char* state = PQresultErrorField(last.get(), PG_DIAG_SQLSTATE);
  if (state == nullptr || PQstatus(connection) == CONNECTION_BAD)
    return Lost("the connection broke");
  const Code code = CodeOfState(state);
  Status refused(
      code, fmt::format("{} (SQLSTATE {})",
                        OneLine(PQresultErrorField(last.get(), PG_DIAG_MESSAGE_PRIMARY)), state));
  if (code == Code::kUnavailable) connection_.reset();
  return refused;
}

}  // namespace granary::metadata
