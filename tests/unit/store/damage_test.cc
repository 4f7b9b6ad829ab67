// Partition files whose bytes are not what was written: detected and named, and no wrong row is served.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "damage.h"
#include "kontor/base/bytes.h"
#include "kontor/base/mapped_fault.h"
#include "kontor/store/damaged_file.h"
#include "kontor/store/partitions_made.h"
#include "partition_file.h"

namespace kontor::store {
namespace {

TEST(StoreDamage, AFlippedBitInARowIsFoundAndNamed) {
    const TempFolder folder;
    fill(folder.path(), 1);
    unsigned found = 0;
    for (unsigned number = 0; number < 4; ++number)
        found += flip(partition_file(folder.path(), number), "the precious value", 5);
    ASSERT_GT(found, 0U);
    EXPECT_NE(open_error(folder.path(), true).find("does not match its checksum"), std::string::npos);
    const auto store = open_or_die(unchecked(folder.path()));
    const auto message = [&](auto body) -> std::string {
        try {
            store->read([&](const Reader& reader, std::uint64_t) { body(reader); });
        } catch (const StoreFailure& failure) {
            return failure.what();
        }
        return "no failure";
    };
    const std::string read =
        message([](const Reader& reader) { static_cast<void>(reader.get(kPlain, "the key")); });
    EXPECT_NE(read.find("corruption: partition 0"), std::string::npos) << read;
    EXPECT_NE(read.find("table plain (1), key " + to_hex("the key")), std::string::npos) << read;
    EXPECT_NE(read.find("checksum"), std::string::npos) << read;
    const std::string visited = message([&](const Reader& reader) {
        store->for_each(reader, kPlain, [](std::string_view, std::string_view) { return true; });
    });
    EXPECT_EQ(visited, read);
    ASSERT_FALSE(store->failure());
    EXPECT_EQ(store->failure().error().describe(), read);
}

TEST(StoreDamage, AFlippedBitInAKeyIsFoundByAVisit) {
    const TempFolder folder;
    fill(folder.path(), 1);
    for (unsigned number = 0; number < 4; ++number) flip(partition_file(folder.path(), number), "the key", 6);
    EXPECT_NE(open_error(folder.path(), true).find("does not match its checksum"), std::string::npos);
    const auto store = open_or_die(unchecked(folder.path()));
    EXPECT_THROW(contents(*store), StoreFailure);
}

// LMDB's pages have no checksums. The count of keys in a page's header: the rows behind it are whole, and
// gone.
TEST(StoreDamage, APageThatHidesRowsIsFoundWhenTheStoreIsChecked) {
    const TempFolder folder;
    fill(folder.path(), 3);
    constexpr std::size_t kPage = 4096, kLower = 12;  // offset of mp_lower, 2 bytes: header and 2 bytes a key
    unsigned hidden = 0;
    for (unsigned number = 0; number < 4; ++number) {
        const std::string path = partition_file(folder.path(), number);
        const std::string whole = slurp(path);
        for (std::size_t page = 2; (page + 1) * kPage <= whole.size(); ++page) {
            std::string damaged = whole;
            const auto lower = get_le<std::uint16_t>(std::string_view(whole).substr(page * kPage + kLower));
            if (lower < 20 || lower > kPage) continue;
            damaged[page * kPage + kLower] = static_cast<char>(lower - 2);
            damaged[page * kPage + kLower + 1] = static_cast<char>((lower - 2) >> 8);
            spit(path, damaged);
            const std::string error = open_error(folder.path(), true);
            if (error == "opened at 3") continue;  // a page that is free
            EXPECT_NE(error.find("partition 0" + std::to_string(number)), std::string::npos) << error;
            hidden += error.find("were written") != std::string::npos ? 1 : 0;
        }
        spit(path, whole);
    }
    EXPECT_GT(hidden, 0U);
    EXPECT_EQ(open_error(folder.path(), true), "opened at 3");
}

// LMDB believes the lengths in its pages: what they lead to may lie behind the end of the file. No wrong
// value is served, and whatever ends the process says where.
TEST(StoreDamage, ADamagedLengthOfARowIsNamed) {
    const TempFolder folder;
    fill(folder.path(), 1);
    Model expected;
    {
        const auto store = open_or_die(unchecked(folder.path()));
        expected = contents(*store);
    }
    constexpr std::size_t kPage = 4096, kFlags = 10, kFirstNode = 16, kLeaf = 0x02;
    std::map<int, unsigned> outcomes;
    for (unsigned number = 0; number < 4; ++number) {
        const std::string path = partition_file(folder.path(), number);
        const std::string whole = slurp(path);
        for (std::size_t page = 2; (page + 1) * kPage <= whole.size(); ++page) {
            const std::string_view bytes = std::string_view(whole).substr(page * kPage, kPage);
            if (get_le<std::uint16_t>(bytes.substr(kFlags)) != kLeaf) continue;
            const auto node = get_le<std::uint16_t>(bytes.substr(kFirstNode));
            if (node < kFirstNode || node + 8U > kPage) continue;
            // The size's third and fourth byte, and the key's length: a node is lo, hi, flags, key size.
            for (const std::size_t at : {2U, 3U, 7U}) {
                std::string damaged = whole;
                damaged[page * kPage + node + at] = '\x6f';
                spit(path, damaged);
                const std::string said = folder.path() + "/said";
                const pid_t child = ::fork();
                if (child == 0) {
                    report_mapped_faults();
                    if (std::freopen(said.c_str(), "w", stderr) == nullptr) ::_exit(1);
                    const auto store = Store::open(unchecked(folder.path()));
                    if (!store) {
                        std::cerr << store.error().describe() << std::endl;
                        ::_exit(2);
                    }
                    try {
                        (*store)->read([&](const Reader& reader, std::uint64_t) {
                            for (const auto& [key, value] : expected)
                                if (const auto found = reader.get(key.first, key.second); found != value)
                                    ::_exit(found ? 3 : 4);
                        });
                        static_cast<void>(contents(**store));
                    } catch (const StoreFailure& failure) {
                        std::cerr << failure.what() << std::endl;
                        ::_exit(2);
                    }
                    ::_exit(0);  // a page that is free
                }
                int status = 0;
                ::waitpid(child, &status, 0);
                const int outcome = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
                ++outcomes[outcome];
                EXPECT_NE(outcome, 3) << path << " page " << page;
                const std::string text = slurp(said);
                const std::string name = "0" + std::to_string(number);
                if (outcome == 2 || outcome < 0) {
                    EXPECT_TRUE(text.find("partition " + name) != std::string::npos ||
                                text.find("partitions/" + name) != std::string::npos)
                        << outcome << ": " << text;
                }
            }
        }
        spit(path, whole);
    }
    for (const auto& [outcome, times] : outcomes) std::cout << outcome << " x" << times << std::endl;
    EXPECT_GT(outcomes[2], 0U);
}

// As an interrupted copy leaves it, at whatever byte. Mapped, the missing part would end the process.
TEST(StoreDamage, AFileThatWasCutShortIsRefused) {
    const TempFolder folder;
    fill(folder.path(), 3);
    const std::string file = partition_file(folder.path(), 0), whole = slurp(file);
    ASSERT_GT(whole.size(), 6U * 4096);
    unsigned refused = 0;
    for (std::size_t page = 2; page * 4096 < whole.size(); ++page) {
        for (const std::size_t size : {page * 4096, page * 4096 + 1'000}) {
            spit(file, whole.substr(0, size));
            const auto looked = check_partition_files(folder.path());
            if (looked) {  // what is missing is free
                EXPECT_EQ(open_error(folder.path(), true), "opened at 3") << size;
                continue;
            }
            ++refused;
            EXPECT_EQ(looked.error().code, ErrorCode::corruption);
            EXPECT_NE(open_error(folder.path()).find("was cut short"), std::string::npos) << size;
        }
    }
    EXPECT_GE(refused, 6U);
    // A last page that no file could have, in both meta pages: said at once, and not looked for.
    std::string claims = whole;
    for (const std::size_t meta : {0U, 4096U})
        for (std::size_t i = 0; i < 8; ++i) claims[meta + 16 + 120 + i] = i == 4 ? '\x7F' : '\0';
    spit(file, claims);
    EXPECT_NE(open_error(folder.path()).find("was cut short"), std::string::npos);
    spit(file, whole.substr(0, 4096 + 100));  // not even both meta pages
    EXPECT_EQ(open_error(folder.path()).find("opened"), std::string::npos);
    spit(file, whole);
    EXPECT_TRUE(check_partition_files(folder.path()));
    EXPECT_EQ(open_error(folder.path()), "opened at 3");
}

// LMDB chooses between the two in more than one way, so that a wrong one makes the file say different things.
TEST(StoreDamage, MetaPagesThatDoNotFitTogetherAreRefused) {
    const TempFolder folder;
    fill(folder.path(), 3);
    const std::string file = partition_file(folder.path(), 0), whole = slurp(file);
    constexpr std::size_t kPage = 4096, kTransaction = 16 + 128, kFlags = 10, kPageSize = 16 + 24;
    const auto with = [&](std::size_t at, std::string_view bytes) {
        std::string damaged = whole;
        damaged.replace(at, bytes.size(), bytes);
        return damaged;
    };
    const auto transaction = [&](std::size_t page) {
        return get_le<std::uint64_t>(std::string_view(whole).substr(page * kPage + kTransaction));
    };
    const auto number = [](std::uint64_t value) {
        std::string bytes;
        put_le<std::uint64_t>(bytes, value);
        return bytes;
    };
    const std::string cases[] = {
        "",
        std::string(2 * kPage, '\0') + whole.substr(2 * kPage),
        std::string(kPage, '\0') + whole.substr(kPage),
        with(kPage, std::string(kPage, '\0')),
        with(kFlags, std::string(2, '\0')),
        with(kPage + 16, "XXXX"),
        with(kPageSize, std::string("\x01\x10\0\0", 4)),
        with(kTransaction, number(UINT64_MAX)),
        with(kTransaction, number(transaction(0) + 4)),
        with(kTransaction, number(transaction(1))),
        with(kPage + kTransaction, number(transaction(0))),
        with(kPage + kTransaction, number(0)),
        with(0, whole.substr(kPage, kPage)),
    };
    for (const std::string& damaged : cases) {
        const auto which = std::to_string(&damaged - cases);
        spit(file, damaged);
        const auto looked = check_partition_files(folder.path());
        ASSERT_FALSE(looked) << which;
        EXPECT_EQ(looked.error().code, ErrorCode::corruption) << which;
        EXPECT_NE(looked.error().message.find("partitions/00/data.mdb"), std::string::npos) << which;
        EXPECT_EQ(open_error(folder.path()).find("opened"), std::string::npos) << which;
        EXPECT_EQ(slurp(file), damaged) << "nothing was made of it: " << which;
    }
    spit(file, whole);
    EXPECT_EQ(open_error(folder.path()), "opened at 3");
}

TEST(StoreDamage, ACheckFindsWhatOpeningFinds) {
    const TempFolder folder;
    fill(folder.path(), 3);
    const auto tables = test_options(folder.path()).tables;
    EXPECT_TRUE(check_store(folder.path(), tables));
    const std::string first = partition_file(folder.path(), 0), second = partition_file(folder.path(), 1);
    const std::string whole = slurp(first);
    spit(first, slurp(second));
    const auto swapped = check_store(folder.path(), tables);
    ASSERT_FALSE(swapped);
    EXPECT_NE(swapped.error().message.find("says that it is number 1"), std::string::npos);
    spit(first, whole);
    unsigned found = 0;
    for (unsigned number = 0; number < 4; ++number)
        found += flip(partition_file(folder.path(), number), "the precious value", 5);
    ASSERT_GT(found, 0U);
    EXPECT_FALSE(check_store(folder.path(), tables));
}

// Whatever a page holds: it is found before LMDB reads it, or it was free.
TEST(StoreDamage, EachDamagedPageIsNamedBeforeItIsUsed) {
    const TempFolder folder;
    Model expected;
    {
        const auto store = open_or_die(test_options(folder.path()));
        for (std::uint64_t index = 1; index <= 3; ++index) {
            store->begin();
            for (int i = 0; i < 1'000; ++i)
                store->writer().put(kPlain, "key" + std::to_string(i), std::string(200, 'v'));
            store->writer().put(kSorted, "hohuge", std::string(9'000, 'h'));
            for (int i = 0; i < 100; ++i)
                store->writer().put(kAppended, "row" + std::to_string(i), std::string(300, 'a'));
            store->commit(index, 0);
            store->freeze("");
            store->wait_for_checkpoint();
        }
        expected = contents(*store);
    }
    std::mt19937_64 random(kontor_test::test_seed());
    std::map<std::string, unsigned> outcomes;
    for (unsigned number = 0; number < 4; ++number) {
        const std::string path = partition_file(folder.path(), number), whole = slurp(path);
        for (std::size_t page = 2; (page + 1) * 4096 <= whole.size(); page += 2) {
            std::string noise(4096, '\0'), bit = whole.substr(page * 4096, 4096);
            for (char& c : noise) c = static_cast<char>(random());
            bit[random() % 48] ^= static_cast<char>(1U << random() % 8);  // in the header or the first places
            for (const std::string& content :
                 {std::string(4096, '\0'), noise, bit, whole.substr((page == 2 ? 3 : 2) * 4096, 4096)}) {
                std::string damaged = whole;
                damaged.replace(page * 4096, 4096, content);
                spit(path, damaged);
                const pid_t child = ::fork();
                if (child == 0) {
                    const auto store = Store::open(to_look_at(test_options(folder.path())));
                    if (store) ::_exit(contents(**store) == expected ? 0 : 2);
                    ::_exit(store.error().code == ErrorCode::corruption &&
                                    store.error().message.find("partition") != std::string::npos
                                ? 1
                                : 3);
                }
                int status = 0;
                ::waitpid(child, &status, 0);
                ASSERT_TRUE(WIFEXITED(status))
                    << path << ", page " << page << ": signal " << WTERMSIG(status);
                ASSERT_LE(WEXITSTATUS(status), 1) << path << ", page " << page;
                ++outcomes[WEXITSTATUS(status) == 0 ? "was free" : "was named"];
            }
        }
        spit(path, whole);
    }
    for (const auto& [outcome, times] : outcomes) std::cout << outcome << " x" << times << std::endl;
    EXPECT_GT(outcomes["was named"], 100U);
}

// LMDB ends the process at it, after the process has said which file it is.
TEST(StoreDamage, AProcessThatMeetsADamagedPageSaysWhichFileItIs) {
    const TempFolder folder;
    {
        const auto store = open_or_die(test_options(folder.path()));
        store->begin();
        for (int i = 0; i < 2'000; ++i)
            store->writer().put(kPlain, "key" + std::to_string(i), std::string(200, 'v'));
        store->commit(1, 0);
        store->freeze("");
        store->wait_for_checkpoint();
    }
    unsigned told = 0;
    for (unsigned number = 0; number < 4; ++number) {
        const std::string path = partition_file(folder.path(), number), whole = slurp(path);
        for (std::size_t page = 2; (page + 1) * 4096 <= whole.size(); ++page) {
            std::string damaged = whole;
            damaged.replace(page * 4096, 4096, std::string(4096, '\0'));
            spit(path, damaged);
            const std::string said = folder.path() + "/said";
            spit(said, "");
            const pid_t child = ::fork();
            if (child == 0) {
                end_at_damaged_file([&](const Error& error) {
                    spit(said, error.describe());
                    ::_exit(42);
                });
                const auto store = Store::open(to_look_at(unchecked(folder.path())));
                if (!store) ::_exit(1);
                try {
                    static_cast<void>(contents(**store));
                } catch (const StoreFailure&) {
                    ::_exit(1);
                }
                ::_exit(0);
            }
            int status = 0;
            ::waitpid(child, &status, 0);
            ASSERT_TRUE(WIFEXITED(status)) << "partition " << number << ", page " << page;
            if (WEXITSTATUS(status) != 42) continue;
            ++told;
            EXPECT_EQ(slurp(said).find("corruption: " + path + " has a damaged page: "), 0U) << slurp(said);
        }
        spit(path, whole);
    }
    EXPECT_GT(told, 0U);
}

// LMDB never writes pages that one transaction takes and gives back: such a file is short, and whole.
TEST(StoreDamage, AFileWithoutPagesThatAreFreeIsWhole) {
    const TempFolder folder;
    std::filesystem::create_directories(folder.path());
    MDB_env* env = nullptr;
    ASSERT_EQ(mdb_env_create(&env), 0);
    ASSERT_EQ(mdb_env_set_mapsize(env, 64U << 20U), 0);
    ASSERT_EQ(mdb_env_open(env, folder.path().c_str(), 0, 0600), 0);
    const auto in_transaction = [&](const auto& work) {
        MDB_txn* txn = nullptr;
        MDB_dbi dbi = 0;
        ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
        ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
        work(txn, dbi);
        ASSERT_EQ(mdb_txn_commit(txn), 0);
    };
    for (int i = 0; i < 10; ++i)  // leaves pages that the last transaction can take
        in_transaction([&i](MDB_txn* txn, MDB_dbi dbi) {
            MDB_val key{4, const_cast<char*>("kept")}, value{sizeof(i), &i};
            ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
        });
    in_transaction([](MDB_txn* txn, MDB_dbi dbi) {
        std::string text(100'000, 'x');
        MDB_val key{4, const_cast<char*>("gone")}, value{text.size(), text.data()};
        ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
        ASSERT_EQ(mdb_del(txn, dbi, &key, nullptr), 0);
    });
    MDB_envinfo info{};
    mdb_env_info(env, &info);
    mdb_env_close(env);
    const std::string file = folder.path() + "/data.mdb", whole = slurp(file);
    ASSERT_LT(whole.size(), info.me_last_pgno * 4096) << "otherwise this shows nothing";
    const auto looked = check_partition_file(file);
    EXPECT_TRUE(looked) << looked.error().describe();
    spit(file, whole.substr(0, 2 * 4096));
    EXPECT_FALSE(check_partition_file(file)) << "the root is missing, too";
}

TEST(StoreDamage, AStoreIsCheckedWholeUpToItsLimit) {
    const TempFolder folder;
    fill(folder.path(), 1);
    for (unsigned number = 0; number < 4; ++number)
        flip(partition_file(folder.path(), number), "the precious value", 5);
    // As LMDB counts: pages up to the last one that was used.
    StoreOptions options = unchecked(folder.path());
    while (Store::open(options)) {
        options.check_up_to_bytes += 4096;
        ASSERT_LT(options.check_up_to_bytes, 1U << 20U);
    }
    EXPECT_GT(options.check_up_to_bytes, 4U * 2U * 4096U);
    options.check_up_to_bytes -= 1;
    EXPECT_TRUE(Store::open(options));
}

TEST(StoreDamage, AFlippedBitInTheMetaRowIsFoundAndNamed) {
    const TempFolder folder;
    fill(folder.path(), 1);
    ASSERT_GT(flip(partition_file(folder.path(), 2), "replication meta of", 3), 0U);
    const std::string error = open_error(folder.path());
    EXPECT_NE(error.find("corruption: partition 02"), std::string::npos) << error;
    EXPECT_NE(error.find("meta row does not match its checksum"), std::string::npos) << error;
}

}  // namespace
}  // namespace kontor::store
