#!/usr/bin/env python3
"""A node in a control group of 300 MiB, with the default settings: it takes payments, checks passwords, and is not killed. In
one that is too small for its settings it refuses to start and says what would be enough. Needs root and control groups."""
import json
import os
import re
import socket
import stat
import threading
import unittest

from kontor_process import SLOW, Kontor, run, temporary_folder, verify
from memory_bound import MIB, MemoryGroup

ALLOWED_MIB, TOO_LITTLE_MIB = 300, 60
CLIENTS, PAYMENTS = 4, 150
LOOKED_UP = 8192


class SmallMemory(unittest.TestCase):
    def bound(self, folder, mib):
        """A program that is Kontor inside of a group."""
        group = MemoryGroup.make(f"small-{mib}", mib * MIB)
        if group is None:
            self.skipTest("control groups cannot be made here")
        self.addCleanup(group.end)
        path = f"{folder}/kontor"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\necho $$ >{group.folder}/cgroup.procs && exec {os.environ['KONTOR_BINARY']} \"$@\"\n")
        os.chmod(path, stat.S_IRWXU)
        return path

    def test_the_defaults_fit(self):
        with temporary_folder() as folder:
            data = f"{folder}/data"
            with Kontor.dev(data, binary=self.bound(folder, ALLOWED_MIB)) as kontor:
                def pay():
                    api = kontor.api()
                    for _ in range(PAYMENTS):
                        api.pay(100)
                    api.close()
                clients = [threading.Thread(target=pay) for _ in range(CLIENTS)]
                for client in clients:
                    client.start()
                for client in clients:
                    client.join(120 * SLOW)
                self.assertEqual(kontor.api().balance(), CLIENTS * PAYMENTS * 100)
                kontor.stop()
            self.assertEqual(verify(data)[0], 0)

    def test_answers_that_are_large_or_not_read_do_not_kill_it(self):
        """As large as a stranger gets them, and as one with a key; the connections stay open, read or not."""
        with temporary_folder() as folder:
            with Kontor.dev(f"{folder}/data", binary=self.bound(folder, ALLOWED_MIB)) as kontor:
                api = kontor.api()
                ids = [f"{n:x}" for n in range(1, LOOKED_UP + 1)]
                made = {"accounts": [{"id": n, "ledger": 1, "code": 1} for n in ("1", "2")],
                        "transfers": [{"id": each, "debit_account": "1", "credit_account": "2", "amount": 1, "ledger": 1,
                                       "code": 1} for each in ids]}
                for kind, objects in made.items():
                    answer = api.raw("POST", f"/v1/ledger/{kind}", json.dumps({kind: objects}), {
                        "Content-Type": "application/json", "Authorization": f"Bearer {api.key}"})
                    self.assertEqual(answer.status, 200, answer.body[:200])
                look_up = json.dumps({"ids": ids}).encode()
                asked = (
                    b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"POST /v1/ledger/transfers/lookup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + f"Authorization: Bearer {api.key}\r\nContent-Length: {len(look_up)}\r\n\r\n".encode() + look_up)
                for request, connections in zip(asked, (600, 150)):
                    for reads in (True, False):
                        held = []
                        for _ in range(connections):
                            try:
                                held.append(self.ask(kontor, request, reads))
                            except OSError:
                                pass  # too much waits for it: it was cut off
                        self.assertTrue(kontor.process.poll() is None, f"{request[:20]} {reads}: {kontor.story()}")
                        for connection in held:
                            connection.close()
                kontor.api().pay(100)  # the other connection made room
                kontor.stop()

    def ask(self, kontor, request, reads):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(30 * SLOW)
        plain.connect(("127.0.0.1", kontor.port))
        secure = kontor.context.wrap_socket(plain, server_hostname="127.0.0.1")
        secure.sendall(request)
        if reads:
            head = b""
            while b"\r\n\r\n" not in head:
                head += secure.recv(16384)
            head, _, body = head.partition(b"\r\n\r\n")
            left = int(re.search(rb"(?i)content-length: (\d+)", head).group(1)) - len(body)
            while left > 0:
                left -= len(secure.recv(65536))
        return secure

    def test_too_little_is_refused(self):
        with temporary_folder() as folder:
            binary = self.bound(folder, TOO_LITTLE_MIB)
            done = run("dev", "--data", f"{folder}/data", binary=binary, timeout_s=30 * SLOW)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"allows {TOO_LITTLE_MIB} MiB", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
