#pragma once
// A report's file and its transactions: each audit record once (its number against the cursor of its merchant
// and mode, in the same transaction), and the log index that the rows stand for.
//
// Threading: the report's thread. Errors: as sqlite.h; unsupported for a file of another version.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "kontor/log.pb.h"
#include "kontor/machine/rows.h"
#include "kontor/reporting/report.h"

namespace kontor::reporting {

class ReportFile {
 public:
    // Makes it where there is none.
    static Result<std::unique_ptr<ReportFile>> open(const ReportSpec& spec, const std::string& path);

    [[nodiscard]] Result<void> begin();
    // Skips an audit record that was applied before.
    [[nodiscard]] Result<void> apply(const pb::AuditRecord& audit_record);
    [[nodiscard]] Result<void> commit(std::uint64_t log_index);
    [[nodiscard]] Result<void> rollback();
    [[nodiscard]] Result<std::uint64_t> cursor(machine::Scope scope);
    [[nodiscard]] std::uint64_t stored_log_index() const { return stored_log_index_; }
    [[nodiscard]] const ReportWriter& writer() const { return *writer_; }

 private:
    using ScopeKey = std::pair<std::uint64_t, bool>;

    explicit ReportFile(std::unique_ptr<Database> database) : database_(std::move(database)) {}
    Result<void> prepare(const ReportSpec& spec);
    Result<void> write_cursors();

    std::unique_ptr<Database> database_;
    Statement put_cursor_, find_cursor_, put_index_;
    std::unique_ptr<ReportWriter> writer_;
    std::uint64_t stored_log_index_ = 0;
    std::map<ScopeKey, std::uint64_t> cursors_;  // of this transaction
};

}  // namespace kontor::reporting
