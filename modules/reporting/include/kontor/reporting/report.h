#pragma once
// What a report is: a SQLite file of its own, made from the committed audit records, with a version and a
// cursor of its own. Nothing decides about money from it: it can be dropped and made again at any time, and
// when it is broken, or its version has changed, it alone is.
//
// A report's folder (modules/reports/<x>) holds its schema, its writer, its queries and one ReportSpec;
// modules/reports/REPORTS lists them.
//
// Threading: a writer belongs to its report's thread; a reader to one thread at a time. Ownership: audit
// records given to a writer live until finish() or forget(). Errors: as sqlite.h; a corruption drops the
// file.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "kontor/base/required.h"
#include "kontor/base/result.h"
#include "kontor/reporting/sqlite.h"

namespace kontor::pb {
class Event;
class AuditRecord;
}  // namespace kontor::pb

namespace kontor::reporting {

// What changes a report's rows. The frame begins and ends the transactions, and gives each audit record
// exactly once, in the order of its merchant and mode.
class ReportWriter {
 public:
    virtual ~ReportWriter() = default;
    // Each event and change of an audit record, in their order.
    [[nodiscard]] virtual Result<void> apply(const pb::AuditRecord& audit_record, const pb::Event& event) = 0;
    // Before the transaction ends: what was gathered is written.
    [[nodiscard]] virtual Result<void> finish() = 0;
    // The transaction came to nothing, or is over: what was gathered is dropped.
    virtual void forget() = 0;
};

// A connection that reads, with its prepared statements.
class ReportReader {
 public:
    virtual ~ReportReader() = default;
    // From now on, what runs longer fails with timeout.
    void limit_time(const Clock& clock, std::uint64_t limit_ms) { database_->limit_time(clock, limit_ms); }

 protected:
    explicit ReportReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}
    std::unique_ptr<Database> database_;
};

using OpenWriter = Result<std::unique_ptr<ReportWriter>> (*)(Database&);
using OpenReader = Result<std::unique_ptr<ReportReader>> (*)(std::unique_ptr<Database>);
// The two of a report whose writer, or reader, has prepare() for its statements.
template <typename Writer>
Result<std::unique_ptr<ReportWriter>> open_writer(Database& database) {
    auto writer = std::make_unique<Writer>(database);
    KONTOR_CHECK(writer->prepare());
    return Result<std::unique_ptr<ReportWriter>>(std::move(writer));
}
template <typename Reader>
Result<std::unique_ptr<ReportReader>> open_reader(std::unique_ptr<Database> database) {
    auto reader = std::make_unique<Reader>(std::move(database));
    KONTOR_CHECK(reader->prepare());
    return Result<std::unique_ptr<ReportReader>>(std::move(reader));
}

struct ReportSpec {
    Required<std::string_view> name;    // of its file, NAME.sqlite
    Required<std::int64_t> version;     // goes up with each change of what the file holds
    Required<std::string_view> schema;  // SQL; tables `report_*` are the frame's
    RequiredPointer<OpenWriter> open_writer;
    RequiredPointer<OpenReader> open_reader;
};

class Report {
 public:
    virtual ~Report() = default;
    [[nodiscard]] virtual const ReportSpec& spec() const = 0;
    // The log index that it stands for.
    [[nodiscard]] virtual std::uint64_t log_index() const = 0;
    // With a reader of a bounded pool, for as long as query_timeout_ms. See read_report().
    using Use = std::function<Result<void>(ReportReader&)>;
    [[nodiscard]] virtual Result<void> read(const Use& use) const = 0;
    // On the report's thread after each transaction; keep it short. The writer says what has changed.
    using OnWritten = std::function<void(const ReportWriter&)>;
    virtual std::uint64_t subscribe(OnWritten on_written) = 0;
    virtual void unsubscribe(std::uint64_t subscription) = 0;
};

// The answer of `use`, given the report's own kind of reader.
template <typename Reader, typename F>
auto read_report(const Report& report, F&& use) -> decltype(use(std::declval<Reader&>())) {
    std::optional<decltype(use(std::declval<Reader&>()))> answer;
    const auto done = report.read([&](ReportReader& reader) -> Result<void> {
        answer.emplace(use(static_cast<Reader&>(reader)));
        if (!*answer) return fail(answer->error());
        return {};
    });
    if (answer) return *std::move(answer);
    return fail(done.error());
}

}  // namespace kontor::reporting
