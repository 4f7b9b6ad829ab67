#include "shop.h"

#include "domains/customers/customers.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/rows.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/webhooks_bodies.pb.h"

namespace kontor::sim {

namespace {
constexpr std::size_t kKeptWishes = 40;
constexpr std::uint64_t kOwnAnswersMs = 30;
}  // namespace

void Shop::step() {
    for (std::size_t i = 0; i < cluster_.places(); ++i) {
        if (!cluster_.caught_up(i)) continue;
        if (cluster_.driver(i).last_index() - cluster_.driver(i).commit_index() > 40) continue;
        std::vector<Wish> wishes = due_wishes();
        if (merchant_ == 0) {
            if (pending_batches_ == 0 || percent(10)) wishes.push_back({first_command(), Kind::plain});
        } else {
            for (std::uint64_t n = below(percent(10) ? 8 : 3); n > 0; --n) wishes.push_back(random_wish(i));
        }
        if (!wishes.empty()) send(i, std::move(wishes));
    }
}

void Shop::tidy() {
    const auto leader = cluster_.leader();
    if (!leader || !cluster_.caught_up(*leader)) return;
    std::vector<Wish> wishes = due_wishes();
    for (Wish& wish : due_chores(*leader)) wishes.push_back(std::move(wish));
    if (wishes.empty()) {  // so that the newest entry is one of this leader's
        Wish tick;
        tick.command.set_version(machine::kCommandVersion);
        mutable_body(tick.command, pb::tick);
        wishes.push_back(std::move(tick));
    }
    send(*leader, std::move(wishes));
}

bool Shop::has_unknown() const {
    return !open_.empty() || pending_batches_ != 0;
}

std::vector<Shop::Wish> Shop::due_wishes() {
    std::vector<Wish> out;
    while (!open_.empty() && out.size() < 5 && open_.front().due_ms <= cluster_.now()) {
        ++retried;
        out.push_back(std::move(open_.front()));
        open_.pop_front();
    }
    return out;
}

// A key is kept for a day of machine time. After a jump the same one may be carried out once more.
void Shop::note_jumps(const Wish& wish) {
    if (wish.kind == Kind::bank)
        maybe_[wish.account] += static_cast<std::int64_t>(wish.amount) * (cluster_.jumps() - wish.jumps);
}

void Shop::again(Wish wish) {
    note_jumps(wish);
    wish.due_ms = cluster_.now() + kOwnAnswersMs + below(200);
    open_.push_back(std::move(wish));
}

void Shop::send(std::size_t leader, std::vector<Wish> wishes) {
    pb::Batch batch = machine::new_batch(salts_(machine::kSaltBytes));
    batch.set_machine_ms(cluster_.machine_to_propose_ms(leader));
    batch.set_utc_ms(cluster_.wall_ms(leader));
    for (const Wish& wish : wishes) *batch.add_commands() = wish.command;
    for (Wish& wish : wishes) {
        if (wish.asked_ms != 0) continue;
        wish.asked_ms = cluster_.now();
        wish.jumps = cluster_.jumps();
    }
    const auto kept = std::make_shared<std::vector<Wish>>(std::move(wishes));
    ++pending_batches_;
    const bool accepted =
        cluster_.propose(leader, batch, [this, kept](std::uint64_t index, const machine::Effects* effects) {
            --pending_batches_;
            answered(kept, index, effects);
        });
    if (accepted) return;
    --pending_batches_;
    for (Wish& wish : *kept) {
        if (wish.kind != Kind::plain) again(std::move(wish));
    }
}

void Shop::answered(const Batch& wishes, std::uint64_t index, const machine::Effects* effects) {
    for (std::size_t i = 0; i < wishes->size(); ++i) {
        Wish& wish = (*wishes)[i];
        // The answer itself may get lost on its last way.
        if (effects == nullptr || (wish.kind != Kind::plain && percent(5))) {
            ++unknown;
            if (wish.kind != Kind::plain) again(std::move(wish));
            continue;
        }
        ++acknowledged;
        const pb::Result& result = effects->results.at(i);
        if (result.outcome() == machine::outcome::idempotency_in_use &&
            paying_.contains(wish.command.idempotency_key()))
            again(std::move(wish));  // its channel has not answered yet
        else
            learn(wish, index, result);
    }
    if (effects == nullptr) return;
    for (const pb::Result& result : effects->resolved_results) {
        if (object_in(result, pb::payment_intent).latest_charge_no() != 0)
            charges_.push_back(object_in(result, pb::payment_intent).latest_charge_no());
    }
}

void Shop::check_replay(const Wish& wish, std::uint64_t index, const pb::Result& result) {
    if (result.outcome() == machine::outcome::idempotency_in_use || result.waiting_on() != 0) return;
    pb::Result plain = result;
    plain.set_replayed(false);
    const Known now{plain.SerializeAsString(), result.replayed() || result.outcome() == machine::outcome::ok,
                    index};
    const auto [known, fresh] = known_.emplace(wish.command.idempotency_key(), now);
    // A leader of old may hear of its commits late, and answer after its successor did.
    if (fresh || index < known->second.index) return;
    const Known before = std::exchange(known->second, now);
    if (wish.jumps != cluster_.jumps()) return;
    replayed += result.replayed() ? 1 : 0;
    if (!before.is_kept) return;
    if (!result.replayed()) cluster_.violate("key " + known->first + " was carried out twice");
    if (now.result == before.result) return;
    cluster_.violate("the answer of key " + known->first + " (command " +
                     std::to_string(wish.command.kind()) + ") at entry " + std::to_string(index) +
                     ", outcome " + std::to_string(result.outcome()) + ", is not the one at entry " +
                     std::to_string(before.index));
}

void Shop::learn(const Wish& wish, std::uint64_t index, const pb::Result& result) {
    refused += result.outcome() != machine::outcome::ok;
    if (const auto paying = paying_.find(wish.command.idempotency_key()); paying != paying_.end()) {
        if (result.outcome() != machine::outcome::ok)
            cluster_.violate("a card payment in peace was refused: outcome " +
                             std::to_string(result.outcome()));
        processing_.emplace(object_in(result, pb::payment_intent).no(), paying->second);
        paying_.erase(paying);
    }
    if (wish.kind == Kind::keyed || wish.kind == Kind::bank) {
        check_replay(wish, index, result);
        done_.push_back(wish);
        if (done_.size() > kKeptWishes) done_.pop_front();
    }
    note_jumps(wish);
    if (wish.kind == Kind::bank) {
        if (result.outcome() != machine::outcome::ok) {
            cluster_.violate("a bank's payment was refused: outcome " + std::to_string(result.outcome()));
        } else if (!std::exchange(counted_[wish.command.idempotency_key()], true)) {
            in_wallet_[wish.account] += static_cast<std::int64_t>(wish.amount);
        }
        return;
    }
    if (wish.kind == Kind::book) {
        const std::string& statuses = result.ledger_statuses();
        const auto status = statuses.empty()
                                ? ledger::Status::id_must_not_be_zero
                                : static_cast<ledger::Status>(static_cast<unsigned char>(statuses.front()));
        if (status != ledger::Status::ok && status != ledger::Status::exists) {
            cluster_.violate("a simple transfer was refused: " + std::string(ledger::to_string(status)) +
                             ", outcome " + std::to_string(result.outcome()));
        } else if (!std::exchange(counted_[body(wish.command, pb::create_ledger_transfers).packed()], true)) {
            in_book_[wish.account] += wish.amount;
        }
        return;
    }
    if (result.outcome() != machine::outcome::ok && !has_object(result, pb::payment_intent)) return;
    if (has_object(result, pb::merchant) && merchant_ == 0) merchant_ = object_in(result, pb::merchant).no();
    if (has_object(result, pb::customer) && has_body(wish.command, pb::create_customer)) {
        auto& kind = banks_.size() < 3 ? banks_ : customers_;
        kind.push_back(object_in(result, pb::customer).no());
    }
    if (has_object(result, pb::payment_intent)) {
        intents_.push_back(object_in(result, pb::payment_intent).no());
        if (object_in(result, pb::payment_intent).latest_charge_no() != 0)
            charges_.push_back(object_in(result, pb::payment_intent).latest_charge_no());
    }
    if (has_object(result, pb::channel_account)) has_sandbox_ = true;
    if (has_object(result, pb::webhook_endpoint))
        endpoints_.push_back(object_in(result, pb::webhook_endpoint).no());
    if (has_body(wish.command, pb::create_ledger_accounts)) has_book_ = true;
}

void Shop::check_totals() {
    const machine::Scope scope{merchant_, false};
    for (std::size_t i = 0; i < cluster_.places(); ++i) {
        if (!cluster_.up(i)) continue;
        cluster_.state(i).read([&](const store::Reader& rows) {
            for (const std::uint64_t bank : banks_) {
                std::int64_t there = 0;
                for (const auto& line : customers::wallet_balance(rows, scope, bank)) there += line.available;
                if (there < in_wallet_[bank] || there > in_wallet_[bank] + maybe_[bank])
                    cluster_.violate("a wallet holds " + std::to_string(there) + ", acknowledged were " +
                                     std::to_string(in_wallet_[bank]));
            }
            for (const auto& [account, credits] : in_book_) {
                const auto row = ledger::find_account(rows, {0, account}, ledger::book_of(merchant_, false));
                if (!row || row->credits_posted != credits)
                    cluster_.violate("account " + std::to_string(account) + " has other credits than the " +
                                     std::to_string(credits) + " that were acknowledged");
            }
        });
    }
}

}  // namespace kontor::sim
