#!/usr/bin/env python3
"""A node in a control group of 300 MiB, with the default settings: it takes payments, checks passwords, and is not killed. In
one that is too small for its settings it refuses to start and says what would be enough. Needs root and control groups."""
import os
import stat
import threading
import unittest

from kontor_process import SLOW, Kontor, run, temporary_folder, verify
from memory_bound import MIB, MemoryGroup

ALLOWED_MIB, TOO_LITTLE_MIB = 300, 60
CLIENTS, PAYMENTS = 4, 150


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

    def test_too_little_is_refused(self):
        with temporary_folder() as folder:
            binary = self.bound(folder, TOO_LITTLE_MIB)
            done = run("dev", "--data", f"{folder}/data", binary=binary, timeout_s=30 * SLOW)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"allows {TOO_LITTLE_MIB} MiB", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
