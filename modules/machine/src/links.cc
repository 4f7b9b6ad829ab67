#include "kontor/machine/links.h"

#include "kontor/base/bytes.h"

namespace kontor::machine {

std::vector<std::uint64_t> linked(const store::Reader& rows, Scope scope, std::uint64_t parent, LinkKind kind,
                                  std::uint64_t after_no, std::size_t limit) {
    std::vector<std::uint64_t> numbers;
    const Key low = link_key(scope, parent, kind, after_no + 1);
    const Key high = link_key(scope, parent, static_cast<LinkKind>(static_cast<char>(kind) + 1), 0);
    rows.scan(table::links, low.view(), high.view(), store::Direction::ascending,
              [&](std::string_view key, std::string_view) {
                  if (key.size() != kLinkKeyBytes) row_failure("links", "a key has another shape");
                  numbers.push_back(get_be64(key.substr(kLinkKeyBytes - 8)));
                  return numbers.size() < limit;
              });
    return numbers;
}

std::vector<Due> due_in_outbox(const store::Reader& rows, OutboxKind kind, std::int64_t until_ms,
                               std::size_t limit, Due after) {
    std::vector<Due> found;
    if (limit == 0) return found;
    rows.scan(table::outbox_due, outbox_key(kind, after.due_ms, after.no + 1).view(), {},
              store::Direction::ascending, [&](std::string_view key, std::string_view) {
                  if (key.size() != 1 + 8 + 8) row_failure("outbox_due", "a key has another shape");
                  const Due due{static_cast<std::int64_t>(get_be64(key.substr(1))), get_be64(key.substr(9))};
                  if (due.due_ms > until_ms) return false;
                  found.push_back(due);
                  return found.size() < limit;
              });
    return found;
}

}  // namespace kontor::machine
