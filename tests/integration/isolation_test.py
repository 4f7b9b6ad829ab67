#!/usr/bin/env python3
"""Somebody else's object is no object: other merchants, and the other mode of the same merchant."""
import unittest

import kontor_process
from kontor_process import Admin, Kontor, temporary_folder


class Isolation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.kontor = cls.enterClassContext(Kontor.dev(f"{folder}/data"))
        cls.admin = Admin(cls.kontor).set_up()
        cls.merchant, key = cls.admin.merchant_key("First")
        cls.api = cls.kontor.api(key)
        live = cls.admin.post(f"live/merchants/{cls.merchant}/keys", {"name": "live"})["secret"]
        assert live.startswith("sk_live_"), live
        cls.others = {"another merchant": cls.kontor.api(cls.admin.merchant_key("Second")[1]),
                      "another merchant, live": cls.kontor.api(cls.admin.merchant_key("Third", "live")[1]),
                      "the other mode": cls.kontor.api(live)}
        api = cls.api
        cls.customer = api.customer(10_000, name="Mine")
        cls.paid = api.pay(1000, cls.customer, "pm_wallet")
        cls.held = api.pay(500, cls.customer, "pm_wallet", capture_method="manual")["id"]
        cls.open = api.post("/v1/payment_intents", {"amount": 300, "currency": "eur", "customer": cls.customer})["id"]
        cls.charge = cls.paid["latest_charge"]
        cls.refund = api.post("/v1/refunds", {"charge": cls.charge, "amount": 100})["id"]
        cls.endpoint = api.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook", "enabled_events": ["*"]})["id"]
        cls.transaction = api.all("/v1/balance_transactions")[0]["id"]
        cls.event = api.all("/v1/events")[0]["id"]

    def snapshot(self):
        api = self.api
        return ([api.all(f"/v1/{name}") for name in ("customers", "payment_intents", "charges", "refunds",
                                                      "balance_transactions", "webhook_endpoints", "events")],
                api.get("/v1/balance"), api.get(f"/v1/customers/{self.customer}/cash_balance"))

    def test_nothing_of_it_can_be_seen_or_changed(self):
        paid = self.paid["id"]
        requests = [("GET", f"/v1/customers/{self.customer}", None, "id"),
                    ("POST", f"/v1/customers/{self.customer}", {"name": "Stolen"}, "id"),
                    ("DELETE", f"/v1/customers/{self.customer}", None, "id"),
                    ("GET", f"/v1/customers/{self.customer}/cash_balance", None, "id"),
                    ("GET", f"/v1/payment_intents/{paid}", None, "intent"),
                    ("POST", f"/v1/payment_intents/{self.open}", {"amount": 1}, "intent"),
                    ("POST", f"/v1/payment_intents/{self.open}/confirm", {"payment_method": "pm_wallet"}, "intent"),
                    ("POST", f"/v1/payment_intents/{self.held}/capture", {}, "intent"),
                    ("POST", f"/v1/payment_intents/{self.held}/cancel", {}, "intent"),
                    ("GET", f"/v1/charges/{self.charge}", None, "id"),
                    ("GET", f"/v1/refunds/{self.refund}", None, "id"),
                    ("POST", f"/v1/refunds/{self.refund}", {"metadata": {"a": "b"}}, "id"),
                    ("GET", f"/v1/balance_transactions/{self.transaction}", None, "id"),
                    ("GET", f"/v1/events/{self.event}", None, "id"),
                    ("GET", f"/v1/webhook_endpoints/{self.endpoint}", None, "id"),
                    ("POST", f"/v1/webhook_endpoints/{self.endpoint}", {"disabled": True}, "id"),
                    ("DELETE", f"/v1/webhook_endpoints/{self.endpoint}", None, "id")]
        before = self.snapshot()
        for who, api in self.others.items():
            for method, path, fields, param in requests:
                with self.subTest(who=who, request=f"{method} {path}"):
                    answer = api.request(method, path, fields)
                    self.assertEqual(answer.status, 404, answer)
                    self.assertEqual((answer.error["type"], answer.error["code"], answer.error["param"]),
                                     ("invalid_request_error", "resource_missing", param))
        self.assertEqual(self.snapshot(), before)

    def test_it_cannot_be_named_in_a_parameter_either(self):
        before = self.snapshot()
        for who, api in self.others.items():
            for path, fields, param in (("/v1/refunds", {"payment_intent": self.paid["id"]}, "payment_intent"),
                                        ("/v1/refunds", {"charge": self.charge}, "charge"),
                                        ("/v1/payment_intents", {"amount": 100, "currency": "eur", "confirm": True,
                                                                 "customer": self.customer,
                                                                 "payment_method": "pm_wallet",
                                                                 "payment_method_types": ["wallet"]}, "customer")):
                with self.subTest(who=who, path=path, param=param):
                    answer = api.request("POST", path, fields)
                    self.assertEqual(answer.status, 400, answer)
                    self.assertEqual((answer.error["code"], answer.error["param"]), ("resource_missing", param))
        self.assertEqual(self.snapshot(), before)

    def test_lists_and_balances_of_the_others_are_empty(self):
        for who, api in self.others.items():
            with self.subTest(who=who):
                for name in ("customers", "payment_intents", "charges", "refunds", "balance_transactions",
                             "webhook_endpoints", "events"):
                    self.assertEqual(api.all(f"/v1/{name}"), [], name)
                self.assertEqual(api.balance(), 0)
                for name, fields in (("payment_intents", {"customer": self.customer}),
                                     ("refunds", {"charge": self.charge}), ("charges", {"payment_intent": self.open})):
                    answer = api.request("GET", f"/v1/{name}", fields)
                    self.assertTrue(answer.status == 200 and answer.json["data"] == [] or
                                    answer.error.get("code") == "resource_missing", answer)

    def test_a_cursor_of_somebody_else(self):
        for who, api in self.others.items():
            with self.subTest(who=who):
                answer = api.request("GET", "/v1/payment_intents", {"starting_after": self.paid["id"]})
                self.assertTrue(answer.status == 200 and answer.json["data"] == [] or
                                answer.error.get("code") == "resource_missing", answer)

    def test_an_idempotency_key_belongs_to_its_merchant_and_mode(self):
        merchant, key = self.admin.merchant_key("Fifth")
        live = self.admin.post(f"live/merchants/{merchant}/keys", {"name": "live"})["secret"]
        strangers = [self.kontor.api(key), self.kontor.api(live), self.kontor.api(self.admin.merchant_key("Sixth")[1])]
        made = {api.post("/v1/customers", {"name": "Same key"}, "shared-key")["id"] for api in [self.api, *strangers]}
        self.assertEqual(len(made), 4)
        # Within its own, it is the same customer again.
        again = {api.post("/v1/customers", {"name": "Same key"}, "shared-key")["id"] for api in [self.api, *strangers]}
        self.assertEqual(again, made)

    def test_a_revoked_key_is_none(self):
        merchant, key = self.admin.merchant_key("Fourth")
        api = self.kontor.api(key)
        self.assertEqual(api.request("GET", "/v1/balance").status, 200)
        (row,) = self.admin.get(f"merchants/{merchant}/keys")["data"]
        self.assertNotIn(key, str(row))
        self.admin.post(f"keys/{row['id']}/revoke")
        self.assertEqual(api.request("GET", "/v1/balance").status, 401)
        self.assertEqual(self.kontor.api(key[:-1]).request("GET", "/v1/balance").status, 401)


if __name__ == "__main__":
    kontor_process.main()
