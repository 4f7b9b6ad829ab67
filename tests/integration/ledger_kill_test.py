#!/usr/bin/env python3
"""kill -9 under a full load of ledger batches: each acknowledged transfer is there, the books balance, the restart is
quick and the log stays within its bound."""
import json
import os
import random
import subprocess
import time
import unittest

import kontor_process
from kontor_process import BINARY, SLOW, Kontor, allow, clean_environment, seed, temporary_folder, until, verify

KILLS = 3
READY_AFTER_KILL_S = 10
LOG_MIB = 64
BATCH = 4096
LOAD_S = 6 if SLOW == 1 else 24  # of which the server lives through a part
BATCHES = 50 // SLOW  # at least, before it is killed
ACCOUNTS = 20_000
# Small bounds, so that kills fall into checkpoints and the log's bound is met often.
SETTINGS = ["--set", f"log.max_mib={LOG_MIB}", "--set", "store.memtable_mib=16"]


def folder_bytes(folder):
    """What the files take on the disk."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(where, name)).st_blocks * 512
            except FileNotFoundError:  # a segment that was just removed
                pass
    return total


class KilledUnderLoad(unittest.TestCase):
    def load(self, kontor, number):
        """Batches without end on the running server; each run has ids of its own."""
        return subprocess.Popen(
            [BINARY, "bench", "batches", "--json", "--url", kontor.ready["url"], "--key", kontor.ready["test_key"],
             "--ca-file", kontor.ready["ca_file"], "--duration", f"{LOAD_S}s", "--warmup", "0s", "--batch", str(BATCH),
             "--accounts", str(ACCOUNTS), "--seed", str(number)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment())

    def test_nothing_acknowledged_is_lost(self):
        chance = random.Random(seed())
        acknowledged, slowest_s, log_bytes = 0, 0, 0
        with temporary_folder() as folder:
            data = os.path.join(folder, "data")
            for kill in range(KILLS):
                with Kontor.dev(data, *SETTINGS) as kontor:
                    if kill > 0:
                        slowest_s = max(slowest_s, kontor.ready_after_s)
                        self.assertLess(kontor.ready_after_s, allow(READY_AFTER_KILL_S), "a recovery reads too much")
                    bench = self.load(kontor, kill + 1)
                    try:
                        before = kontor.metrics()["kontor_commands_applied_total"]
                        until(lambda: kontor.metrics()["kontor_commands_applied_total"] > before + BATCHES,
                              what="batches to be applied")
                        end = time.monotonic() + chance.uniform(0.5, 4)
                        while time.monotonic() < end:
                            log_bytes = max(log_bytes, folder_bytes(os.path.join(data, "groups", "0", "log")))
                            time.sleep(0.05)
                        kontor.kill()
                        # It goes on to its end without a server, and says how much was acknowledged.
                        out, errors = bench.communicate(timeout=60 * SLOW)
                    finally:
                        if bench.poll() is None:
                            bench.kill()
                            bench.wait()
                    self.assertTrue(out.strip(), errors)
                    acknowledged += json.loads(out.splitlines()[-1])["operations"]
                code, report = verify(data)
                self.assertEqual(code, 0, report)
                self.assertGreaterEqual(report["transfers"], acknowledged)
        self.assertGreater(acknowledged, BATCHES * BATCH)
        # One segment more than the bound may be open, and one prepared.
        self.assertLess(log_bytes, (LOG_MIB + 2 * 64) << 20)
        print(f"{acknowledged} transfers acknowledged, ready again within {slowest_s:.2f} s, "
              f"log at most {log_bytes >> 20} MiB", flush=True)


if __name__ == "__main__":
    kontor_process.main()
