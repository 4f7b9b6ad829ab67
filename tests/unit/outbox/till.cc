#include "till.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>

#include "connectors/all.h"
#include "connectors/sandbox/sandbox.h"
#include "domains/balances/balances.h"
#include "domains/operators/operators.h"
#include "domains/payments/payments.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/node/folder.h"
#include "kontor/operators_bodies.pb.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "support/environment.h"
#include "support/eventually.h"
#include "support/methods.h"
#include "support/sandbox_account.h"

namespace kontor::outbox::testing {
namespace {

constexpr std::uint32_t kLifeMs = 60'000;     // of sessions and reservations
constexpr std::uint64_t kPatienceMs = 5'000;  // "nothing stays stuck longer"
constexpr std::uint64_t kElectionMs = 3'000;  // nobody is lost here: a busy machine shall not change leaders
constexpr std::uint64_t kTellsEveryMs = 50;
constexpr std::int64_t kBootedEarlierMs = 5 * kDay;
constexpr std::uint32_t kEur = 978;

std::string cookie(std::uint64_t n) {
    return std::string(32, static_cast<char>('A' + n));
}

bool tried(const std::vector<pb::WebhookDelivery>& deliveries) {
    return !deliveries.empty() && std::all_of(deliveries.begin(), deliveries.end(),
                                              [](const auto& one) { return one.tries() != 0; });
}

}  // namespace

Till::Till(std::int64_t wall_ahead_ms, bool has_successor)
    : has_successor_(has_successor), sealer_(crypto::Secret(std::string(32, 'k'))) {
    std::string pattern = (std::filesystem::temp_directory_path() / "kontor-steps-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    client_ = http::Client::make({});
    for (std::size_t i = 0; i < 2; ++i) machines_[i].number = i + 1;
    clock().set_wall_ahead(wall_ahead_ms);
    start(machines_[0]);
    run([&](pb::Command& c) {
        c = kontor_test::open_sandbox(connectors::sandbox::draw(std::string(32, 'l')).seal(sealer_));
    });
    merchant_ = make_merchant(0);
    slow_ = make_merchant(1);
    endpoint_ = make_endpoint();
    make_book();
    if (has_successor_) find_successor();
}

Till::~Till() {
    is_over_ = true;
    if (reconciler_.joinable()) reconciler_.join();
    for (Machine& machine : machines_) stop(machine);
    client_.reset();
    std::filesystem::remove_all(folder_);
}

std::string Till::folder_of(const Machine& machine) const {
    return folder_ + "/data" + std::to_string(machine.number);
}

void Till::start(Machine& machine) {
    node::NodeOptions options;
    options.folder = folder_of(machine);
    options.partitions = 1;
    options.cache_bytes = 1U << 20U;
    options.map_bytes = 64U << 20U;
    options.log_segment_bytes = 1U << 20U;
    options.max_log_bytes = 16U << 20U;
    options.tick_ms = 20;
    options.clock = &machine.clock;
    options.on_fatal = [](const Error& error) { ADD_FAILURE() << error.describe(); };
    machine.metrics = std::make_unique<telemetry::Registry>();
    options.metrics = machine.metrics.get();
    if (has_successor_) {
        options.membership.node_id = machine.number;
        options.membership.cluster = cluster_;
        options.membership.transport = &switch_.port(machine.number);
        options.membership.is_member = cluster_ != replication::ClusterId{};
        options.membership.election_timeout_ms = options.membership.max_staleness_ms =
            std::min<std::uint64_t>(kontor_test::patient_ms(kElectionMs), 60'000);
    }
    auto node = node::Node::start(std::move(options));
    ASSERT_TRUE(node) << node.error().describe();
    machine.node = *std::move(node);
    switch_.plug_in(machine.number, [node = machine.node.get()](std::uint64_t from, std::string frame) {
        node->receive(from, std::move(frame));
    });
    if (&machine == &machines_[leader_]) start_worker(machine);
}

// On the machine that leads, as the appliance does it.
void Till::start_worker(Machine& machine) {
    ASSERT_TRUE(soon([&] { return machine.node->ready(); }));
    WorkerOptions work;
    work.service = machine.node.get();
    work.client = client_.get();
    work.sealer = &sealer_;
    work.clock = &machine.clock;
    work.metrics = machine.metrics.get();
    work.connectors = connectors::all();
    work.poll_ms = 20;
    machine.worker = Worker::start(std::move(work));
}

void Till::stop(Machine& machine) {
    machine.worker.reset();
    // Plugged in until then: its last checkpoint needs an entry, and that a majority.
    if (machine.node) machine.node->stop();
    switch_.pull_out(machine.number);
    machine.node.reset();
}

void Till::restart() {
    stop(machines_[leader_]);
    start(machines_[leader_]);
}

// The second machine has a copy of the first one's state, as every node that joins, and then its entries.
void Till::find_successor() {
    cluster_ = node().cluster_id();
    stop(machines_[0]);
    std::filesystem::create_directories(node::group_folder(folder_of(machines_[1])));
    std::filesystem::copy(node::store_folder(folder_of(machines_[0])),
                          node::store_folder(folder_of(machines_[1])),
                          std::filesystem::copy_options::recursive);
    // It was booted at another time, so its own clock says nothing about the first one's.
    machines_[1].clock.pass(kBootedEarlierMs);
    machines_[1].clock.step(-kBootedEarlierMs);
    start(machines_[0]);
    ASSERT_TRUE(soon([this] { return node().leads(); }));
    start(machines_[1]);
    reconciler_ = std::thread([this] { tell_time(); });
    using Kind = replication::MembershipChange::Kind;
    for (const Kind kind : {Kind::add_standby, Kind::promote}) {
        std::atomic<int> answers{0}, done{0};
        ASSERT_TRUE(soon([&] {
            if (done != 0) return true;
            const int asked = answers;
            node().change_membership({kind, machines_[1].number},
                                     [&](const Result<replication::Position>& result) {
                                         done += result ? 1 : 0;
                                         ++answers;
                                     });
            while (answers == asked) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return done != 0;
        }));
    }
}

// As the reconcilers do: the leader says what its machine time is.
void Till::tell_time() {
    while (!is_over_) {
        switch_.while_plugged_in({1, 2}, [this] {
            for (const Machine& machine : machines_) {
                const Machine& other = machines_[2 - machine.number];
                if (machine.node->leads()) other.node->hear_machine_time(machine.node->machine_now_ms());
            }
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(kTellsEveryMs));
    }
}

void Till::hand_over() {
    const std::size_t to = 1 - leader_;
    ASSERT_TRUE(soon([&] {
        if (machines_[to].node->leads()) return true;
        if (node().leads()) node().transfer_leadership(machines_[to].number, [](const Result<void>&) {});
        return false;
    }));
    machines_[leader_].worker.reset();
    leader_ = to;
    start_worker(machines_[to]);
}

void Till::pass(std::int64_t ms) {
    for (Machine& machine : machines_) machine.clock.pass(ms);
}

void Till::begin() {
    authorized_ = pay(true);
    EXPECT_EQ(authorized_.status(), pb::REQUIRES_CAPTURE);
    paid_ = pay(false);
    reserve(++reserved_);
    open_session(++sessions_);
    pay(false, slow_);
}

void Till::end(const std::string& where) {
    SCOPED_TRACE(where);
    const auto capture =
        run([&](pb::Command& c) { mutable_body(c, pb::capture_payment_intent)->set_no(authorized_.no()); });
    EXPECT_EQ(object_in(capture, pb::payment_intent).status(), pb::SUCCEEDED);
    const auto refund = run([&](pb::Command& c) {
        mutable_body(c, pb::create_refund)->set_intent_no(paid_.no());
        mutable_body(c, pb::create_refund)->set_amount(10);
    });
    EXPECT_EQ(refund.outcome(), machine::outcome::ok);
    EXPECT_TRUE(soon([&] { return tried(events_of(paid_.no())); })) << "a webhook of before";
    const auto now = pay(false);
    EXPECT_EQ(now.status(), pb::SUCCEEDED);
    EXPECT_TRUE(soon([&] { return tried(events_of(now.no())); })) << "a webhook of now";
    EXPECT_TRUE(has_session(sessions_)) << "not early";
    pass(kLifeMs + 1'000);
    EXPECT_TRUE(soon([&] { return !has_session(sessions_) && !is_reserved(reserved_); }));
    reserve(++reserved_);
    open_session(++sessions_);
    EXPECT_TRUE(is_reserved(reserved_) && has_session(sessions_));
    pass(kLifeMs + 1'000);
    EXPECT_TRUE(soon([&] { return !has_session(sessions_) && !is_reserved(reserved_); }));
}

void Till::funds_are_released() {
    pass(kDay + 2 * kHour);
    EXPECT_TRUE(soon([&] { return pending_funds() == 0; })) << pending_funds() << " still held back";
}

bool Till::soon(const std::function<bool()>& condition) const {
    return kontor_test::eventually(condition,
                                   std::chrono::milliseconds(kontor_test::patient_ms(kPatienceMs)));
}

pb::Result Till::run(const std::function<void(pb::Command&)>& fill, std::uint64_t merchant) {
    pb::Command command;
    command.set_version(machine::kCommandVersion);
    command.set_merchant_no(merchant == 0 ? merchant_ : merchant);
    fill(command);
    pb::Result result;
    const auto done =
        node().submit_and_wait(std::move(command), [&](const machine::Answer& a) { result = a.result; });
    EXPECT_TRUE(done) << done.error().describe();
    return result;
}

std::uint64_t Till::make_merchant(unsigned delay_days) {
    return object_in(run([&](pb::Command& c) {
                         mutable_body(c, pb::create_merchant)->set_name("Shop");
                         mutable_body(c, pb::create_merchant)->set_settlement_delay_days(delay_days);
                     }),
                     pb::merchant)
        .no();
}

std::uint64_t Till::make_endpoint() {
    return object_in(run([&](pb::Command& c) {
                         auto& endpoint = *mutable_body(c, pb::create_webhook_endpoint);
                         endpoint.set_url("https://127.0.0.1:1/nobody");  // refused at once: a try is a try
                         endpoint.add_enabled_events("charge.succeeded");
                         endpoint.set_sealed_secret(sealer_.seal("whsec", "webhook-secret"));
                     }),
                     pb::webhook_endpoint)
        .no();
}

void Till::make_book() {
    std::vector<ledger::Account> accounts(2);
    for (std::size_t i = 0; i < 2; ++i) {
        accounts[i].id = {0, i + 1};
        accounts[i].ledger = kEur;
        accounts[i].code = 1;
    }
    run([&](pb::Command& c) {
        mutable_body(c, pb::create_ledger_accounts)->set_packed(ledger::pack(accounts));
    });
}

// A card payment, through the sandbox and back; the answer comes with it, or not for a long time.
pb::PaymentIntent Till::pay(bool manual, std::uint64_t merchant) {
    const std::uint64_t began = system_clock().monotonic_ms();
    const auto result = run(
        [&](pb::Command& c) {
            auto& create = *mutable_body(c, pb::create_payment_intent);
            create.set_amount(1'000);
            create.set_currency(kEur);
            create.set_manual_capture(manual);
            *create.mutable_payment_method() = kontor_test::method("pm_card_visa");
            create.set_confirm(true);
            create.set_client_secret_suffix("x");
        },
        merchant);
    EXPECT_LT(system_clock().monotonic_ms() - began, kontor_test::patient_ms(kPatienceMs))
        << "a card payment hangs";
    return object_in(result, pb::payment_intent);
}

void Till::reserve(std::uint64_t id) {
    std::vector<ledger::Transfer> transfers(1);
    transfers[0].id = {0, id};
    transfers[0].debit_account = {0, 1};
    transfers[0].credit_account = {0, 2};
    transfers[0].amount = 1;
    transfers[0].ledger = kEur;
    transfers[0].code = 1;
    transfers[0].flags = ledger::pending;
    transfers[0].timeout_s = kLifeMs / 1000;
    const auto made = run([&](pb::Command& c) {
        mutable_body(c, pb::create_ledger_transfers)->set_packed(ledger::pack(transfers));
    });
    EXPECT_EQ(made.ledger_statuses(), std::string(1, '\0'));
}

bool Till::is_reserved(std::uint64_t id) const {
    bool is = false;
    node().read([&](const store::Reader& rows, std::uint64_t) {
        const auto state = ledger::find_pending(rows, {0, id}, ledger::book_of(merchant_, false));
        is = state && state->status == ledger::PendingStatus::pending;
    });
    return is;
}

void Till::open_session(std::uint64_t n) {
    const std::string name = "ada" + std::to_string(n);
    run([&](pb::Command& c) {
        mutable_body(c, pb::create_setup_token)->set_token_sha256(cookie(n));
        mutable_body(c, pb::create_setup_token)->set_lifetime_ms(kHour);
    });
    const auto who = run([&](pb::Command& c) {
        mutable_body(c, pb::set_up_operator)->set_token_sha256(cookie(n));
        mutable_body(c, pb::set_up_operator)->set_name(name);
    });
    const auto opened = run([&](pb::Command& c) {
        auto& open = *mutable_body(c, pb::open_session);
        open.set_operator_no(object_in(who, pb::operator_).no());
        open.set_cookie_sha256(cookie(n));
        open.set_lifetime_ms(kLifeMs);
        open.set_totp_step(1);
    });
    EXPECT_EQ(opened.outcome(), machine::outcome::ok) << opened.error().message();
}

bool Till::has_session(std::uint64_t n) const {
    bool has = false;
    node().read([&](const store::Reader& rows, std::uint64_t) {
        const auto session = operators::find_session(rows, cookie(n));
        has = session && session->expires_ms() > node().machine_now_ms();
    });
    return has;
}

std::vector<pb::WebhookDelivery> Till::events_of(std::uint64_t intent_no) const {
    std::vector<pb::WebhookDelivery> found;
    node().read([&](const store::Reader& rows, std::uint64_t) {
        for (const auto& audit_record :
             payments::audit_records_of_intent(rows, {merchant_, false}, intent_no))
            for (const auto& event : audit_record->events())
                for (auto& one : webhooks::deliveries_of_event(rows, {merchant_, false}, event.no()))
                    found.push_back(std::move(one));
    });
    return found;
}

std::int64_t Till::pending_funds() const {
    std::int64_t sum = 0;
    node().read([&](const store::Reader& rows, std::uint64_t) {
        for (const auto& line : balances::merchant_balance(rows, {slow_, false})) sum += line.pending;
    });
    return sum;
}

}  // namespace kontor::outbox::testing
