#!/usr/bin/env python3
"""Any node serves: every way of writing over every node, one key moves money once wherever it is sent, and what was
acknowledged by one node is seen on all others at once."""
import concurrent.futures
import json
import random
import time
import unittest
import urllib.parse

import kontor_process
from cluster_process import Cluster, Load
from kontor_process import PASSWORD, Admin, allow, temporary_folder, totp, until
from positions import Positions

READS = 400  # of the read-your-writes tests
FAR = 1 << 40
REFUSED_WITHIN_S = 15  # of the 60 s that a trip may take
RENEWED_WITHIN_S = 40


def protobuf_ids(numbers):
    """The message Ids of modules/proto/kontor/ledger_api.proto."""
    return b"".join(b"\x0a\x12\x09" + (number & (1 << 64) - 1).to_bytes(8, "little") +
                    b"\x11" + (number >> 64).to_bytes(8, "little") for number in numbers)


class AnyNode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.cluster = cls.enterClassContext(Cluster(folder)).form(3)
        cls.key = cls.cluster.set_up()
        cls.random = random.Random(kontor_process.seed())

    def setUp(self):
        self.apis = [machine.process.api(self.key) for machine in self.cluster.machines]

    def tearDown(self):
        for api in self.apis:
            api.close()

    def each(self):
        """Every node, and its neighbour."""
        return list(zip(self.apis, self.apis[1:] + self.apis[:1], strict=True))

    def test_the_door_of_channels_is_on_every_node(self):
        for api, other in self.each():
            intent = api.post("/v1/payment_intents", {
                "amount": 900, "currency": "eur", "confirm": True, "payment_method": "pm_card_threeDSecure2Required",
                "return_url": "https://shop.example/"})
            self.assertEqual(intent["status"], "requires_action")
            link = urllib.parse.urlsplit(intent["next_action"]["redirect_to_url"]["url"])
            target = f"{link.path}?{link.query}"
            self.assertEqual(other.raw("GET", target).status, 200)
            self.assertEqual(other.raw("HEAD", target).status, 405)
            self.assertEqual(other.raw("GET", target[:-1] + ("0" if target[-1] != "0" else "1")).status, 401)
            self.assertEqual(other.raw("POST", target, "outcome=complete").status, 303)
            path = f"/v1/payment_intents/{intent['id']}"  # a read without an index may be a moment old
            until(lambda: api.get(path)["status"] == "succeeded", what="the payment's end")
            self.assertEqual(api.raw("POST", target, "outcome=complete").status, 303)

    def test_payments_over_every_node(self):
        for api, other in self.each():
            customer = api.customer(name="Anna")
            other.top_up(customer, 10_000)
            paid = api.pay(2_500, customer, "pm_wallet")
            self.assertEqual(paid["status"], "succeeded")
            intent = other.post("/v1/payment_intents", {"amount": 700, "currency": "eur"})
            self.assertEqual(intent["status"], "requires_payment_method")
            done = api.post(f"/v1/payment_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"})
            self.assertEqual(done["status"], "succeeded")
            refund = other.post("/v1/refunds", {"payment_intent": paid["id"], "amount": 500})
            self.assertEqual(refund["status"], "succeeded")
            held = api.pay(900, method="pm_card_visa", capture_method="manual")
            self.assertEqual(other.post(f"/v1/payment_intents/{held['id']}/cancel")["status"], "canceled")
            wallet = api.get(f"/v1/customers/{customer}/cash_balance")["available"]["eur"]
            self.assertEqual(wallet, 10_000 - 2_500 + 500)
            changed = other.post(f"/v1/customers/{customer}", {"name": "Berta"})
            self.assertEqual(changed["name"], "Berta")
            self.assertEqual(api.request("DELETE", f"/v1/customers/{customer}").status, 200)

    def test_the_ledger_in_json_and_protobuf_over_every_node(self):
        for number, (api, other) in enumerate(self.each()):
            base = (number + 1) << 32
            answer = self.ledger(api, "accounts", {"accounts": [
                {"id": f"{base + account:x}", "ledger": 978, "code": 1} for account in (1, 2)]})
            self.assertEqual([result["status"] for result in answer["results"]], ["ok", "ok"])
            transfers = [{"id": f"{base + 100 + n:x}", "debit_account": f"{base + 1:x}",
                          "credit_account": f"{base + 2:x}", "amount": 10 + n, "ledger": 978, "code": 7}
                         for n in range(50)]
            for sender, status in ((api, "ok"), (other, "exists")):
                answer = self.ledger(sender, "transfers", {"transfers": transfers})
                self.assertEqual({result["status"] for result in answer["results"]}, {status})
            total = sum(transfer["amount"] for transfer in transfers)
            for reader in self.apis:
                account = reader.get(f"/v1/ledger/accounts/{base + 2:x}")
                self.assertEqual(int(account["credits_posted"]), total)
            # The same look-up in protobuf says the same on every node, byte by byte.
            ids = protobuf_ids([base + 1, base + 2])
            seen = set()
            for reader in self.apis:
                found = reader.raw("POST", "/v1/ledger/accounts/lookup", ids, self.headers("application/x-protobuf"))
                self.assertEqual((found.status, found.headers["Content-Type"]), (200, "application/x-protobuf"), found)
                self.assertGreater(len(found.body), 40)
                seen.add(found.body)
            self.assertEqual(len(seen), 1)

    def headers(self, content_type):
        return {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}

    def ledger(self, api, what, body):
        answer = api.raw("POST", f"/v1/ledger/{what}", json.dumps(body), self.headers("application/json"))
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_errors_have_one_shape(self):
        requests = [("GET", "/v1/payment_intents/pi_none", None), ("GET", "/v1/customers/cus_00000nobody", None),
                    ("POST", "/v1/payment_intents", {"amount": -1, "currency": "eur"}),
                    ("POST", "/v1/payment_intents", {"amount": 100, "currency": "eur", "nonsense": 1}),
                    ("POST", "/v1/refunds", {"payment_intent": "pi_none"}),
                    ("POST", "/v1/payment_intents", {"amount": 100, "currency": "eur", "confirm": True,
                                                     "payment_method": "pm_card_chargeDeclined"}),
                    ("GET", "/v1/no_such_thing", None), ("POST", "/v1/no_such_thing", {}),
                    ("DELETE", "/v1/payment_intents/pi_none", None), ("GET", "/v1/ledger/accounts/ffff", None)]
        volatile = ("Request-Id", "Date", "Kontor-Log-Index")
        for method, path, fields in requests:
            answers = []
            for api in self.apis:
                answer = api.request(method, path, fields)
                error = {name: value for name, value in answer.error.items()
                         if name not in ("payment_intent", "charge", "request_log_url")}
                headers = sorted(name.lower() for name, _ in answer.headers.items() if name not in volatile)
                answers.append((answer.status, error, headers))
                self.assertGreaterEqual(answer.status, 400)
                self.assertIn("type", answer.error)
            self.assertEqual(answers[1], answers[0], (method, path))
            self.assertEqual(answers[2], answers[0], (method, path))
        for machine in self.cluster.machines:
            for key in ("sk_test_nobody", None):
                answer = machine.process.api(None).request(
                    "GET", "/v1/balance", headers={"Authorization": f"Bearer {key}"} if key else {})
                self.assertEqual((answer.status, answer.error["type"]), (401, "invalid_request_error"), answer)

    def test_one_key_moves_money_once_wherever_it_is_sent(self):
        customer = self.apis[0].customer(100_000)
        for number in range(20):
            fields = {"amount": 100 + number, "currency": "eur", "customer": customer, "confirm": True,
                      "payment_method": "pm_wallet", "payment_method_types": ["wallet"]}
            key = f"everywhere-{number}"
            # At once on all of them, then on each again.
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                answers = list(pool.map(
                    lambda api, fields=fields, key=key: api.request("POST", "/v1/payment_intents", fields, key),
                    self.apis))
            first = [answer for answer in answers if answer.status == 200]
            self.assertTrue(first, answers)
            self.assertTrue(all(answer.status in (200, 409) for answer in answers), answers)
            self.assertLessEqual(sum("Idempotent-Replayed" not in answer.headers for answer in first), 1)
            for api in self.apis:
                again = api.request("POST", "/v1/payment_intents", fields, key)
                self.assertEqual((again.status, again.body), (200, first[0].body))
                self.assertEqual(again.headers["Idempotent-Replayed"], "true")
                other = api.request("POST", "/v1/payment_intents", dict(fields, amount=1), key)
                self.assertEqual((other.status, other.error["type"]), (400, "idempotency_error"), other)
        spent = sum(100 + number for number in range(20))
        for api in self.apis:
            self.assertEqual(api.get(f"/v1/customers/{customer}/cash_balance")["available"]["eur"], 100_000 - spent)

    def test_what_was_written_is_seen_everywhere_at_once(self):
        with Load(self.cluster.machines, self.key, threads=3, name="noise") as load:
            load.wait_for(10)
            for number in range(READS):
                writer, reader = self.random.sample(self.apis, 2)
                made = writer.request("POST", "/v1/customers", {"name": f"Reader {number}"})
                self.assertEqual(made.status, 200, made)
                # With the index nothing can be missing, lists included; without it what is asked for by name is
                # not missing either.
                headers = {"Kontor-Min-Index": made.headers["Kontor-Log-Index"]} if number % 2 else {}
                if number % 4 == 3:
                    found = reader.request("GET", "/v1/customers?limit=1", headers=headers)
                    self.assertEqual(found.json["data"][0]["id"], made.json["id"])
                else:
                    found = reader.request("GET", f"/v1/customers/{made.json['id']}", headers=headers)
                    self.assertEqual((found.status, found.json), (200, made.json))
            load.stop()
            self.assertEqual(load.retried(), [])

    def test_min_index(self):
        machine = self.cluster.machines[0]
        positions = Positions(machine.control("id")["key"])
        good = positions.token(machine.control("status")["applied_index"])
        for api, _ in self.each():
            for bad in ("x", "-1", "5", "99999999999999999999999", "1 2", "1zzzzzzzzzzz", good[:-1], good + "0",
                        good[:-1] + ("0" if good[-1] != "0" else "1")):
                answer = api.request("GET", "/v1/balance", headers={"Kontor-Min-Index": bad})
                self.assertEqual((answer.status, answer.error["type"]), (400, "invalid_request_error"), bad)
            begun = time.monotonic()
            answer = api.request("GET", "/v1/balance", headers={"Kontor-Min-Index": positions.token(FAR)})
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"), answer)
            self.assertLess(time.monotonic() - begun, allow(REFUSED_WITHIN_S, below=60), "it waits for an entry that nobody has")

    def test_admin_and_new_keys_over_every_node(self):
        secret, cookie, name = (getattr(self.cluster.admin, what) for what in ("totp_secret", "cookie", "name"))
        for index, machine in enumerate(self.cluster.machines):
            admin = Admin(machine.process)
            admin.cookie, admin.csrf = cookie, self.cluster.admin.csrf
            self.assertEqual(admin.get("session")["operator"]["name"], name)
            merchant, key = admin.merchant_key(f"Shop {index}")
            # The new key is good everywhere, at once.
            for other in self.cluster.machines:
                answer = other.process.api(key).request("GET", "/v1/balance")
                self.assertEqual(answer.status, 200, answer)
            self.assertIn(merchant, [row["id"] for row in admin.get("merchants")["data"]])
            for path in ("home", "payments"):
                self.assertEqual(admin.request("GET", path).status, 200, path)
        # A fresh log-in on a follower; a code is good once, wherever it is shown.
        follower = self.cluster.followers()[0]

        def log_in(machine, code):
            return Admin(machine.process).request("POST", "login", {"name": name, "password": PASSWORD, "code": code})
        code = until(lambda: next((code for code in (totp(secret), totp(secret, 1))
                                   if log_in(follower, code).status == 200), None), 40, "a log-in")
        self.assertEqual(log_in(self.cluster.leader(), code).status, 401)
        self.assertEqual(log_in(follower, code).status, 401)


class Rotation(unittest.TestCase):
    def test_new_certificates_under_load_without_a_failed_request(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()

            def identities():
                found = []
                for machine in cluster.machines:
                    with open(f"{machine.data}/peer/identity.json", encoding="utf-8") as file:
                        found.append(json.load(file))
                return found
            before = identities()
            with Load(cluster.machines, cluster.key) as load:
                load.wait_for(20)
                cluster.followers()[0].do("rotate")
                until(lambda: all(new["certificate"] != old["certificate"] and new["ca"] != old["ca"]
                                  for new, old in zip(identities(), before, strict=True)),
                      RENEWED_WITHIN_S, "new certificates everywhere", 0.2)
                load.wait_for(50)
                acknowledged = load.stop()
                self.assertEqual(load.retried(), [])
            cluster.settled(3)
            after = identities()
            self.assertEqual(len({identity["ca"] for identity in after}), 1)
            print(f"rotation: {len(acknowledged)} payments, the slowest took {load.slowest_s():.2f} s", flush=True)
            # All new connections: everybody is started again with what it has on disk, one after the other.
            for machine in cluster.machines:
                machine.stop()
                machine.start()
                cluster.settled(3)
            # And who joins afterwards gets a certificate of the new authority.
            fourth = cluster.machine()
            fourth.do("join", cluster.machines[0].token())
            fourth.start()
            cluster.settled(4)


if __name__ == "__main__":
    kontor_process.main()
