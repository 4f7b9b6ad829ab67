#!/usr/bin/env python3
"""`kontor dev`: performs the main job, prints it line by line or as JSON, and leaves what it says it leaves."""
import json
import os
import re
import signal
import shutil
import socket
import subprocess
import time
import unittest

import kontor_process
from kontor_process import BINARY, SLOW, Ended, Kontor, allow, clean_environment, run, temporary_folder

READY_WITHIN_S = 2
STEPS = [
    r"✓ wallet of cus_\w+ topped up with 100\.00 EUR",
    r"✓ payment pi_\w+ over 25\.00 EUR confirmed \(wallet\)",
    r"✓ payment pi_\w+ over 42\.00 EUR confirmed \(card\)",
    r"✓ ledger balanced: debits equal credits over \d+ accounts, recomputed from \d+ transfers",
    r"✓ webhook evt_\w+ \(payment_intent\.succeeded\) delivered and verified",
    r"✓ refund re_\w+ over 10\.00 EUR done",
    r"✓ ledger balanced: debits equal credits over \d+ accounts, recomputed from \d+ transfers",
]


class Performance(unittest.TestCase):
    def test_says_line_by_line_what_it_did_and_the_curl_line_works(self):
        with temporary_folder() as folder, Kontor("dev", "--data", f"{folder}/data", "--port", "0") as kontor:
            while kontor.next_line() != "Serving. Ctrl-C stops.":
                pass
            said = list(kontor.lines)
            for line, pattern in zip(said, STEPS):
                self.assertRegex(line, f"^{pattern}$")
            text = "\n".join(said)
            self.assertRegex(text, r"\nKontor is ready at https://127\.0\.0\.1:\d+\n")
            key = re.search(r"Test API key +(sk_test_\w+)", text).group(1)
            curl = re.search(r"Try +(curl .*)", text).group(1)
            self.assertIn(key, curl)
            self.assertRegex(text, r"Admin +https://127\.0\.0\.1:\d+/admin/setup\?token=\w+")
            done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=False, timeout=60 * SLOW)
            self.assertEqual(done.returncode, 0, done.stderr)
            intent = json.loads(done.stdout)
            self.assertEqual((intent["status"], intent["amount"]), ("succeeded", 1999))
            kontor.process.send_signal(signal.SIGINT)  # Ctrl-C
            self.assertEqual(kontor.wait_end(), 0, kontor.story())
            self.assertEqual(kontor.lines[-1], "Stopped; nothing was lost.")

    def test_json_has_one_object_a_line_in_order(self):
        with temporary_folder() as folder:
            done = run("dev", "--json", "--exit-after-demo", "--port", "0", "--data", f"{folder}/data")
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([event["event"] for event in events],
                         ["wallet_topped_up", "payment_confirmed", "payment_confirmed", "ledger_balanced",
                          "webhook_delivered", "refund_done", "ledger_balanced", "ready", "stopped"])
        self.assertTrue(events[4]["verified"])
        ready = events[7]
        self.assertEqual(set(ready), {"event", "url", "ca_file", "test_key", "admin_url"})

    def test_serve_only_performs_nothing(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            self.assertEqual([json.loads(line)["event"] for line in kontor.lines], ["ready"])
            self.assertEqual(kontor.api().all("/v1/payment_intents"), [])
            self.assertEqual(kontor.stop(), 0)


class Traces(unittest.TestCase):
    def test_ephemeral_leaves_nothing(self):
        for ending in (["--exit-after-demo"], None):
            with self.subTest(ending=ending), temporary_folder() as folder:
                here, temporary = f"{folder}/here", f"{folder}/tmp"
                os.mkdir(here)
                os.mkdir(temporary)
                arguments = ["dev", "--ephemeral", "--json", "--port", "0"] + (ending or ["--serve-only"])
                with Kontor(*arguments, cwd=here, environment={"TMPDIR": temporary}) as kontor:
                    ready = kontor.wait_ready().ready
                    self.assertTrue(ready["ca_file"].startswith(temporary))
                    self.assertEqual(kontor.stop() if ending is None else kontor.wait_end(), 0, kontor.story())
                self.assertEqual((os.listdir(here), os.listdir(temporary)), ([], []))

    def test_state_is_in_kontor_data_and_its_key_beside_it(self):
        with temporary_folder() as here:
            done = run("dev", "--json", "--exit-after-demo", "--port", "0", cwd=here)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(os.listdir(here)), ["kontor-data", "kontor-data.key", "kontor-data.mark"])
            self.assertEqual(os.stat(f"{here}/kontor-data.key").st_mode & 0o777, 0o600)
            self.assertEqual(os.stat(f"{here}/kontor-data/dev.json").st_mode & 0o777, 0o600)

    def test_the_second_start_finds_everything_again(self):
        with temporary_folder() as folder:
            with Kontor.dev(f"{folder}/data") as first:
                key, paid = first.ready["test_key"], first.api().pay(1234)["id"]
                self.assertEqual(first.stop(), 0)
            with Kontor("dev", "--json", "--port", "0", "--data", f"{folder}/data") as second:
                second.wait_ready()  # performs again: the receiver's endpoint is found and works
                self.assertEqual(second.ready["test_key"], key)
                self.assertEqual(second.api().get(f"/v1/payment_intents/{paid}")["status"], "succeeded")
                self.assertEqual(len(second.api().all("/v1/webhook_endpoints")), 1)

    def test_runs_without_root(self):
        with temporary_folder() as folder:
            os.chmod(folder, 0o777)
            binary = f"{folder}/kontor"  # the build folder may be closed to others
            shutil.copy(BINARY, binary)
            user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
            done = subprocess.run([binary, "dev", "--exit-after-demo", "--port", "0", "--data", f"{folder}/data"],
                                  env=clean_environment(), capture_output=True, text=True, check=False,
                                  timeout=60 * SLOW, **user)
            self.assertEqual(done.returncode, 0, done.stderr)


class Refusals(unittest.TestCase):
    def test_a_port_in_use_is_said_and_nothing_stays(self):
        with temporary_folder() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("dev", "--ephemeral", "--port", str(port), environment={"TMPDIR": folder})
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(port), done.stderr)
            self.assertRegex(done.stderr, "in use")
            self.assertEqual(os.listdir(folder), [])

    def test_a_second_process_on_the_same_folder_is_refused(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as first:
            with Kontor("dev", "--json", "--serve-only", "--port", "0", "--data", f"{folder}/data") as second:
                with self.assertRaises(Ended):
                    second.wait_ready()
                self.assertEqual(second.wait_end(), 1)
                reason = "\n".join(second.errors)
                self.assertIn(f"{folder}/data", reason)
                self.assertRegex(reason, "(?i)another process|in use|locked")
                self.assertEqual(json.loads(second.lines[-1])["event"], "failed")
            self.assertEqual(first.api().pay(100)["status"], "succeeded")  # undisturbed
            self.assertEqual(run("verify", "--data", f"{folder}/data").returncode, 0)

    def test_unknown_settings_and_options(self):
        for arguments in (["--set", "https.prot=1"], ["--set", "store.cache_mib=-1"], ["--set", "nonsense"]):
            with self.subTest(arguments=arguments), temporary_folder() as folder:
                done = run("dev", "--ephemeral", "--port", "0", *arguments, environment={"TMPDIR": folder})
                self.assertIn(done.returncode, (1, 2))
                self.assertIn(arguments[1].split("=")[0], done.stderr)
                self.assertEqual(os.listdir(folder), [])
        self.assertEqual(run("dev", "--nonsense").returncode, 2)
        self.assertEqual(run("dev", "--port", "70000").returncode, 2)


class Readiness(unittest.TestCase):
    def test_ready_in_time_on_a_new_and_on_a_known_folder(self):
        new, known = [], []
        for _ in range(3):  # the best of three: other tests run beside this one
            with temporary_folder() as folder:
                for times in (new, known):
                    with Kontor.dev(f"{folder}/data") as kontor:
                        times.append(kontor.ready_after_s)
                        kontor.stop()
        print(f"ready after {min(new):.2f} s on a new folder, {min(known):.2f} s on a known one", flush=True)
        self.assertLess(min(new), allow(READY_WITHIN_S), "somebody who tries it waits")
        self.assertLess(min(known), allow(READY_WITHIN_S), "somebody who tries it again waits")

    def test_ready_means_that_the_first_request_is_answered(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            started = time.monotonic()
            self.assertEqual(kontor.api().raw("GET", "/readyz").status, 200)
            self.assertEqual(kontor.api().raw("GET", "/livez").status, 200)
            self.assertLess(time.monotonic() - started, allow(5), "it was not ready yet")


if __name__ == "__main__":
    kontor_process.main()
