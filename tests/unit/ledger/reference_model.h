#pragma once
// The ledger again, the slow and obvious way: plain maps, 128-bit arithmetic, no rows, no overlay, no index.
// Written from the table in modules/ledger/README.md, not from the engine; it shares only the public types.

#include <map>
#include <set>
#include <vector>

#include "kontor/ledger/ledger.h"

namespace kontor::ledger::testing {

using Wide = __int128;  // signed and wide: nothing here can overflow

struct ModelAccount {
    Account opened;  // as requested, plus the flags of now
    Wide debits_pending = 0, debits_posted = 0, credits_pending = 0, credits_posted = 0;
    std::uint64_t timestamp = 0;
};

enum class ModelState { plain, open, posted, voided, expired };

struct ModelTransfer {
    Transfer request;  // what was asked
    Id128 debit, credit;
    std::uint32_t ledger = 0;
    std::uint16_t code = 0;
    Wide amount = 0;  // what was moved or reserved
    Id128 user_data_128;
    std::uint64_t user_data_64 = 0;
    std::uint32_t user_data_32 = 0;
    std::uint64_t timestamp = 0;
    ModelState state = ModelState::plain;
    Wide due_ms = -1;  // -1: never
};

class ReferenceModel {
 public:
    std::vector<Status> create_accounts(const std::vector<Account>& requests);
    std::vector<Status> create_transfers(const std::vector<Transfer>& requests);
    std::size_t expire(std::size_t limit);
    Status set_frozen(Id128 id, bool value);
    Status close(Id128 id);

    std::uint64_t now_ms = 0;
    std::uint64_t next_timestamp = 1;
    bool keeps_failed = false;
    std::map<Id128, Wide> kept_failed;  // until when
    std::map<Id128, ModelAccount> accounts;
    std::map<Id128, ModelTransfer> transfers;
    std::map<Id128, std::vector<Id128>> histories;  // of each account, oldest first

 private:
    struct Undo {  // what a failed chain must give back
        std::map<Id128, ModelAccount> accounts;
        std::vector<Id128> made;
        std::vector<Id128> resolved;
        std::uint64_t next_timestamp = 0;
    };
    Status create_account(const Account& request);
    Status create(const Transfer& request);
    void keep_failed(const Transfer& request, Status status);
    Status create_plain(const Transfer& request);
    Status create_resolution(const Transfer& request);
    [[nodiscard]] Status compare(const Transfer& request, const ModelTransfer& old) const;
    void record(const Transfer& request, const ModelTransfer& made);
    void roll_back(const Undo& undo);

    Undo* undo_ = nullptr;
};

}  // namespace kontor::ledger::testing
