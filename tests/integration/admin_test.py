#!/usr/bin/env python3
"""The admin API as a browser uses it: set-up, login, home, payments, one payment's page, live events."""
import json
import socket
import threading
import time
import unittest
import urllib.parse

import kontor_process
from kontor_process import PASSWORD, SLOW, Admin, Kontor, temporary_folder, token_of, totp, until

FREE_TRIES = 5


def error_code(answer):
    return answer.status, answer.json["error"]["code"]


class SetUp(unittest.TestCase):
    def test_set_up_login_strangers_and_logout(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            token = token_of(kontor.ready["admin_url"])
            self.check_set_up(kontor, token)
            self.check_login(kontor)
            self.check_strangers(kontor)
            # Across a restart: the session is there, nobody waits any more, and there is no new link.
            cookie = self.admin.cookie
            kontor.stop()
            with Kontor.dev(f"{folder}/data") as again:
                self.assertNotIn("token=", again.ready["admin_url"])
                admin = Admin(again)
                admin.cookie = cookie
                self.assertEqual(admin.get("session")["operator"]["name"], "ada")
                self.assertEqual(self.log_in(again, "ada", "wrong horse battery", "000000").headers["Retry-After"], "1")

    def check_set_up(self, kontor, token):
        stranger = Admin(kontor)
        self.assertEqual(stranger.get(f"setup?token={token}"), {"valid": True, "operators": 0, "operator": None})
        self.assertEqual(error_code(stranger.request("GET", "setup?token=wrong")), (404, "token_invalid"))
        begin = {"token": token, "name": "ada", "password": PASSWORD}
        self.assertEqual(error_code(stranger.request("POST", "setup/begin", dict(begin, token="wrong"))),
                         (404, "token_invalid"))
        for password, code in (("short", "password_too_short"), ("x" * 129, "password_too_long"),
                               ("passwordpassword", "password_too_common")):
            self.assertEqual(error_code(stranger.request("POST", "setup/begin", dict(begin, password=password))),
                             (422, code))
        secret = stranger.post("setup/begin", begin)["totp_secret"]
        finish = dict(begin, totp_secret=secret)
        good, near = totp(secret), {totp(secret, offset) for offset in (-1, 0, 1, 2)}
        wrong = next(f"{n:06d}" for n in range(10) if f"{n:06d}" not in near)
        for code in (wrong, "", "12345", "1234567", "abcdef"):
            self.assertEqual(error_code(stranger.request("POST", "setup/finish", dict(finish, code=code))),
                             (422, "code_wrong"))
        self.assertIsNone(stranger.cookie)

        self.admin = Admin(kontor)
        answer = self.admin.request("POST", "setup/finish", dict(finish, code=good))
        self.assertEqual(answer.status, 200, answer)
        cookie = answer.headers["Set-Cookie"]
        for flag in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/admin"):
            self.assertIn(flag, cookie)
        self.admin.csrf, self.admin.totp_secret = answer.json["csrf"], secret
        self.assertTrue(any(one.startswith("kontor_browser_") for one in answer.headers.get_all("Set-Cookie")))
        self.assertEqual(answer.json["operator"]["name"], "ada")
        # The link is used up: for a look, for a second operator, and for the same again.
        self.assertEqual(error_code(stranger.request("GET", f"setup?token={token}")), (404, "token_invalid"))
        self.assertEqual(error_code(stranger.request("POST", "setup/begin", dict(begin, name="eve"))),
                         (404, "token_invalid"))
        self.assertEqual(error_code(stranger.request("POST", "setup/finish", dict(finish, code=totp(secret, 1)))),
                         (404, "token_invalid"))

    def log_in(self, kontor, name, password, code):
        return Admin(kontor).request("POST", "login", {"name": name, "password": password, "code": code})

    def check_login(self, kontor):
        secret = self.admin.totp_secret
        # A code works once; the next one is good at once, since a clock may be a little ahead.
        fresh = totp(secret, 1)
        answer = self.log_in(kontor, "ada", PASSWORD, fresh)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(error_code(self.log_in(kontor, "ada", PASSWORD, fresh)), (401, "login_failed"))
        # CSRF: what changes something needs the token of its own session.
        body = {"name": "Shop", "fee_bps": 0, "fee_fixed": 0, "settlement_delay_days": 0, "country": "DE",
                "default_currency": "eur"}
        for header in ("", "0" * 64, answer.json["csrf"]):
            refused = self.admin.request("POST", "merchants", body, {"X-CSRF-Token": header})
            self.assertEqual(refused.status, 403, header)
        self.assertEqual(self.admin.request("POST", "merchants", body).status, 200)
        # Logged out is logged out, also for a copy of the cookie.
        second = Admin(kontor)
        second.cookie, second.csrf = answer.headers.get_all("Set-Cookie")[0].split("=", 1)[1].split(";")[0], answer.json["csrf"]
        copy = second.cookie
        self.assertEqual(second.request("GET", "session").status, 200)
        self.assertEqual(second.request("POST", "logout", {}).status, 200)
        second.cookie = copy
        self.assertEqual(second.request("GET", "session").status, 401)
        self.assertEqual(self.admin.request("GET", "session").status, 200)  # the other session lives

    def check_strangers(self, kontor):
        # A name that is there and one that is not, a wrong password and a wrong code: the same to the last byte, also
        # once it is too soon for another try.
        known, unknown = ([self.log_in(kontor, name, password, "000000") for password in
                           [PASSWORD] + ["wrong horse battery"] * (FREE_TRIES + 2)] for name in ("ada", "nobody"))
        for one, other in zip(known, unknown):
            self.assertEqual((one.status, one.body), (401, known[0].body))
            self.assertEqual((other.status, other.body), (401, known[0].body))
            self.assertEqual(one.headers.keys(), other.headers.keys())
            self.assertGreaterEqual(int(one.headers["Retry-After"]), 1)
        # Who is in stays in. (tests/unit/admin/login_test.cc has the rest, with a clock of its own.)
        self.assertEqual(self.admin.get("session")["operator"]["name"], "ada")


class Stream:
    """Server-sent events of one page, read by a thread."""

    def __init__(self, admin):
        self.events, self.errors = [], []
        api = admin.kontor.api()
        api.raw("GET", "/livez")  # opens the connection
        self.connection = api.connection
        self.connection.sock.settimeout(30 * SLOW)
        self.connection.request("GET", "/admin/api/test/stream", headers={"Cookie": f"kontor_session={admin.cookie}"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def close(self):
        """Its reader ends before the connection is closed under it."""
        self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.connection.close()

    def read(self):
        name = None
        try:
            while line := self.response.readline().decode():
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line[6:]), time.monotonic()))
        except (OSError, ValueError) as error:
            self.errors.append(error)

    def of(self, name):
        return [data for kind, data, _ in self.events if kind == name]


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.kontor = cls.enterClassContext(Kontor.dev(f"{folder}/data", "--set", "store.checkpoint_interval_s=1"))
        cls.api = cls.kontor.api()
        cls.admin = Admin(cls.kontor).set_up()

    def totals(self, currency="eur"):
        empty = {"volume": 0, "payments": 0, "succeeded": 0, "failed": 0, "success_rate_bp": None}
        return next((t for t in self.admin.get("home")["totals"] if t["currency"] == currency), empty)

    def rows(self, **filters):
        return self.admin.get("payments?" + urllib.parse.urlencode(filters))["data"]

    def known(self, *payments):
        """Waits until the reports have them."""
        until(lambda: all(self.rows(q=payment) for payment in payments), what="the reports' catching up")

    def settled(self):
        """Waits until the reports stand for all that was applied: other tests' payments included."""
        def is_settled():
            metrics = self.kontor.metrics()
            return metrics["kontor_projection_log_index"] == metrics["kontor_log_applied_index"]
        until(is_settled, what="the reports' catching up")

    def test_home_counts_today(self):
        self.settled()
        before = self.totals()
        payments = [self.api.pay(1200)["id"], self.api.pay(800)["id"]]
        declined = self.api.request("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur", "confirm": True,
                                                                   "payment_method": "pm_card_chargeDeclined"})
        self.assertEqual(declined.status, 402)
        self.settled()  # the counts are of a report of their own: that the list has a payment says nothing of them
        after = self.totals()
        self.assertEqual({key: after[key] - before[key] for key in ("volume", "payments", "succeeded", "failed")},
                         {"volume": 2000, "payments": 3, "succeeded": 2, "failed": 1})
        self.assertEqual(after["success_rate_bp"], after["succeeded"] * 10_000 // (after["succeeded"] + after["failed"]))
        home = self.admin.get("home")
        for part in ("hours", "days"):
            self.assertEqual(sum(b["volume"] for b in home[part] if b["currency"] == "eur"), after["volume"])
        self.assertEqual(home["node"]["role"], "leader")
        self.assertEqual(self.admin.get("live/home")["totals"], [])

    def test_the_cache_is_used_once_rows_have_left_the_memtable(self):
        def hits():
            self.api.pay(100)  # its key, its merchant
            cache = self.admin.get("home")["node"]["cache"]
            return cache["hits"] and cache
        cache = until(hits, what="a hit of the cache")
        self.assertGreater(cache["rows"], 0)
        self.assertLess(cache["bytes"], cache["limit_bytes"])
        figures = self.kontor.metrics()
        hits = figures["kontor_cache_hits_total"] + figures["kontor_accounts_in_memory_hits_total"]
        self.assertGreaterEqual(hits, cache["hits"])
        self.assertGreater(figures["kontor_cache_hit_ratio"], 0)

    def test_payments_filters_and_pages(self):
        customer = self.api.customer(100_000, name="Zuzana Cursor", email="zuzana@example.com")
        made = [self.api.pay(5000 + n, customer, "pm_wallet", description=f"Order {n}", metadata={"sku": f"QX{n}"})["id"]
                for n in range(12)]
        held = self.api.pay(7777, customer, "pm_wallet", capture_method="manual")["id"]
        self.known(*made, held)
        newest_first = [held] + made[::-1]
        self.assertEqual([row["id"] for row in self.rows(customer=customer)], newest_first)
        self.assertEqual([row["id"] for row in self.rows(customer=customer, status="requires_capture")], [held])
        self.assertEqual([row["id"] for row in self.rows(customer=customer, status="requires_capture,succeeded")],
                         newest_first)
        self.assertEqual([row["id"] for row in self.rows(customer=customer, amount_gte=5003, amount_lte=5004)],
                         [made[4], made[3]])
        self.assertEqual(self.rows(customer=customer, currency="usd"), [])
        self.assertEqual(self.admin.get(f"live/payments?customer={customer}")["data"], [])
        for text, expected in (("Order 11", [made[11]]), ("QX7", [made[7]]), (made[5], [made[5]]),
                               ("Zuzana", newest_first), ("zuzana@ex", newest_first), ("no such thing", [])):
            self.assertEqual([row["id"] for row in self.rows(customer=customer, q=text)], expected, text)
        row = self.rows(q=made[3])[0]
        self.assertEqual((row["amount"], row["currency"], row["status"], row["method"], row["customer"],
                          row["customer_name"], row["description"]),
                         (5003, "eur", "succeeded", "wallet", customer, "Zuzana Cursor", "Order 3"))
        created = row["created_ms"]
        self.assertEqual(self.rows(customer=customer, created_gte=created + 3_600_000), [])
        self.assertNotIn(made[3], [r["id"] for r in self.rows(customer=customer, created_lt=created)])

        seen, cursor, pages = [], None, 0
        while True:
            query = f"payments?customer={customer}&limit=5" + (f"&cursor={cursor}" if cursor else "")
            page = self.admin.get(query)
            seen += [row["id"] for row in page["data"]]
            self.assertLessEqual(len(page["data"]), 5)
            if pages == 0:  # one that comes in between changes no page
                extra = self.api.pay(9000, customer, "pm_wallet")["id"]
                self.known(extra)
            pages, cursor = pages + 1, page["next_cursor"]
            if cursor is None:
                break
        self.assertEqual((seen, pages), (newest_first, 3))
        for query in ("limit=0", "limit=101", "limit=x", "cursor=nonsense", "mode=live",
                      "created_gte=yesterday", "amount_gte=x"):
            self.assertEqual(self.admin.request("GET", f"payments?{query}").status, 400, query)

    def test_a_payments_page(self):
        customer = self.api.customer(10_000, name="Page")
        held = self.api.pay(5000, customer, "pm_wallet", capture_method="manual")["id"]
        page = self.admin.payment(held)
        self.assertEqual([leg["state"] for leg in page["legs"]], ["pending"])
        self.api.post(f"/v1/payment_intents/{held}/capture", {"amount_to_capture": 4000})
        self.api.post("/v1/refunds", {"payment_intent": held, "amount": 1500})
        self.known(held)
        page = self.admin.payment(held)
        self.assertEqual((page["payment"]["id"], page["payment"]["amount_received"]), (held, 4000))
        self.assertEqual([charge["amount_refunded"] for charge in page["charges"]], [1500])
        self.assertEqual([refund["amount"] for refund in page["refunds"]], [1500])
        # Debit equals credit in each leg by its shape; together they say where the money is now.
        balance = {}
        for leg in page["legs"]:
            self.assertEqual((leg["state"], leg["currency"]), ("posted", "eur"))
            balance[leg["debit"]["kind"]] = balance.get(leg["debit"]["kind"], 0) - leg["amount"]
            balance[leg["credit"]["kind"]] = balance.get(leg["credit"]["kind"], 0) + leg["amount"]
        self.assertEqual(sum(balance.values()), 0)
        self.assertEqual(balance["customer_wallet"], -2500)
        self.assertEqual(balance["merchant_available"] + balance["merchant_pending"], 2500)
        types = [event["type"] for event in page["events"]]
        for wanted in ("payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded",
                       "charge.refunded", "refund.created"):
            self.assertIn(wanted, types)
        delivered = until(lambda: [d for d in self.admin.payment(held)["webhooks"]
                                   if d["event_type"] == "payment_intent.succeeded" and d["state"] == "delivered"],
                          what="the delivery")
        self.assertEqual([attempt["http_status"] for attempt in delivered[0]["attempts"]], [200])
        self.assertEqual(error_code(self.admin.request("GET", "payments/pi_000000000000")), (404, "not_found"))

    def test_a_cancelled_reservation_shows_as_voided(self):
        customer = self.api.customer(1_000)
        held = self.api.pay(700, customer, "pm_wallet", capture_method="manual")["id"]
        self.api.post(f"/v1/payment_intents/{held}/cancel")
        self.assertEqual([leg["state"] for leg in self.admin.payment(held)["legs"]], ["voided"])

    def test_live_events(self):
        stream = Stream(self.admin)
        first = until(lambda: stream.of("home"), what="the first home event")
        paid = self.api.pay(4711)["id"]
        row = until(lambda: [row for row in stream.of("payment") if row["id"] == paid and row["status"] == "succeeded"],
                    what="the payment's event")[-1]
        self.assertEqual(row["amount"], 4711)

        def volume(home):
            return sum(total["volume"] for total in home["totals"] if total["currency"] == "eur")
        until(lambda: volume(stream.of("home")[-1]) >= volume(first[0]) + 4711, what="home's new volume")
        for _ in range(30):
            self.api.pay(100)
        until(lambda: len([r for r in stream.of("payment") if r["amount"] == 100 and r["status"] == "succeeded"]) >= 30,
              what="all payments' events")
        times = [at for kind, _, at in stream.events if kind == "home"]
        gaps = [later - earlier for earlier, later in zip(times[1:], times[2:])]
        self.assertTrue(all(gap > 0.7 for gap in gaps), f"home comes at most once a second: {gaps}")
        # A session that ends takes its streams with it.
        second = Admin(self.kontor)
        answer = second.request("POST", "login", {"name": "ada", "password": PASSWORD,
                                                  "code": totp(self.admin.totp_secret, 1)})
        self.assertEqual(answer.status, 200, answer)
        second.csrf = answer.json["csrf"]
        own = Stream(second)
        second.post("logout")
        own.thread.join(20 * SLOW)
        self.assertFalse(own.thread.is_alive(), "the stream outlives its session")
        self.assertTrue(stream.thread.is_alive())

    def test_merchants_and_keys(self):
        merchant, key = self.admin.merchant_key("Fees", fee_bps=250, fee_fixed=30, settlement_delay_days=2)
        row = [m for m in self.admin.get("merchants")["data"] if m["id"] == merchant][0]
        self.assertEqual((row["name"], row["fee_bps"], row["fee_fixed"], row["settlement_delay_days"]),
                         ("Fees", 250, 30, 2))
        api = self.kontor.api(key)
        api.pay(10_000)
        (entry,) = api.all("/v1/balance_transactions")
        self.assertEqual((entry["amount"], entry["fee"], entry["net"], entry["status"]), (10_000, 280, 9_720, "pending"))
        self.assertEqual(api.balance(), 9_720)
        for body in ({"name": ""}, {"name": "x", "fee_bps": 10_001}, {"name": "x", "fee_bps": -1},
                     {"name": "x", "settlement_delay_days": 366}, {"name": 5}):
            self.assertIn(self.admin.request("POST", "merchants", body).status, (400, 422), body)


if __name__ == "__main__":
    kontor_process.main()
