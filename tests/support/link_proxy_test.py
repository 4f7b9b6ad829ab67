#!/usr/bin/env python3
"""The proxy does to a link what its text says: otherwise the tests that use it prove nothing."""
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "link_proxy.py")


class Echo:
    """Echoes every connection, or only counts when `sink`."""

    def __init__(self, sink=False):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port, self.sink, self.received = self.server.getsockname()[1], sink, 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            while data := connection.recv(65536):
                self.received += len(data)
                if not self.sink:
                    connection.sendall(data)
        except OSError:
            pass
        connection.close()


class Link:
    def __init__(self, port, *options):
        self.process = subprocess.Popen([sys.executable, "-B", PROXY, "--to", f"127.0.0.1:{port}", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


def ask(connection, text, seconds=10.0):
    """What comes back, or None when nothing does in time."""
    connection.settimeout(seconds)
    connection.sendall(text)
    try:
        return connection.recv(65536)
    except TimeoutError:
        return None


class LinkProxyTest(unittest.TestCase):
    def setUp(self):
        self.echo = Echo()
        self.links = []

    def tearDown(self):
        for link in self.links:
            self.assertEqual(link.end(), 0)
        self.echo.server.close()

    def link(self, *options, echo=None):
        self.links.append(Link((echo or self.echo).port, *options))
        return self.links[-1]

    def test_passes_on_and_latency(self):
        link = self.link("--latency-ms", "100")
        with link.connect() as connection:
            started = time.monotonic()
            self.assertEqual(ask(connection, b"hello"), b"hello")
            self.assertGreater(time.monotonic() - started, 0.19)
            self.assertIn("ok", link.tell("latency-ms 0"))
            took = []
            for _ in range(5):  # the quickest counts: the others may have waited for a processor
                started = time.monotonic()
                self.assertEqual(ask(connection, b"again"), b"again")
                took.append(time.monotonic() - started)
            self.assertLess(min(took), 0.15)

    def test_rate_is_shared(self):
        sink = Echo(sink=True)
        link = self.link("--rate", "250000", echo=sink)
        started = time.monotonic()
        connections = [link.connect() for _ in range(2)]
        senders = [threading.Thread(target=one.sendall, args=(b"x" * 250000,)) for one in connections]
        for sender in senders:
            sender.start()
        while sink.received < 500000 and time.monotonic() - started < 20:
            time.sleep(0.01)
        took = time.monotonic() - started
        self.assertGreater(took, 1.7)
        self.assertLess(took, 18)
        self.assertEqual(sink.received, 500000)
        for sender in senders:
            sender.join()
        for connection in connections:
            connection.close()
        sink.server.close()

    def test_full_speed(self):
        sink = Echo(sink=True)
        link = self.link(echo=sink)
        started = time.monotonic()
        with link.connect() as connection:
            connection.sendall(b"x" * 40_000_000)
            while sink.received < 40_000_000 and time.monotonic() - started < 30:
                time.sleep(0.005)
        self.assertGreater(40 / (time.monotonic() - started), 5)  # MB/s, on any machine
        sink.server.close()

    def test_cut_and_heal(self):
        link = self.link()
        with link.connect() as quiet, link.connect() as busy:
            self.assertEqual(ask(quiet, b"1"), b"1")
            self.assertEqual(ask(busy, b"1"), b"1")
            link.tell("cut")
            self.assertIsNone(ask(busy, b"lost", 0.3))
            with link.connect() as late:
                self.assertIsNone(ask(late, b"waits", 0.3))
                link.tell("heal")
                self.assertEqual(ask(late, b"", 5), b"waits")
            with self.assertRaises(OSError):  # bytes of it are missing
                ask(busy, b"2")
                ask(busy, b"3")
            self.assertEqual(ask(quiet, b"2"), b"2")

    def test_cut_in_one_direction(self):
        link = self.link()
        for command, arrives in (("cut-forward", False), ("cut-backward", True)):
            with link.connect() as connection:
                self.assertEqual(ask(connection, b"1"), b"1")
                before = self.echo.received
                link.tell(command)
                self.assertIsNone(ask(connection, b"22", 0.3))
                self.assertEqual(self.echo.received - before, 2 if arrives else 0)
                link.tell("heal")

    def test_drop_and_nonsense(self):
        link = self.link()
        with link.connect() as connection:
            self.assertEqual(ask(connection, b"1"), b"1")
            self.assertIn("error", link.tell("fly"))
            self.assertIn("error", link.tell("rate much"))
            link.tell("drop")
            with self.assertRaises(OSError):
                if ask(connection, b"2") == b"":
                    raise OSError("end")
        with link.connect() as connection:
            self.assertEqual(ask(connection, b"3"), b"3")
        self.assertEqual(link.tell("stats")["accepted"], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
