#pragma once
// A Writer between the state machine and the rows: it tells the watch of every account, and keeps a hash of
// all changes.

#include <string>

#include "kontor/ledger/ledger.h"
#include "state.h"

namespace kontor::sim {

class WatchingWriter final : public store::Writer {
 public:
    WatchingWriter(store::Writer& rows, Watch& watch, std::uint64_t& hash)
        : rows_(rows), watch_(watch), hash_(hash) {}

    [[nodiscard]] std::optional<std::string_view> get(store::TableId table,
                                                      std::string_view key) const override {
        return rows_.get(table, key);
    }
    void scan(store::TableId table, std::string_view low, std::string_view high, store::Direction direction,
              const Visitor& visit) const override {
        rows_.scan(table, low, high, direction, visit);
    }
    void put(store::TableId table, std::string_view key, std::string_view value) override {
        const std::string kept_key(key), kept(value);  // they may be views that the next read ends
        if (table == ledger::tables().front().id) {
            if (std::exchange(watch_.lose_a_posting, false)) return;
            watch_.account_changes(kept_key, rows_.get(table, kept_key), kept);
        }
        mix(table, 1, kept_key, kept);
        rows_.put(table, kept_key, kept);
    }
    void erase(store::TableId table, std::string_view key) override {
        const std::string kept_key(key);
        mix(table, 2, kept_key, {});
        rows_.erase(table, kept_key);
    }

 private:
    void mix(store::TableId table, std::uint64_t operation, std::string_view key, std::string_view value) {
        const std::hash<std::string_view> hash;
        hash_ = (hash_ ^ hash(key)) * 0x9E37'79B1'85EB'CA87U + hash(value) + table * 4U + operation;
        hash_ ^= hash_ >> 29U;
    }
    store::Writer& rows_;
    Watch& watch_;
    std::uint64_t& hash_;
};

}  // namespace kontor::sim
