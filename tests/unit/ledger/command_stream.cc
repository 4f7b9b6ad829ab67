#include "command_stream.h"

namespace kontor::ledger::testing {
namespace {
constexpr std::uint64_t kMax = ~std::uint64_t{0};
constexpr std::size_t kRemembered = 40;

Id128 id(std::uint64_t low) {
    return {0, low};
}
std::uint16_t narrow(std::uint64_t value) {
    return static_cast<std::uint16_t>(value);
}

void remember(std::vector<Transfer>& list, const Transfer& request, std::uint64_t slot) {
    if (list.size() < kRemembered) {
        list.push_back(request);
    } else {
        list[slot % kRemembered] = request;
    }
}
}  // namespace

CommandStream::CommandStream(std::uint64_t seed) : rng_(seed) {
    huge_percent_ = percent(20) ? 30 : 0;
    limited_percent_ = static_cast<unsigned>(below(3)) * 30;
    second_ledger_percent_ = static_cast<unsigned>(below(3)) * 10;
    broken_percent_ = percent(50) ? 12 : 2;
}

std::uint64_t CommandStream::start_ms() {
    return percent(3) ? kMax - 15'000 : 1'700'000'000'000;
}

Account CommandStream::first_account(std::uint64_t number) {
    Account row;
    row.id = id(number);
    row.ledger = percent(second_ledger_percent_) ? 2 : 1;
    row.code = narrow(1 + below(2));
    if (percent(limited_percent_)) {
        row.flags = percent(75) ? debits_must_not_exceed_credits : credits_must_not_exceed_debits;
    }
    ledger_of_[number] = row.ledger;
    return row;
}

Account CommandStream::account() {
    Account row;
    row.id = id(1 + below(kAccountIds));
    row.ledger = 1;
    row.code = narrow(1 + below(2));
    row.flags = narrow(below(4));
    switch (below(14)) {
        case 0:
            row.id = {};
            break;
        case 1:
            row.id = {kMax, kMax};
            break;
        case 2:
            row.ledger = narrow(below(3));
            break;
        case 3:
            row.code = 0;
            break;
        case 4:
            row.flags = narrow(below(64));
            break;
        case 5:
            row.timestamp = 1;
            break;
        case 6:
            row.credits_pending = 1;
            break;
        case 7:
            row.user_data_32 = narrow(below(2));
            break;
        default:
            break;
    }
    if (row.flags == 0 && row.id.high == 0 && row.id.low != 0)
        ledger_of_[row.id.low] = row.ledger;  // a guess
    return row;
}

std::uint64_t CommandStream::amount() {
    if (percent(huge_percent_)) {
        switch (below(4)) {
            case 0:
                return kMax - below(500);
            case 1:
                return kMax / 2 + below(500) - 250;
            case 2:
                return kMax / 3;
            default:
                return rng_();
        }
    }
    return percent(10) ? 1 + below(10'000) : 1 + below(100);
}

// An earlier request again: as it was, or with one field changed.
Transfer CommandStream::repeated() {
    Transfer request = one_of(asked_);
    switch (below(18)) {
        case 0:
            request.flags ^= narrow(1U << below(6));
            break;
        case 1:
            request.ledger = narrow(below(3));
            break;
        case 2:
            request.code = narrow(below(3));
            break;
        case 3:
            request.user_data_64 ^= 1;
            break;
        case 4:
            request.debit_account = id(below(kAccountIds + 1));
            break;
        case 5:
            request.credit_account = id(below(kAccountIds + 1));
            break;
        case 6:
            request.amount += 1 - 2 * below(2);
            break;
        case 7:
            request.amount = 0;
            break;
        case 8:
            request.pending_id = id(below(3) == 0 ? 0 : request.pending_id.low + 1);
            break;
        case 9:
            request.timeout_s = static_cast<std::uint32_t>(below(3));
            break;
        default:
            break;
    }
    return request;
}

void CommandStream::break_something(Transfer& request) {
    switch (below(16)) {
        case 12:
            request.pending_id = request.id;
            break;
        case 13:
            request.pending_id = {kMax, kMax};
            break;
        case 14:
            (below(2) == 0 ? request.debit_account : request.credit_account) = {kMax, kMax};
            break;
        case 15:
            (below(2) == 0 ? request.debit_account : request.credit_account) = {};
            break;
        case 0:
            request.id = {};
            break;
        case 1:
            request.id = {kMax, kMax};
            break;
        case 2:
            request.timestamp = 1;
            break;
        case 3:
            request.flags = narrow(below(256));
            break;
        case 4:
            request.pending_id = id(below(2) * 999);
            break;
        case 5:
            request.timeout_s = 5;
            break;
        case 6:
            request.credit_account = request.debit_account;
            break;
        case 7:
            request.amount = 0;
            break;
        case 8:
            request.ledger = narrow(below(3));
            break;
        case 9:
            request.code = narrow(below(3));
            break;
        case 10:
            request.debit_account = id(below(kAccountIds + 1));
            break;
        default:
            request.credit_account = id(below(kAccountIds + 1));
            break;
    }
}

Transfer CommandStream::transfer() {
    if (!asked_.empty() && percent(8)) return repeated();
    Transfer request;
    request.id = id(next_id_++);
    const std::uint64_t kind = below(100);
    if (kind < 28 && !asked_pending_.empty()) {
        const Transfer& target = percent(97) || asked_.empty() ? one_of(asked_pending_) : one_of(asked_);
        request.pending_id = target.id;
        request.flags = kind < 19 ? post_pending : void_pending;
        if (percent(40)) {
            request.debit_account = target.debit_account;
            request.credit_account = target.credit_account;
            request.ledger = target.ledger;
            request.code = target.code;
        }
        if (percent(50)) request.amount = target.amount;
        if (percent(30)) request.amount = target.amount / (1 + below(3)) + below(2);
    } else {
        const std::uint64_t debit = 1 + below(kAccountIds);
        request.debit_account = id(debit);
        request.credit_account = id(1 + (debit + below(kAccountIds - 1)) % kAccountIds);
        request.amount = amount();
        request.ledger = ledger_of_[debit];
        request.code = narrow(1 + below(2));
        if (kind < 60) request.flags = pending;
        if (percent(8)) request.flags |= balancing_debit;
        if (percent(8)) request.flags |= balancing_credit;
        if ((request.flags & pending) != 0 && percent(50)) {
            request.timeout_s = static_cast<std::uint32_t>(1 + below(20));
        }
    }
    if (percent(5)) request.user_data_128.low = below(3);
    if (percent(5)) request.user_data_64 = below(3);
    if (percent(broken_percent_)) break_something(request);
    return request;
}

std::vector<Transfer> CommandStream::batch() {
    std::vector<Transfer> requests;
    const std::size_t size = 1 + below(20);
    bool in_chain = false;
    while (requests.size() < size) {
        Transfer request = transfer();
        in_chain = percent(in_chain ? 65 : 12);
        request.flags = narrow(in_chain ? request.flags | linked : request.flags & ~unsigned{linked});
        if (in_chain && requests.size() + 1 == size && percent(70)) request.flags ^= linked;
        remember(asked_, request, rng_());
        requests.push_back(request);
    }
    return requests;
}

void CommandStream::learn(const std::vector<Transfer>& requests, const std::vector<Status>& statuses) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if ((requests[i].flags & pending) == 0) continue;
        if (statuses[i] == Status::ok || percent(2)) remember(asked_pending_, requests[i], rng_());
    }
}

}  // namespace kontor::ledger::testing
