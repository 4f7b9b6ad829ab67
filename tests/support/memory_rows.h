#pragma once
// The row store as a std::map, strict about the contract: a view dies with the next call, a scan stays in its
// partition key and its table, keys and values keep their limits.

#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kontor/store/row_store.h"

namespace kontor::testing {

class MemoryRows : public store::Writer {
 public:
    using Rows = std::map<std::pair<store::TableId, std::string>, std::string>;

    explicit MemoryRows(std::span<const store::TableSpec> tables) : tables_(tables) {}

    [[nodiscard]] std::optional<std::string_view> get(store::TableId table,
                                                      std::string_view key) const override {
        kill_views();
        const auto found = rows_.find({spec(table).id, std::string(key)});
        if (found == rows_.end()) return std::nullopt;
        view_ = found->second;
        return view_;
    }

    void scan(store::TableId table, std::string_view low, std::string_view high, store::Direction direction,
              const Visitor& visit) const override {
        kill_views();
        const store::TableSpec& table_spec = spec(table);
        if (!table_spec.ordered || table_spec.partition_key_bytes == 0 ||
            low.size() < table_spec.partition_key_bytes)
            throw std::logic_error("this table cannot be scanned like that");
        const std::string partition_key(low.substr(0, table_spec.partition_key_bytes));
        if (!high.empty() && high.substr(0, partition_key.size()) != partition_key)
            throw std::logic_error("a scan leaves its partition key");
        if (!high.empty() && low >= high) return;
        auto at = rows_.lower_bound({table, std::string(low)});
        const auto end = high.empty() ? end_of_partition_key(table, partition_key)
                                      : rows_.lower_bound({table, std::string(high)});
        const auto show = [&](const auto& row) {
            const std::string key = row.first.second;  // the visitor's views do not outlive the visit
            const std::string value = row.second;
            return visit(key, value);
        };
        if (direction == store::Direction::ascending) {
            for (; at != end; ++at) {
                if (!show(*at)) return;
            }
        } else {
            for (auto back = end; back != at;) {
                if (!show(*--back)) return;
            }
        }
    }

    void put(store::TableId table, std::string_view key, std::string_view value) override {
        if (key.empty() || key.size() > store::kMaxKeyBytes || value.size() > store::kMaxValueBytes)
            throw std::logic_error("a row is outside the limits");
        if (key.size() < spec(table).partition_key_bytes)
            throw std::logic_error("a key is shorter than its partition key");
        std::string kept(value);  // it may be a view of ours
        std::string kept_key(key);
        kill_views();
        rows_[{table, std::move(kept_key)}] = std::move(kept);
        ++writes_;
    }

    void erase(store::TableId table, std::string_view key) override {
        std::string kept_key(key);
        kill_views();
        rows_.erase({spec(table).id, kept_key});
        ++writes_;
    }

    [[nodiscard]] const Rows& rows() const { return rows_; }
    [[nodiscard]] Rows& rows() { return rows_; }
    [[nodiscard]] std::size_t writes() const { return writes_; }
    [[nodiscard]] std::size_t count(store::TableId table) const {
        const auto next = static_cast<store::TableId>(table + 1);
        return static_cast<std::size_t>(
            std::distance(rows_.lower_bound({table, {}}), rows_.lower_bound({next, {}})));
    }
    // For ledger::verify(): every row of a table.
    void visit_table(store::TableId table, const Visitor& visit) const {
        for (auto at = rows_.lower_bound({table, {}}); at != rows_.end() && at->first.first == table; ++at) {
            if (!visit(at->first.second, at->second)) return;
        }
    }

 private:
    void kill_views() const { view_.assign(view_.size(), '\xDD'); }
    [[nodiscard]] Rows::const_iterator end_of_partition_key(store::TableId table, std::string last) const {
        while (!last.empty() && last.back() == '\xFF') last.pop_back();
        if (last.empty()) return rows_.lower_bound({static_cast<store::TableId>(table + 1), {}});
        last.back() = static_cast<char>(static_cast<unsigned char>(last.back()) + 1U);
        return rows_.lower_bound({table, last});
    }
    [[nodiscard]] const store::TableSpec& spec(store::TableId table) const {
        for (const store::TableSpec& candidate : tables_) {
            if (candidate.id == table) return candidate;
        }
        throw std::logic_error("no such table");
    }

    std::span<const store::TableSpec> tables_;
    Rows rows_;
    mutable std::string view_;
    std::size_t writes_ = 0;
};

}  // namespace kontor::testing
