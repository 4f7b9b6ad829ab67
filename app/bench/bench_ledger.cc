// Scenarios of the ledger API: single transfers in JSON, batches in protobuf, one hot account, cold accounts.

#include <algorithm>
#include <array>
#include <cstring>

#include "bench_setup.h"
#include "bench_wire.h"
#include "kontor/base/clock.h"
#include "kontor/ledger/ledger.h"

namespace kontor::app {
namespace {

enum Kind : unsigned { kTransfer, kRead };

constexpr std::uint64_t kAccountsConnections = 4;  // 8,192 accounts a request: more would only queue
constexpr std::uint64_t kHotAccount = 1;
// Where everything fails, accounts are empty and may not be overdrawn: others than those of all other runs.
constexpr std::uint64_t kFirstEmptyAccount = 1ULL << 40U;
constexpr auto kFailsBy = ledger::Status::exceeds_credits;

struct LedgerSetup {
    BenchTarget target;
    PostHead transfers;
    AccountIds ids;
    std::uint64_t accounts = 0, batch = 1, seed = 0;
    const std::uint64_t run = new_bench_run();
    bool json = false, hot = false, failing = false;
    std::vector<unsigned> mix;

    [[nodiscard]] WireId account(std::uint64_t number) const {
        return ids.id(failing ? kFirstEmptyAccount + number : number);
    }
};

class LedgerSource final : public Source {
 public:
    LedgerSource(const LedgerSetup& setup, unsigned worker)
        : setup_(setup), random_(setup.seed + worker), transfer_ids_(setup.run, worker) {
        for (const unsigned part : setup.mix) parts_ += part;
        json_ =
            R"({"id":"00000000000000000000000000000000","debit_account":"00000000000000000000000000000000",)"
            R"("credit_account":"00000000000000000000000000000000","amount":1000,"ledger":1,"code":1})";
        id_at_ = json_.find("\"id\":\"") + 6;
        debit_at_ = json_.find("debit_account\":\"") + 16;
        credit_at_ = json_.find("credit_account\":\"") + 17;
        amount_at_ = json_.find("1000");
    }

    unsigned next(std::size_t, std::string& out) override {
        if (random_.below(parts_) >= setup_.mix[kTransfer]) {
            read(out);
            return kRead;
        }
        const auto wall_ms = static_cast<std::uint64_t>(system_clock().wall_ms());
        WireId id = transfer_ids_.take(wall_ms, setup_.batch);
        if (setup_.json)
            single(out, id);
        else
            batch(out, id);
        return kTransfer;
    }

    std::uint64_t judge(std::size_t, unsigned kind, const http::LoadAnswer& answer,
                        ErrorCounts& errors) override {
        const std::uint64_t operations = kind == kTransfer ? setup_.batch : 1;
        const bool fails = setup_.failing && kind == kTransfer;
        if (fails && setup_.json) {
            // Parsing it would cost more than what is measured.
            const auto at = answer.body.find(ledger::to_string(kFailsBy));  // house: text: of its own load
            if (at != std::string::npos) return 1;
        }
        if (!answered_ok(answer, operations, errors)) return 0;
        if (fails && setup_.json) {
            ++errors["it did not fail"];
            return 0;
        }
        if (kind == kRead || setup_.json) return 1;
        if (const auto ok = all_ok(answer.body); !fails && ok && *ok == operations) return operations;
        std::uint64_t ok = 0, seen = 0;
        const bool valid = visit_statuses(answer.body, [&](std::uint32_t status) {
            ++seen;
            if (status == static_cast<std::uint32_t>(fails ? kFailsBy : ledger::Status::ok))
                ++ok;
            else
                ++errors[std::string(ledger::to_string(static_cast<ledger::Status>(status)))];
        });
        if (valid && seen == operations) return ok;
        errors["unusable answer"] += operations;
        return 0;
    }

 private:
    struct Pair {
        WireId debit, credit;
    };
    Pair accounts() {
        std::uint64_t debit = 1 + random_.below(setup_.accounts);
        std::uint64_t credit = setup_.hot ? kHotAccount : 1 + random_.below(setup_.accounts);
        if (debit == credit) debit = debit == setup_.accounts ? 1 : debit + 1;
        return {setup_.account(debit), setup_.account(credit)};
    }
    void single(std::string& out, WireId id) {
        const Pair pair = accounts();
        put_hex(&json_[id_at_], id);
        put_hex(&json_[debit_at_], pair.debit);
        put_hex(&json_[credit_at_], pair.credit);
        const std::string amount = std::to_string(1000 + random_.below(9000));
        std::memcpy(&json_[amount_at_], amount.data(), amount.size());
        setup_.transfers.append(out, json_.size());
        out += json_;
    }
    void batch(std::string& out, WireId id) {
        const bool wide = setup_.ids.random;
        const std::size_t size = transfer_bytes(wide) * setup_.batch;
        out.reserve(size + 512);
        setup_.transfers.append(out, size);
        for (std::uint64_t i = 0; i < setup_.batch; ++i, ++id.low) {
            const Pair pair = accounts();
            const auto amount = static_cast<std::uint16_t>(128 + random_.below(16'000));
            append_transfer(out, {id, pair.debit, pair.credit, amount}, wide);
        }
    }
    void read(std::string& out) {
        std::string hex(32, '0');
        put_hex(hex.data(), setup_.account(1 + random_.below(setup_.accounts)));
        out += get_request(setup_.target, "/v1/ledger/accounts/" + hex + "/balance");
    }

    const LedgerSetup& setup_;
    BenchRandom random_;
    TransferIds transfer_ids_;
    std::uint64_t parts_ = 0;
    std::string json_;
    std::size_t id_at_ = 0, debit_at_ = 0, credit_at_ = 0, amount_at_ = 0;
};

class LedgerScenario final : public Scenario {
 public:
    LedgerScenario(const BenchArguments& arguments, std::vector<unsigned> mix) {
        setup_.json = arguments.scenario == "transfers";
        setup_.hot = arguments.scenario == "hot";
        setup_.accounts = arguments.accounts;
        setup_.batch = setup_.json ? 1 : arguments.batch;
        setup_.seed = arguments.seed;
        setup_.ids = {arguments.random_ids, arguments.seed};
        setup_.failing = arguments.failing;
        setup_.mix = std::move(mix);
    }

    std::vector<std::string> kinds() const override { return {"transfers", "reads"}; }

    Result<void> prepare(const BenchTarget& target, const SetupProgress& progress) override {
        setup_.target = target;
        setup_.transfers = PostHead(target, "/v1/ledger/transfers", setup_.json ? kJson : kProtobuf);
        const PostHead head(target, "/v1/ledger/accounts", kProtobuf);
        SetupWork work;
        work.what = "accounts";
        work.requests = (setup_.accounts + kMaxBatch - 1) / kMaxBatch;
        work.items = setup_.accounts;
        work.items_each = kMaxBatch;
        work.connections = kAccountsConnections;
        work.write = [&](std::uint64_t request, std::string& out) {
            std::string body;
            const std::uint64_t first = request * kMaxBatch + 1;
            const std::uint64_t last = std::min(setup_.accounts, first + kMaxBatch - 1);
            for (std::uint64_t number = first; number <= last; ++number)
                append_account(body, setup_.account(number),
                               setup_.failing ? char{ledger::debits_must_not_exceed_credits} : char{0});
            head.append(out, body.size());
            out += body;
        };
        work.take = [](std::uint64_t, std::string_view body) { return take_accounts(body); };
        return run_setup(target, work, progress);
    }

    std::unique_ptr<Source> source(unsigned worker) const override {
        return std::make_unique<LedgerSource>(setup_, worker);
    }

 private:
    // `exists` is as good: a run before this one made them, or a request was repeated.
    static Result<void> take_accounts(std::string_view body) {
        std::uint32_t wrong = 0;
        const bool valid = visit_statuses(body, [&wrong](std::uint32_t status) {
            const auto known = static_cast<ledger::Status>(status);
            if (known != ledger::Status::ok && known != ledger::Status::exists) wrong = status;
        });
        if (!valid) return fail(ErrorCode::internal, "the accounts' results are not readable");
        if (wrong != 0)
            return fail(ErrorCode::internal,
                        "an account was refused: " +
                            std::string(ledger::to_string(static_cast<ledger::Status>(wrong))));
        return {};
    }

    LedgerSetup setup_;
};

}  // namespace

std::unique_ptr<Scenario> make_ledger_scenario(const BenchArguments& arguments, std::vector<unsigned> mix) {
    return std::make_unique<LedgerScenario>(arguments, std::move(mix));
}

}  // namespace kontor::app
