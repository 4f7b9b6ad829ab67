// The reports' files: damaged, swapped, locked, or no report's at all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <random>

#include "reports_fixture.h"

namespace kontor::reports::testing {
namespace {

// A file that is mapped into memory ends the process when somebody cuts it short.
TEST_F(ReportsTest, NothingOfAReportIsMappedIntoMemory) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    open();
    EXPECT_EQ(rows_of().size(), 10U);
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        EXPECT_EQ(line.find(folder_), std::string::npos) << line;
}

TEST_F(ReportsTest, ABrokenFileIsRebuilt) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    shop_.pay(ada, 10, "before");
    ASSERT_TRUE(until([&] { return rows_of().size() == 1; }));
    close();
    {
        std::fstream file(path("payments"), std::ios::in | std::ios::out | std::ios::binary);
        file << "this is no database at all, is it?";
    }
    open();
    ASSERT_TRUE(until([&] { return rows_of().size() == 1; }));
}

// A report of another version, or a broken one, is made again, and all others stay as they are.
TEST_F(ReportsTest, EachIsMadeAgainAlone) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    const std::string before = dump();
    // What only a file that was kept has.
    const auto mark = [&](const char* report) {
        return Database::open(path(report), Database::Mode::writer)
            .value()
            ->execute("CREATE TABLE kept (x);");
    };
    const auto is_kept = [&](const char* report) {
        return (*Database::open(path(report), Database::Mode::reader))
            ->execute("SELECT * FROM kept")
            .has_value();
    };
    for (const char* changed : {"payments", "volumes"}) {
        const char* const other = changed == std::string("payments") ? "volumes" : "payments";
        ASSERT_TRUE(mark(changed));
        ASSERT_TRUE(mark(other));
        ASSERT_TRUE(
            (*Database::open(path(changed), Database::Mode::writer))->execute("PRAGMA user_version=99"));
        ASSERT_NO_FATAL_FAILURE(catch_up());
        EXPECT_FALSE(is_kept(changed));
        EXPECT_TRUE(is_kept(other)) << other;
        EXPECT_EQ(dump(), before);
        ASSERT_TRUE((*Database::open(path(other), Database::Mode::writer))->execute("DROP TABLE kept"));
    }
}

// The ledger was put back from a copy, and the reports were not.
TEST_F(ReportsTest, OneThatKnowsMoreThanTheLogIsMadeAgain) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    shop_.pay(ada, 10, "p");
    ASSERT_NO_FATAL_FAILURE(finish());
    const auto add_what_the_ledger_never_had = [&] {
        return Database::open(path("volumes"), Database::Mode::writer)
            .value()
            ->execute("INSERT INTO refunds VALUES (99, 1)");
    };
    const std::string right = dump();
    ASSERT_TRUE(add_what_the_ledger_never_had());
    const std::string wrong = dump();
    for (const std::uint64_t last : {shop_.index.load(), shop_.index.load() - 1}) {
        last_log_index_ = last;
        ASSERT_NO_FATAL_FAILURE(catch_up());
        EXPECT_EQ(dump(), last == shop_.index.load() ? wrong : right) << last;
    }
}

// Whatever lies where a report's files belong: nothing is written through it, and the report is made again.
TEST_F(ReportsTest, WhatIsNoFileOfItsOwnIsNotUsed) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    const std::string before = dump();
    const std::string elsewhere = folder_ + "/elsewhere";
    std::filesystem::copy_file(path("payments"), elsewhere);
    const auto content = [](const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string whole = content(elsewhere);
    for (const char* suffix : kDatabaseSuffixes) {
        const std::string file = path("payments") + suffix;
        const std::pair<const char*, std::function<void()>> cases[] = {
            {"a link to a file", [&] { std::filesystem::create_symlink(elsewhere, file); }},
            {"a link to nothing", [&] { std::filesystem::create_symlink(folder_ + "/nothing", file); }},
            {"a pipe", [&] { ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0); }},
            {"a folder", [&] { std::filesystem::create_directory(file); }},
        };
        for (const auto& [what, make] : cases) {
            SCOPED_TRACE(std::string(what) + " for payments.sqlite" + suffix);
            std::filesystem::remove(file);
            make();
            EXPECT_EQ(Database::open(path("payments"), Database::Mode::reader).error().code,
                      ErrorCode::unsupported);
            ASSERT_NO_FATAL_FAILURE(catch_up());
            EXPECT_EQ(dump(), before);
            EXPECT_EQ(content(elsewhere), whole);
            EXPECT_FALSE(std::filesystem::exists(folder_ + "/nothing"));
            EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(path("payments"))));
        }
    }
    // Where the folder lies is up to the operator.
    const std::string link = folder_ + ".link";
    std::filesystem::create_symlink(folder_, link);
    EXPECT_TRUE(Database::open(link + "/payments.sqlite", Database::Mode::reader));
    std::filesystem::remove(link);
}

TEST_F(ReportsTest, ReportsThatWereSwappedAreMadeAgain) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    const std::string before = dump();
    std::filesystem::rename(path("payments"), path("moved"));
    std::filesystem::rename(path("volumes"), path("payments"));
    std::filesystem::rename(path("moved"), path("volumes"));
    ASSERT_NO_FATAL_FAILURE(catch_up());
    EXPECT_EQ(dump(), before);
}

// A tool that copies or looks at it has it: the report waits, and the start does not.
TEST_F(ReportsTest, AFileThatSomebodyHasLockedIsWaitedForApart) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    shop_.pay(ada, 10, "before");
    ASSERT_NO_FATAL_FAILURE(finish());
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t holder = ::fork();
    if (holder == 0) {  // another process: locks of one's own do not lock one out
        const int fd = ::open(path("payments").c_str(), O_RDWR);
        struct flock all {};
        all.l_type = F_WRLCK;
        all.l_start = 0x40000000;  // where SQLite's locks are
        all.l_len = 512;
        char byte = ::fcntl(fd, F_SETLK, &all) == 0 ? 'l' : 'x';
        ::close(ends[1]);
        (void)!::write(ready[1], &byte, 1);
        (void)!::read(ends[0], &byte, 1);
        ::_exit(0);
    }
    ::close(ends[0]);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'l');
    open();  // comes back although the lock stays until the other end of the pipe is closed
    shop_.pay(ada, 10, "while it is locked");
    // The other report goes on.
    ASSERT_TRUE(until([&] {
        const auto lines = volumes::list(*reports_, Bucket::day, false, 0, kStart + kDay);
        return lines && lines->size() == 1 && lines->front().succeeded == 2;
    }));
    ::close(ends[1]);
    int status = 0;
    ::waitpid(holder, &status, 0);
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    EXPECT_EQ(found("locked"), 1U);
}

TEST_F(ReportsTest, WhatIsNoReportAnyMoreIsRemoved) {
    for (const char* name :
         {"projection.sqlite", "projection.sqlite-wal", "projection.sqlite-shm", "notes.txt"})
        std::ofstream(folder_ + "/" + name) << "old";
    open();
    close();
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/projection.sqlite"));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/projection.sqlite-wal"));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/projection.sqlite-shm"));
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/notes.txt"));
    EXPECT_TRUE(std::filesystem::exists(path("payments")));
}

// A bit flips somewhere in each page. Whatever is read then is as it was: the page was not read, or the file
// was rebuilt.
TEST_F(ReportsTest, AFlippedBitIsNeverServed) {
    constexpr std::size_t kPageBytes = 4096;
    open();
    const auto ada = shop_.customer("Ada Lovelace", "ada@example.com", 1'000'000);
    for (int i = 0; i < 60; ++i) shop_.pay(ada, 100 + i, "a cup of coffee, number " + std::to_string(i));
    ASSERT_TRUE(until([&] { return rows_of().size() == 60; }));
    close();
    const std::string expected = dump();
    ASSERT_GT(expected.size(), 5'000U);
    std::mt19937_64 random(20'261'121);
    // Not all pages belong to what the reports' queries read: of those an error is told, no rows.
    const auto is_whole = [&] {
        const std::string rows = dump();
        const auto lines = volumes::list(*reports_, Bucket::day, false, kStart - kDay, kStart + kDay);
        return lines && lines->size() == 1 && lines->front().succeeded == 60 && found("coffee") == 60 &&
               found("number 37") == 1 && found("Lovelace") == 60 &&
               (rows == expected || rows.find("damaged") != std::string::npos);
    };
    for (const char* report : {"payments", "volumes"}) {
        const std::string file = path(report);
        const auto content = [&file] {
            std::ifstream in(file, std::ios::binary);
            return std::string(std::istreambuf_iterator<char>(in), {});
        };
        const std::string whole = content();
        ASSERT_EQ(whole.size() % kPageBytes, 0U);
        const std::size_t pages = whole.size() / kPageBytes;
        std::size_t rebuilt = 0;
        for (std::size_t page = 0; page < pages; ++page) {
            std::string damaged = whole;
            const std::size_t at = page * kPageBytes + random() % kPageBytes;
            damaged[at] = static_cast<char>(damaged[at] ^ 1 << random() % 8);
            std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
            open();
            query_errors_are_expected_ = true;
            ASSERT_TRUE(until(is_whole)) << "byte " << at << " of " << report;
            query_errors_are_expected_ = false;
            close();
            const std::string now = content();
            rebuilt += now.size() != damaged.size() || now.substr(page * kPageBytes, kPageBytes) !=
                                                           damaged.substr(page * kPageBytes, kPageBytes)
                           ? 1
                           : 0;
        }
        std::cout << rebuilt << " of " << pages << " pages of " << report << std::endl;
        EXPECT_GE(rebuilt, pages / 2) << "most pages are read";
    }
}

}  // namespace
}  // namespace kontor::reports::testing
