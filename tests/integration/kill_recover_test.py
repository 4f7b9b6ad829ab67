#!/usr/bin/env python3
"""kill -9 at 50 random moments under load: every acknowledged payment survives, none is half there, each happens once."""
import collections
import random
import threading
import unittest

import kontor_process
from kontor_process import Admin, Kontor, allow, seed, temporary_folder, until, verify
from shop_load import Worker

KILLS = 50
WORKERS = 8
VERIFY_STOPPED_EVERY = 5
READY_AFTER_KILL_S = 10
# Small bounds, so that many kills fall into a checkpoint.
SETTINGS = ["--set", "store.checkpoint_interval_s=1", "--set", "store.memtable_mib=1"]


def at_once(actions):
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Books:
    """Everything the API shows, and what must hold between its parts."""

    def __init__(self, api, test):
        self.test = test
        self.intents = {intent["id"]: intent for intent in api.all("/v1/payment_intents")}
        self.charges = {charge["id"]: charge for charge in api.all("/v1/charges")}
        self.refunds = {refund["id"]: refund for refund in api.all("/v1/refunds")}
        self.transactions = {entry["id"]: entry for entry in api.all("/v1/balance_transactions")}
        self.balance = api.balance()

    def check(self):
        charges_of, refunds_of = collections.defaultdict(list), collections.defaultdict(list)
        for charge in self.charges.values():
            charges_of[charge["payment_intent"]].append(charge)
        for refund in self.refunds.values():
            refunds_of[refund["payment_intent"]].append(refund)
        for intent in self.intents.values():
            with self.test.subTest(intent=intent["id"], status=intent["status"]):
                self.check_intent(intent, charges_of[intent["id"]], refunds_of[intent["id"]])
        self.check_transactions()

    def check_intent(self, intent, charges, refunds):
        test = self.test
        good = [charge for charge in charges if charge["status"] == "succeeded"]
        if intent["status"] == "succeeded":
            test.assertEqual(len(good), 1)
            charge = good[0]
            test.assertEqual(intent["latest_charge"], charge["id"])
            test.assertTrue(charge["captured"] and charge["paid"])
            test.assertEqual(charge["amount_captured"], intent["amount_received"])
            entry = self.transactions[charge["balance_transaction"]]
            test.assertEqual((entry["type"], entry["amount"], entry["source"]),
                             ("charge", intent["amount_received"], charge["id"]))
            test.assertEqual(charge["amount_refunded"], sum(r["amount"] for r in refunds))
            test.assertLessEqual(charge["amount_refunded"], charge["amount_captured"])
        elif intent["status"] == "requires_capture":
            test.assertEqual(len(good), 1)
            test.assertFalse(good[0]["captured"])
            test.assertIsNone(good[0]["balance_transaction"])
            test.assertEqual(intent["amount_received"], 0)
        elif intent["status"] == "canceled":
            test.assertTrue(all(not c["captured"] and c["balance_transaction"] is None for c in charges))
        else:
            test.assertEqual(intent["status"], "requires_payment_method")
            test.assertEqual(good, [])
            test.assertEqual([c["status"] for c in charges], ["failed"])
        if intent["status"] != "succeeded":
            test.assertEqual(refunds, [])
        for refund in refunds:
            test.assertEqual(refund["status"], "succeeded")
            entry = self.transactions[refund["balance_transaction"]]
            test.assertEqual((entry["type"], entry["amount"], entry["source"]),
                             ("refund", -refund["amount"], refund["id"]))

    def check_transactions(self):
        """Nothing has two, nothing is without, and together they are the balance."""
        sources = collections.Counter(entry["source"] for entry in self.transactions.values())
        self.test.assertEqual([source for source, count in sources.items() if count != 1], [])
        expected = {c["id"] for c in self.charges.values() if c["captured"]} | set(self.refunds)
        self.test.assertEqual(set(sources), expected)
        self.test.assertEqual(sum(entry["net"] for entry in self.transactions.values()), self.balance)
        for entry in self.transactions.values():
            self.test.assertEqual(entry["net"], entry["amount"] - entry["fee"])


class KillRecover(unittest.TestCase):
    def test_kill_at_random_moments_under_load(self):
        value = seed()
        self.random = random.Random(value)
        self.workers = [Worker(number, value) for number in range(WORKERS)]
        self.slowest_ready_s, self.killed_in_recovery, self.kills = 0.0, 0, 0
        with temporary_folder() as folder:
            self.data = f"{folder}/data"
            Kontor.dev(self.data, *SETTINGS).stop()
            while self.kills < KILLS:
                self.one_life()
            self.the_end()
        print(f"{self.kills} kills, {self.killed_in_recovery} of them in a recovery; "
              f"{sum(w.acknowledged for w in self.workers)} requests acknowledged, "
              f"{sum(w.retried for w in self.workers)} retried; "
              f"ready at most {self.slowest_ready_s:.2f} s after a kill", flush=True)

    def one_life(self):
        if self.random.random() < 0.2:
            self.die_in_recovery()
        with Kontor.dev(self.data, *SETTINGS) as kontor:
            self.slowest_ready_s = max(self.slowest_ready_s, kontor.ready_after_s)
            self.assertLess(kontor.ready_after_s, allow(READY_AFTER_KILL_S), "a recovery does more than the last checkpoint left")
            self.check_acknowledged(kontor.api())
            if self.kills % VERIFY_STOPPED_EVERY != 0:
                self.assert_verified()
            dead = threading.Event()
            threads = [threading.Thread(target=worker.run, args=(kontor.api(), dead.is_set))
                       for worker in self.workers]
            for thread in threads:
                thread.start()
            dead.wait(self.random.uniform(0.02, 1.4))  # the random moment
            kontor.kill()
            self.kills += 1
            dead.set()
            for thread in threads:
                thread.join()
        self.raise_failures()
        if self.kills % VERIFY_STOPPED_EVERY == 0:
            self.assert_verified()

    def die_in_recovery(self):
        """Another kill before the process is ready again, or just after."""
        with Kontor("dev", "--json", "--serve-only", "--port", "0", "--data", self.data, *SETTINGS) as kontor:
            threading.Event().wait(self.random.uniform(0, 0.5))
            kontor.kill()
        self.kills += 1
        self.killed_in_recovery += 1

    def raise_failures(self):
        for worker in self.workers:
            if worker.failure is not None:
                raise worker.failure

    def assert_verified(self):
        code, report = verify(self.data)
        self.assertEqual((code, report.get("holds"), report.get("problems")), (0, True, []), report)

    def check_acknowledged(self, api):
        """What was acknowledged in the last life is there, as it was acknowledged."""
        for worker in self.workers:
            unknown = worker.pending.payment if worker.pending else None
            for payment in {id(p): p for p in worker.touched}.values():
                if payment is unknown:
                    continue  # an unknown request may or may not have changed it; checked after its retry
                self.assert_as_acknowledged(payment, api.get(f"/v1/payment_intents/{payment.id}",
                                                             {"expand": ["latest_charge"]}))
            worker.touched = [unknown] if unknown in worker.touched else []

    def assert_as_acknowledged(self, payment, intent):
        refunded = (intent["latest_charge"] or {"amount_refunded": 0})["amount_refunded"]
        self.assertEqual((intent["status"], intent["amount_received"], refunded), payment.state(), intent)
        self.assertEqual(intent["metadata"], {"op": payment.key})

    def the_end(self):
        with Kontor.dev(self.data, *SETTINGS) as kontor:
            self.check_acknowledged(kontor.api())
            at_once([lambda w=worker: w.settle(kontor.api()) for worker in self.workers])
            api = kontor.api()
            books = Books(api, self)
            books.check()
            self.check_exactly_once(books)
            for worker in self.workers:
                wallet = api.get(f"/v1/customers/{worker.customer}/cash_balance")["available"] or {}
                self.assertEqual(wallet.get("eur", 0), worker.wallet, f"wallet of worker {worker.number}")
            self.check_ledger_and_reports(kontor, books)
            self.assertEqual(kontor.stop(), 0, kontor.story())
        self.assert_verified()

    def check_exactly_once(self, books):
        """Each key had one effect, whether its first outcome was known or not, and there is nothing else."""
        payments = {p.key: p for worker in self.workers for p in worker.payments}
        refunds = {key: amount for worker in self.workers for key, amount in worker.refunds.items()}
        keys = collections.Counter(intent["metadata"]["op"] for intent in books.intents.values())
        self.assertEqual(keys, collections.Counter(payments.keys()))
        self.assertEqual(collections.Counter(r["metadata"]["op"] for r in books.refunds.values()),
                         collections.Counter(refunds.keys()))
        for refund in books.refunds.values():
            self.assertEqual(refund["amount"], refunds[refund["metadata"]["op"]])
        for intent in books.intents.values():
            charge = books.charges.get(intent["latest_charge"])
            self.assert_as_acknowledged(payments[intent["metadata"]["op"]], dict(intent, latest_charge=charge))
        self.assertEqual(books.balance, sum(p.received - p.refunded for p in payments.values()))

    def check_ledger_and_reports(self, kontor, books):
        """The projection caught up with all of it, and a payment's ledger legs say what its objects say."""
        admin = Admin(kontor).set_up()
        wanted = {key: intent["status"] for key, intent in books.intents.items()}
        rows = until(lambda: self.report_rows(admin, wanted), what="the projection's catching up")
        for key in self.random.sample(sorted(books.intents), min(150, len(books.intents))):
            intent, page = books.intents[key], admin.payment(key)
            paid = sum(leg["amount"] for leg in page["legs"]
                       if leg["state"] == "posted" and leg["credit"]["kind"] == "merchant_pending")
            back = sum(leg["amount"] for leg in page["legs"]
                       if leg["state"] == "posted" and leg["credit"]["kind"] in ("customer_wallet",
                                                                                 "channel_receivable"))
            self.assertEqual((paid, back), (intent["amount_received"], rows[key]["amount_refunded"]), page["legs"])

    @staticmethod
    def report_rows(admin, wanted):
        """The payments that the reports show; None while their statuses are not the wanted ones."""
        rows, cursor = {}, ""
        while cursor is not None:
            page = admin.get("payments?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            rows.update((row["id"], row) for row in page["data"])
            cursor = page["next_cursor"]
        return rows if {key: row["status"] for key, row in rows.items()} == wanted else None


if __name__ == "__main__":
    kontor_process.main()
