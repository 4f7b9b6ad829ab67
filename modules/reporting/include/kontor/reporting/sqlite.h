#pragma once
// A thin wrapper over SQLite: statements are prepared once and bound by position, failures are Results.
//
// Threading: a Database and its statements belong to one thread at a time. Ownership: statements die before
// their database. Errors: io, no_space, corruption (also "not a database"), invalid_argument (SQL that does
// not fit), unsupported (a file that is a link, no file, or another user's), unavailable (locked), timeout.
// Limits: limit_time().

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kontor::reporting {

class Statement {
 public:
    Statement() = default;
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;

    // Positions from 1. Text is copied. Object numbers are below 2^63.
    Statement& bind(int position, std::int64_t value);
    Statement& bind(int position, std::uint64_t no) { return bind(position, static_cast<std::int64_t>(no)); }
    Statement& bind(int position, std::string_view text);
    [[nodiscard]] Result<bool> step();  // true: a row
    [[nodiscard]] Result<void> run();   // to the end, then reset
    void reset();
    // Columns from 0, of the current row.
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;

 private:
    friend class Database;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    sqlite3_stmt* statement_ = nullptr;
};

// What SQLite has beside a database of this name.
inline constexpr const char* kDatabaseSuffixes[] = {"", "-wal", "-shm", "-journal"};

class Database {
 public:
    enum class Mode : std::uint8_t { writer, reader };
    static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    [[nodiscard]] Result<void> execute(const std::string& sql);  // several statements; no results
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    // From now on, what runs longer than this fails with timeout. Again before every query.
    void limit_time(const Clock& clock, std::uint64_t limit_ms);

 private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    static int out_of_time(void* self);

    sqlite3* handle_;
    const Clock* clock_ = nullptr;
    std::uint64_t deadline_ms_ = 0;
};

}  // namespace kontor::reporting
