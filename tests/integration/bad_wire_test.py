#!/usr/bin/env python3
"""Malformed TLS and HTTP, too large, too slow, too many: a clear status and a clean close, and the process goes on."""
import concurrent.futures
import contextlib
import os
import random
import socket
import ssl
import struct
import time
import unittest
import warnings

import kontor_process
from kontor_process import SLOW, Kontor, allow, seed, temporary_folder, until

BODY_LIMIT = 64 << 10
HEAD_LIMIT = 16 << 10
TARGET_LIMIT = 8 << 10
MAX_CONNECTIONS = 60
SETTINGS = ["--set", "https.header_timeout_s=1", "--set", "https.idle_timeout_s=4", "--set",
            f"https.max_connections={MAX_CONNECTIONS}", "--set",
            f"https.max_connections_per_address={MAX_CONNECTIONS}", "--set", f"https.max_body_kib={BODY_LIMIT >> 10}"]
HEADER_TIMEOUT_S, IDLE_TIMEOUT_S, BODY_TIMEOUT_S, HANDSHAKE_TIMEOUT_S = 1, 4, 30, 10
LATE_S = 3  # how late a limit may strike


class Wire:
    """A connection on which anything can be said."""

    def __init__(self, kontor, tls=True, context=None):
        self.socket = socket.create_connection(("127.0.0.1", kontor.port), timeout=40 * SLOW)
        if tls:
            try:
                self.socket = (context or kontor.context).wrap_socket(self.socket, server_hostname="127.0.0.1")
            except BaseException:
                self.socket.close()
                raise
        self.buffer = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:  # refused already: what it answered decides
            pass

    def _more(self):
        try:
            chunk = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            chunk = b""
        self.buffer += chunk
        return chunk != b""

    def answer(self):
        """(status, headers, body) of the next answer; None when the connection ended before one."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        while len(self.buffer) < length and self._more():
            pass
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(lines[0].split()[1]), headers, body.decode()

    def at_end(self):
        """True when the peer closes without another byte."""
        return not self._more() and self.buffer == b""

    def close(self):
        self.socket.close()

    def abort(self):
        """A reset instead of a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(method="GET", target="/livez", headers="", body=b""):
    if isinstance(body, str):
        body = body.encode()
    if body or method == "POST":
        headers += f"Content-Length: {len(body)}\r\n"
    return f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode() + body


class BadWire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.kontor = cls.enterClassContext(Kontor.dev(f"{folder}/data", *SETTINGS))
        cls.api = cls.kontor.api()
        cls.authorization = f"Authorization: Bearer {cls.kontor.ready['test_key']}\r\n"
        for endpoint in cls.api.all("/v1/webhook_endpoints"):  # deliveries keep sockets open: none while we count
            assert cls.api.request("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}").status == 200
        cls.api.pay(100)
        cls.payments = 1

    def tearDown(self):
        """After each test: nothing leaked, nothing changed, still serving."""
        self.api.close()
        until(lambda: self.kontor.metrics()["kontor_http_open_connections"] <= 1, what="closing of all connections")
        self.assertEqual(len(self.api.all("/v1/payment_intents")), self.payments)
        self.assertIsNone(self.kontor.process.poll(), self.kontor.story())

    def descriptors(self):
        """The sockets of the process: files come and go with reports and checkpoints."""
        folder, count = f"/proc/{self.kontor.pid}/fd", 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def assert_refused(self, data, status):
        with Wire(self.kontor) as wire:
            wire.send(data)
            answer = wire.answer()
            self.assertIsNotNone(answer, f"no answer to {data[:80]!r}")
            got, headers, body = answer
            self.assertEqual(got, status, body)
            self.assertIn('"error"', body)
            self.assertEqual(headers["connection"], "close")
            self.assertTrue(wire.at_end())

    def assert_no_fault(self, data, answer):
        """What a damaged request may be told. It may have become another request (`/` leads to the admin pages), so that
        any answer will do but the server's own fault."""
        self.assertIsNotNone(answer, f"no answer to {data!r}")
        status, _, body = answer
        self.assertTrue(200 <= status < 500 or status in (501, 505), f"{status} to {data!r}: {body}")

    def assert_accepted(self, data, status=200):
        with Wire(self.kontor) as wire:
            wire.send(data)
            answer = wire.answer()
            self.assertIsNotNone(answer, f"no answer to {data[:80]!r}")
            self.assertEqual(answer[0], status, answer[2])
            return answer

    # ---- TLS -----------------------------------------------------------------------------------------------------------
    def test_tls_versions(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            context = self.kontor.context
            context.minimum_version = context.maximum_version = version
            with Wire(self.kontor, context=context) as wire:
                self.assertEqual(wire.socket.version(), name)
                wire.send(request())
                self.assertEqual(wire.answer()[0], 200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                context = self.kontor.context
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = version
                with self.assertRaises(ssl.SSLError) as refused:
                    Wire(self.kontor, context=context)
                self.assertIn("ALERT_PROTOCOL_VERSION", str(refused.exception))  # it is the server that refuses

    def test_plain_http_is_told_what_is_spoken_here(self):
        with Wire(self.kontor, tls=False) as wire:
            wire.send(request())
            status, _, body = wire.answer()
            self.assertEqual(status, 400)
            self.assertIn("HTTPS", body)
            self.assertTrue(wire.at_end())

    def test_garbage_instead_of_a_handshake(self):
        generator = random.Random(seed())
        for size in (1, 5, 6, 100, 5000, 70_000):
            for data in (generator.randbytes(size), b"\x16\x03\x01" + generator.randbytes(size), b"\0" * size):
                with Wire(self.kontor, tls=False) as wire:
                    wire.send(data)
                    with contextlib.suppress(OSError):  # the server may have hung up already
                        wire.socket.shutdown(socket.SHUT_WR)
                    while wire._more():  # an alert at most, then the end
                        self.assertLess(len(wire.buffer), 1000)

    def test_handshakes_that_break_off(self):
        hello = ssl.MemoryBIO()
        tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        first_flight = hello.read()
        self.assertGreater(len(first_flight), 100)
        before = self.descriptors()
        for cut in range(0, len(first_flight), max(1, len(first_flight) // 60)):
            wire = Wire(self.kontor, tls=False)
            wire.send(first_flight[:cut])
            wire.abort() if cut % 2 else wire.close()
        until(lambda: self.descriptors() <= before, what="the closing of broken handshakes")

    def test_tls_that_turns_into_garbage(self):
        with Wire(self.kontor) as wire:
            raw = socket.socket(fileno=os.dup(wire.socket.fileno()))
            with raw:
                raw.sendall(b"garbage garbage garbage")
            try:
                self.assertEqual(wire.socket.recv(100), b"")
            except (ssl.SSLError, ConnectionError):
                pass

    # ---- HTTP ----------------------------------------------------------------------------------------------------------
    def test_what_is_no_http(self):
        for data, status in (
                (b"garbage\r\n\r\n", 400), (b"\0\1\2\3\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET / FTP/1.1\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nHost: x\n\n", 400), (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nBad Name: x\r\nHost: x\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 400),
                (b"GET relative HTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400), (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
                (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)):
            with self.subTest(data=data):
                self.assert_refused(data, status)

    def test_methods_and_paths_that_do_not_exist(self):
        self.assert_refused(request("BREW", "/v1/balance"), 501)
        self.assert_refused(request("TRACE", "/v1/balance"), 501)
        for method, target, status in (("PUT", "/v1/balance", 404), ("DELETE", "/v1/balance", 404),
                                       ("GET", "/v1/nonsense", 404), ("GET", "/nonsense", 404),
                                       ("GET", "/admin/api/nonsense", 401), ("GET", "/v1/../etc/passwd", 404),
                                       ("GET", "/%00", 404)):
            with self.subTest(method=method, target=target):
                answer = self.assert_accepted(request(method, target, self.authorization), status)
                self.assertIn('"error"', answer[2])
        for position in ("zzz", "-1", "9" * 500):
            answer = self.assert_accepted(
                request(target="/v1/balance", headers=f"{self.authorization}Kontor-Min-Index: {position}\r\n"), 400)
            self.assertIn('"param":"Kontor-Min-Index"', answer[2])
        for target in ("/admin/assets/../../../etc/passwd", "/admin/assets/%2e%2e/%2e%2e/secrets.key"):
            self.assert_accepted(request(target=target), 404)

    def test_nobody_smuggles_a_request(self):
        line = f"POST /v1/customers HTTP/1.1\r\nHost: x\r\n{self.authorization}".encode()
        for rest in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", b"Content-Length: -1\r\n\r\n",
                     b"Content-Length: 0x5\r\n\r\n", b"Content-Length: 99999999999999999999999\r\n\r\n",
                     b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
                     b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n"):
            with self.subTest(rest=rest):
                self.assert_refused(line + rest, 400)
        self.assertEqual(self.api.all("/v1/customers"), [])

    def test_http_1_0(self):
        with Wire(self.kontor) as wire:
            wire.send(b"GET /livez HTTP/1.0\r\n\r\n")
            status, _, body = wire.answer()
            self.assertEqual((status, body), (200, "ok\n"))
            self.assertTrue(wire.at_end())

    def test_pipelined_requests_are_answered_in_order(self):
        with Wire(self.kontor) as wire:
            wire.send(request() + request(target="/nonsense") + request(target="/v1/balance", headers=self.authorization)
                      + request(target="/readyz") + b"garbage\r\n\r\n")
            self.assertEqual([wire.answer()[0] for _ in range(5)], [200, 404, 200, 200, 400])
            self.assertTrue(wire.at_end())

    # ---- too large -----------------------------------------------------------------------------------------------------
    def test_head_at_its_limit_and_one_byte_above(self):
        frame = len(request(headers="X-Pad: \r\n"))
        self.assert_accepted(request(headers=f"X-Pad: {'p' * (HEAD_LIMIT - frame)}\r\n"))
        self.assert_refused(request(headers=f"X-Pad: {'p' * (HEAD_LIMIT - frame + 1)}\r\n"), 431)
        self.assert_refused(b"GET / HTTP/1.1\r\nX-Pad: " + b"p" * 100_000, 431)  # no end in sight

    def test_target_at_its_limit_and_one_byte_above(self):
        self.assert_accepted(request(target="/livez?" + "t" * (TARGET_LIMIT - 7)))
        self.assert_refused(request(target="/livez?" + "t" * (TARGET_LIMIT - 6)), 414)

    def test_body_at_its_limit_and_one_byte_above(self):
        form = self.authorization + "Content-Type: application/x-www-form-urlencoded\r\n"
        body = "description=" + "d" * (BODY_LIMIT - 12)
        answer = self.assert_accepted(request("POST", "/v1/customers", form, body), 400)
        self.assertIn('"param":"description"', answer[2])  # read whole, then refused for what it says
        self.assert_refused(request("POST", "/v1/customers", form, body + "d"), 413)
        self.assert_refused(request("POST", "/v1/customers", form, b"d" * (8 << 20)), 413)
        # No limit of a page that is not there.
        for target in ("/v1/nothing", "/nothing"):
            self.assert_refused(request("POST", target, form, b"d" * (8 << 20)), 404)
        chunked = (f"POST /v1/customers HTTP/1.1\r\nHost: x\r\n{form}Transfer-Encoding: chunked\r\n\r\n"
                   f"{len(body) + 1:x}\r\n{body}d\r\n0\r\n\r\n").encode()
        self.assert_refused(chunked, 413)
        self.assert_refused(chunked.split(b"\r\n\r\n")[0] + b"\r\n\r\nffffffffffffffff\r\n", 413)

    # ---- too slow ------------------------------------------------------------------------------------------------------
    def test_slow_handshake_head_body_and_silence(self):
        """All at once, since the slowest takes half a minute."""
        silent = Wire(self.kontor, tls=False)
        quiet = Wire(self.kontor)
        quiet.send(request())
        self.assertEqual(quiet.answer()[0], 200)
        head = Wire(self.kontor)
        head.send(b"GET /livez HTTP/1.1\r\nHost")
        body = Wire(self.kontor)
        body.send(f"POST /v1/customers HTTP/1.1\r\nHost: x\r\n{self.authorization}Content-Length: 10\r\n\r\nabc".encode())
        cases = ((silent, HANDSHAKE_TIMEOUT_S, None), (quiet, IDLE_TIMEOUT_S, None), (head, HEADER_TIMEOUT_S, 408),
                 (body, BODY_TIMEOUT_S, 408))
        started = time.monotonic()

        def end_of(wire, status):
            answer = wire.answer()
            closed = wire.at_end()
            return (answer and answer[0]) == status and closed, time.monotonic() - started
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            ends = [pool.submit(end_of, wire, status) for wire, _, status in cases]
            for (wire, limit_s, status), end in zip(cases, ends):
                as_expected, waited_s = end.result()
                self.assertTrue(as_expected, f"not ended with {status}")
                self.assertGreater(waited_s, limit_s * 0.7)
                self.assertLess(waited_s, limit_s + allow(LATE_S))
                wire.close()

    def test_a_request_that_drips_is_not_kept_alive_by_dripping(self):
        with Wire(self.kontor) as wire:
            started = time.monotonic()
            for byte in request(headers="X-Pad: " + "p" * 1000 + "\r\n"):
                wire.send(bytes([byte]))
                time.sleep(0.01)
                if time.monotonic() - started > HEADER_TIMEOUT_S + allow(LATE_S):
                    break
            status, _, _ = wire.answer()
            self.assertEqual(status, 408)

    # ---- too many, and rude --------------------------------------------------------------------------------------------
    def test_above_the_limit_the_connection_that_idles_longest_makes_room(self):
        self.api.close()
        until(lambda: self.kontor.metrics()["kontor_http_open_connections"] <= 1, what="closing of all connections")
        wires = []

        def let_in():
            try:
                return Wire(self.kontor)
            except OSError:
                return None
        try:
            for _ in range(MAX_CONNECTIONS):
                wires.append(until(let_in, what="a place"))
            for wire in wires:
                wire.send(request())
                self.assertEqual(wire.answer()[0], 200)
            wires.append(Wire(self.kontor))
            wires[-1].send(request())
            self.assertEqual(wires[-1].answer()[0], 200)
            self.assertEqual(self.kontor.metrics()["kontor_http_closed_for_room_total"] > 0, True)
            wires[-1].send(request())  # those who came last stay in
            self.assertEqual(wires[-1].answer()[0], 200)
        finally:
            for wire in wires:
                wire.close()

    def test_a_hundred_clients_leave_in_the_middle(self):
        before = self.descriptors()
        whole = request("POST", "/v1/payment_intents", self.authorization, "amount=100&currency=eur" + " " * 4000)
        for number in range(100):
            wire = Wire(self.kontor)
            wire.send(whole[:len(whole) * number // 100])
            wire.abort() if number % 2 else wire.close()
        until(lambda: self.descriptors() <= before, what="the closing of what was left")

    def test_clients_that_leave_before_the_answer_have_paid_once(self):
        body = "amount=777&currency=eur&payment_method=pm_card_visa&confirm=true"
        for number in range(20):
            wire = Wire(self.kontor)
            wire.send(request("POST", "/v1/payment_intents", self.authorization + f"Idempotency-Key: rude-{number}\r\n",
                              body))
            wire.abort() if number % 2 else wire.close()
        api = self.api
        for number in range(20):
            fields = dict(pair.split("=") for pair in body.split("&"))
            until(lambda n=number: api.request("POST", "/v1/payment_intents", fields, f"rude-{n}").status == 200,
                  what="the payment's end")
        type(self).payments += 20
        paid = [intent["status"] for intent in api.all("/v1/payment_intents") if intent["amount"] == 777]
        self.assertEqual(paid, ["succeeded"] * 20)

    def test_mutated_requests(self):
        generator = random.Random(seed())
        whole = request("POST", "/v1/payment_intents", self.authorization +
                        "Content-Type: application/x-www-form-urlencoded\r\n", "amount=none&currency=none&metadata[a]=b")
        statuses = set()
        for _ in range(250):
            data = bytearray(whole)
            for _ in range(generator.randrange(1, 4)):
                at = generator.randrange(len(data))
                kind = generator.randrange(3)
                if kind == 0:
                    data[at] = generator.randrange(256)
                elif kind == 1:
                    del data[at:at + generator.randrange(1, 20)]
                else:
                    data[at:at] = generator.randbytes(generator.randrange(1, 20))
            with Wire(self.kontor) as wire:
                wire.send(bytes(data))
                # A mutation may ask for more than was sent: leave, as a client would.
                wire.socket.settimeout(0.5 * SLOW)
                try:
                    answer = wire.answer()
                except TimeoutError:
                    continue
                self.assert_no_fault(data, answer)
                statuses.add(answer[0])
        self.assertIn(400, statuses)


if __name__ == "__main__":
    kontor_process.main()
