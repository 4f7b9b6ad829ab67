#!/usr/bin/env python3
"""Requests that race: of all that together would move too much, exactly as many succeed as fit."""
import threading
import unittest

import kontor_process
from kontor_process import Kontor, temporary_folder, verify

ROUNDS = 50
THREADS = 8


class Race(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.data = f"{folder}/data"
        cls.kontor = cls.enterClassContext(Kontor.dev(cls.data))
        cls.api = cls.kontor.api()
        cls.apis = [cls.kontor.api() for _ in range(THREADS)]
        for api in cls.apis:
            api.get("/v1/balance")  # the connections are there before the race

    def tearDown(self):
        transactions = self.api.all("/v1/balance_transactions")
        self.assertEqual(sum(entry["net"] for entry in transactions), self.api.balance())
        code, report = verify(self.data)
        self.assertEqual((code, report["holds"]), (0, True), report)

    def at_once(self, requests):
        """Sends (path, fields, key) from a thread each, all let go at the same moment; the answers in order."""
        gate, answers = threading.Barrier(len(requests)), [None] * len(requests)

        def send(number):
            path, fields, key = requests[number]
            gate.wait()
            answers[number] = self.apis[number].request("POST", path, fields, key)
        threads = [threading.Thread(target=send, args=(number,)) for number in range(len(requests))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def check_refunds(self, pay):
        for _ in range(ROUNDS):
            payment = pay()
            answers = self.at_once([("/v1/refunds", {"payment_intent": payment, "amount": 80}, None)] * THREADS)
            self.assertEqual(sorted(answer.status for answer in answers), [200] + [400] * (THREADS - 1), answers)
            for answer in answers:
                if answer.status == 400:
                    self.assertEqual(answer.error["type"], "invalid_request_error")
                    self.assertIn(answer.error["code"], ("amount_too_large", "charge_already_refunded"))
                    self.assertEqual(answer.error["param"], "amount")
            charge = self.api.get(f"/v1/payment_intents/{payment}", {"expand": ["latest_charge"]})["latest_charge"]
            self.assertEqual((charge["amount_refunded"], charge["refunded"]), (80, False))
            self.assertEqual(len(self.api.all("/v1/refunds", {"payment_intent": payment})), 1)
            # What is left can still be refunded, once.
            answers = self.at_once([("/v1/refunds", {"payment_intent": payment}, None)] * 2)
            self.assertEqual(sorted(answer.status for answer in answers), [200, 400])

    def test_refunds_of_80_on_a_wallet_payment_of_100(self):
        customer = self.api.customer(ROUNDS * 100)
        self.check_refunds(lambda: self.api.pay(100, customer, "pm_wallet")["id"])
        wallet = self.api.get(f"/v1/customers/{customer}/cash_balance")["available"]
        self.assertEqual(wallet["eur"], ROUNDS * 100)

    def test_refunds_of_80_on_a_card_payment_of_100(self):
        self.check_refunds(lambda: self.api.pay(100)["id"])

    def test_payments_that_together_are_more_than_the_wallet_has(self):
        for _ in range(ROUNDS):
            customer = self.api.customer(250)
            fields = {"amount": 100, "currency": "eur", "customer": customer, "payment_method": "pm_wallet",
                      "payment_method_types": ["wallet"], "confirm": True}
            answers = self.at_once([("/v1/payment_intents", fields, None)] * THREADS)
            self.assertEqual(sorted(answer.status for answer in answers), [200] * 2 + [402] * (THREADS - 2), answers)
            self.assertEqual(self.api.get(f"/v1/customers/{customer}/cash_balance")["available"], {"eur": 50})

    def test_captures_and_cancels_of_one_authorisation(self):
        for number in range(ROUNDS):
            customer = self.api.customer(100)
            method = "pm_wallet" if number % 2 else "pm_card_visa"
            held = self.api.pay(100, customer, method, capture_method="manual")["id"]
            capture = (f"/v1/payment_intents/{held}/capture", {}, None)
            cancel = (f"/v1/payment_intents/{held}/cancel", {}, None)
            answers = self.at_once([capture, cancel] * (THREADS // 2))
            won = [answer.json["status"] for answer in answers if answer.status == 200]
            self.assertEqual(len(won), 1, answers)
            intent = self.api.get(f"/v1/payment_intents/{held}")
            self.assertEqual(intent["status"], won[0])
            self.assertEqual(intent["amount_received"], 100 if won[0] == "succeeded" else 0)

    def test_one_idempotency_key_at_once_acts_once(self):
        for number in range(ROUNDS):
            fields = {"amount": 300, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
                      "metadata": {"round": number}}
            answers = self.at_once([("/v1/payment_intents", fields, f"once-{number}")] * THREADS)
            self.assertTrue({answer.status for answer in answers} <= {200, 409}, answers)
            self.assertEqual(len({answer.json["id"] for answer in answers if answer.status == 200}), 1)
            for answer in answers:
                if answer.status == 409:
                    self.assertEqual(answer.error["code"], "idempotency_key_in_use")
        made = [i["metadata"]["round"] for i in self.api.all("/v1/payment_intents") if "round" in i["metadata"]]
        self.assertEqual(sorted(made, key=int), [str(number) for number in range(ROUNDS)])


if __name__ == "__main__":
    kontor_process.main()
