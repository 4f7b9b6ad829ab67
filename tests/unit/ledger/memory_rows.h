#pragma once
// The row store as a std::map, strict about the contract: a view dies with the next call, a scan stays in its
// home, keys and values keep their limits.

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "kontor/ledger/ledger.h"
#include "kontor/store/row_store.h"

namespace kontor::ledger::testing {

class MemoryRows : public store::Writer {
 public:
    using Rows = std::map<std::pair<store::TableId, std::string>, std::string>;

    [[nodiscard]] std::optional<std::string_view> get(store::TableId table,
                                                      std::string_view key) const override {
        buffer_.assign(buffer_.size(), '\xDD');  // the previous view is dead
        const auto found = rows_.find({spec(table).id, std::string(key)});
        if (found == rows_.end()) return std::nullopt;
        buffer_ = found->second;
        return buffer_;
    }

    void scan(store::TableId table, std::string_view low, std::string_view high, store::Direction direction,
              const Visitor& visit) const override {
        const store::TableSpec& table_spec = spec(table);
        if (!table_spec.ordered || low.size() < table_spec.home_bytes) throw std::logic_error("bad scan");
        const std::string_view home = low.substr(0, table_spec.home_bytes);
        std::vector<std::pair<std::string, std::string>> found;
        for (auto at = rows_.lower_bound({table, std::string(low)}); at != rows_.end(); ++at) {
            const auto& [row_table, key] = at->first;
            if (row_table != table || key.substr(0, home.size()) != home) break;
            if (!high.empty() && key >= high) break;
            found.emplace_back(key, at->second);
            if (direction == store::Direction::ascending && found.size() > kScanAhead) break;
        }
        if (direction == store::Direction::descending) std::reverse(found.begin(), found.end());
        for (const auto& [key, value] : found) {
            if (!visit(key, value)) return;
        }
        if (found.size() > kScanAhead) throw std::logic_error("a scan of this test is too long");
    }

    void put(store::TableId table, std::string_view key, std::string_view value) override {
        if (key.empty() || key.size() > store::kMaxKeyBytes || value.size() > store::kMaxValueBytes) {
            throw std::logic_error("bad row");
        }
        buffer_.assign(buffer_.size(), '\xDD');
        rows_[{spec(table).id, std::string(key)}] = value;
        ++writes_;
    }

    void erase(store::TableId table, std::string_view key) override {
        buffer_.assign(buffer_.size(), '\xDD');
        rows_.erase({spec(table).id, std::string(key)});
        ++writes_;
    }

    // For verify(): every row of a table.
    [[nodiscard]] TableVisitor visitor() const {
        return [this](store::TableId table, const Visitor& visit) {
            for (auto at = rows_.lower_bound({table, ""}); at != rows_.end() && at->first.first == table;
                 ++at) {
                if (!visit(at->first.second, at->second)) return;
            }
        };
    }

    [[nodiscard]] Rows& rows() { return rows_; }
    [[nodiscard]] const Rows& rows() const { return rows_; }
    [[nodiscard]] std::size_t writes() const { return writes_; }

 private:
    static constexpr std::size_t kScanAhead = 100'000;

    static const store::TableSpec& spec(store::TableId table) {
        for (const store::TableSpec& candidate : tables()) {
            if (candidate.id == table) return candidate;
        }
        throw std::logic_error("not a table of the ledger");
    }

    Rows rows_;
    mutable std::string buffer_;
    std::size_t writes_ = 0;
};

}  // namespace kontor::ledger::testing
