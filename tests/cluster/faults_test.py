#!/usr/bin/env python3
"""Three machines, and everything that happens to machines, disks, clocks and cables, under a bank's load.

Each test is a storm of one kind: for KONTOR_CLUSTER_SECONDS (default 4; a nightly run takes 60) something is broken and
healed again and again. Then the history of all clients is compared with what each node has (checker.py), every node
verifies itself, and the states must be equal. The choices come from KONTOR_SEED, which is printed; times are real, so a
replayed seed does the same things, at slightly different moments of the load.

KONTOR_CLUSTER_HISTORY names a folder in which the history of a failed test is left.
"""
import json
import os
import random
import sys
import threading
import time
import unittest

import network

network.enter()

from bank import DONE, Bank, NodeClient  # noqa: E402
from checker import check  # noqa: E402
from cluster import SLOW, Cluster, now, until  # noqa: E402
from kontor_process import form, main, seed, temporary_folder  # noqa: E402
from stored import read_all, same_states, verified  # noqa: E402

SECONDS = float(os.environ.get("KONTOR_CLUSTER_SECONDS", "4")) * SLOW
DISK_MACHINE = 3  # the one on a disk of its own
CLOCK_REFUSED = "clock"
FULL_DISK_CODE = 3
MINUTE_MS = 60_000
SHOWN = 10  # complaints
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
COPIED = "taking over the copied state"
MAX_GAP_S = 10 * SLOW  # without any acknowledged transfer although there is a majority


class Storm:
    """What can be done to the cluster; each breaks something for a moment. The caller restores."""

    def __init__(self, cluster, chance):
        self.cluster, self.net, self.chance = cluster, cluster.net, chance

    def for_a_while(self, least_s=0.3, most_s=1.5):
        time.sleep(self.chance.uniform(least_s, most_s) * SLOW)

    def anyone(self):
        return self.chance.choice(self.cluster.machines)

    def follower(self):
        return self.chance.choice(self.cluster.followers())

    def kill(self, machine):
        machine.kill()
        self.for_a_while(0, 1)
        machine.start(wait=False)
        self.for_a_while()

    def kill_any(self):
        self.kill(self.anyone())

    def kill_leader(self):
        self.kill(self.cluster.leader())

    def kill_all(self):
        """The power of the whole site goes."""
        for machine in self.cluster.machines:
            machine.kill()
        for machine in self.cluster.machines:
            machine.start(wait=False)
        self.cluster.leader()
        self.for_a_while()

    def pause_leader(self):
        leader = self.cluster.leader()
        leader.pause()
        self.for_a_while(1.2, 2.5)  # an election takes half a second to one
        leader.resume_if_paused()
        self.for_a_while(0.1, 0.5)

    def cut(self, machine, how):
        if how == "cable":
            self.net.pull_cable(machine.number)
        else:
            self.net.isolate(machine.number, receives=how == "it is heard by nobody", sends=how == "it hears nobody")
        self.for_a_while(0.8, 2)
        self.net.heal()
        self.for_a_while(0.1, 0.5)

    def cut_leader(self):
        self.cut(self.cluster.leader(), self.chance.choice(("cable", "from the others")))

    def leader_hears_nobody(self):
        self.cut(self.cluster.leader(), "it hears nobody")

    def leader_is_heard_by_nobody(self):
        self.cut(self.cluster.leader(), "it is heard by nobody")

    def cut_follower(self):
        self.cut(self.follower(), self.chance.choice(("cable", "from the others", "it hears nobody",
                                                      "it is heard by nobody")))

    def cut_one_pair(self):
        """Two nodes do not reach each other; the third reaches both."""
        one, other = self.chance.sample(self.net.nodes, 2)
        self.net.cut_between(one, other)
        self.for_a_while(0.8, 2)
        self.net.heal()

    def shift_clocks(self):
        machine = self.anyone() if self.chance.random() < 0.5 else self.cluster.leader()
        machine.set_clock(self.chance.choice((-1, 1)) * self.chance.randrange(MINUTE_MS, 4 * MINUTE_MS))
        self.for_a_while()
        if self.chance.random() < 0.5:
            self.kill(self.cluster.leader())

    def fill_disk(self):
        machine = self.cluster[DISK_MACHINE]
        if self.cluster.leader() is not machine and self.chance.random() < 0.5:
            self.cluster.leader().control("cluster-transfer", node=machine.number)
        machine.fill_disk()
        self.for_a_while(1, 2)
        machine.empty_disk()

    def slow_links(self):
        slow = self.chance.sample(self.net.nodes, self.chance.randrange(1, len(self.net.nodes) + 1))
        for node in slow:
            self.net.slow(node, bytes_a_second=self.chance.randrange(40_000, 250_000),
                          latency_ms=self.chance.randrange(5, 60))
        self.for_a_while(1, 2)
        if self.chance.random() < 0.5:
            self.net.tell_proxy(slow[0], "drop")
            self.for_a_while()

    def anything(self):
        self.chance.choice((self.kill_any, self.kill_leader, self.pause_leader, self.cut_leader,
                            self.leader_hears_nobody, self.leader_is_heard_by_nobody, self.cut_follower,
                            self.cut_one_pair, self.shift_clocks, self.fill_disk, self.slow_links))()


class Faults(unittest.TestCase):
    cluster, runs, seed = None, 0, None

    @classmethod
    def setUpClass(cls):
        cls.seed = seed()
        cls.net = network.Network([1, 2, 3])

    @classmethod
    def tearDownClass(cls):
        cls.end_cluster()

    @classmethod
    def end_cluster(cls):
        if cls.cluster is not None:
            cls.cluster.close()
            cls.folder.__exit__(None, None, None)
            cls.cluster = None

    def setUp(self):
        cls = type(self)
        cls.runs += 1
        if cls.cluster is None:
            cls.folder = temporary_folder()
            cls.cluster = Cluster(cls.folder.__enter__(), cls.net, own_disk=(DISK_MACHINE,))
            try:
                cls.cluster.form()
            except BaseException:
                self.end_cluster()
                raise
        self.chance = random.Random(f"{cls.seed}-{self.id()}")
        self.storm = Storm(cls.cluster, self.chance)
        self.bank = Bank(cls.cluster.targets, cls.cluster.key, cls.runs, self.chance.random())

    def ride(self, name, may_die=lambda code, story: False, max_gap_s=MAX_GAP_S):
        """The storm, and then the books."""
        try:
            self.bank.start()
            end, rounds = now() + SECONDS, 0
            while now() < end or rounds == 0:
                getattr(self.storm, name)()
                self.cluster.restore()
                until(self.cluster.leader_now, 30, "a leader")
                rounds += 1
            self.settle_and_check(may_die)
            self.assertLess(self.bank.longest_gap_s(), max_gap_s)
        except BaseException as error:
            self.tell_failure(error)
            raise
        print(f"{name}: {rounds} rounds, {self.bank.acknowledged()} of {len(self.bank.transfers)} transfers and "
              f"{len(self.bank.payments)} payments acknowledged, {len(self.bank.reads)} reads, "
              f"{len(self.bank.retryable)} attempts to be retried, longest gap {self.bank.longest_gap_s():.2f} s",
              flush=True)

    def settle_and_check(self, may_die=lambda code, story: False):
        self.cluster.restore()
        self.cluster.settled()
        before = self.bank.acknowledged()
        until(lambda: self.bank.failures or self.bank.acknowledged() > before + 5, 20, "the load going on")
        self.bank.stop()
        complaints = [f"machine {machine.number} ended with {code}: {story}" for machine in self.cluster.machines
                      for code, story in machine.deaths if not may_die(code, story)]
        for machine in self.cluster.machines:
            machine.deaths.clear()
        verified(self.cluster, self.bank)
        complaints += check(self.bank, read_all(self.bank))
        if complaints:
            raise AssertionError(f"{len(complaints)} complaints:\n" + "\n".join(complaints[:SHOWN]))
        same_states(self.cluster)

    def tell_failure(self, error):
        print(f"FAILED with KONTOR_SEED={self.seed}: {self.id()}: {error}\n{self.cluster.story()}", file=sys.stderr)
        folder = os.environ.get("KONTOR_CLUSTER_HISTORY")
        if folder:
            with open(f"{folder}/{self.id()}-{self.seed}.json", "w", encoding="utf-8") as file:
                json.dump({"transfers": self.bank.transfers, "reads": self.bank.reads, "payments": self.bank.payments,
                           "retryable": self.bank.retryable, "strange": self.bank.strange}, file, default=str)
        self.bank.stopping.set()
        type(self).end_cluster()  # the next test has a new one

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
        self.ride("fill_disk", may_die=self.is_full_disk)

    def test_mixed(self):
        self.ride("anything", may_die=self.is_full_disk)

    def need_clocks(self):
        if self.cluster[1].clock_shim is None:
            self.skipTest("clocks cannot be shifted under a sanitizer")

    @staticmethod
    def is_full_disk(code, story):
        return code == FULL_DISK_CODE and "No space left on device" in story

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
        """Such a node is not let in, and says why; the others go on, and it is welcome when its clock is right."""
        self.need_clocks()
        try:
            self.bank.start()
            machine = self.storm.follower()
            machine.kill()
            machine.set_clock(self.chance.choice((-1, 1)) * 60 * MINUTE_MS)
            machine.start(wait=False)
            other = self.cluster.leader()

            def refused():
                status = other.status() or {"nodes": []}
                notes = [node.get("problem", "") for node in status["nodes"] if node["node"] == machine.number]
                return any(CLOCK_REFUSED in note for note in notes)
            until(refused, 15, "the refusal of a clock that is an hour off")
            self.assertIsNone(machine.process.ready)
            before = self.bank.acknowledged()
            until(lambda: self.bank.acknowledged() > before + 20, 20, "the others going on")
            machine.kill()
            self.settle_and_check()
        except BaseException as error:
            self.tell_failure(error)
            raise


if __name__ == "__main__":
    main()
