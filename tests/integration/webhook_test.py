#!/usr/bin/env python3
"""Webhooks of the real binary: retried with back-off until delivered, signed, and no receiver holds up another."""
import collections
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time
import unittest

import kontor_process
from kontor_process import Admin, Kontor, allow, temporary_folder, until

FIRST_BACK_OFF_S = 5
TOLERANCE_S = 300
PLACES = 256  # deliveries under way, of all merchants
ENDPOINTS = 16  # a merchant may have, in a mode
PER_ENDPOINT = 8  # deliveries under way to one receiver


class Receiver:
    """A merchant's HTTP server. `reply(number of the delivery)` gives a status, or does something else and None.

    What comes to /hang… is read, and never answered.
    """

    def __init__(self, reply=lambda number: 200, port=0):
        self.deliveries, self.lock, self.reply = [], threading.Lock(), reply
        self.now = self.most = 0
        self.over, self.hanging = threading.Event(), 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.startswith("/hang"):
                    with receiver.lock:
                        receiver.hanging += 1
                    receiver.over.wait(120)
                    self.close_connection = True
                    return
                with receiver.lock:
                    receiver.deliveries.append((time.monotonic(), dict(self.headers), body))
                    number = len(receiver.deliveries)
                    receiver.now += 1
                    receiver.most = max(receiver.most, receiver.now)
                try:
                    status = receiver.reply(number)
                finally:
                    with receiver.lock:
                        receiver.now -= 1
                if status is None:
                    self.close_connection = True
                    return
                try:
                    self.send_response(status)
                    if status == 302:
                        self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):  # a sender that was killed
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hooks"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def events(self):
        with self.lock:
            return [json.loads(body) for _, _, body in self.deliveries]

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class RawReceiver:
    """Answers every request with the same bytes, and closes."""

    def __init__(self, answer):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/hooks"
        self.answer = answer
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(10)
                    head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
                    (length,) = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                                 if line.startswith(b"content-length:")]
                    while len(body) < length:
                        body += connection.recv(65536)
                    connection.sendall(self.answer)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def signature_holds(header, body, secret, now=None):
    """As the official libraries check it."""
    parts = [part.partition("=")[::2] for part in header.split(",")]
    stamp = next(value for name, value in parts if name == "t")
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    fresh = abs((time.time() if now is None else now) - int(stamp)) <= TOLERANCE_S
    return fresh and any(hmac.compare_digest(value, expected) for name, value in parts if name == "v1")


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.kontor = cls.enterClassContext(Kontor.dev(f"{folder}/data", "--set", "webhooks.allow_http=true",
                                                      "--set", "webhooks.timeout_s=2"))
        cls.api = cls.kontor.api()
        for endpoint in cls.api.all("/v1/webhook_endpoints"):  # the embedded receiver's
            cls.api.request("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
        cls.admin = Admin(cls.kontor).set_up()

    def tearDown(self):
        for endpoint in self.api.all("/v1/webhook_endpoints"):
            self.api.request("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")

    def endpoint(self, url, *types):
        return self.api.post("/v1/webhook_endpoints", {"url": url, "enabled_events": types or ["*"]})

    def attempts(self, payment, event_type="payment_intent.succeeded", endpoint=None):
        """What the payment's page says about the delivery of one of its events."""
        (delivery,) = [d for d in self.admin.payment(payment)["webhooks"]
                       if d["event_type"] == event_type and endpoint in (None, d["endpoint"])]
        return delivery

    def test_a_receiver_that_is_down_gets_it_when_it_is_up(self):
        with Receiver() as gone:
            port = gone.port
        self.endpoint(f"http://127.0.0.1:{port}/hooks", "payment_intent.succeeded")
        payment = self.api.pay(1500)["id"]
        failed = until(lambda: self.attempts(payment)["attempts"], what="the first attempt")
        self.assertNotEqual(failed[0]["error"], "")
        self.assertEqual(self.attempts(payment)["state"], "pending")
        event = [e for e in self.api.all("/v1/events", {"type": "payment_intent.succeeded"})
                 if e["data"]["object"]["id"] == payment][0]
        self.assertEqual(event["pending_webhooks"], 1)
        with Receiver(port=port) as receiver:
            until(lambda: receiver.deliveries, what="the second attempt")
            self.assertEqual(receiver.events()[0]["id"], event["id"])
            delivered = until(lambda: self.attempts(payment)["state"] == "delivered" and self.attempts(payment))
            first, second = delivered["attempts"]
            self.assertEqual(second["http_status"], 200)
            self.assertGreaterEqual(second["time_ms"] - first["time_ms"], FIRST_BACK_OFF_S * 1000)
            self.assertEqual(self.api.get(f"/v1/events/{event['id']}")["pending_webhooks"], 0)
        self.assertEqual(len(receiver.deliveries), 1)

    def test_an_error_is_retried_with_the_same_event_and_a_new_signature(self):
        with Receiver(lambda number: 500 if number == 1 else 204) as receiver:
            secret = self.endpoint(receiver.url, "payment_intent.succeeded")["secret"]
            payment = self.api.pay(1600)["id"]
            until(lambda: len(receiver.deliveries) == 2, what="a second attempt")
            (_, first_headers, first), (_, second_headers, second) = receiver.deliveries
            self.assertEqual(first, second)
            self.assertTrue(signature_holds(first_headers["Stripe-Signature"], first, secret))
            self.assertTrue(signature_holds(second_headers["Stripe-Signature"], second, secret))
            self.assertNotEqual(first_headers["Stripe-Signature"], second_headers["Stripe-Signature"])
            delivered = until(lambda: self.attempts(payment)["state"] == "delivered" and self.attempts(payment))
            self.assertEqual([a["http_status"] for a in delivered["attempts"]], [500, 204])

    def test_a_signature_holds_for_its_body_its_secret_and_its_time(self):
        with Receiver() as receiver:
            secret = self.endpoint(receiver.url, "payment_intent.succeeded")["secret"]
            other = self.endpoint(receiver.url, "charge.refunded")["secret"]
            self.api.pay(1700)
            _, headers, body = until(lambda: receiver.deliveries, what="a delivery")[0]
            header = headers["Stripe-Signature"]
            self.assertTrue(signature_holds(header, body, secret))
            self.assertFalse(signature_holds(header, body + b" ", secret))
            self.assertFalse(signature_holds(header, body, other))
            self.assertFalse(signature_holds(header, body, secret, now=time.time() + TOLERANCE_S + 60))
            self.assertTrue(headers["Content-Type"].startswith("application/json"))

    def test_every_event_arrives_whatever_the_order(self):
        with Receiver(lambda number: 503 if number % 7 == 3 else 200) as receiver:
            secret = self.endpoint(receiver.url)["secret"]
            customer = self.api.customer(50_000)
            payments = [self.api.pay(100 + n, customer, "pm_wallet" if n % 2 else "pm_card_visa")["id"] for n in range(20)]
            for payment in payments[:10]:
                self.api.post("/v1/refunds", {"payment_intent": payment, "amount": 50})
            known = {event["id"]: event for event in self.api.all("/v1/events", {"limit": 100})}
            mine = {i for i, event in known.items() if event["data"]["object"].get("customer") == customer
                    or event["data"]["object"]["id"] == customer}
            until(lambda: mine <= {event["id"] for event in receiver.events()}, what="every event")

            def came_again():
                return any(count > 1 for count in collections.Counter(e["id"] for e in receiver.events()).values())
            until(came_again, what="a second delivery of what got a 503")
            for _, headers, body in receiver.deliveries:
                self.assertTrue(signature_holds(headers["Stripe-Signature"], body, secret))
            sent = {event["id"]: event for event in receiver.events()}
            for key in mine:
                self.assertEqual(dict(sent[key], pending_webhooks=0), dict(known[key], pending_webhooks=0))
            succeeded = [e["data"]["object"]["id"] for e in sent.values() if e["type"] == "payment_intent.succeeded"]
            self.assertEqual(collections.Counter(succeeded), collections.Counter(payments))

    def test_a_slow_receiver_holds_up_nobody(self):
        release = threading.Event()
        with Receiver(lambda number: release.wait(60) and 200) as slow, Receiver() as quick:
            self.endpoint(slow.url, "payment_intent.succeeded")
            self.endpoint(quick.url, "payment_intent.succeeded")
            payments = {self.api.pay(200 + n)["id"] for n in range(40)}
            until(lambda: payments <= {e["data"]["object"]["id"] for e in quick.events()}, what="the quick one's events")
            self.assertFalse(release.is_set())
            self.assertGreater(slow.most, 0)
            self.assertLessEqual(slow.most, PER_ENDPOINT)
            release.set()

    def test_a_merchant_whose_receivers_never_answer_holds_up_nobody(self):
        """All endpoints that one merchant may have accept and stay silent, with a backlog; the other's come at once."""
        silent = threading.Event()
        self.addCleanup(silent.set)
        _, key = self.admin.merchant_key("Silent")
        other = self.kontor.api(key)
        with Receiver(lambda number: silent.wait(60) and 200) as deaf, Receiver() as quick:
            for _ in range(ENDPOINTS):
                other.post("/v1/webhook_endpoints", {"url": deaf.url, "enabled_events": ["customer.created"]})
            for n in range(30):
                other.post("/v1/customers", {"name": f"n{n}"})
            until(lambda: deaf.most >= ENDPOINTS, what="many deliveries under way")
            self.endpoint(quick.url, "payment_intent.succeeded")
            for n in range(5):
                started, before = time.monotonic(), len(quick.deliveries)
                self.api.pay(300 + n)
                until(lambda b=before: len(quick.deliveries) > b, what="the neighbour's webhook")
                self.assertLess(time.monotonic() - started, allow(5), "a neighbour's silent receivers hold a delivery up")
            self.assertLessEqual(deaf.most, PLACES // 2)
            for endpoint in other.all("/v1/webhook_endpoints"):
                other.request("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")

    def test_what_follows_a_2xx_head_changes_nothing(self):
        answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", b"HTTP/1.0 200\n\n" + b"x" * 200_000,
                   b"HTTP/1.1 204 No Content\r\nX: folded\r\n value\r\nOdd\xff Name: y\r\n\r\n",
                   b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nzz"]
        for answer in answers:
            with self.subTest(answer=answer[:40]), RawReceiver(answer) as receiver:
                endpoint = self.endpoint(receiver.url, "payment_intent.succeeded")["id"]
                payment = self.api.pay(950)["id"]
                until(lambda p=payment, e=endpoint: self.attempts(p, endpoint=e)["state"] == "delivered",
                      what="a delivery that counts")
                self.assertEqual(len(self.attempts(payment, endpoint=endpoint)["attempts"]), 1)
                self.api.request("DELETE", f"/v1/webhook_endpoints/{endpoint}")

    def test_answers_that_are_none(self):
        """No answer in time, a connection that ends, a redirect: not delivered, and said why."""
        silent = threading.Event()
        self.addCleanup(silent.set)
        for reply, status in ((lambda number: silent.wait(60) and 200, 0), (lambda number: None, 0),
                              (lambda number: 302, 302), (lambda number: 404, 404)):
            with self.subTest(status=status), Receiver(reply) as receiver:
                endpoint = self.endpoint(receiver.url, "payment_intent.succeeded")["id"]
                payment = self.api.pay(900)["id"]
                attempt = until(lambda p=payment, e=endpoint: self.attempts(p, endpoint=e)["attempts"],
                                what="the attempt")[0]
                self.assertEqual(attempt["http_status"] or 0, status)
                self.assertEqual(attempt["error"] in (None, ""), status != 0)
                self.assertEqual(self.attempts(payment, endpoint=endpoint)["state"], "pending")
                self.assertEqual(len(receiver.deliveries), 1, "a redirect is not followed")
                self.api.request("DELETE", f"/v1/webhook_endpoints/{endpoint}")

    def test_disabled_and_deleted_endpoints_get_nothing(self):
        with Receiver() as receiver, Receiver() as witness:
            disabled = self.endpoint(receiver.url, "payment_intent.succeeded")["id"]
            self.api.post(f"/v1/webhook_endpoints/{disabled}", {"disabled": True})
            deleted = self.endpoint(receiver.url, "payment_intent.succeeded")["id"]
            self.assertEqual(self.api.request("DELETE", f"/v1/webhook_endpoints/{deleted}").status, 200)
            self.endpoint(witness.url, "payment_intent.succeeded")
            self.api.pay(1000)
            until(lambda: witness.deliveries, what="the witness's delivery")
            self.assertEqual(receiver.deliveries, [])
            self.api.post(f"/v1/webhook_endpoints/{disabled}", {"disabled": False})
            self.api.pay(1001)
            until(lambda: receiver.deliveries, what="a delivery after it was enabled")


class Neighbours(unittest.TestCase):
    """One merchant's receivers never answer, with the usual time-out; the other's answers at once."""

    def test_nobody_waits_for_another_merchants_receivers(self):
        with temporary_folder() as folder, Receiver() as one, Receiver() as another, \
                Kontor.dev(f"{folder}/data", "--set", "webhooks.allow_http=true") as kontor:
            api = kontor.api()
            for endpoint in api.all("/v1/webhook_endpoints"):
                api.request("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
            hanging = kontor.api(Admin(kontor).set_up().merchant_key("Hanging")[1])
            for n in range(ENDPOINTS - 1):
                hanging.post("/v1/webhook_endpoints", {"url": f"http://127.0.0.1:{one.port}/hang{n}",
                                                       "enabled_events": ["*"]})
            for receiver in (another, one):  # of its own, and then at the same host
                endpoint = api.post("/v1/webhook_endpoints", {"url": receiver.url,
                                                              "enabled_events": ["payment_intent.succeeded"]})
                for n in range(5):
                    for _ in range(6):
                        hanging.pay(700)
                    started = time.monotonic()
                    api.pay(700)
                    until(lambda r=receiver, n=n: len(r.deliveries) > n, what="the neighbour's webhook")
                    self.assertLess(time.monotonic() - started, allow(5), f"hanging receivers hold round {n} up")
                api.request("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
            self.assertGreater(one.hanging, ENDPOINTS)


class Restart(unittest.TestCase):
    def test_what_was_not_delivered_is_delivered_after_a_kill(self):
        with temporary_folder() as folder:
            settings = ["--set", "webhooks.allow_http=true"]
            with Receiver() as gone:
                port = gone.port
            with Kontor.dev(f"{folder}/data", *settings) as kontor:
                api = kontor.api()
                api.post("/v1/webhook_endpoints", {"url": f"http://127.0.0.1:{port}/", "enabled_events": ["charge.succeeded"]})
                payments = {api.pay(300 + n)["id"] for n in range(10)}
                kontor.kill()
            with Receiver(port=port) as receiver, Kontor.dev(f"{folder}/data", *settings):
                until(lambda: payments <= {e["data"]["object"]["payment_intent"] for e in receiver.events()},
                      what="deliveries after the kill")


class Addresses(unittest.TestCase):
    def test_private_addresses_and_plain_http_only_when_allowed(self):
        allowed = ("--set", "webhooks.allow_http=true")
        for setting in ("webhooks.allow_private_addresses=false", "webhooks.allow_http=false"):
            with self.subTest(setting=setting), temporary_folder() as folder, Receiver() as receiver:
                endpoint = {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
                with Kontor.dev(f"{folder}/data", *allowed) as kontor:
                    api, admin = kontor.api(), Admin(kontor).set_up()
                    api.post("/v1/webhook_endpoints", endpoint)
                    self.assertEqual(self.attempt(api, admin, receiver)["http_status"], 200)
                    self.assertEqual(kontor.stop(), 0)
                # One that was allowed before is not reached any more, and a new one is refused at once.
                with Kontor.dev(f"{folder}/data", *allowed, "--set", setting) as kontor:
                    api, again = kontor.api(), Admin(kontor)
                    again.cookie, again.csrf = admin.cookie, admin.csrf
                    refused = api.request("POST", "/v1/webhook_endpoints", endpoint)
                    self.assertEqual((refused.status, refused.json["error"]["param"]), (400, "url"), refused.text)
                    self.assertIn(setting.split("=", maxsplit=1)[0], refused.text)
                    self.assertNotEqual(self.attempt(api, again, receiver)["http_status"], 200)
                    self.assertEqual(len(receiver.deliveries), 1)

    @staticmethod
    def attempt(api, admin, receiver):
        payment = api.pay(100)["id"]

        def attempted():
            found = [d for d in admin.payment(payment)["webhooks"] if d["url"] == receiver.url]
            return found and found[0]["attempts"]
        return until(attempted, what="the attempt")[0]


if __name__ == "__main__":
    kontor_process.main()
