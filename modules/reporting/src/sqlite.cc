#include "kontor/reporting/sqlite.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <utility>

#include "checked_vfs.h"

namespace kontor::reporting {
namespace {

// A writer is tried again later, and a start waits for it; a reader is somebody who waits for an answer.
constexpr int kWriterBusyMs = 500, kReaderBusyMs = 5'000;
constexpr int kStepsBetweenLooks = 1'000;  // of SQLite's virtual machine: well below a millisecond
// 16 MiB of pages are kept, so that the text index is not read again and again.
constexpr const char* kWriterPragmas = "PRAGMA cache_size=-16384;";

Error error_of(sqlite3* handle, int code) {
    ErrorCode kind = ErrorCode::io;
    if (code == SQLITE_IOERR_DATA)
        return Error{ErrorCode::corruption, "reports database: a page does not match its checksum"};
    switch (code & 0xFF) {
        case SQLITE_ERROR:  // SQL that does not fit the file's tables
            kind = ErrorCode::invalid_argument;
            break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            kind = ErrorCode::corruption;
            break;
        case SQLITE_FULL:
            kind = ErrorCode::no_space;
            break;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
            if (const int why = handle != nullptr ? sqlite3_system_errno(handle) : 0;
                why == ENOSPC || why == EDQUOT || why == EFBIG)
                kind = ErrorCode::no_space;
            break;
        case SQLITE_INTERRUPT:
            return Error{ErrorCode::timeout, "this report takes too long; narrow it, by time for example"};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            kind = ErrorCode::unavailable;
            break;
        default:
            break;
    }
    return Error{kind, std::string("reports database: ") +
                           (handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code))};
}

Result<void> check_own_files(const std::string& path) {
    for (const char* suffix : kDatabaseSuffixes) {
        const std::string file = path + suffix;
        struct stat info {};
        if (::lstat(file.c_str(), &info) != 0) {
            if (errno == ENOENT) continue;
            return fail(errno_error("look at " + file, errno));
        }
        if (S_ISREG(info.st_mode) && info.st_uid == ::geteuid()) continue;
        return fail(ErrorCode::unsupported, file +
                                                (S_ISLNK(info.st_mode)    ? " is a link"
                                                 : S_ISDIR(info.st_mode)  ? " is a folder"
                                                 : !S_ISREG(info.st_mode) ? " is no file"
                                                                          : " belongs to another user") +
                                                ", and nothing is read from it or written through it");
    }
    return {};
}

std::string without_links_to_folders(const std::string& path) {
    const std::filesystem::path whole(path);
    std::error_code code;
    const auto folder = std::filesystem::canonical(whole.parent_path(), code);
    return code ? path : (folder / whole.filename()).string();
}

}  // namespace

Statement::~Statement() {
    sqlite3_finalize(statement_);
}
Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
}

Statement& Statement::bind(int position, std::int64_t value) {
    const int code = sqlite3_bind_int64(statement_, position, value);
    KONTOR_ASSERT(code == SQLITE_OK, "a position of the statement");
    return *this;
}

Statement& Statement::bind(int position, std::string_view text) {
    const int code = sqlite3_bind_text64(statement_, position, text.data() != nullptr ? text.data() : "",
                                         text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    KONTOR_ASSERT(code == SQLITE_OK, "a position of the statement");
    return *this;
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    Error error = error_of(sqlite3_db_handle(statement_), code);
    sqlite3_reset(statement_);
    return fail(std::move(error));
}

Result<void> Statement::run() {
    for (;;) {
        KONTOR_TRY(const bool row, step());
        if (!row) break;
    }
    reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes != nullptr ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
    static std::once_flag configured;
    std::call_once(configured, [] {
        // Its statistics, which nobody reads, take a lock on every allocation.
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    });
    KONTOR_CHECK(check_own_files(path));
    sqlite3* handle = nullptr;
    const int flags =
        mode == Mode::writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    // What was a file a moment ago is not followed as a link now; the folders may be links.
    const int code = sqlite3_open_v2(without_links_to_folders(path).c_str(), &handle,
                                     flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, checked_vfs());
    if (code != SQLITE_OK) {
        Error error = error_of(handle, code);
        sqlite3_close_v2(handle);
        return fail(std::move(error));
    }
    std::unique_ptr<Database> database(new Database(handle));
    sqlite3_busy_timeout(handle, mode == Mode::writer ? kWriterBusyMs : kReaderBusyMs);
    sqlite3_extended_result_codes(handle, 1);
    int reserved = kPageChecksumBytes;
    sqlite3_file_control(handle, nullptr, SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    // The projection is rebuilt after a loss, so WAL with NORMAL is durable enough: it never corrupts.
    KONTOR_CHECK(database->execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
    if (mode == Mode::writer) KONTOR_CHECK(database->execute(kWriterPragmas));
    if (mode == Mode::reader) KONTOR_CHECK(database->execute("PRAGMA query_only=ON;"));
    return database;
}

Database::~Database() {
    sqlite3_close_v2(handle_);
}

void Database::limit_time(const Clock& clock, std::uint64_t limit_ms) {
    clock_ = &clock;
    deadline_ms_ = clock.monotonic_ms() + limit_ms;
    sqlite3_progress_handler(handle_, kStepsBetweenLooks, &Database::out_of_time, this);
}

int Database::out_of_time(void* self) {
    const auto* database = static_cast<const Database*>(self);
    return database->clock_->monotonic_ms() > database->deadline_ms_ ? 1 : 0;
}

Result<void> Database::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(error_of(handle_, code));
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return fail(error_of(handle_, code));
    return Statement(statement);
}

}  // namespace kontor::reporting
