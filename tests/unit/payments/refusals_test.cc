// Every refusal that state decides: its outcome, its parameter, and that no row changed.
#include "domains/refunds/outcomes.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

struct Refusal {
    const char* name;
    std::function<void(World&)> prepare;
    std::function<pb::Result(World&)> act;
    std::uint32_t outcome;
    const char* param;
};

// Set by prepare for act.
std::uint64_t g_no = 0;
std::uint64_t g_customer = 0;

pb::Result create(World& w, const std::function<void(pb::CreatePaymentIntent&)>& fill) {
    return w.run([&](pb::Command& c) {
        auto& p = *mutable_body(c, pb::create_payment_intent);
        p.set_amount(100);
        p.set_currency(kEur);
        fill(p);
    });
}
pb::Result update(World& w, const std::function<void(pb::UpdatePaymentIntent&)>& fill) {
    return w.run([&](pb::Command& c) {
        mutable_body(c, pb::update_payment_intent)->set_no(g_no);
        fill(*mutable_body(c, pb::update_payment_intent));
    });
}
void paid(World& w) {
    g_no = object_in(w.wallet(100, w.customer_with(100)), pb::payment_intent).no();
}
void authorised(World& w) {
    g_no = object_in(w.authorize("pm_wallet", 100, w.customer_with(100)), pb::payment_intent).no();
}
void canceled(World& w) {
    g_no = object_in(create(w, [](auto&) {}), pb::payment_intent).no();
    w.cancel(g_no);
}
void fresh(World& w) {
    g_no = object_in(create(w, [](auto&) {}), pb::payment_intent).no();
}
void processing(World& w) {
    g_no = object_in(w.pay("pm_card_visa", 100), pb::payment_intent).no();
}
void deleted_customer(World& w) {
    g_customer = w.customer_with(100);
    w.run([](pb::Command& c) { mutable_body(c, pb::delete_customer)->set_no(g_customer); });
}
void foreign(World& w) {
    paid(w);
    w.make_merchant();
}
void nothing(World&) {}

const std::vector<Refusal>& refusals() {
    using P = pb::CreatePaymentIntent;
    using U = pb::UpdatePaymentIntent;
    static const std::vector<Refusal> all = {
        {"amount zero", nothing, [](World& w) { return create(w, [](P& p) { p.set_amount(0); }); },
         machine::outcome::invalid_parameter, "amount"},
        {"amount negative", nothing, [](World& w) { return create(w, [](P& p) { p.set_amount(-1); }); },
         machine::outcome::invalid_parameter, "amount"},
        {"amount above the limit", nothing,
         [](World& w) { return create(w, [](P& p) { p.set_amount(1'000'000'000'000); }); },
         machine::outcome::invalid_parameter, "amount"},
        {"unknown currency", nothing, [](World& w) { return create(w, [](P& p) { p.set_currency(1); }); },
         machine::outcome::invalid_parameter, "currency"},
        {"currency beyond 16 bits", nothing,
         [](World& w) { return create(w, [](P& p) { p.set_currency(65536 + kEur); }); },
         machine::outcome::invalid_parameter, "currency"},
        {"unknown customer", nothing, [](World& w) { return create(w, [](P& p) { p.set_customer_no(5); }); },
         machine::outcome::resource_missing, "customer"},
        {"deleted customer", deleted_customer,
         [](World& w) { return create(w, [](P& p) { p.set_customer_no(g_customer); }); },
         machine::outcome::resource_missing, "customer"},
        {"confirm without method", nothing,
         [](World& w) { return create(w, [](P& p) { p.set_confirm(true); }); },
         outcome::missing_payment_method, "payment_method"},
        {"wallet without customer", nothing, [](World& w) { return w.wallet(100, 0); },
         machine::outcome::invalid_parameter, "customer"},
        {"method not among the types", nothing,
         [](World& w) {
             return create(w, [](P& p) {
                 p.set_confirm(true);
                 p.add_payment_method_types("wallet");
                 *p.mutable_payment_method() = World::method("pm_card_visa");
             });
         },
         machine::outcome::invalid_parameter, "payment_method"},
        {"too many metadata keys", nothing,
         [](World& w) {
             return create(w, [](P& p) {
                 for (int i = 0; i < 51; ++i) {
                     auto& pair = *p.add_metadata();
                     pair.set_key("k" + std::to_string(i));
                     pair.set_value("v");
                 }
             });
         },
         machine::outcome::invalid_parameter, "metadata"},
        {"confirm of nobody's", nothing, [](World& w) { return w.confirm(7, "pm_wallet"); },
         machine::outcome::resource_missing, "intent"},
        {"confirm of a cancelled", canceled, [](World& w) { return w.confirm(g_no, "pm_card_visa"); },
         machine::outcome::unexpected_state, ""},
        {"confirm of a paid", paid, [](World& w) { return w.confirm(g_no, "pm_card_visa"); },
         machine::outcome::unexpected_state, ""},
        {"confirm of an authorised", authorised, [](World& w) { return w.confirm(g_no, "pm_card_visa"); },
         machine::outcome::unexpected_state, ""},
        {"confirm while processing", processing, [](World& w) { return w.confirm(g_no, "pm_card_visa"); },
         machine::outcome::unexpected_state, ""},
        {"confirm with a deleted customer's wallet",
         [](World& w) {
             g_customer = w.customer_with(100);
             g_no =
                 object_in(create(w, [](P& p) { p.set_customer_no(g_customer); }), pb::payment_intent).no();
             w.run([](pb::Command& c) { mutable_body(c, pb::delete_customer)->set_no(g_customer); });
         },
         [](World& w) { return w.confirm(g_no, "pm_wallet"); }, outcome::customer_deleted, "customer"},
        {"update amount of a paid", paid, [](World& w) { return update(w, [](U& u) { u.set_amount(5); }); },
         machine::outcome::unexpected_state, ""},
        {"update currency of a cancelled", canceled,
         [](World& w) { return update(w, [](U& u) { u.set_currency(kJpy); }); },
         machine::outcome::unexpected_state, ""},
        {"update method while processing", processing,
         [](World& w) {
             return update(w, [](U& u) { *u.mutable_payment_method() = World::method("pm_wallet"); });
         },
         machine::outcome::unexpected_state, ""},
        {"update amount to zero", fresh, [](World& w) { return update(w, [](U& u) { u.set_amount(0); }); },
         machine::outcome::invalid_parameter, "amount"},
        {"update to an unknown customer", fresh,
         [](World& w) { return update(w, [](U& u) { u.set_customer_no(3); }); },
         machine::outcome::resource_missing, "customer"},
        {"update of somebody else's", foreign,
         [](World& w) { return update(w, [](U& u) { u.set_description("mine now"); }); },
         machine::outcome::resource_missing, "intent"},
        {"capture above authorised", authorised, [](World& w) { return w.capture(g_no, 101); },
         outcome::amount_too_large, "amount_to_capture"},
        {"capture of less than nothing", authorised, [](World& w) { return w.capture(g_no, -1); },
         machine::outcome::invalid_parameter, "amount_to_capture"},
        {"second capture",
         [](World& w) {
             authorised(w);
             w.capture(g_no);
         },
         [](World& w) { return w.capture(g_no); }, outcome::already_captured, ""},
        {"capture of a paid", paid, [](World& w) { return w.capture(g_no); }, outcome::already_captured, ""},
        {"capture of a cancelled", canceled, [](World& w) { return w.capture(g_no); },
         machine::outcome::unexpected_state, ""},
        {"capture of an unconfirmed", fresh, [](World& w) { return w.capture(g_no); },
         machine::outcome::unexpected_state, ""},
        {"capture of somebody else's", foreign, [](World& w) { return w.capture(g_no); },
         machine::outcome::resource_missing, "intent"},
        {"cancel of a paid", paid, [](World& w) { return w.cancel(g_no); },
         machine::outcome::unexpected_state, ""},
        {"cancel twice", canceled, [](World& w) { return w.cancel(g_no); },
         machine::outcome::unexpected_state, ""},
        {"cancel while processing", processing, [](World& w) { return w.cancel(g_no); },
         machine::outcome::unexpected_state, ""},
        {"cancel of somebody else's", foreign, [](World& w) { return w.cancel(g_no); },
         machine::outcome::resource_missing, "intent"},
        {"refund above what is left",
         [](World& w) {
             paid(w);
             w.refund(g_no, 60);
         },
         [](World& w) { return w.refund(g_no, 41); }, refunds::outcome::refund_too_large, "amount"},
        {"refund of all twice",
         [](World& w) {
             paid(w);
             w.refund(g_no);
         },
         [](World& w) { return w.refund(g_no); }, refunds::outcome::already_refunded, ""},
        {"refund of less than nothing", paid, [](World& w) { return w.refund(g_no, -5); },
         machine::outcome::invalid_parameter, "amount"},
        {"refund of an unpaid", fresh, [](World& w) { return w.refund(g_no); },
         refunds::outcome::charge_not_refundable, ""},
        {"refund of an authorised", authorised, [](World& w) { return w.refund(g_no); },
         refunds::outcome::charge_not_refundable, ""},
        {"refund of a declined",
         [](World& w) { g_no = object_in(w.wallet(100, w.customer_with(5)), pb::payment_intent).no(); },
         [](World& w) { return w.refund(g_no); }, refunds::outcome::charge_not_refundable, ""},
        {"refund of somebody else's", foreign, [](World& w) { return w.refund(g_no); },
         machine::outcome::resource_missing, "payment_intent"},
        {"refund of an unknown charge", nothing,
         [](World& w) {
             return w.run([](pb::Command& c) { mutable_body(c, pb::create_refund)->set_charge_no(9); });
         },
         machine::outcome::resource_missing, "charge"},
        {"update of an unknown refund", nothing,
         [](World& w) {
             return w.run([](pb::Command& c) { mutable_body(c, pb::update_refund)->set_no(9); });
         },
         machine::outcome::resource_missing, "refund"},
        {"update of a deleted customer", deleted_customer,
         [](World& w) {
             return w.run([](pb::Command& c) { mutable_body(c, pb::update_customer)->set_no(g_customer); });
         },
         machine::outcome::resource_missing, "id"},
        {"delete of a deleted customer", deleted_customer,
         [](World& w) {
             return w.run([](pb::Command& c) { mutable_body(c, pb::delete_customer)->set_no(g_customer); });
         },
         machine::outcome::resource_missing, "id"},
        {"top-up of a deleted customer", deleted_customer, [](World& w) { return w.top_up(g_customer, 1); },
         machine::outcome::resource_missing, "customer"},
        {"top-up of nothing", [](World& w) { g_customer = w.make_customer(); },
         [](World& w) { return w.top_up(g_customer, 0); }, machine::outcome::invalid_parameter, "amount"},
        {"top-up in no currency", [](World& w) { g_customer = w.make_customer(); },
         [](World& w) { return w.top_up(g_customer, 1, 1); }, machine::outcome::invalid_parameter,
         "currency"},
        {"update of an unknown endpoint", nothing,
         [](World& w) {
             return w.run([](pb::Command& c) { mutable_body(c, pb::update_webhook_endpoint)->set_no(9); });
         },
         machine::outcome::resource_missing, "webhook_endpoint"},
        {"attempt at an unknown delivery", nothing,
         [](World& w) {
             return w.run([](pb::Command& c) { mutable_body(c, pb::webhook_attempted)->set_delivery_no(9); });
         },
         machine::outcome::resource_missing, "delivery"},
        {"no such merchant", [](World& w) { w.scope.merchant_no = 12345; },
         [](World& w) { return w.run([](pb::Command& c) { mutable_body(c, pb::create_customer); }); },
         machine::outcome::resource_missing, "merchant"},
        {"no merchant at all", [](World& w) { w.scope.merchant_no = 0; },
         [](World& w) { return create(w, [](auto&) {}); }, machine::outcome::resource_missing, "merchant"},
    };
    return all;
}

TEST(Refusals, SayWhyAndChangeNothing) {
    for (const Refusal& each : refusals()) {
        SCOPED_TRACE(each.name);
        World world;
        world.make_merchant();
        each.prepare(world);
        const auto rows = world.rows.rows();
        const auto result = each.act(world);
        EXPECT_EQ(result.outcome(), each.outcome);
        EXPECT_EQ(result.error().param(), each.param);
        EXPECT_FALSE(result.error().message().empty());
        EXPECT_EQ(world.rows.rows(), rows);
        EXPECT_TRUE(world.effects.audit_records.empty());
        EXPECT_TRUE(world.verify().holds());
    }
}

TEST(Refusals, TextsAreThoseThatMerchantsKnow) {
    World world;
    world.make_merchant();
    paid(world);
    EXPECT_EQ(
        world.cancel(g_no).error().message(),
        "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a PaymentIntent "
        "with one of the following statuses may be canceled: requires_payment_method, requires_capture, "
        "requires_confirmation, requires_action.");
    EXPECT_EQ(world.confirm(g_no).error().message(),
              "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
              "confirmed.");
    EXPECT_EQ(world.confirm(1).error().message(), "No such payment_intent: '" + format_id("pi", 1) + "'");
    EXPECT_EQ(object_in(world.cancel(g_no), pb::payment_intent).status(), pb::SUCCEEDED);
    world.refund(g_no);
    EXPECT_EQ(world.refund(g_no).error().message(),
              "Charge " + format_id(prefix::charge, world.intent(g_no).latest_charge_no()) +
                  " has already been refunded.");
}

}  // namespace
}  // namespace kontor::payments::testing
