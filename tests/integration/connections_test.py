"""Sockets never kill the store, and one address never has all of them: with the descriptors of an ordinary shell,
with a thousand connections that send nothing, with half requests, and with strangers at the door."""
import contextlib
import resource
import socket
import ssl
import struct
import unittest

import kontor_process
from kontor_process import SLOW, Kontor, run, temporary_folder, until

STEADY = ["--set", "store.checkpoint_interval_s=1"]


def limited(descriptors, folder, *arguments, soft_only=False):
    """A node whose shell allows so many descriptors."""
    limit = f"ulimit {'-S ' if soft_only else ''}-n {descriptors}; exec \"$0\" \"$@\""
    return Kontor("-c", limit, kontor_process.BINARY, "dev", "--json", "--serve-only", "--port", "0", "--data", folder,
                  *STEADY, *arguments, binary="/bin/bash").wait_ready()


def descriptor_limits(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as lines:
        line = next(line for line in lines if line.startswith("Max open files"))
    return tuple(int(word) for word in line.split()[3:5])


class Crowd(contextlib.ExitStack):
    """Connections from one address that say `greeting`, after a handshake if `tls`, and then nothing more."""

    def __init__(self, kontor, count, address="127.0.0.1", tls=False, greeting=b""):
        super().__init__()
        self.sockets = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", kontor.port), timeout=30 * SLOW, source_address=(address, 0))
            if tls:
                one = kontor.context.wrap_socket(one, server_hostname="localhost")
            if greeting:
                one.sendall(greeting)
            self.sockets.append(self.enter_context(one))

    def alive(self):
        """How many of them the other side has not closed."""
        count = 0
        for one in self.sockets:
            one.setblocking(False)
            try:
                count += one.recv(1) != b""
            except (BlockingIOError, ssl.SSLWantReadError):
                count += 1
            except OSError:
                pass
        return count


def ask(kontor, path, address="127.0.0.1"):
    """The status of one GET over a connection of its own, from that address."""
    with socket.create_connection(("127.0.0.1", kontor.port), timeout=10 * SLOW, source_address=(address, 0)) as plain, \
            kontor.context.wrap_socket(plain, server_hostname="localhost") as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return int(wire.recv(64).split()[1])


class Connections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def setUp(self):
        self.folder = self.enterContext(temporary_folder())

    def start(self, *arguments, **options):
        return self.enterContext(limited(*arguments, f"{self.folder}/data", **options)
                                 if arguments else Kontor.dev(f"{self.folder}/data", *STEADY))

    def pay_and_checkpoint(self, kontor):
        """Payments and checkpoints go on, several of each."""
        def checkpoint():
            answer = kontor.api().request("GET", "/readyz?verbose").text
            return int(next(line.split()[1] for line in answer.splitlines() if line.startswith("checkpoint_index")))
        for _ in range(3):
            before = checkpoint()
            kontor.api().pay(100)
            until(lambda: checkpoint() > before, what="a checkpoint")
        self.assertIsNone(kontor.process.poll(), kontor.story())

    def test_a_thousand_idle_connections_and_the_hard_limit_of_a_shell(self):
        kontor = self.start(1024)
        self.assertEqual(descriptor_limits(kontor.pid), (1024, 1024))
        with Crowd(kontor, 350), Crowd(kontor, 350, "127.0.0.2"), Crowd(kontor, 350, "127.0.0.3"):
            self.pay_and_checkpoint(kontor)
            self.assertEqual(ask(kontor, "/readyz"), 200)
            self.assertEqual(ask(kontor, "/livez", "127.0.0.9"), 200)
            self.assertLess(kontor.metrics()["kontor_http_open_connections"], 497)
        self.pay_and_checkpoint(kontor)

    def test_the_soft_limit_is_no_limit(self):
        kontor = self.start(1024, soft_only=True)
        soft, hard = descriptor_limits(kontor.pid)
        self.assertEqual(soft, hard)
        if hard < 8192:
            self.skipTest(f"only {hard} descriptors here")
        with Crowd(kontor, 1050) as crowd:
            self.pay_and_checkpoint(kontor)
            self.assertEqual(crowd.alive(), 1050)

    def test_one_address_closes_only_its_own(self):
        kontor = self.enterContext(Kontor.dev(f"{self.folder}/data", *STEADY, "--set", "https.max_connections=500"))
        with Crowd(kontor, 20, "127.0.0.7", tls=True) as neighbours, Crowd(kontor, 520, "127.0.0.2") as idle:
            for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
                self.assertEqual(ask(kontor, "/readyz", address), 200, address)
                self.assertEqual(ask(kontor, "/livez", address), 200, address)
            self.assertEqual(neighbours.alive(), 20)
            self.assertLessEqual(idle.alive(), 125)

    def test_half_requests_are_no_reason_to_stay(self):
        kontor = self.enterContext(Kontor.dev(f"{self.folder}/data", *STEADY, "--set", "https.max_connections=100"))
        with Crowd(kontor, 40, "127.0.0.2", tls=True, greeting=b"GET /livez HT"), \
                Crowd(kontor, 40, "127.0.0.2", tls=True, greeting=b"POST /v1/payment_intents HTTP/1.1\r\nHost: l\r\n"), \
                Crowd(kontor, 40, "127.0.0.4", greeting=b"\x16\x03\x01"):
            for address in ("127.0.0.1", "127.0.0.2", "127.0.0.4"):
                self.assertEqual(ask(kontor, "/readyz", address), 200, address)
            self.pay_and_checkpoint(kontor)

    def test_strangers_hold_next_to_no_memory(self):
        kontor = self.start()

        def resident_mib():
            with open(f"/proc/{kontor.pid}/status", encoding="ascii") as lines:
                return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
        head = "POST /v1/payment_intents HTTP/1.1\r\nHost: l\r\nContent-Length: 4000000\r\n{}\r\n"
        body = b"x" * (1 << 20)
        for more in ("", "Authorization: Bearer sk_test_nobody\r\n"):
            before = resident_mib()
            with Crowd(kontor, 150, tls=True) as crowd:
                for one in crowd.sockets:
                    one.settimeout(30 * SLOW)
                    with contextlib.suppress(OSError):
                        one.sendall(head.format(more).encode() + body)
                    # 429 from the moment on at which the address asked too often without a key.
                    self.assertIn(int(one.recv(4096).split()[1]), (401, 429))
                self.assertEqual(kontor.metrics()["kontor_http_request_bytes"], 0)
                self.assertLess(resident_mib() - before, 60)
        for target, status in (("/v1/nothing", 404), ("/nothing", 404), ("/admin/api/login", 413), ("/admin/", 413), ("/livez", 413)):
            with Crowd(kontor, 1, tls=True, greeting=head.replace("/v1/payment_intents", target).format("").encode()) as one:
                self.assertEqual(int(one.sockets[0].recv(4096).split()[1]), status, target)
        with Crowd(kontor, 1, tls=True, greeting=head.replace("POST", "PUT").format("").encode()) as one:
            self.assertEqual(int(one.sockets[0].recv(4096).split()[1]), 404)
        self.pay_and_checkpoint(kontor)

    def test_check_and_serve_say_the_same_of_too_many(self):
        arguments = ["--set", "https.max_connections=5000", "--set", f"data.folder={self.folder}/d", "--set",
                     f"secrets.key_file={self.folder}/key"]
        said = []
        for command in (["config", "check"], ["serve"]):
            done = run("-c", "ulimit -n 1024; exec \"$0\" \"$@\"", kontor_process.BINARY, *command, *arguments,
                       binary="/bin/bash")
            self.assertEqual(done.returncode, 2, done.stderr)
            said.append(next(line for line in done.stderr.splitlines() if "max_connections" in line))
        self.assertEqual(said[0], said[1])
        self.assertIn("at most 496 do", said[0])

    def test_a_greeting_for_finite_fields_gets_no_answer(self):
        kontor = self.start()
        for group, good in ((29, True), (23, True), (24, True), (256, False), (260, False), (25, False), (30, False)):
            with socket.create_connection(("127.0.0.1", kontor.port), timeout=10 * SLOW) as wire:
                wire.sendall(client_hello(group))
                answer = wire.recv(7)
                is_hello = answer[:1] == b"\x16"  # a retry request for the group, as against an alert
                self.assertEqual(is_hello, good, f"group {group}: {answer.hex()}")

    def test_head_is_get_without_a_body(self):
        kontor = self.start()
        key = kontor.ready["test_key"]
        for path, status in (("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/", 302), ("/none", 404),
                             ("/v1/payment_intents", 200), ("/v1/openapi.json", 200), ("/v1/none", 404),
                             ("/admin/api/setup", 404), ("/admin/api/session", 401)):
            answers = []
            for method in ("GET", "HEAD"):
                with socket.create_connection(("127.0.0.1", kontor.port), timeout=10 * SLOW) as plain, \
                        kontor.context.wrap_socket(plain, server_hostname="localhost") as wire:
                    wire.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
                                 "Connection: close\r\n\r\n".encode())
                    text = b"".join(iter(lambda stream=wire: stream.recv(65536), b""))
                head, _, body = text.partition(b"\r\n\r\n")
                answers.append((int(head.split()[1]), body))
            self.assertEqual((answers[0][0], answers[1][0], answers[1][1]), (status, status, b""), path)


def client_hello(group):
    """A greeting of TLS 1.3 that speaks one group and shows no key for it yet."""
    def extension(number, content):
        return struct.pack(">HH", number, len(content)) + content
    extensions = (extension(0x2b, b"\x02\x03\x04") + extension(0x0a, struct.pack(">HH", 2, group)) +
                  extension(0x0d, b"\x00\x06\x04\x03\x08\x04\x04\x01") + extension(0x33, b"\x00\x00"))
    body = (b"\x03\x03" + bytes(range(32)) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" +
            struct.pack(">H", len(extensions)) + extensions)
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


if __name__ == "__main__":
    unittest.main()
