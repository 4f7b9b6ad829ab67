#include "apply_fault.h"

#ifdef KONTOR_DIVERGENCE_FOR_TESTS
#include <cstdlib>
#include <cstring>
#include <string>

#include "kontor/base/crc32c.h"
#endif

namespace kontor::node {

#ifdef KONTOR_DIVERGENCE_FOR_TESTS
namespace {

// docs/formats/ledger-rows.md
constexpr store::TableId kAccounts = 1;
constexpr std::size_t kAccountBytes = 128, kHalf = 56, kChecksumAt = 120, kUserData32At = 72;

std::uint64_t wanted_index() {
    const char* const text = std::getenv("TEST_KONTOR_DIVERGE");
    return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

class OneWrongAccount final : public store::Writer {
 public:
    store::Writer& before(store::Writer& rows, std::uint64_t index) {
        if (wanted_ == 0 || index < wanted_ || done_) return rows;
        rows_ = &rows;
        return *this;
    }
    std::optional<std::string_view> get(store::TableId table, std::string_view key) const override {
        return rows_->get(table, key);
    }
    void scan(store::TableId table, std::string_view low, std::string_view high, store::Direction direction,
              const Visitor& visit) const override {
        rows_->scan(table, low, high, direction, visit);
    }
    void put(store::TableId table, std::string_view key, std::string_view value) override {
        if (done_ || table != kAccounts || value.size() != kAccountBytes)
            return rows_->put(table, key, value);
        done_ = true;
        std::string wrong(value);
        wrong[kUserData32At] = static_cast<char>(wrong[kUserData32At] ^ 1);
        const std::string_view bytes(wrong);
        const std::uint64_t checksum =
            crc32c(bytes.substr(0, kHalf)) |
            static_cast<std::uint64_t>(crc32c(bytes.substr(kHalf, kChecksumAt - kHalf))) << 32U;
        std::memcpy(wrong.data() + kChecksumAt, &checksum, sizeof checksum);
        rows_->put(table, key, wrong);
    }
    void erase(store::TableId table, std::string_view key) override { rows_->erase(table, key); }

 private:
    const std::uint64_t wanted_ = wanted_index();
    store::Writer* rows_ = nullptr;
    bool done_ = false;
};

}  // namespace

store::Writer& faulty(store::Writer& rows, std::uint64_t index) {
    static OneWrongAccount fault;
    return fault.before(rows, index);
}
#else
store::Writer& faulty(store::Writer& rows, std::uint64_t) {
    return rows;
}
#endif

}  // namespace kontor::node
