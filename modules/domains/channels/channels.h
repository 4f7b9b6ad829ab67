#pragma once
// Accounts at channels, and which of them takes a payment.
//
// An account's number is small and counts up: it is the owner of the ledger's channel accounts. What it
// serves was copied from its connector's record when it was opened, so that no rule asks what this binary can
// do. Routes name accounts that are open; an account is not disabled while a route names it, so that a
// payment looks at routes alone: at its merchant's where it has any, then at the platform's. That is one row
// for a merchant without routes of its own, and two at most.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/attempts.pb.h"
#include "kontor/channels.pb.h"
#include "kontor/machine/context.h"

namespace kontor::channels {

[[nodiscard]] std::optional<pb::ChannelAccount> find_account(const store::Reader&, std::uint64_t no);
// Behind `after_no`, at most `limit`, in the order of their numbers.
[[nodiscard]] std::vector<pb::ChannelAccount> list_accounts(const store::Reader&, std::uint64_t after_no,
                                                            std::size_t limit);
[[nodiscard]] std::optional<pb::ChannelRoutes> find_routes(const store::Reader&, machine::Scope);

// Null: the account does not serve the method.
[[nodiscard]] const pb::ServedMethod* served_by(const pb::ChannelAccount& account, std::string_view method);
// A payment by it can be asked for. Currency 0: all of them. Sale is what a route promises: each payment but
// an authorisation is one, and so none has to look at the account.
[[nodiscard]] bool takes(const pb::ChannelAccount& account, std::string_view method, std::uint32_t currency);

// The account that takes a payment of the command's merchant; 0: none.
[[nodiscard]] std::uint64_t route(machine::Context& context, std::string_view method, std::uint32_t currency);
// How a payment without one is refused.
[[nodiscard]] pb::Result no_channel(machine::Scope scope, std::string_view method, std::uint32_t currency);

// The word for an operation in rows, commands and the admin API; "" for none. Words are frozen.
[[nodiscard]] std::string_view word_of(pb::ChannelOperation operation);
[[nodiscard]] bool is_operation(std::string_view word);
// Whether the account's channel can be asked for the operation with the method.
[[nodiscard]] bool offers(const pb::ChannelAccount& account, std::string_view method,
                          pb::ChannelOperation operation);
// How a command is refused whose payment is at a channel that cannot be asked for it; nothing: it can.
[[nodiscard]] std::optional<pb::Result> cannot_ask(const store::Reader&, std::uint64_t account_no,
                                                   std::string_view method, pb::ChannelOperation operation);

// What a change of the credentials says it was made of: limits::kMadeFromBytes.
[[nodiscard]] std::string digest_of_credentials(const pb::ChannelAccount& account);

// Notices of the account that are remembered.
[[nodiscard]] std::int64_t count_notices(const store::Reader&, std::uint64_t account_no);
// Whether what a channel said by itself is new; remembered for limits::kNoticeKeptMs.
enum class Notice : std::uint8_t { is_new, known, too_many };
[[nodiscard]] Notice remember_notice(machine::Context& context, const pb::ChannelAccount& account,
                                     std::string_view notice_id);

}  // namespace kontor::channels
