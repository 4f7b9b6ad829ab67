#include "kontor/machine/rows.h"

#include <cstring>

#include "kontor/base/bytes.h"

namespace kontor::machine {

void row_failure(std::string_view table, std::string_view what) {
    throw RowFailure(std::string(table) + ": " + std::string(what));
}

std::int64_t load_integer(const store::Reader& rows, store::TableId table, const Key& key) {
    const auto bytes = rows.get(table, key.view());
    if (!bytes) return 0;
    if (bytes->size() != sizeof(std::int64_t)) row_failure("machine", "an integer row has another size");
    return get_le<std::int64_t>(*bytes);
}

void store_integer(store::Writer& rows, store::TableId table, const Key& key, std::int64_t value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    rows.put(table, key.view(), {raw, sizeof raw});
}

}  // namespace kontor::machine
