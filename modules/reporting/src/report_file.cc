#include "report_file.h"

namespace kontor::reporting {
namespace {

constexpr const char* kFrameSchema = R"sql(
CREATE TABLE report_index (id INTEGER PRIMARY KEY CHECK (id = 1), log_index INTEGER NOT NULL) STRICT;
CREATE TABLE report_cursors (
    merchant_no INTEGER NOT NULL, livemode INTEGER NOT NULL, command_no INTEGER NOT NULL,
    PRIMARY KEY (merchant_no, livemode)) STRICT, WITHOUT ROWID;
)sql";

}  // namespace

Result<std::unique_ptr<ReportFile>> ReportFile::open(const ReportSpec& spec, const std::string& path) {
    KONTOR_TRY(auto database, Database::open(path, Database::Mode::writer));
    std::unique_ptr<ReportFile> file(new ReportFile(std::move(database)));
    const auto prepared = file->prepare(spec);
    if (prepared) return file;
    // SQL that does not fit the tables: of another report, or of no report.
    if (prepared.error().code == ErrorCode::invalid_argument)
        return fail(ErrorCode::unsupported, path + ": " + prepared.error().message);
    return fail(prepared.error());
}

Result<void> ReportFile::prepare(const ReportSpec& spec) {
    KONTOR_TRY(auto version, database_->prepare("PRAGMA user_version"));
    KONTOR_TRY(const bool row, version.step());
    const std::int64_t found = row ? version.integer(0) : 0;
    version.reset();
    if (found == 0)
        KONTOR_CHECK(
            database_->execute("BEGIN;" + std::string(kFrameSchema) + std::string(spec.schema.value) +
                               "PRAGMA user_version=" + std::to_string(spec.version.value) + ";COMMIT;"));
    else if (found != spec.version.value)
        return fail(ErrorCode::unsupported, "report " + std::string(spec.name.value) + " of version " +
                                                std::to_string(found) + ", not " +
                                                std::to_string(spec.version.value));
    KONTOR_TRY(put_cursor_,
               database_->prepare("INSERT INTO report_cursors VALUES (?1,?2,?3) "
                                  "ON CONFLICT (merchant_no, livemode) DO UPDATE SET command_no=?3"));
    KONTOR_TRY(
        find_cursor_,
        database_->prepare("SELECT command_no FROM report_cursors WHERE merchant_no=?1 AND livemode=?2"));
    KONTOR_TRY(put_index_, database_->prepare("INSERT INTO report_index VALUES (1,?1) "
                                              "ON CONFLICT (id) DO UPDATE SET log_index=?1"));
    KONTOR_TRY(auto index, database_->prepare("SELECT log_index FROM report_index"));
    KONTOR_TRY(const bool has_index, index.step());
    stored_log_index_ = has_index ? static_cast<std::uint64_t>(index.integer(0)) : 0;
    KONTOR_TRY(writer_, spec.open_writer(*database_));
    return {};
}

Result<void> ReportFile::begin() {
    writer_->forget();
    cursors_.clear();
    return database_->execute("BEGIN IMMEDIATE");
}

Result<void> ReportFile::apply(const pb::AuditRecord& audit_record) {
    const machine::Scope scope{audit_record.merchant_no(), audit_record.livemode()};
    auto done = cursors_.find({scope.merchant_no, scope.livemode});
    if (done == cursors_.end()) {
        KONTOR_TRY(const std::uint64_t stored, cursor(scope));
        done = cursors_.emplace(ScopeKey{scope.merchant_no, scope.livemode}, stored).first;
    }
    if (audit_record.no() <= done->second) return {};
    done->second = audit_record.no();
    for (const pb::Event& event : audit_record.events()) KONTOR_CHECK(writer_->apply(audit_record, event));
    for (const pb::Event& change : audit_record.changes()) KONTOR_CHECK(writer_->apply(audit_record, change));
    return {};
}

Result<void> ReportFile::commit(std::uint64_t log_index) {
    KONTOR_CHECK(writer_->finish());
    KONTOR_CHECK(write_cursors());
    KONTOR_CHECK(put_index_.bind(1, log_index).run());
    return database_->execute("COMMIT");
}

Result<void> ReportFile::rollback() {
    writer_->forget();
    cursors_.clear();
    return database_->execute("ROLLBACK");
}

Result<std::uint64_t> ReportFile::cursor(machine::Scope scope) {
    find_cursor_.bind(1, scope.merchant_no).bind(2, std::int64_t{scope.livemode});
    KONTOR_TRY(const bool found, find_cursor_.step());
    const auto command_no = found ? static_cast<std::uint64_t>(find_cursor_.integer(0)) : 0;
    find_cursor_.reset();
    return command_no;
}

Result<void> ReportFile::write_cursors() {
    for (const auto& [scope, command_no] : cursors_)
        KONTOR_CHECK(
            put_cursor_.bind(1, scope.first).bind(2, std::int64_t{scope.second}).bind(3, command_no).run());
    cursors_.clear();
    return {};
}

}  // namespace kontor::reporting
