#!/usr/bin/python3
"""Debian's python3-stripe, as a shop on Debian has it, against a running kontor: base and certificate set, nothing else
changed. The flows are those of flows.mjs.

That library sends truth values as `True` and `False`, lists by index, and the API version 2022-11-15.
"""
import json
import os
import sys
import unittest
import unittest.mock
import urllib.parse

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

import kontor_process  # noqa: E402
from kontor_process import Kontor, temporary_folder, until, verify  # noqa: E402
from webhook_test import Receiver  # noqa: E402

try:
    import stripe
except ImportError:
    sys.exit(f"{sys.executable} has no module stripe: ./installer/deps.sh --test installs Debian's python3-stripe")


def pay(**fields):
    return stripe.PaymentIntent.create(**{"amount": 1000, "currency": "eur", "confirm": True,
                                          "payment_method": "pm_card_visa", **fields})


def ids(objects):
    return [one.id for one in objects]


class Flows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = os.path.join(cls.enterClassContext(temporary_folder()), "data")
        cls.kontor = cls.enterClassContext(Kontor.dev(cls.folder, "--set", "webhooks.allow_http=true"))
        stripe.api_key = cls.kontor.ready["test_key"]
        stripe.api_base = stripe.connect_api_base = stripe.upload_api_base = cls.kontor.ready["url"].rstrip("/")
        stripe.ca_bundle_path = cls.kontor.ready["ca_file"]
        stripe.enable_telemetry = False

    @classmethod
    def tearDownClass(cls):
        cls.kontor.stop()
        code, said = verify(cls.folder)
        if code != 0:
            raise AssertionError(f"the books do not hold: {said}")

    def refused(self, kind, call, **wanted):
        with self.assertRaises(kind) as caught:
            call()
        error = caught.exception
        for field, value in wanted.items():
            self.assertEqual(getattr(error, field), value, f"{field}: {error}")
        self.assertTrue(error.request_id.startswith("req_"), error.request_id)
        return error

    def test_a_customer_and_the_wallet(self):
        customer = stripe.Customer.create(name="Ada", email="ada@example.com", metadata={"a": "1", "b": "2"})
        changed = stripe.Customer.modify(customer.id, description="changed", metadata={"b": ""})
        self.assertEqual(dict(changed.metadata), {"a": "1"})
        self.assertEqual(stripe.Customer.retrieve(customer.id).description, "changed")
        self.assertEqual(ids(stripe.Customer.list(email="ada@example.com").data), [customer.id])
        stripe.Customer.TestHelpers.fund_cash_balance(customer.id, amount=5000, currency="eur")
        wallet = {"customer": customer.id, "payment_method": "pm_wallet", "payment_method_types": ["wallet"]}
        self.assertEqual(pay(amount=1500, **wallet).status, "succeeded")
        self.assertEqual(stripe.Customer.retrieve_cash_balance(customer.id).available.eur, 3500)
        declined = self.refused(stripe.error.CardError, lambda: pay(amount=3501, **wallet), code="card_declined")
        self.assertEqual(declined.error.decline_code, "insufficient_funds")
        self.assertTrue(stripe.Customer.delete(customer.id).deleted)
        self.assertTrue(stripe.Customer.retrieve(customer.id).deleted)

    def test_a_payment_is_made_confirmed_and_refunded_in_two_parts(self):
        created = stripe.PaymentIntent.create(amount=900, currency="eur", payment_method_types=["card"])
        stripe.PaymentIntent.modify(created.id, amount=1000, metadata={"order": "7"})
        intent = stripe.PaymentIntent.confirm(created.id, payment_method="pm_card_visa")
        self.assertEqual((intent.status, intent.amount_received), ("succeeded", 1000))
        charge = stripe.Charge.retrieve(intent.latest_charge, expand=["balance_transaction", "payment_intent"])
        self.assertEqual((charge.balance_transaction.amount, charge.payment_intent.metadata.order), (1000, "7"))
        first = stripe.Refund.create(payment_intent=intent.id, amount=400, reason="requested_by_customer")
        second = stripe.Refund.create(charge=charge.id)
        self.assertEqual((first.status, second.status, second.amount), ("succeeded", "succeeded", 600))
        stripe.Refund.modify(first.id, metadata={"part": "first"})
        self.assertEqual(stripe.Refund.retrieve(first.id).metadata.part, "first")
        self.assertEqual(ids(stripe.Refund.list(payment_intent=intent.id).data), [second.id, first.id])
        self.assertIs(stripe.Charge.retrieve(charge.id).refunded, True)
        self.refused(stripe.error.InvalidRequestError, lambda: stripe.Refund.create(charge=charge.id),
                     code="charge_already_refunded", http_status=400)

    def test_an_amount_is_held_and_captured_in_part_or_given_up(self):
        held = pay(capture_method="manual")
        self.assertEqual((held.status, held.amount_capturable), ("requires_capture", 1000))
        self.assertEqual(stripe.PaymentIntent.capture(held.id, amount_to_capture=300).amount_received, 300)
        self.refused(stripe.error.InvalidRequestError, lambda: stripe.PaymentIntent.capture(held.id),
                     code="payment_intent_unexpected_state")
        other = pay(capture_method="manual")
        self.assertEqual(stripe.PaymentIntent.cancel(other.id, cancellation_reason="abandoned").status, "canceled")

    def test_truth_values_as_this_library_writes_them(self):
        self.assertEqual(pay(confirm=True, error_on_requires_action=True).status, "succeeded")
        self.assertEqual(pay(confirm=False).status, "requires_confirmation")
        absent = {"payment_method": "pm_card_threeDSecure2Required", "off_session": True}
        self.refused(stripe.error.CardError, lambda: pay(**absent), code="authentication_required", http_status=402)

    def test_the_payer_proves_who_he_is(self):
        intent = pay(payment_method="pm_card_threeDSecure2Required", return_url="https://shop.example/done")
        self.assertEqual(intent.status, "requires_action")
        page = urllib.parse.urlsplit(intent.next_action.redirect_to_url.url)
        back = self.kontor.api().raw("POST", f"{page.path}?{page.query}", "outcome=complete",
                                     {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(back.status, 303)
        self.assertEqual(stripe.PaymentIntent.retrieve(intent.id).status, "succeeded")

    def test_a_bank_declines_and_another_card_pays(self):
        declined = self.refused(stripe.error.CardError, lambda: pay(payment_method="pm_card_chargeDeclinedLostCard"),
                                code="card_declined", http_status=402)
        self.assertEqual(declined.error.decline_code, "lost_card")
        paid = stripe.PaymentIntent.confirm(declined.error.payment_intent.id, payment_method="pm_card_mastercard")
        self.assertEqual(paid.status, "succeeded")

    def test_a_retried_request_moves_no_money(self):
        first = pay(amount=700, idempotency_key="python-1")
        again = pay(amount=700, idempotency_key="python-1")
        self.assertEqual(again.id, first.id)
        self.assertEqual(again.last_response.headers["Idempotent-Replayed"], "true")
        self.refused(stripe.error.IdempotencyError, lambda: pay(amount=701, idempotency_key="python-1"), http_status=400)

    def test_lists_have_pages_forwards_and_backwards(self):
        customer = stripe.Customer.create(name="Pages").id
        made = [pay(customer=customer, amount=100 + i).id for i in range(7)][::-1]
        forwards = stripe.PaymentIntent.list(customer=customer, limit=3)
        self.assertEqual(ids(forwards.auto_paging_iter()), made)
        backwards = stripe.PaymentIntent.list(customer=customer, limit=3, ending_before=made[4])
        self.assertEqual(ids(backwards.auto_paging_iter()), made[:4][::-1])
        last = stripe.PaymentIntent.list(customer=customer, limit=3, starting_after=made[3])
        self.assertEqual((ids(last.data), last.has_more), (made[4:], False))
        charges = stripe.Charge.list(customer=customer, limit=4, expand=["data.payment_intent"])
        self.assertEqual([charge.payment_intent.id for charge in charges.auto_paging_iter()], made)

    def test_the_balance_moves_with_its_transactions(self):
        def total():
            balance = stripe.Balance.retrieve()
            return sum(line.amount for line in [*balance.available, *balance.pending] if line.currency == "eur")
        before = total()
        intent = pay(amount=2500)
        refund = stripe.Refund.create(payment_intent=intent.id, amount=500)
        charged = stripe.BalanceTransaction.list(source=intent.latest_charge).data[0]
        returned = stripe.BalanceTransaction.retrieve(refund.balance_transaction)
        self.assertEqual((charged.type, charged.amount, returned.type, returned.amount), ("charge", 2500, "refund", -500))
        self.assertEqual(total() - before, charged.net + returned.net)

    def test_a_webhook_is_delivered_and_verifies(self):
        with Receiver() as receiver:
            endpoint = stripe.WebhookEndpoint.create(url=receiver.url, enabled_events=["payment_intent.succeeded"])
            intent = pay()
            until(receiver.events, what="a delivery")
            _, headers, body = receiver.deliveries[0]
            event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
            self.assertEqual((event.type, event.data.object.id), ("payment_intent.succeeded", intent.id))
            with self.assertRaises(stripe.error.SignatureVerificationError):
                stripe.Webhook.construct_event(body + b" ", headers["Stripe-Signature"], endpoint.secret)
            self.assertEqual(stripe.Event.retrieve(event.id).data.object.id, intent.id)
            self.assertEqual(stripe.Event.list(type="payment_intent.succeeded", limit=1).data[0].id, event.id)
            self.assertEqual(stripe.WebhookEndpoint.modify(endpoint.id, disabled=True).status, "disabled")
            self.assertEqual(stripe.WebhookEndpoint.modify(endpoint.id, disabled=False).status, "enabled")
            self.assertIn(endpoint.id, ids(stripe.WebhookEndpoint.list().data))
            self.assertNotIn("secret", stripe.WebhookEndpoint.retrieve(endpoint.id))
            self.assertTrue(stripe.WebhookEndpoint.delete(endpoint.id).deleted)

    def test_the_account_is_the_own_one(self):
        self.assertTrue(stripe.Account.retrieve().id.startswith("acct_"))

    def test_what_is_wrong_has_the_class_that_programs_catch(self):
        invalid = stripe.error.InvalidRequestError
        self.refused(invalid, lambda: pay(amount=0), param="amount", http_status=400)
        self.refused(invalid, lambda: pay(colour="red"), param="colour", code="parameter_unknown")
        self.refused(invalid, lambda: stripe.Charge.retrieve("ch_00000000000"), code="resource_missing", http_status=404)
        self.refused(stripe.error.AuthenticationError,
                     lambda: stripe.Balance.retrieve(api_key="sk_test_000000000000000000000000"), http_status=401)


class Hosts(unittest.TestCase):
    """Where it sends what it is told to send to one host: docs/api.md, "Safety of others' libraries", says it."""

    OURS = "https://pay.example.org"

    def setUp(self):
        self.hosts = []
        for name, value in (("api_base", self.OURS), ("api_key", "sk_test_0"), ("default_http_client", self)):
            self.addCleanup(setattr, stripe, name, getattr(stripe, name))
            setattr(stripe, name, value)

    name = "none"

    def request_with_retries(self, method, url, headers, post_data=None):
        """The library's HTTP client: no request leaves this test."""
        self.hosts.append(urllib.parse.urlsplit(url).hostname)
        if method == "get" and "starting_after" not in url:
            page = {"object": "list", "data": [{"id": "cus_0", "object": "customer"}], "has_more": True,
                    "url": "/v1/customers"}
            return json.dumps(page), 200, {}
        raise stripe.error.APIConnectionError("no request leaves this test")

    def sent(self, call):
        self.hosts.clear()
        with self.assertRaises(stripe.error.APIConnectionError):
            call()
        return self.hosts

    def test_requests_and_pages_go_to_our_host(self):
        self.assertEqual(self.sent(lambda: stripe.Customer.create(name="Ada")), ["pay.example.org"])
        self.assertEqual(self.sent(lambda: list(stripe.Customer.list(limit=1).auto_paging_iter())), ["pay.example.org"] * 2)

    def test_files_go_to_the_original_host_until_their_base_is_set(self):
        def upload():
            with open(__file__, "rb") as file:
                stripe.File.create(purpose="dispute_evidence", file=file)
        with unittest.mock.patch.object(stripe, "upload_api_base", "https://files.stripe.com"):
            self.assertEqual(self.sent(upload), ["files.stripe.com"])
        with unittest.mock.patch.object(stripe, "upload_api_base", self.OURS):
            self.assertEqual(self.sent(upload), ["pay.example.org"])

    def test_oauth_keeps_the_base_that_was_set_when_it_was_imported(self):
        with unittest.mock.patch.object(stripe, "connect_api_base", self.OURS):
            self.assertEqual(self.sent(lambda: stripe.OAuth.token(grant_type="authorization_code", code="ac_0")),
                             ["connect.stripe.com"])
        with unittest.mock.patch.object(stripe.oauth, "connect_api_base", self.OURS):
            self.assertEqual(self.sent(lambda: stripe.OAuth.token(grant_type="authorization_code", code="ac_0")),
                             ["pay.example.org"])


if __name__ == "__main__":
    kontor_process.main()
