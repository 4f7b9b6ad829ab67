// Random people propose, approve, reject, take back, lose and get roles, change the policy and let time pass,
// beside the model.
//
//   KONTOR_SEED=n   only this seed; a failing run prints its own
//   KONTOR_STEPS=n  steps a seed

#include <random>

#include "desk.h"
#include "kontor/keys_bodies.pb.h"
#include "model.h"
#include "support/environment.h"

namespace kontor::approvals::testing {
namespace {

constexpr std::uint64_t kSeeds = 20;
constexpr std::uint64_t kSteps = 1'200;
constexpr std::uint64_t kAuditEvery = 40;
constexpr store::TableId kMerchants = 11, kKeys = 12;

class Random {
 public:
    explicit Random(std::uint64_t seed) : random_(seed) {
        for (int i = 0; i < 4; ++i) model_.people[desk_.person("p" + std::to_string(i))] = {};
        merchants_ = desk_.rows.count(kMerchants);
        desk_.now += kHour;
        model_.now = desk_.now;
    }

    void step() {
        const std::uint64_t what = below(100);
        if (what < 30) {
            propose();
        } else if (what < 55) {
            decide();
        } else if (what < 63) {
            const auto person = any_person(), request = any_request();
            expect(desk_.withdraw(person, request).outcome(), model_.withdraw(person, request), "withdraw");
        } else if (what < 80) {
            change_person();
        } else if (what < 90) {
            change_policy();
        } else {
            pass_time();
        }
    }

    void compare() {
        ASSERT_EQ(count_pending(desk_.rows), model_.pending());
        std::size_t found = 0;
        for (std::uint64_t before = 0;;) {
            const auto page = list_requests(desk_.rows, std::nullopt, before, 100);
            for (const auto& request : page) {
                ++found;
                const auto wanted = model_.requests.find(request.no());
                ASSERT_NE(wanted, model_.requests.end());
                EXPECT_EQ(request.status(), wanted->second.status);
                EXPECT_EQ(request.outcome(), wanted->second.outcome);
                EXPECT_EQ(request.proposer().no(), wanted->second.proposer);
            }
            if (page.size() < 100) break;
            before = page.back().no();
        }
        EXPECT_EQ(found, model_.requests.size());
        EXPECT_EQ(desk_.rows.count(kMerchants),
                  merchants_ + static_cast<std::size_t>(model_.runs["create_merchant"]));
        EXPECT_EQ(desk_.rows.count(kKeys), static_cast<std::size_t>(model_.runs["create_api_key"]));
        std::set<std::string> policy;
        const pb::ApprovalPolicy now = find_policy(desk_.rows);
        for (const auto& rule : now.rules())
            policy.insert(std::string(desk_.registry.command(rule.command())->name.value));
        EXPECT_EQ(policy, model_.policy);
    }
    void audit() const { desk_.expect_whole(); }

    std::map<std::uint32_t, int> outcomes;
    std::set<pb::ApprovalStatus> statuses() const {
        std::set<pb::ApprovalStatus> all;
        for (const auto& [no, request] : model_.requests) all.insert(request.status);
        return all;
    }

 private:
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    std::uint64_t any_person() {
        auto at = model_.people.begin();
        std::advance(at, below(model_.people.size()));
        return at->first;
    }
    // Mostly a young one; sometimes one that is not there.
    std::uint64_t any_request() {
        if (model_.requests.empty() || below(30) == 0) return 77;
        auto at = model_.requests.end();
        std::advance(
            at, -1 - static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(model_.requests.size(), 8))));
        return at->first;
    }
    void expect(std::uint32_t got, std::uint32_t wanted, const char* what) {
        ++outcomes[got];
        EXPECT_EQ(got, wanted) << what;
    }

    void propose() {
        const auto person = any_person();
        pb::Command command = Desk::by(person);
        const bool key = below(2) == 0;
        if (key) {
            std::string hash(32, 'k');
            hash += std::to_string(++keys_);
            mutable_body(command, pb::create_api_key)->set_merchant_no(desk_.merchant);
            mutable_body(command, pb::create_api_key)->set_key_sha256(hash.substr(hash.size() - 32));
        } else {
            command = Desk::create_merchant(command);
        }
        const auto result = desk_.apply(command);
        expect(result.outcome(),
               model_.propose(person, key ? "create_api_key" : "create_merchant", result.approval_no()),
               "propose");
    }
    void decide() {
        const auto person = any_person(), request = any_request();
        if (below(4) == 0)
            expect(desk_.reject(person, request).outcome(), model_.reject(person, request), "reject");
        else
            expect(desk_.approve(person, request).outcome(), model_.approve(person, request), "approve");
    }
    void change_person() {
        static const std::vector<std::string> roles = {"all", "all", "all", "clerk", "judge", "gone"};
        const auto person = any_person();
        Model::Person& who = model_.people[person];
        if (below(4) == 0) {
            who.disabled = !who.disabled && below(2) == 0;
            desk_.disable(person, who.disabled);
        } else {
            who.role = roles[below(roles.size())];
            desk_.give_role(person, who.role);
        }
    }
    void change_policy() {
        std::set<std::string> wanted = below(3) == 0 ? std::set<std::string>() : model_.policy;
        for (const char* name : {"create_merchant", "create_api_key", "set_approval_policy"})
            if (below(3) == 0) wanted.insert(name);
        const auto person = any_person();
        const auto result = desk_.set_policy(person, {wanted.begin(), wanted.end()});
        expect(result.outcome(), model_.set_policy(person, wanted, result.approval_no()), "set_policy");
    }
    void pass_time() {
        static const std::vector<std::int64_t> spans = {1, kHour, limits::kRequestMs / 3, limits::kRequestMs,
                                                        limits::kKeptMs / 8};
        desk_.now += spans[below(spans.size())];
        model_.now = desk_.now;
        if (below(3) == 0) return;  // the Tick is late
        // One does a share only.
        for (int ticks = 0; ticks < 20; ++ticks) desk_.tick();
        model_.tick();
    }

    std::mt19937_64 random_;
    Desk desk_;
    Model model_;
    std::size_t merchants_ = 0;
    std::uint64_t keys_ = 0;
};

TEST(Approvals, DoWhatTheModelDoes) {
    const std::uint64_t first =
        kontor_test::one_seed_only() ? kontor_test::test_seed() : kontor_test::first_seed();
    const std::uint64_t seeds = kontor_test::one_seed_only() ? 1 : kSeeds;
    const std::uint64_t steps = kontor_test::from_environment("KONTOR_STEPS", kSteps);
    std::map<std::uint32_t, int> outcomes;
    std::set<pb::ApprovalStatus> statuses;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        Random world(seed);
        for (std::uint64_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            world.step();
            if (i % kAuditEvery != 0) continue;
            world.compare();
            world.audit();
        }
        world.compare();
        world.audit();
        ASSERT_FALSE(::testing::Test::HasFailure()) << "KONTOR_SEED=" << seed;
        for (const auto& [outcome, n] : world.outcomes) outcomes[outcome] += n;
        statuses.merge(world.statuses());
    }
    if (kontor_test::one_seed_only() || steps < kSteps) return;
    using namespace machine::outcome;
    using namespace approvals::outcome;
    for (const Outcome* outcome : {&ok, &permission_denied, &awaiting_approval, &resource_missing,
                                   &already_decided, &request_expired, &own_request, &too_few_people})
        EXPECT_GT(outcomes[*outcome], 0) << outcome->name << " was never reached";
    EXPECT_EQ(statuses.size(), 6U) << "every status was reached";
}

}  // namespace
}  // namespace kontor::approvals::testing
