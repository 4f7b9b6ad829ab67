#!/usr/bin/env python3
"""A disk that fills up while payments come in: they are refused with 503 before anything can fail, reads go on, the node
neither ends nor needs a restart, and a start on a full disk comes up to read. On file systems of this test's own (tmpfs);
that needs root and is skipped without. A quota, which nobody can see beforehand, is played by a library that is loaded
before the others."""
import contextlib
import os
import resource
import subprocess
import threading
import time
import unittest

from cluster_process import Cluster
from kontor_process import SLOW, Kontor, Lost, allow, run, temporary_folder, until, verify

DISK_MIB = 256
MIB = 1 << 20
SETTINGS = ["--set", "store.memtable_mib=4", "--set", "store.cache_mib=32", "--set", "store.checkpoint_interval_s=1",
            "--set", "log.max_mib=64", "--set", "data.partitions=2"]


@contextlib.contextmanager
def small_disk():
    with temporary_folder() as folder:
        disk = f"{folder}/disk"
        os.mkdir(disk)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "kontor-test", disk],
                              capture_output=True, check=False)
        if made.returncode != 0:
            raise unittest.SkipTest("file systems cannot be mounted here")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def fill(disk, leave_bytes):
    """Takes all room but this, as somebody else's backup would."""
    room = os.statvfs(disk)
    size = room.f_bavail * room.f_frsize - leave_bytes
    with contextlib.suppress(OSError), open(f"{disk}/filler", "ab") as file:
        while size > 0:
            size -= file.write(b"x" * min(size, MIB))
            file.flush()


class Payer(threading.Thread):
    """Pays again and again, and keeps what it was told."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api, self.answers, self.ended = api, [], False
        self.longest_s = 0

    def run(self):
        number = 0
        while not self.ended:
            number += 1
            started = time.monotonic()
            try:
                self.answers.append(self.api.request("POST", "/v1/payment_intents", {
                    "amount": 100, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True},
                    f"{id(self)}-{number}"))
            except Lost:
                self.answers.append(None)
                time.sleep(0.05)
            self.longest_s = max(self.longest_s, time.monotonic() - started)

    def stop(self):
        self.ended = True
        self.join(60 * SLOW)
        self.api.close()

    def statuses(self, since=0):
        return {answer.status if answer else None for answer in self.answers[since:]}


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.disk = self.enterContext(small_disk())
        self.data = f"{self.disk}/data"

    def ready(self, kontor):
        return kontor.api().request("GET", "/readyz?verbose")

    def refused(self, kontor):
        def look():
            answer = self.ready(kontor)
            return answer.status == 503 and "no space left" in answer.text
        until(look, 10 * SLOW, "a node that says that its disk is full")

    def check_full(self, leave_bytes):
        """Under load; back to paying without a restart."""
        with Kontor.dev(self.data, *SETTINGS) as kontor:
            api = kontor.api()
            first = api.pay(700)["id"]
            payers = [Payer(kontor.api()) for _ in range(3)]
            for payer in payers:
                payer.start()
            until(lambda: all(len(payer.answers) > 20 for payer in payers), 30 * SLOW, "payments")
            fill(self.disk, leave_bytes)
            self.refused(kontor)
            fill(self.disk, leave_bytes)  # also what the node gave up
            counts = [len(payer.answers) for payer in payers]
            until(lambda: all(len(payer.answers) > count + 5 for payer, count in zip(payers, counts)), 60 * SLOW,
                  "refusals")
            for payer, count in zip(payers, counts):
                self.assertEqual(payer.statuses(count + 1), {503})
                self.assertIn("no space left", payer.answers[-1].text)
                self.assertTrue(payer.answers[-1].headers["Retry-After"])
            self.assertEqual(api.get(f"/v1/payment_intents/{first}")["status"], "succeeded")
            self.assertEqual(self.ready(kontor).status, 503)
            self.assertIsNone(kontor.process.poll(), "it did not end")
            looked = run("verify", "--data", self.data)  # a look needs a checkpoint, and that room
            self.assertNotIn("DOES NOT HOLD", looked.stdout)
            if looked.returncode != 0:
                self.assertIn("could not be verified", looked.stdout + looked.stderr)
                self.assertIn("no space", looked.stdout + looked.stderr)
            os.unlink(f"{self.disk}/filler")
            until(lambda: self.ready(kontor).status == 200, 10 * SLOW, "a node that takes payments again")
            counts = [len(payer.answers) for payer in payers]
            until(lambda: all(200 in payer.statuses(count) for payer, count in zip(payers, counts)), 30 * SLOW,
                  "payments again")
            for payer in payers:
                payer.stop()
                self.assertEqual(payer.statuses() - {200, 503}, set())
                # Also what was under way, or waited for its channel, when the room ended.
                self.assertLess(payer.longest_s, allow(10), "a payer hangs although 503 is known after a second")
            answers = [answer for payer in payers for answer in payer.answers]
            paid = 700 + 100 * sum(answer.status == 200 for answer in answers)
            unknown = sum("outcome is not known" in answer.text for answer in answers)
            until(lambda: paid <= api.balance() <= paid + 100 * unknown, 20 * SLOW, f"{paid} and up to {unknown} more")
            kontor.stop()
        code, report = verify(self.data)
        self.assertEqual((code, report.get("problems")), (0, []), report)

    def test_little_is_left(self):
        self.check_full(4 * MIB)

    def test_nothing_is_left(self):
        self.check_full(0)

    def test_a_start_on_a_full_disk_comes_up_to_read(self):
        cluster = self.enterContext(Cluster(self.disk, store__memtable_mib=4, log__max_mib=64))
        machine = cluster.machine()
        machine.start()
        cluster.admin_url = machine.process.ready["admin_url"]
        key = cluster.set_up()
        paid = machine.process.api(key).pay(700)["id"]
        fill(self.disk, 0)
        self.refused(machine.process)
        machine.kill()
        for _ in range(2):
            machine.start()
            self.assertIn("no space left", machine.process.ready["refuses_writes"])
            self.refused(machine.process)
            self.assertEqual(machine.process.api(key).get(f"/v1/payment_intents/{paid}")["status"], "succeeded")
            machine.kill()
        with Kontor("serve", "--config", machine.config) as plain:
            until(lambda: any("is not ready for payments: no space left" in line for line in plain.lines), 30 * SLOW,
                  "what it lacks")
            self.assertEqual(plain.stop(), 0, plain.story())
        self.assertNotIn("is ready", "\n".join(plain.lines))
        machine.start()
        os.unlink(f"{self.disk}/filler")
        until(lambda: self.ready(machine.process).status == 200, 10 * SLOW, "a node that takes payments again")
        machine.process.api(key).pay(800)
        machine.stop()
        self.assertEqual(verify(machine.data)[0], 0)

    def test_dev_comes_up_to_read_too(self):
        with Kontor.dev(self.data, *SETTINGS) as kontor:
            paid = kontor.api().pay(700)["id"]
            kontor.kill()
        fill(self.disk, 0)
        # With and without what it performs first.
        for arguments in (["--serve-only"], []):
            with Kontor("dev", "--json", "--port", "0", "--data", self.data, *arguments, *SETTINGS).wait_ready() as kontor:
                self.refused(kontor)
                self.assertEqual(kontor.api().get(f"/v1/payment_intents/{paid}")["status"], "succeeded")
                self.assertEqual(kontor.stop(), 0, kontor.story())
        os.unlink(f"{self.disk}/filler")
        with Kontor.dev(self.data, *SETTINGS) as kontor:
            kontor.api().pay(800)
        with Kontor("dev", "--json", "--exit-after-demo", "--port", "0", "--data", self.data, *SETTINGS) as kontor:
            self.assertEqual(kontor.process.wait(60 * SLOW), 0, kontor.story())

    def test_verify_writes_nothing(self):
        with Kontor.dev(self.data, *SETTINGS) as kontor:
            for amount in range(100, 140):
                kontor.api().pay(amount)
            kontor.kill()

        def files():
            return {f"{folder}/{name}": (os.stat(f"{folder}/{name}").st_mtime_ns, os.stat(f"{folder}/{name}").st_size)
                    for folder, _, names in os.walk(self.data) for name in names}
        before = files()
        code, report = verify(self.data)
        self.assertEqual((code, report["holds"], report["problems"]), (0, True, []), report)
        self.assertGreaterEqual(report["transfers"], 40)
        self.assertEqual(files(), before)
        fill(self.disk, 0)
        self.assertEqual(verify(self.data)[0], 0)
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        code, again = verify(self.data)
        self.assertEqual((code, again["transfers"], again["state_hash"]), (0, report["transfers"], report["state_hash"]))
        text = run("verify", "--data", self.data)
        self.assertEqual(text.returncode, 0, text.stderr)

    def test_a_leader_without_room_hands_over(self):
        """Three processes, one on the small disk: it leads, its disk fills up, a follower takes over, with everything."""
        folder = self.enterContext(temporary_folder())
        os.mkdir(f"{folder}/m1")
        subprocess.run(["mount", "--bind", self.disk, f"{folder}/m1"], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", f"{folder}/m1"], check=True)
        cluster = self.enterContext(Cluster(folder, store__memtable_mib=4, log__max_mib=64))
        cluster.form(3)
        key = cluster.set_up()
        first, *others = cluster.machines
        if cluster.leader() is not first:
            cluster.leader().control("cluster-transfer", node=first.node_no)
            until(first.leads, 20 * SLOW, "the small one's leading")
        paid = [first.process.api(key).pay(700)["id"]]
        fill(self.disk, 0)
        until(lambda: any(machine.leads() for machine in others), 30 * SLOW, "a follower to take over")
        fill(self.disk, 0)  # also what it gave up
        for machine in cluster.machines:  # through the full one, too, which passes it on
            paid.append(until(lambda: self.paid_by(machine, key), 30 * SLOW, "a payment"))
        self.assertTrue(first.is_running(), first.process.story())
        self.assertFalse(first.leads())
        until(lambda: "no space left" in str(cluster.leader().status()["nodes"]), 20 * SLOW, "the leader's saying why")
        os.unlink(f"{self.disk}/filler")
        cluster.settled(3)
        cluster.caught_up()
        for machine in cluster.machines:
            for intent in paid:
                self.assertEqual(machine.process.api(key).get(f"/v1/payment_intents/{intent}")["status"], "succeeded")
        for machine in cluster.machines:
            machine.stop()
            self.assertEqual(verify(machine.data)[0], 0)

    @staticmethod
    def paid_by(machine, key):
        answer = machine.process.api(key).request("POST", "/v1/payment_intents", {
            "amount": 900, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True},
            f"hand-over-{machine.number}")
        return answer.json["id"] if answer.status == 200 else None


class Quota(unittest.TestCase):
    """No room although the disk says that it has some."""

    def setUp(self):
        if os.environ.get("KONTOR_SANITIZE"):
            self.skipTest("nothing can be loaded before a sanitizer")
        self.folder = self.enterContext(temporary_folder())
        self.data, self.over = f"{self.folder}/data", f"{self.folder}/over"
        shim = f"{self.folder}/quota_shim.so"
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, f"{here}/quota_shim.c"], check=True)
        self.environment = {"LD_PRELOAD": shim, "TEST_QUOTA_FILE": self.over}

    def start(self):
        return Kontor.dev(self.data, *SETTINGS, environment=self.environment)

    def refused(self, kontor):
        def look():
            answer = kontor.api().request("GET", "/readyz?verbose")
            return answer.status == 503 and "is there a quota?" in answer.text
        until(look, 20 * SLOW, "a node that says that there is no room")

    def pays_again(self, kontor):
        os.unlink(self.over)
        until(lambda: kontor.api().request("GET", "/readyz").status == 200, 20 * SLOW, "a node that is ready again")
        return kontor.api().pay(900)

    def test_it_is_a_full_disk(self):
        with self.start() as kontor:
            api = kontor.api()
            first = api.pay(700)["id"]
            payers = [Payer(kontor.api()) for _ in range(3)]
            for payer in payers:
                payer.start()
            until(lambda: all(len(payer.answers) > 20 for payer in payers), 30 * SLOW, "payments")
            for _ in range(3):
                open(self.over, "wb").close()
                self.refused(kontor)
                counts = [len(payer.answers) for payer in payers]
                until(lambda: all(len(payer.answers) > count + 5 for payer, count in zip(payers, counts)), 60 * SLOW,
                      "refusals")
                time.sleep(2)  # many tries of whatever waits
                for payer, count in zip(payers, counts):
                    self.assertEqual(payer.statuses(count + 1), {503})
                    self.assertIn("no space left", payer.answers[-1].text)
                    self.assertTrue(payer.answers[-1].headers["Retry-After"])
                self.assertEqual(api.get(f"/v1/payment_intents/{first}")["status"], "succeeded")
                self.assertIsNone(kontor.process.poll(), "it did not end")
                self.pays_again(kontor)
            for payer in payers:
                payer.stop()
                self.assertEqual(payer.statuses() - {200, 503}, set())
            answers = [answer for payer in payers for answer in payer.answers]
            paid = 700 + 3 * 900 + 100 * sum(answer.status == 200 for answer in answers)
            # Asked again with its key it would be answered; it may have been paid.
            unknown = sum(answer.status == 503 and "Nothing was done" not in answer.text for answer in answers)
            # Those that were answered `processing` while there was no room are decided soon after.
            until(lambda: paid <= api.balance() <= paid + 100 * unknown, 5 * SLOW, f"{paid} and up to {unknown} more")
            self.assertEqual(kontor.stop(), 0, kontor.story())
        code, report = verify(self.data)
        self.assertEqual((code, report.get("problems")), (0, []), report)

    def test_stop_and_start_meanwhile(self):
        with self.start() as kontor:
            api = kontor.api()
            for amount in range(100, 140):
                api.pay(amount)
            open(self.over, "wb").close()
            self.refused(kontor)
            self.assertEqual(kontor.stop(), 0, kontor.story())
        with self.start() as kontor:
            self.assertEqual(kontor.api().balance(), sum(range(100, 140)))
            self.pays_again(kontor)
            self.assertEqual(kontor.api().balance(), sum(range(100, 140)) + 900)
            self.assertEqual(kontor.stop(), 0, kontor.story())
        self.assertEqual(verify(self.data)[0], 0)


class FileSizeLimit(unittest.TestCase):
    """`ulimit -f`, set while the node runs: SIGXFSZ would end it."""

    def test_it_is_a_full_disk(self):
        with temporary_folder() as folder:
            with Kontor.dev(f"{folder}/data", *SETTINGS) as kontor:
                api = kontor.api()
                first = api.pay(700)["id"]
                before = resource.prlimit(kontor.process.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(kontor.process.pid, resource.RLIMIT_FSIZE, (4096, before[1]))

                def is_refused():
                    answer = api.request("POST", "/v1/payment_intents", {"amount": 100, "currency": "eur"}, None)
                    return answer.status == 503 and "no space left" in answer.text
                until(is_refused, 20 * SLOW, "a refusal")
                self.assertIsNone(kontor.process.poll(), "it did not end")
                self.assertEqual(api.get(f"/v1/payment_intents/{first}")["status"], "succeeded")
                resource.prlimit(kontor.process.pid, resource.RLIMIT_FSIZE, before)
                until(lambda: api.request("GET", "/readyz").status == 200, 20 * SLOW, "a node that is ready again")
                api.pay(900)
                self.assertEqual(api.balance(), 1600)
                self.assertEqual(kontor.stop(), 0, kontor.story())
            self.assertEqual(verify(f"{folder}/data")[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
