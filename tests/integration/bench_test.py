#!/usr/bin/env python3
"""`kontor bench`: its last line, its exit codes, and that it leaves nothing behind. No figures are judged here."""
import json
import os
import signal
import subprocess
import time
import unittest

import kontor_process
from kontor_process import BINARY, SLOW, Kontor, allow, clean_environment, run, temporary_folder, until

QUICK = ["--duration", "1s", "--warmup", "0s", "--connections", "8", "--json"]
SMALL = ["--customers", "20", "--payments", "100"]
SHAPE = {"scenario": str, "rate": (int, float), "errors": int, "p50_ms": (int, float), "p90_ms": (int, float),
         "p99_ms": (int, float), "p999_ms": (int, float), "p9999_ms": (int, float), "max_ms": (int, float),
         "operations": int, "requests": int, "duration_s": (int, float), "loop": str, "connections": int, "batch": int,
         "errors_by_kind": dict, "kinds": dict}


def processes_under(folder):
    """Ids of processes whose environment names the folder: a server that bench has started there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if f"TMPDIR={folder}/".encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Scenarios(unittest.TestCase):
    def bench(self, *arguments):
        """A run with a server of its own: what it said, after looking that nothing is left of it."""
        with temporary_folder() as folder:
            done = run("bench", *arguments, "--folder", folder, timeout_s=120 * SLOW)
            self.assertEqual((os.listdir(folder), processes_under(folder)), ([], []))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")  # quiet with --json, when nobody watches
        result = json.loads(done.stdout.splitlines()[-1])
        for name, kind in SHAPE.items():
            self.assertIsInstance(result[name], kind, name)
        return result

    def check(self, result, scenario):
        self.assertEqual((result["scenario"], result["errors"], result["errors_by_kind"]), (scenario, 0, {}))
        self.assertGreater(result["rate"], 0)
        self.assertAlmostEqual(result["rate"], result["operations"] / result["duration_s"], delta=1)
        order = [result[name] for name in ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "p9999_ms", "max_ms")]
        self.assertEqual(order, sorted(order))
        self.assertGreater(order[0], 0)
        self.assertGreater(result["server_rss_bytes"], 1 << 20)

    def test_webhooks_are_delivered_meanwhile(self):
        result = self.bench("payments", *QUICK, *SMALL, "--webhooks", "2")
        self.check(result, "payments")
        self.assertEqual(result["webhook_endpoints"], 2)
        self.assertGreater(result["deliveries_rate"], 0)

    def test_payments(self):
        result = self.bench("payments", *QUICK, *SMALL)
        self.check(result, "payments")
        self.assertEqual(list(result["kinds"]), ["payments"])
        self.assertEqual((result["loop"], result["connections"]), ("closed", 8))

    def test_reads(self):
        self.check(self.bench("reads", *QUICK, *SMALL), "reads")

    def test_mixed_does_all_three(self):
        result = self.bench("mixed", *QUICK, *SMALL, "--mix", "2:1:1", "--idempotency-keys")
        self.check(result, "mixed")
        self.assertEqual(sorted(result["kinds"]), ["payments", "reads", "refunds"])

    def test_transfers(self):
        result = self.bench("transfers", *QUICK, "--accounts", "500")
        self.check(result, "transfers")
        self.assertEqual((result["accounts"], result["batch"]), (500, 1))

    def test_batches(self):
        for arguments in (["batches"], ["batches", "--random-ids"], ["hot"]):
            with self.subTest(arguments=arguments):
                result = self.bench(*arguments, *QUICK, "--accounts", "9000", "--batch", "500")
                self.check(result, arguments[0])
                self.assertEqual((result["batch"], result["operations"] % 500), (500, 0))
                self.assertGreater(result["log_bytes_per_operation"], 1)

    def test_all_fail_where_that_is_asked_for(self):
        for arguments in (["transfers"], ["batches"], ["batches", "--random-ids"]):
            with self.subTest(arguments=arguments):
                self.check(self.bench(*arguments, "--failing", *QUICK, "--accounts", "500", "--batch", "100"), arguments[0])

    def test_cold_reads_while_it_writes(self):
        result = self.bench("cold", *QUICK, "--accounts", "9000", "--batch", "500", "--set", "store.cache_mib=1")
        self.check(result, "cold")
        self.assertEqual(sorted(result["kinds"]), ["reads", "transfers"])

    def test_get(self):
        self.check(self.bench("get", *QUICK, "--threads", "2"), "get")

    def test_open_loop_keeps_to_its_rate(self):
        result = self.bench("get", *QUICK, "--rate", "100")
        self.check(result, "get")
        self.assertEqual((result["loop"], result["intended_rate"], result["requests"]), ("open", 100, 100))


class Servers(unittest.TestCase):
    def test_a_named_server_is_used_and_goes_on(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            named = ["--url", kontor.ready["url"], "--key", kontor.ready["test_key"], "--ca-file", kontor.ready["ca_file"]]
            done = run("bench", "payments", *QUICK, *SMALL, *named, timeout_s=120 * SLOW)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(done.stdout.splitlines()[-1])
            paid = int(kontor.metrics()["kontor_commands_applied_total"])
            self.assertGreaterEqual(paid, result["operations"])
            self.assertNotIn("server_rss_bytes", result)
            self.assertEqual(kontor.api().pay(100)["status"], "succeeded")

    def test_a_key_that_the_server_does_not_know(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            named = ["--url", kontor.ready["url"], "--ca-file", kontor.ready["ca_file"]]
            for scenario in (["payments", *SMALL], ["batches", *SMALL], ["get", "--path", "/v1/balance"]):
                for key in (["--key", "sk_test_wrong"], []):
                    done = run("bench", *scenario, *QUICK, *named, *key, timeout_s=120 * SLOW)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn("401", done.stderr + done.stdout)
                    self.assertIn("name the API key of a merchant of this server (--key)", done.stderr)
                    self.assertNotIn("internal error", done.stderr)

    def test_runs_against_one_server_do_not_meet(self):
        """The same command again, with the same seed: its keys and its ids are new ones."""
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            named = ["--url", kontor.ready["url"], "--key", kontor.ready["test_key"], "--ca-file", kontor.ready["ca_file"]]
            for scenario in (["payments", *SMALL, "--idempotency-keys"], ["mixed", *SMALL, "--idempotency-keys"],
                             ["transfers", "--accounts", "100"], ["batches", "--accounts", "100", "--batch", "10"]):
                for _ in range(3):
                    done = run("bench", *scenario, *QUICK, *named, timeout_s=120 * SLOW)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    result = json.loads(done.stdout.splitlines()[-1])
                    self.assertEqual((result["errors"], result["errors_by_kind"]), (0, {}), scenario)
                    self.assertGreater(result["operations"], 0)

    def test_what_it_counts_is_in_the_ledger(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            named = ["--url", kontor.ready["url"], "--key", kontor.ready["test_key"], "--ca-file", kontor.ready["ca_file"]]
            done = run("bench", "batches", *QUICK, "--accounts", "1000", "--batch", "100", *named, timeout_s=120 * SLOW)
            self.assertEqual(done.returncode, 0, done.stderr)
            counted = json.loads(done.stdout.splitlines()[-1])["operations"]
            code, verified = kontor_process.verify(f"{folder}/data")
            self.assertEqual((code, verified["holds"], verified["accounts"]), (0, True, 1000))
            # Beyond what was counted: at most one batch a connection, answered after the end.
            self.assertIn(verified["transfers"] - counted, range(0, 8 * 100 + 1, 100))

    def test_when_nothing_succeeds_it_says_what_happened_and_fails(self):
        with temporary_folder() as folder:
            done = run("bench", "get", *QUICK, "--path", "/nothing-here", "--folder", folder, timeout_s=120 * SLOW)
            self.assertEqual(os.listdir(folder), [])
        self.assertEqual(done.returncode, 1)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual((result["rate"], list(result["errors_by_kind"])), (0, ["status 404"]))
        self.assertEqual(result["errors"], result["requests"])

    def test_an_interrupt_ends_the_server_too(self):
        for ending, code, scenario, phase in ((signal.SIGINT, 130, ["get"], "warm-up"),
                                              (signal.SIGQUIT, 130, ["get"], "warm-up"),
                                              (signal.SIGINT, 130, ["payments", "--customers", "10000000"], "preparing"),
                                              (signal.SIGKILL, -signal.SIGKILL, ["get"], "warm-up")):
            with self.subTest(ending=ending, phase=phase), temporary_folder() as folder:
                process = subprocess.Popen([BINARY, "bench", *scenario, "--duration", "60s", "--folder", folder],
                                           env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True)
                try:
                    until(lambda p=process, phase=phase: phase in p.stderr.readline(), 60, phase)
                    self.assertEqual(len(processes_under(folder)), 1)
                    process.send_signal(ending)
                    self.assertEqual(process.wait(60 * SLOW), code)
                    until(lambda f=folder: not processes_under(f), 60, "the end of the server")
                finally:
                    process.kill()
                    process.wait()
                    process.stderr.close()
                if ending != signal.SIGKILL:
                    self.assertEqual(os.listdir(folder), [])

    def test_a_server_that_does_not_start_is_said(self):
        with temporary_folder() as folder:
            started = time.monotonic()
            done = run("bench", "get", *QUICK, "--set", "store.cache_mib=-1", "--folder", folder, timeout_s=60 * SLOW)
            self.assertLess(time.monotonic() - started, allow(30), "it waits for a server that has ended")
            self.assertEqual((done.returncode, os.listdir(folder)), (1, []))
            self.assertIn("store.cache_mib", done.stderr)


class Refusals(unittest.TestCase):
    def test_wrong_usage(self):
        for arguments in (["nonsense"], [], ["get", "--duration", "1h"], ["get", "--warmup", "x"], ["get", "--rate", "0"],
                          ["batches", "--batch", "8193"], ["batches", "--batch", "0"], ["batches", "--accounts", "1"],
                          ["mixed", "--mix", "1:2"], ["payments", "--mix", "1:2:3"], ["get", "--key", "k"],
                          ["get", "--connections", "2", "--threads", "3"], ["get", "--connections", "10001"],
                          ["get", "--url", "https://127.0.0.1:1", "--set", "a=b"], ["get", "--url", "http://127.0.0.1:1"]):
            with self.subTest(arguments=arguments):
                done = run("bench", *arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_nobody_listens(self):
        done = run("bench", "get", "--url", "https://127.0.0.1:1", "--duration", "1s")
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    kontor_process.main()
