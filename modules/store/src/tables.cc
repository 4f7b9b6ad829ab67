#include "kontor/store/tables.h"

#include <algorithm>

#include "kontor/base/bytes.h"
#include "kontor/store/hashing.h"

namespace kontor::store {
namespace {
constexpr std::uint8_t kNoSlot = 255;
}

Tables::Tables(const std::vector<TableSpec>& specs, unsigned partitions)
    : specs_(specs), partitions_(partitions) {
    std::sort(specs_.begin(), specs_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    names_.reserve(specs_.size());
    slots_.fill(kNoSlot);
    for (std::size_t i = 0; i < specs_.size(); ++i) {
        names_.emplace_back(specs_[i].name);
        specs_[i].name = names_.back();
        slots_[specs_[i].id] = static_cast<std::uint8_t>(i);
    }
}

Result<void> Tables::check(const std::vector<TableSpec>& specs) {
    std::array<bool, 256> seen{};
    for (const TableSpec& spec : specs) {
        const std::string who = "table " + std::string(spec.name) + " (" + std::to_string(spec.id) + ")";
        if (spec.id == kMetaTable || spec.id == kTreeNameTable)
            return fail(ErrorCode::invalid_argument, who + ": the numbers 254 and 255 are the store's own");
        if (spec.ordered && spec.appended)
            return fail(ErrorCode::invalid_argument, who + ": an appended table has point reads only");
        if (spec.written_back && (spec.ordered || spec.appended))
            return fail(ErrorCode::invalid_argument,
                        who + ": a written-back table is neither ordered nor appended");
        if (seen[spec.id]) return fail(ErrorCode::invalid_argument, who + ": this number is declared twice");
        if (spec.ordered && spec.partition_key_bytes == 0)
            return fail(ErrorCode::invalid_argument,
                        who + ": an ordered table needs a partition key to scan in");
        seen[spec.id] = true;
    }
    return {};
}

std::string partition_name(unsigned number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
}

unsigned Tables::slot(TableId table) const {
    const std::uint8_t slot = slots_[table];
    KONTOR_ASSERT(slot != kNoSlot, "a table that was not declared at Store::open");
    return slot;
}

std::string_view Tables::partition_key(TableId table, std::string_view key) const {
    const std::uint8_t bytes = specs_[slot(table)].partition_key_bytes;
    return bytes == 0 ? key : key.substr(0, bytes);
}

Place Tables::place(TableId table, std::string_view key) const {
    const unsigned at = slot(table);
    const TableSpec& spec = specs_[at];
    const std::uint64_t hash =
        hash64(spec.partition_key_bytes == 0 ? key : key.substr(0, spec.partition_key_bytes));
    Place place{at, static_cast<unsigned>(hash % partitions_), spec.ordered};
    if (!spec.ordered) place.hash = spec.partition_key_bytes == 0 ? hash : hash64(key);
    return place;
}

std::string Tables::name(TableId table) const {
    const std::uint8_t at = slots_[table];
    std::string text = "table ";
    text += at == kNoSlot ? (table == kMetaTable ? "meta" : "unknown") : std::string(specs_[at].name);
    return text + " (" + std::to_string(table) + ")";
}

std::string Tables::describe(unsigned partition, TableId table, std::string_view key) const {
    return "partition " + partition_name(partition) + ", " + name(table) + ", key " + to_hex(key);
}

}  // namespace kontor::store
