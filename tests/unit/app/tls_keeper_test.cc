#include "tls_keeper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "kontor/base/files.h"
#include "kontor/transport/certificates.h"
#include "support/temp_folder.h"
#include "support/test_clock.h"

namespace kontor::app {
namespace {

class TlsKeeperTest : public ::testing::Test {
 protected:
    [[nodiscard]] transport::TlsIdentity issued(const std::string& name = "pay.example") const {
        return *transport::issue_server_certificate(authority_, {name}, clock_.wall_ms());
    }
    void write(const std::string& name, const std::string& content) const {
        ASSERT_TRUE(write_file(folder_ + name, content, 0600));
    }
    [[nodiscard]] TlsSource files() const {
        return {folder_ + "/a.pem", folder_ + "/a.key", "", {}, {"pay.example"}};
    }
    // As the thread does it, without waiting: a change is taken when it was seen twice.
    bool looks() { return keeper_.look() || keeper_.look(); }
    void start(const TlsSource& source) {
        const auto loaded = keeper_.load(source);
        ASSERT_TRUE(loaded) << loaded.error().describe();
        in_use_ = loaded->identity.certificate_chain_pem;
        keeper_.use_with([this](const transport::TlsIdentity& identity) -> Result<void> {
            in_use_ = identity.certificate_chain_pem;
            return {};
        });
    }

    const kontor_test::TempFolder own_{"keeper"};
    const std::string folder_ = own_.path();
    std::string in_use_;
    kontor_test::TestClock clock_{1'790'000'000'000};
    transport::CertificateAuthority authority_ = *transport::make_authority("Test CA", clock_.wall_ms());
    TlsKeeper keeper_{clock_};
};

TEST_F(TlsKeeperTest, FilesAreReadAgainWhenBothAreThere) {
    const auto first = issued(), second = issued();
    write("/a.pem", first.certificate_chain_pem);
    write("/a.key", first.private_key_pem);
    start(files());
    EXPECT_FALSE(looks());
    // The certificate first, and half of it at that.
    write("/a.pem", second.certificate_chain_pem.substr(0, 200));
    EXPECT_FALSE(looks());
    write("/a.pem", second.certificate_chain_pem);
    EXPECT_FALSE(looks()) << "its key is not there yet";
    EXPECT_EQ(in_use_, first.certificate_chain_pem);
    write("/a.key", second.private_key_pem);
    EXPECT_FALSE(keeper_.look()) << "somebody may be writing just now";
    EXPECT_TRUE(keeper_.look());
    EXPECT_EQ(in_use_, second.certificate_chain_pem);
    EXPECT_FALSE(looks());
}

TEST_F(TlsKeeperTest, KnowsWhenItsOwnAuthorityEnds) {
    TlsSource own;
    own.folder = folder_;
    own.names = {"localhost"};
    start(own);
    const std::int64_t days = (keeper_.authority_not_after_s() - clock_.wall_ms() / 1000) / kDayS;
    EXPECT_GT(days, 3'640);
    EXPECT_LE(days, 3'653);
    TlsKeeper other(clock_);
    write("/a.pem", issued().certificate_chain_pem);
    const auto identity = issued();
    write("/a.pem", identity.certificate_chain_pem);
    write("/a.key", identity.private_key_pem);
    ASSERT_TRUE(other.load(files()));
    EXPECT_EQ(other.authority_not_after_s(), 0) << "of files it is somebody else's";
}

TEST_F(TlsKeeperTest, ALinkThatLeadsElsewhereIsAChange) {
    for (const char* version : {"/1", "/2"}) {
        std::filesystem::create_directory(folder_ + version);
        const auto one = issued();
        write(version + std::string("/a.pem"), one.certificate_chain_pem);
        write(version + std::string("/a.key"), one.private_key_pem);
    }
    std::filesystem::create_directory_symlink("1", folder_ + "/now");
    start({folder_ + "/now/a.pem", folder_ + "/now/a.key", "", {}, {}});
    std::filesystem::create_directory_symlink("2", folder_ + "/next");
    std::filesystem::rename(folder_ + "/next", folder_ + "/now");
    EXPECT_TRUE(looks());
    EXPECT_EQ(in_use_, *read_file(folder_ + "/2/a.pem"));
}

TEST_F(TlsKeeperTest, WhatIsNoFileHoldsNobodyUp) {
    const auto first = issued(), second = issued();
    write("/a.pem", first.certificate_chain_pem);
    write("/a.key", first.private_key_pem);
    start(files());
    std::filesystem::remove(folder_ + "/a.pem");
    ASSERT_EQ(::mkfifo((folder_ + "/a.pem").c_str(), 0600), 0);
    EXPECT_FALSE(looks()) << "it came back at all";
    EXPECT_EQ(in_use_, first.certificate_chain_pem);
    write("/a.pem", second.certificate_chain_pem);
    write("/a.key", second.private_key_pem);
    EXPECT_TRUE(looks());
    EXPECT_EQ(in_use_, second.certificate_chain_pem);
}

TEST_F(TlsKeeperTest, WhatNobodyWouldBelieveIsNotTaken) {
    const auto first = issued(), other = issued("else.example");
    write("/a.pem", first.certificate_chain_pem);
    write("/a.key", first.private_key_pem);
    start(files());
    write("/a.pem", other.certificate_chain_pem);
    write("/a.key", other.private_key_pem);
    EXPECT_FALSE(looks()) << "it is for other names";
    std::filesystem::remove(folder_ + "/a.pem");
    EXPECT_FALSE(looks());
    EXPECT_EQ(in_use_, first.certificate_chain_pem);
    keeper_.change(files());
    EXPECT_FALSE(keeper_.look()) << "asked for, and still none";
}

TEST_F(TlsKeeperTest, AFailureIsTriedAgainByItself) {
    const auto first = issued();
    write("/a.pem", first.certificate_chain_pem);
    write("/a.key", first.private_key_pem);
    start(files());
    clock_.step(2 * kDayS * 1000);
    const auto early = issued();
    clock_.step(-2 * kDayS * 1000);
    write("/a.pem", early.certificate_chain_pem);
    write("/a.key", early.private_key_pem);
    EXPECT_FALSE(looks()) << "not valid yet";
    clock_.pass(2 * kDayS * 1000);
    EXPECT_TRUE(keeper_.look());
    EXPECT_EQ(in_use_, early.certificate_chain_pem);
}

// The next try is due by a clock that nobody sets.
TEST_F(TlsKeeperTest, AClockThatWasAheadDoesNotPutTheNextTryOff) {
    const auto first = issued(), second = issued();
    write("/a.pem", first.certificate_chain_pem);
    write("/a.key", first.private_key_pem);
    start(files());
    clock_.step(400 * kDayS * 1000);
    write("/a.pem", second.certificate_chain_pem);
    write("/a.key", second.private_key_pem);
    EXPECT_FALSE(looks()) << "it has ended, by that clock";
    clock_.step(-400 * kDayS * 1000);
    EXPECT_FALSE(looks());
    clock_.pass(60'000);
    EXPECT_TRUE(keeper_.look());
    EXPECT_EQ(in_use_, second.certificate_chain_pem);
}

TEST_F(TlsKeeperTest, OurOwnIsRenewedWhileRunning) {
    const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
    start(own);
    const std::string first = in_use_, ca = keeper_.ca_pem();
    const auto validity = transport::certificate_validity(first);
    EXPECT_LE(validity->not_after_s - validity->not_before_s, 397 * kDayS);
    clock_.pass((validity->not_after_s - kRenewBeforeS) * 1000 - 1'000 - clock_.wall_ms());
    EXPECT_FALSE(looks());
    clock_.pass(1'000);
    EXPECT_TRUE(keeper_.look());
    EXPECT_NE(in_use_, first);
    EXPECT_EQ(keeper_.ca_pem(), ca) << "clients trust it";
    EXPECT_GT(keeper_.not_after_s(), validity->not_after_s + 300 * kDayS);
    // Other names, by SIGHUP.
    TlsSource more = own;
    more.names.emplace_back("10.0.0.1");
    keeper_.change(more);
    EXPECT_TRUE(keeper_.look());
    EXPECT_TRUE(transport::check_server_identity({in_use_, *read_file(folder_ + "/tls/server.key")},
                                                 {"localhost", "10.0.0.1"}, clock_.wall_ms())
                    .empty());
}

TEST_F(TlsKeeperTest, TheAuthorityThatClientsTrustStaysWhileRunning) {
    const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
    start(own);
    const std::string first = in_use_, ca = keeper_.ca_pem();
    for (const char* part : {"", "/ca.pem", "/ca.key"}) {
        std::filesystem::rename(folder_ + "/tls" + part, folder_ + "/aside");
        keeper_.change(own);
        EXPECT_FALSE(looks()) << part;
        clock_.pass(60'000);
        EXPECT_FALSE(looks()) << part;
        EXPECT_FALSE(file_exists(folder_ + "/tls" + (*part == '\0' ? "/ca.pem" : part))) << "nothing is made";
        std::filesystem::rename(folder_ + "/aside", folder_ + "/tls" + part);
        clock_.pass(60'000);
        looks();
        EXPECT_EQ(in_use_, first) << part;
        EXPECT_EQ(keeper_.ca_pem(), ca);
    }
}

// Clients get ca.pem, and what it did not sign they refuse.
TEST_F(TlsKeeperTest, ANewAuthoritySignsANewCertificate) {
    for (const char* part : {"/ca.pem", "/ca.key"}) {
        const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
        TlsKeeper before(clock_), after(clock_);
        const auto first = before.load(own);
        ASSERT_TRUE(first);
        std::filesystem::remove(folder_ + "/tls" + part);
        const auto second = after.load(own);
        ASSERT_TRUE(second) << second.error().describe();
        EXPECT_NE(second->ca_pem, first->ca_pem);
        EXPECT_NE(second->identity.certificate_chain_pem, first->identity.certificate_chain_pem);
    }
}

// What can be made again is; an authority cannot, since clients have it.
TEST_F(TlsKeeperTest, DamagedFilesOfOurOwn) {
    const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
    const auto first = TlsKeeper(clock_).load(own);
    ASSERT_TRUE(first);
    const auto& [chain, key] = first->identity;
    const std::string ca_key = *read_file(folder_ + "/tls/ca.key");
    for (const auto& [name, content] : {std::pair{"/tls/server.key", key}, {"/tls/server.pem", chain}}) {
        write(name, content.substr(0, content.size() / 2));
        const auto again = TlsKeeper(clock_).load(own);
        ASSERT_TRUE(again) << again.error().describe();
        EXPECT_EQ(again->ca_pem, first->ca_pem);
        EXPECT_TRUE(
            transport::check_server_identity(again->identity, {"localhost"}, clock_.wall_ms()).empty());
    }
    for (const auto& [name, content] : {std::pair{"/tls/ca.key", ca_key}, {"/tls/ca.pem", first->ca_pem}}) {
        write(name, content.substr(0, content.size() / 2));
        const auto refused = TlsKeeper(clock_).load(own);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, ErrorCode::corruption);
        EXPECT_EQ(check_private_authority(folder_ + "/tls").error().code, ErrorCode::corruption);
        write(name, content);
    }
    EXPECT_TRUE(check_private_authority(folder_ + "/tls"));
    EXPECT_TRUE(check_private_authority(folder_ + "/none"));
}

// Years off, either way and as far as 1970: what clients with the right time accept stays.
TEST_F(TlsKeeperTest, AClockThatIsWrongForAWhileChangesNothing) {
    keeper_.judge_by([&] { return std::int64_t{1'790'000'000'000}; });
    start({"", "", folder_ + "/tls", {"localhost"}, {}});
    const std::string first = in_use_;
    clock_.pass(3'700'000);
    EXPECT_FALSE(looks());
    const std::int64_t now = clock_.wall_ms();
    for (const std::int64_t days : {300, 366, 368, 390, 4'000, -396, -2'000}) {
        clock_.step(days * kDayS * 1000);
        for (int i = 0; i < 10; ++i) {
            EXPECT_FALSE(keeper_.look()) << days;
            clock_.pass(60'000);
        }
        clock_.step(-days * kDayS * 1000);
        EXPECT_FALSE(looks()) << days;
    }
    clock_.set_wall(5'000);
    EXPECT_FALSE(looks());
    clock_.pass(3 * kDayS * 1000);
    EXPECT_FALSE(looks()) << "1970 is not believed at all";
    clock_.set_wall(now + 4 * kDayS * 1000);
    EXPECT_FALSE(looks());
    EXPECT_EQ(in_use_, first);
}

TEST_F(TlsKeeperTest, AStartWithAWrongClockKeepsWhatIsThere) {
    std::int64_t log_utc_ms = clock_.wall_ms();
    keeper_.judge_by([&] { return log_utc_ms; });
    const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
    start(own);
    const std::string first = in_use_;
    for (const std::int64_t wall_ms : {std::int64_t{5'000}, log_utc_ms - 400 * kDayS * 1000}) {
        clock_.set_wall(wall_ms);
        TlsKeeper other(clock_);
        other.judge_by([&] { return log_utc_ms; });
        EXPECT_EQ(other.load(own)->identity.certificate_chain_pem, first);
        log_utc_ms = wall_ms;  // the first entry
        EXPECT_FALSE(other.look());
    }
}

// A clock that was wrong for so long that it was believed, and a start after months off: what is made then is
// valid by the clock before, too.
TEST_F(TlsKeeperTest, WhatIsMadeIsValidByEachClockThatMayBeRight) {
    const std::int64_t right_ms = clock_.wall_ms();
    const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
    start(own);
    clock_.pass(200 * kDayS * 1000);
    EXPECT_FALSE(looks());
    clock_.step(280 * kDayS * 1000);
    EXPECT_TRUE(looks()) << "by this clock the one before has ended";
    clock_.pass(3'600'000);
    EXPECT_FALSE(looks());
    const auto made = transport::certificate_validity(in_use_);
    EXPECT_LE(made->not_before_s, right_ms / 1000 + 200 * kDayS + 3'600);
    EXPECT_GT(made->not_after_s, clock_.wall_ms() / 1000 + kRenewBeforeS);
    EXPECT_FALSE(looks());
    keeper_.stop();
    const std::int64_t log_utc_ms = clock_.wall_ms();
    clock_.set_wall(log_utc_ms + 290 * kDayS * 1000);
    TlsKeeper later(clock_);
    later.judge_by([&] { return log_utc_ms; });
    const auto after = transport::certificate_validity(later.load(own)->identity.certificate_chain_pem);
    EXPECT_LE(after->not_before_s, log_utc_ms / 1000);
    EXPECT_GT(after->not_after_s, clock_.wall_ms() / 1000 + kRenewBeforeS);
}

// Longer ago than a certificate lasts: then the wall clock decides, and a clock that is set right again is
// believed at once.
TEST_F(TlsKeeperTest, AClockThatIsSetRightAgainNeedsNoHour) {
    start({"", "", folder_ + "/tls", {"localhost"}, {}});
    const std::string first = in_use_;
    clock_.pass(3'700'000);
    EXPECT_FALSE(looks());
    clock_.step(500 * kDayS * 1000);
    EXPECT_FALSE(looks());
    clock_.pass(3'600'000);
    EXPECT_TRUE(looks());
    EXPECT_NE(in_use_, first);
    clock_.step(-500 * kDayS * 1000);
    EXPECT_TRUE(looks()) << "what was made is not valid yet";
    EXPECT_LE(transport::certificate_validity(in_use_)->not_before_s, clock_.wall_ms() / 1000);
}

// What is there is not valid by the wall clock, and either clock may be right: one for both, at once.
TEST_F(TlsKeeperTest, WhileNobodyKnowsTheTimeItIsValidByBothClocks) {
    start({"", "", folder_ + "/tls", {"localhost"}, {}});
    clock_.pass(200 * kDayS * 1000);
    EXPECT_FALSE(looks());
    const std::int64_t right_s = clock_.wall_ms() / 1000;
    clock_.step(-299 * kDayS * 1000);
    EXPECT_TRUE(looks());
    const auto made = transport::certificate_validity(in_use_);
    EXPECT_LE(made->not_before_s, clock_.wall_ms() / 1000);
    EXPECT_GT(made->not_after_s, right_s + kRenewBeforeS);
    EXPECT_FALSE(looks());
    clock_.step(299 * kDayS * 1000);
    EXPECT_FALSE(looks());
}

// The first start of a machine whose clock was set right soon after, however far off it was.
TEST_F(TlsKeeperTest, AClockThatIsSetRightAfterTheFirstStartIsBelievedAtOnce) {
    for (const std::int64_t days : {2, 40, 299, 301, 730, 14'600, -2, -40, -250}) {
        TlsKeeper keeper(clock_);
        const std::string folder = folder_ + "/" + std::to_string(days);
        const std::int64_t right_ms = clock_.wall_ms();
        clock_.step(days * kDayS * 1000);
        keeper.judge_by([&] { return right_ms + days * kDayS * 1000; });  // what the start wrote itself
        ASSERT_TRUE(keeper.load({"", "", folder, {"localhost"}, {}}));
        keeper.use_with([&](const transport::TlsIdentity& identity) -> Result<void> {
            in_use_ = identity.certificate_chain_pem;
            return {};
        });
        in_use_ = *read_file(folder + "/server.pem");
        EXPECT_FALSE(keeper.look());
        clock_.step(-days * kDayS * 1000);
        keeper.look();
        for (const std::string& one : {in_use_, keeper.ca_pem()}) {
            const auto validity = transport::certificate_validity(one);
            EXPECT_LE(validity->not_before_s, clock_.wall_ms() / 1000) << days;
            EXPECT_GT(validity->not_after_s, clock_.wall_ms() / 1000) << days;
        }
    }
}

// It was ahead for months, so that what came before lies before the log's UTC: after an hour it is believed,
// also by the next start.
TEST_F(TlsKeeperTest, AClockBehindTheLogIsBelievedAfterAnHour) {
    const TlsSource own{"", "", folder_ + "/tls", {"localhost"}, {}};
    clock_.step(730 * kDayS * 1000);
    const std::int64_t log_utc_ms = clock_.wall_ms();
    start(own);
    clock_.step(-730 * kDayS * 1000);
    TlsKeeper next(clock_);
    next.judge_by([&] { return log_utc_ms; });
    ASSERT_TRUE(next.load(own));
    next.use_with([](const transport::TlsIdentity&) -> Result<void> { return {}; });
    EXPECT_FALSE(next.look()) << "the log may be right";
    clock_.pass(3'600'000);
    EXPECT_TRUE(next.look());
    EXPECT_GT(next.not_after_s(), clock_.wall_ms() / 1000 + 300 * kDayS);
    EXPECT_LT(next.not_after_s(), clock_.wall_ms() / 1000 + 400 * kDayS);
}

// A machine without a clock of its own, at its very first start.
TEST_F(TlsKeeperTest, WhatIsMadeIn1970IsValidToday) {
    clock_.set_wall(5'000);
    start({"", "", folder_ + "/tls", {"localhost"}, {}});
    const auto authority = transport::certificate_validity(keeper_.ca_pem());
    EXPECT_GT(authority->not_after_s, kNoClockBeforeMs / 1000 + 3'000 * kDayS);
    EXPECT_GT(keeper_.not_after_s(), kNoClockBeforeMs / 1000 + 390 * kDayS);
}

}  // namespace
}  // namespace kontor::app
