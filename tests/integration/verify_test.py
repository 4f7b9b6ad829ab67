#!/usr/bin/env python3
"""`kontor verify`: holds on a running and a stopped node, and one flipped byte anywhere in the ledger's way is found."""
import glob
import json
import os
import shutil
import subprocess
import unittest

import kontor_process
from kontor_process import Admin, Kontor, read, run, temporary_folder, verify

# One checkpoint only, at the stop; the log keeps what came after it.
QUIET = ["--set", "store.checkpoint_interval_s=3600", "--set", "data.partitions=4"]


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x40]))


class Holds(unittest.TestCase):
    def test_running_then_killed_then_stopped(self):
        with temporary_folder() as folder:
            data = f"{folder}/data"
            with Kontor.dev(data, *QUIET) as kontor:
                api = kontor.api()
                customer = api.customer(50_000)
                for amount in (100, 200, 300):
                    api.pay(amount, customer, "pm_wallet")
                    api.pay(amount)
                code, running = verify(data)
                self.assertEqual((code, running["holds"]), (0, True), running)
                self.assertGreater(running["transfers"], 12)
                self.assertGreater(running["invariants"], 15)
                self.assertGreater(running["rows"], 100)
                kontor.kill()
            code, killed = verify(data)
            self.assertEqual((code, killed["holds"]), (0, True), killed)
            code, again = verify(data)  # of a folder that the first left cleanly
            self.assertEqual(code, 0)
            for report in (killed, again):
                for figure in ("accounts", "transfers", "ledgers", "differences", "invariants", "breaks", "problems"):
                    self.assertEqual(report[figure], running[figure])
            text = run("verify", "--data", data)
            self.assertEqual(text.returncode, 0)
            self.assertIn("The ledger holds", text.stdout)
            self.assertIn("Everything else holds", text.stdout)

    def test_ids_that_failed_on_the_disk_and_in_memory(self):
        """Rows of the disk come before those in memory, which here lie below and between them."""

        def fail(kontor, numbers):
            body = {"transfers": [{"id": f"{number:x}", "debit_account": "1", "credit_account": "2", "amount": 1,
                                   "ledger": 1, "code": 1} for number in numbers]}
            api = kontor.api()
            answer = api.raw("POST", "/v1/ledger/transfers", json.dumps(body),
                             {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"})
            self.assertEqual({result["status"] for result in answer.json["results"]}, {"debit_account_not_found"})

        with temporary_folder() as folder:
            data = f"{folder}/data"
            with Kontor.dev(data, *QUIET) as kontor:
                fail(kontor, range(10_000, 10_800, 2))
                kontor.stop()
            with Kontor.dev(data, *QUIET) as kontor:
                fail(kontor, range(1, 200))
                fail(kontor, range(10_101, 10_201, 2))
                kontor.kill()
            code, killed = verify(data)
            self.assertEqual((code, killed["problems"]), (0, []), killed)

    def test_a_verified_folder_still_serves(self):
        with temporary_folder() as folder:
            data = f"{folder}/data"
            with Kontor.dev(data, *QUIET) as kontor:
                paid = kontor.api().pay(700)["id"]
                kontor.kill()
            self.assertEqual(verify(data)[0], 0)
            with Kontor.dev(data, *QUIET) as kontor:
                self.assertEqual(kontor.api().get(f"/v1/payment_intents/{paid}")["amount_received"], 700)

    def test_what_is_no_data_folder(self):
        with temporary_folder() as folder:
            for path in (folder, f"{folder}/none", "/dev/null"):
                done = run("verify", "--data", path)
                self.assertEqual(done.returncode, 2)
                self.assertIn("not a Kontor data folder", done.stderr)
            code, report = verify(folder)
            self.assertEqual((code, report["holds"], report["verified"]), (2, None, False))
            self.assertEqual(os.listdir(folder), [], "looking makes nothing")

    @unittest.skipUnless(os.geteuid() == 0, "another user is needed")
    def test_one_that_this_user_may_not_look_into(self):
        with temporary_folder() as folder:
            os.chmod(folder, 0o755)
            data = f"{folder}/data"
            group = f"{data}/groups/0"
            for path in (data, f"{data}/groups", group, f"{group}/log", f"{group}/store", f"{group}/store/partitions"):
                os.mkdir(path, mode=0o755)
            for closed in (data, group, f"{group}/log", f"{group}/store", f"{group}/store/partitions"):
                os.chmod(closed, 0o700)
                done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", kontor_process.BINARY,
                                       "verify", "--data", data], text=True, capture_output=True,
                                      env=kontor_process.clean_environment(), check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"{closed} belongs to user root, and this process runs as nobody", done.stderr)
                os.chmod(closed, 0o755)


class Damage(unittest.TestCase):
    """Each case damages a copy of one folder: two lives, a checkpoint after each, and a few entries in the log."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.stopped, cls.killed, cls.half = (f"{cls.folder}/{name}" for name in ("stopped", "killed", "half"))
        with Kontor.dev(cls.stopped, *QUIET) as kontor:
            api = kontor.api()
            customer = api.customer(90_000)
            for amount in range(100, 130):
                api.pay(amount, customer, "pm_wallet")
            cls.payment = api.pay(4321)["id"]
            admin = Admin(kontor).set_up()
            cls.legs = admin.payment(cls.payment)["legs"]
            kontor.stop()
        # A start after which nothing was checkpointed: its entries are in the log only.
        shutil.copytree(cls.stopped, cls.killed)
        shutil.copy(f"{cls.stopped}.key", f"{cls.killed}.key")
        with Kontor.dev(cls.killed, *QUIET) as kontor:
            for amount in range(200, 220):
                kontor.api().pay(amount)
            kontor.kill()
        # As if it had died between two partition commits: two partitions are of the checkpoint before.
        shutil.copytree(cls.stopped, cls.half)
        shutil.copy(f"{cls.stopped}.key", f"{cls.half}.key")
        with Kontor.dev(cls.half, *QUIET) as kontor:
            for amount in range(300, 330):
                kontor.api().pay(amount)
            kontor.stop()
        for partition in sorted(glob.glob(f"{cls.half}/groups/0/store/partitions/*"))[2:]:
            shutil.copy(partition.replace(cls.half, cls.stopped) + "/data.mdb", f"{partition}/data.mdb")

    def copy_of(self, source):
        folder = self.enterContext(temporary_folder())
        shutil.copytree(source, f"{folder}/data", ignore=shutil.ignore_patterns("*.sock"))
        shutil.copy(f"{source}.key", f"{folder}/data.key")
        return f"{folder}/data"

    def assert_found(self, data, *names):
        """Neither `verify` nor a start takes the damage for granted, and the file or the row is named."""
        code, report = verify(data)
        self.assertEqual((code, report.get("holds")), (1, False), report)
        for name in names:
            self.assertIn(name, json.dumps(report))
        text = run("verify", "--data", data)
        self.assertEqual(text.returncode, 1)

    def test_without_damage_all_three_hold(self):
        for source in (self.stopped, self.killed, self.half):
            data = self.copy_of(source)
            code, report = verify(data)
            self.assertEqual((code, report["holds"]), (0, True), report)

    def test_every_byte_of_an_account_and_of_a_transfer(self):
        """Each copy of the row in the partitions; a copy that is no longer in use may be damaged without harm."""
        account, transfer = bytes.fromhex(self.legs[0]["credit"]["account"]), bytes.fromhex(
            self.legs[0]["transfer_id"])
        for what, key in (("account", account), ("transfer", transfer)):
            for step in (0, 16, 40, 90):
                with self.subTest(what=what, step=step):
                    data, hits = self.copy_of(self.stopped), 0
                    for path in glob.glob(f"{data}/groups/0/store/partitions/*/data.mdb"):
                        content, at = read(path), -1
                        while (at := content.find(key, at + 1)) >= 0:
                            flip(path, at + len(key) + step)
                            hits += 1
                    self.assertGreater(hits, 0)
                    self.assert_found(data)

    def test_a_byte_of_the_log(self):
        for source, name in ((self.killed, "killed"), (self.stopped, "stopped")):
            for path in sorted(glob.glob(f"{source}/groups/0/log/log-*.seg")):
                used = len(read(path).rstrip(b"\0"))
                self.assertGreater(used, 1000)
                for offset in (8, 100, used // 2):
                    with self.subTest(folder=name, file=os.path.basename(path), offset=offset):
                        data = self.copy_of(source)
                        flip(f"{data}/groups/0/log/{os.path.basename(path)}", offset)
                        self.assert_found(data, os.path.basename(path))
                        done = run("dev", "--serve-only", "--port", "0", "--data", data, *QUIET)
                        self.assertEqual(done.returncode, 1)
                        self.assertIn(os.path.basename(path), done.stderr)

    def test_a_missing_log_is_not_a_new_one(self):
        data = self.copy_of(self.stopped)
        shutil.rmtree(f"{data}/groups/0/log")
        self.assert_found(data, "log")
        self.assertFalse(glob.glob(f"{data}/groups/0/log/*.seg"), "nothing starts empty over a checkpoint")

    def test_a_byte_of_the_redo_file_that_is_needed(self):
        (path,) = glob.glob(f"{self.half}/groups/0/store/redo/*")
        size = os.path.getsize(path)
        for offset in (0, 20, size // 2, size - 1):
            with self.subTest(offset=offset):
                data = self.copy_of(self.half)
                flip(path.replace(self.half, data), offset)
                self.assert_found(data, "redo")

    def test_a_needed_redo_file_that_is_cut_or_gone(self):
        (path,) = glob.glob(f"{self.half}/groups/0/store/redo/*")
        for change in (lambda p: os.truncate(p, os.path.getsize(p) - 1), lambda p: os.truncate(p, 0), os.remove):
            data = self.copy_of(self.half)
            change(path.replace(self.half, data))
            self.assert_found(data, "redo")

    def test_a_missing_partition(self):
        data = self.copy_of(self.stopped)
        shutil.rmtree(f"{data}/groups/0/store/partitions/02")
        self.assert_found(data, "02")


if __name__ == "__main__":
    kontor_process.main()
