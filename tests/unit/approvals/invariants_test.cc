// The audit must not believe anything: the rows of approvals.

#include "desk.h"

namespace kontor::approvals::testing {
namespace {

constexpr store::TableId kApprovals = 39, kDue = 19;

class Falsified : public ::testing::Test {
 protected:
    Falsified() {
        EXPECT_EQ(desk.set_policy(ada, {"create_merchant", "create_api_key"}).outcome(),
                  machine::outcome::ok);
        const auto first = desk.propose(Desk::create_merchant(Desk::by(ada))).approval_no();
        EXPECT_EQ(desk.approve(bob, first).outcome(), machine::outcome::ok);
        desk.propose(Desk::create_merchant(Desk::by(ada)));
        desk.expect_whole();
    }
    template <typename T, typename Edit>
    void change(char kind, Edit edit) {
        before_ = desk.rows.rows();
        for (auto& [key, value] : desk.rows.rows()) {
            if (key.first != kApprovals || key.second[1] != kind) continue;
            T row;
            ASSERT_TRUE(row.ParseFromString(value));
            if (!edit(row)) continue;
            row.SerializeToString(&value);
            return;
        }
        FAIL() << "no such row";
    }
    void request(pb::ApprovalStatus status, const std::function<void(pb::ApprovalRequest&)>& edit) {
        change<pb::ApprovalRequest>('r', [&](pb::ApprovalRequest& row) {
            if (row.status() != status) return false;
            edit(row);
            return true;
        });
    }
    void drop(store::TableId table, char kind) {
        before_ = desk.rows.rows();
        auto& rows = desk.rows.rows();
        for (auto at = rows.begin(); at != rows.end(); ++at) {
            if (at->first.first != table || at->first.second[1] != kind) continue;
            rows.erase(at);
            return;
        }
        FAIL() << "no such row";
    }
    void add(const std::string& key) {
        before_ = desk.rows.rows();
        desk.rows.put(kApprovals, key, "\x01");
    }
    void expect(const std::string& words) {
        std::string all;
        for (const Break& one : desk.audit().breaks) all += one.first + "\n";
        EXPECT_NE(all.find(words), std::string::npos) << words << "; but: " << all;
        desk.rows.rows() = before_;
    }

    Desk desk;
    const std::uint64_t ada = desk.person("ada"), bob = desk.person("bob");

 private:
    kontor::testing::MemoryRows::Rows before_;
};

TEST_F(Falsified, Requests) {
    request(pb::APPROVAL_PENDING, [](pb::ApprovalRequest& row) { row.set_no(5); });
    expect("the request for approval stands under another key");
    request(pb::APPROVAL_PENDING, [](pb::ApprovalRequest& row) { row.set_status(pb::APPROVAL_EXPIRED); });
    expect("the request for approval is in no list of its status");
    drop(kApprovals, 's');
    expect("the request for approval is in no list of its status");
    drop(kApprovals, 'o');
    expect("counts for its proposer while it waits, and only then");
    request(pb::APPROVAL_PENDING, [](pb::ApprovalRequest& row) { row.mutable_proposer()->set_no(5); });
    expect("a list has a request for approval that is not its");
    drop(kDue, 10);
    expect("the request for approval never ends");
    request(pb::APPROVAL_EXECUTED, [](pb::ApprovalRequest& row) { row.set_ends_ms(row.ends_ms() + 1); });
    expect("the request for approval never ends");
    request(pb::APPROVAL_EXECUTED, [](pb::ApprovalRequest& row) { *row.mutable_decider() = row.proposer(); });
    expect("one person proposed and decided");
    request(pb::APPROVAL_EXECUTED, [](pb::ApprovalRequest& row) { row.clear_decider(); });
    expect("does not say who proposed or decided it");
    request(pb::APPROVAL_EXECUTED, [](pb::ApprovalRequest& row) { row.set_command(61); });
    expect("the request for approval has another command");
    request(pb::APPROVAL_EXECUTED, [](pb::ApprovalRequest& row) { row.clear_stored(); });
    expect("the request for approval has another command");
}

TEST_F(Falsified, ListsAndCounts) {
    change<pb::ApprovalHead>('h', [](pb::ApprovalHead& row) { return row.set_pending(2), true; });
    expect("2 requests for approval are counted, and 1 wait");
    drop(kApprovals, 'h');
    expect("0 requests for approval are counted, and 1 wait");
    drop(kApprovals, 'r');
    expect("a list has a request for approval that is not its");
    add("axsomething");
    expect("a row of approvals has another shape");
    add("a");
    expect("a row of approvals has another shape");
}

TEST_F(Falsified, ThePolicy) {
    change<pb::ApprovalPolicy>(
        'p', [](pb::ApprovalPolicy& row) { return row.mutable_rules()->SwapElements(0, 1), true; });
    expect("the policy of approvals asks about a command that cannot be asked about");
    change<pb::ApprovalPolicy>(
        'p', [](pb::ApprovalPolicy& row) { return row.mutable_rules(0)->set_command(1), true; });
    expect("the policy of approvals asks about a command that cannot be asked about");
}

}  // namespace
}  // namespace kontor::approvals::testing
