// Write-back rows by themselves, against a map: what is found, what is dirty, what may go.

#include "write_back_rows.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "store_testing.h"

namespace kontor::store {
namespace {

const std::vector<TableSpec> kTables = {{kPlain, "plain", 0, false},
                                        {kWrittenBack, "written back", 0, false, false, true}};
constexpr unsigned kSlot = 1;  // of the written-back one

struct Known {
    bool erased = false;
    bool dirty = false;
    std::string value;
};

class WriteBack {
 public:
    void absorb(const std::string& key, const std::string& value, bool erased = false) {
        const RowImage image{kWrittenBack, erased, key, value};
        rows.absorb({&image, 1});
    }
    void clean() {
        (void)rows.dirty_rows();
        rows.mark_clean();
    }
    [[nodiscard]] const WriteBackRow* find(const std::string& key) const {
        const Place place = tables.place(kWrittenBack, key);
        rows.prefetch(place, Fetch::index);
        rows.prefetch(place, Fetch::row);
        return rows.find(place, key);
    }
    [[nodiscard]] std::map<std::string, std::string> all() const {
        std::map<std::string, std::string> found;
        rows.each(kSlot, [&](const WriteBackRow& row) {
            EXPECT_TRUE(found.emplace(row.key(), row.erased ? "(erased)" : row.value()).second);
            return true;
        });
        return found;
    }
    Tables tables{kTables, 1};
    WriteBackRows rows{tables};
};

TEST(WriteBackRows, AgainstAMap) {
    Workload dice(test_seed());
    WriteBack write_back;
    std::map<std::string, Known> model;
    for (int step = 0; step < 4'000; ++step) {
        const std::string key = dice.random_key();
        const bool erased = dice.below(6) == 0;
        const std::string value = erased ? "" : dice.random_value();
        write_back.absorb(key, value, erased);
        model[key] = {erased, true, value};
        if (dice.below(300) == 0) {
            std::vector<std::string> dirty;
            // As a whole, or in parts that follow one another.
            std::vector<std::string> ends;
            if (dice.below(2) == 0) ends = write_back.rows.cut(1 + dice.below(40'000));
            ends.emplace_back();
            std::string after;
            for (const std::string& end : ends) {
                for (const RowImage& row : write_back.rows.dirty_rows({after, end})) {
                    ASSERT_EQ(row.table, kWrittenBack);
                    ASSERT_EQ(row.value, model.at(std::string(row.key)).value);
                    ASSERT_EQ(row.erased, model.at(std::string(row.key)).erased);
                    dirty.emplace_back(row.key);
                }
                after = end;
                if (!end.empty() && dice.below(2) == 0) write_back.rows.mark_clean();
            }
            std::vector<std::string> wanted;  // sorted, as the map is
            for (const auto& [name, known] : model)
                if (known.dirty) wanted.push_back(name);
            ASSERT_EQ(dirty, wanted);
            write_back.clean();
            ASSERT_EQ(write_back.rows.dirty_bytes(), 0U);
            for (auto& [name, known] : model) known.dirty = false;
        }
        if (dice.below(40) == 0) {
            const std::uint64_t limit = dice.below(2) == 0 ? 0 : dice.below(200'000);
            write_back.rows.reclaim();
            write_back.rows.evict(limit);
            for (auto it = model.begin(); it != model.end();) {
                if (write_back.find(it->first) != nullptr) {
                    ++it;
                    continue;
                }
                ASSERT_FALSE(it->second.dirty) << "a dirty row is gone";
                it = model.erase(it);
            }
            if (limit == 0) {
                for (const auto& [name, known] : model) ASSERT_TRUE(known.dirty);
            }
        }
        const std::string other = dice.random_key();
        const WriteBackRow* row = write_back.find(other);
        ASSERT_EQ(row != nullptr, model.contains(other));
        if (row != nullptr) {
            ASSERT_EQ(row->erased, model[other].erased);
            ASSERT_EQ(row->value(), model[other].value);
        }
        ASSERT_EQ(write_back.rows.rows(), model.size());
    }
    std::map<std::string, std::string> wanted;
    for (const auto& [key, known] : model) wanted[key] = known.erased ? "(erased)" : known.value;
    EXPECT_EQ(write_back.all(), wanted);
}

TEST(WriteBackRows, PartsAreOfAboutTheSizeAskedFor) {
    WriteBack write_back;
    EXPECT_TRUE(write_back.rows.cut(1).empty());
    for (int i = 0; i < 8'000; ++i) write_back.absorb("row " + std::to_string(i), std::string(100, 'x'));
    const std::uint64_t all = write_back.rows.dirty_bytes();
    EXPECT_TRUE(write_back.rows.cut(all).empty());
    const auto ends = write_back.rows.cut(all / 8 + 1);
    ASSERT_EQ(ends.size(), 7U);
    std::size_t rows = 0;
    for (std::size_t i = 0; i <= ends.size(); ++i) {
        const auto part =
            write_back.rows.dirty_rows({i == 0 ? "" : ends[i - 1], i == ends.size() ? "" : ends[i]});
        EXPECT_GT(part.size(), 500U);
        EXPECT_LT(part.size(), 2'000U);
        rows += part.size();
        write_back.rows.mark_clean();
    }
    EXPECT_EQ(rows, 8'000U);
    EXPECT_EQ(write_back.rows.dirty_bytes(), 0U);
}

TEST(WriteBackRows, RowsAtTheEdgesOfSizeClasses) {
    WriteBack write_back;
    for (std::size_t size = 0; size < 600; ++size) write_back.absorb("key", std::string(size, 'x'));
    for (std::size_t size = 600; size-- > 0;) {
        write_back.absorb("key", std::string(size, 'y'));
        ASSERT_EQ(write_back.find("key")->value(), std::string(size, 'y'));
    }
    const std::string longest(kMaxKeyBytes, 'k');
    write_back.absorb(longest, std::string(kMaxValueBytes, 'v'));
    EXPECT_EQ(write_back.find(longest)->value().size(), kMaxValueBytes);
    EXPECT_EQ(write_back.find(longest)->key(), longest);
    const std::uint64_t bytes = write_back.rows.bytes();
    EXPECT_GE(bytes, kMaxValueBytes + kMaxKeyBytes);
    write_back.clean();
    write_back.rows.evict(0);
    EXPECT_EQ(write_back.find(longest), nullptr);
    EXPECT_LT(write_back.rows.bytes(), bytes - kMaxValueBytes);
}

TEST(WriteBackRows, WhatWasUsedGoesLast) {
    WriteBack write_back;
    for (int i = 0; i < 1'000; ++i) write_back.absorb("row " + std::to_string(i), std::string(100, 'x'));
    write_back.clean();
    write_back.rows.evict(write_back.rows.bytes() - 1);  // one goes, and all were looked at
    for (int i = 0; i < 100; ++i) (void)write_back.find("row " + std::to_string(i));
    write_back.rows.evict(write_back.rows.bytes() / 2);
    int used = 0;
    for (int i = 0; i < 100; ++i) used += write_back.find("row " + std::to_string(i)) != nullptr ? 1 : 0;
    EXPECT_GE(used, 99);
    EXPECT_LT(write_back.rows.rows(), 600U);
}

// The same order of things as in the store: readers look only at rows that nobody changes.
TEST(WriteBackRows, ReadersBesideTheWriter) {
    WriteBack write_back;
    constexpr int kStill = 500;
    for (int i = 0; i < kStill; ++i) write_back.absorb("still " + std::to_string(i), std::to_string(i));
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> reads{0};
    std::vector<std::thread> readers;
    for (int n = 0; n < 2; ++n)
        readers.emplace_back([&] {
            while (!stop.load()) {
                for (int i = 0; i < kStill; ++i) {
                    const WriteBackRow* row = write_back.find("still " + std::to_string(i));
                    ASSERT_NE(row, nullptr);
                    ASSERT_EQ(row->value(), std::to_string(i));
                }
                int seen = 0;
                write_back.rows.each(kSlot, [&](const WriteBackRow& row) {
                    seen += row.key().starts_with("still") ? 1 : 0;
                    return true;
                });
                ASSERT_EQ(seen, kStill);
                reads.fetch_add(1);
            }
        });
    for (int i = 0; i < 20'000 || reads.load() < 4; ++i)
        write_back.absorb("moving " + std::to_string(i % 9'000),
                          std::string(static_cast<std::size_t>(i % 70), 'x'));
    write_back.clean();
    stop.store(true);
    for (std::thread& reader : readers) reader.join();
}

// Readers that meet the end of a chain, and a writer that puts another key just there. Small tables, many of
// them, so that it is the same slot often enough.
TEST(WriteBackRows, WhatWasNeverPutIsNeverFound) {
    constexpr int kSmallTables = 2'000, kRows = 40, kKeys = 64;
    std::vector<std::unique_ptr<WriteBack>> tables;
    tables.push_back(std::make_unique<WriteBack>());
    std::atomic<const WriteBack*> current{tables.back().get()};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::vector<std::pair<std::string, Place>> absent;
    for (int i = 0; i < kKeys; ++i) {
        const std::string key = "absent " + std::to_string(i);
        absent.emplace_back(key, tables[0]->tables.place(kWrittenBack, key));
    }
    std::vector<std::thread> readers;
    for (int n = 0; n < 2; ++n)
        readers.emplace_back([&] {
            while (!stop.load()) {
                const WriteBack& write_back = *current.load();
                for (const auto& [key, place] : absent)
                    if (write_back.rows.find(place, key) != nullptr) wrong.fetch_add(1);
            }
        });
    std::vector<std::string> keys;
    for (int row = 0; row < kRows; ++row) keys.push_back("row " + std::to_string(row));
    for (int table = 0; table < kSmallTables; ++table) {
        auto next = std::make_unique<WriteBack>();
        next->absorb(keys[0], "x");
        current.store(next.get());
        for (const std::string& key : keys) next->absorb(key, "x");
        tables.push_back(std::move(next));  // readers may look at it still
    }
    stop.store(true);
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace kontor::store
