#pragma once
// What the store's tests share: a folder of their own, all kinds of tables, and a model that says what must
// be there.

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kontor/store/store.h"
#include "support/environment.h"
#include "support/temp_folder.h"

namespace kontor::store {

inline constexpr TableId kPlain = 1;        // hashed, partition key: the whole key
inline constexpr TableId kHomed = 2;        // hashed, partition key: 2 bytes
inline constexpr TableId kSorted = 3;       // sorted, partition key: 2 bytes
inline constexpr TableId kAppended = 4;     // hashed, a tree of its own, partition key: the whole key
inline constexpr TableId kWrittenBack = 5;  // hashed, merged later, partition key: the whole key
inline constexpr std::size_t kPartitionKeyBytes = 2;

class TempFolder {
 public:
    [[nodiscard]] std::string path() const { return own_.path() + "/store"; }

 private:
    const kontor_test::TempFolder own_{"store"};
};

inline StoreOptions test_options(const std::string& folder) {
    StoreOptions options;
    options.folder = folder;
    options.tables = {{kPlain, "plain", 0, false},
                      {kHomed, "homed", kPartitionKeyBytes, false},
                      {kSorted, "sorted", kPartitionKeyBytes, true},
                      {kAppended, "appended", 0, false, true},
                      {kWrittenBack, "written back", 0, false, false, true}};
    // Some checkpoints merge a partition, most do not.
    options.redo_bytes = 512U << 10U;
    options.partitions = 4;
    options.map_bytes = 64ULL << 20;
    return options;
}

inline std::unique_ptr<Store> open_or_die(StoreOptions options) {
    auto store = Store::open(std::move(options));
    if (!store) {
        std::cerr << "Store::open: " << store.error().describe() << std::endl;
        std::abort();
    }
    return *std::move(store);
}

using kontor_test::test_seed;

using Model = std::map<std::pair<TableId, std::string>, std::string>;

inline Model contents(const Store& store) {
    Model found;
    store.read([&](const Reader& reader, std::uint64_t) {
        for (const TableId table : {kPlain, kHomed, kSorted, kAppended, kWrittenBack}) {
            store.for_each(reader, table, [&](std::string_view key, std::string_view value) {
                if (!found.emplace(std::pair(table, std::string(key)), value).second)
                    std::abort();  // visited twice
                return true;
            });
        }
        // What a visit sees, a look-up finds.
        for (const auto& [row, value] : found)
            if (reader.get(row.first, row.second) != value) std::abort();
    });
    return found;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

inline Rows scan_rows(const Reader& reader, std::string_view low, std::string_view high,
                      Direction direction = Direction::ascending, std::size_t limit = SIZE_MAX) {
    Rows rows;
    reader.scan(kSorted, low, high, direction, [&](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return rows.size() < limit;
    });
    return rows;
}

// Random changes, made to a store and to a model alike.
class Workload {
 public:
    explicit Workload(std::uint64_t seed) : random_(seed) {}

    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    std::string random_key() {
        std::string key(1, static_cast<char>('a' + below(4)));
        key += static_cast<char>(below(3) == 0 ? 0xFF : 'h');
        const std::uint64_t tail = below(7);
        for (std::uint64_t i = 0; i < tail; ++i)
            key += static_cast<char>(below(4) == 0 ? below(256) : 'a' + below(3));
        return key;
    }
    std::string random_value() {
        const std::uint64_t kind = below(50);
        const std::size_t size = kind == 0 ? 3'000 + below(9'000) : kind < 5 ? 0 : below(200);
        std::string value(size, static_cast<char>(random_()));
        // Records of fixed layout: words, many of them zero.
        if (kind >= 5 && kind < 25) {
            value.resize(size / 8 * 8);
            for (std::size_t i = 0; i < value.size(); i += 8)
                if (below(2) == 0) value.replace(i, 8, 8, '\0');
        }
        return value;
    }
    // In an appended table most keys are greater than all before, and some are anywhere.
    std::string key_for(TableId table) {
        if (table != kAppended || below(5) == 0) return random_key();
        std::string digits = std::to_string(++appended_);
        return "b" + std::string(8 - digits.size(), '0') + digits;
    }
    void apply(Store& store, std::uint64_t index, Model& model, unsigned changes) {
        store.begin();
        for (unsigned i = 0; i < changes; ++i) {
            const auto table = static_cast<TableId>(1 + below(5));
            const std::string key = key_for(table);
            if (below(4) == 0) {
                store.writer().erase(table, key);
                model.erase({table, key});
            } else {
                const std::string value = random_value();
                store.writer().put(table, key, value);
                model[{table, key}] = value;
            }
        }
        store.commit(index, static_cast<std::int64_t>(index * 10));
    }

 private:
    std::mt19937_64 random_;
    std::uint64_t appended_ = 0;
};

}  // namespace kontor::store
