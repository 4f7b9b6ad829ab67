#!/usr/bin/env python3
"""Three machines, and everything that happens to machines, disks, clocks and cables, under a bank's load.

Each test is a storm of one kind: for KONTOR_CLUSTER_SECONDS (default 4; a nightly run takes 60) something is broken and
healed again and again. Then the history of all clients is compared with what each node has (checker.py), every node
verifies itself, and the states must be equal. The choices come from KONTOR_SEED, which is printed; times are real, so a
replayed seed does the same things, at slightly different moments of the load.

KONTOR_CLUSTER_HISTORY names a folder in which the history of a failed test is left.
"""
import random
import threading
import time

import network

network.enter()

from bank import DONE, NodeClient  # noqa: E402
from cluster import SLOW, now, until  # noqa: E402
from kontor_process import form, main  # noqa: E402
from ride import Ride  # noqa: E402
from storm import MINUTE_MS  # noqa: E402

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
COPIED = "taking over the copied state"


class Faults(Ride):
    # ---- the storms ------------------------------------------------------------------------------------------------------
    def test_kill_any(self):
        self.ride("kill_any")

    def test_kill_leader(self):
        self.ride("kill_leader")

    def test_kill_all(self):
        self.ride("kill_all")

    def test_pause_leader(self):
        self.ride("pause_leader")

    def test_cut_leader(self):
        self.ride("cut_leader")

    def test_leader_hears_nobody(self):
        self.ride("leader_hears_nobody")

    def test_leader_is_heard_by_nobody(self):
        self.ride("leader_is_heard_by_nobody")

    def test_cut_follower(self):
        self.ride("cut_follower")

    def test_cut_one_pair(self):
        self.ride("cut_one_pair")

    def test_slow_links(self):
        self.ride("slow_links")

    def test_shifted_clocks(self):
        self.need_clocks()
        self.ride("shift_clocks")

    def test_full_disk(self):
        """Nobody ends: a full disk refuses writes and no more."""
        self.ride("fill_disk")

    def test_mixed(self):
        self.ride("anything")

    def need_clocks(self):
        if self.cluster[1].clock_shim is None:
            self.skipTest("clocks cannot be shifted under a sanitizer")

    # ---- not storms ------------------------------------------------------------------------------------------------------
    def test_no_majority(self):
        """Nobody reaches anybody: writes are refused in a way that can be retried, and none is acknowledged."""
        try:
            self.bank.start()
            time.sleep(0.5)
            for one, other in ((1, 2), (1, 3), (2, 3)):
                self.net.cut_between(one, other)
            cut_at = now()
            self.storm.for_a_while(1, 1.5)
            client, probe = NodeClient(self.bank.targets, self.bank.key, timeout_s=10 * SLOW), f"{self.bank.run:x}{'f' * 16}"
            for node in range(3):
                answer = client.json(node, "POST", "/v1/ledger/transfers", {
                    "id": probe, "debit_account": self.bank.accounts[0], "credit_account": self.bank.accounts[1],
                    "amount": 1, "ledger": 978, "code": 1}, {"Idempotency-Key": f"none-{self.bank.run}-{node}"})
                self.assertEqual(answer.status, 503, answer)
                self.assertTrue(answer.headers.get("Retry-After"), answer)
                self.assertEqual(answer.json["error"]["type"], "api_error", answer)
            client.close()
            wrong = [record for record in self.bank.transfers
                     if record["outcome"] == DONE and cut_at + 0.5 < record["start"]]
            self.assertEqual(wrong, [])
            self.cluster.restore()
            # The three probes had unknown outcomes as far as the checker is concerned.
            self.bank.transfers.append({
                "id": probe, "debit_account": self.bank.accounts[0], "credit_account": self.bank.accounts[1],
                "amount": 1, "outcome": "unknown", "keyed": True, "attempts": [], "start": cut_at, "end": now(),
                "index": 0})
            self.settle_and_check()
        except BaseException as error:
            self.tell_failure(error)
            raise

    def test_left_behind(self):
        """A node is away for longer than the log is kept: it copies the state under load, dies over it, and goes on."""
        try:
            self.bank.start()
            machine, leader = self.storm.follower(), self.cluster.leader()
            machine.kill()
            self.fill_log(leader)
            machine.start(wait=False)
            for _ in range(2):
                self.storm.for_a_while(0.05, 0.6)
                machine.kill()
                machine.start(wait=False)
            self.settle_and_check()
            self.assertIn(COPIED, "\n".join(machine.process.errors))
        except BaseException as error:
            self.tell_failure(error)
            raise

    def fill_log(self, machine):
        """Entries that do not compress, from several clients at once, until the log no longer reaches back so far."""
        missed, over, wrong = machine.control("status")["applied_index"], threading.Event(), []

        def write(chance):
            client = NodeClient(self.bank.targets, self.bank.key)
            while not over.is_set():
                body = form({"metadata": {f"k{n}": chance.randbytes(240).hex() for n in range(40)}})
                answer = client.request(machine.number - 1, "POST", "/v1/customers", body, FORM)
                if answer.status != 200:
                    wrong.append(answer)
            client.close()
        threads = [threading.Thread(target=write, args=(random.Random(self.chance.random()),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: machine.control("status")["log_first_index"] > missed, 90, "a log that was cut", 0.2)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])

    def test_clock_an_hour_off(self):
        """Such a node is in, and the others say how far off it is; they go on, and so does it when its clock is right."""
        self.need_clocks()
        try:
            self.bank.start()
            machine = self.storm.follower()
            machine.kill()
            machine.set_clock(self.chance.choice((-1, 1)) * 60 * MINUTE_MS)
            machine.start(wait=False)
            other = self.cluster.leader()

            def told():
                status = other.status() or {"nodes": []}
                ahead = [node.get("clock_ahead_ms", 0) for node in status["nodes"] if node["node"] == machine.number]
                return any(abs(ms) > 59 * MINUTE_MS for ms in ahead)
            until(told, 20, "a clock that is an hour off is in the status")
            before = self.bank.acknowledged()
            until(lambda: self.bank.acknowledged() > before + 20, 20, "the others going on")
            machine.kill()
            self.settle_and_check()
        except BaseException as error:
            self.tell_failure(error)
            raise


if __name__ == "__main__":
    main()
