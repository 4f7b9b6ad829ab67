"""What the tests with storms share: from the start of the load to the comparison of everything with everything."""
import json
import os
import random
import sys
import unittest

import network
from bank import Bank
from checker import check
from cluster import SLOW, Cluster, now, until
from kontor_process import allow, seed, temporary_folder
from storm import DISK_MACHINE, Storm
from stored import read_all, same_states, verified

SECONDS = float(os.environ.get("KONTOR_CLUSTER_SECONDS", "4")) * SLOW
SHOWN = 10  # complaints
MAX_GAP_S = 10  # without any acknowledged transfer although there is a majority


class Ride(unittest.TestCase):
    """A bank's load, what happens meanwhile, and then the books. One cluster for all tests, until one fails."""
    NODES = (1, 2, 3)
    cluster, runs, seed = None, 0, None

    @classmethod
    def setUpClass(cls):
        cls.seed = seed()
        cls.net = network.Network(cls.NODES)

    @classmethod
    def tearDownClass(cls):
        cls.end_cluster()

    @classmethod
    def end_cluster(cls):
        if cls.cluster is not None:
            cls.cluster.close()
            cls.folder.__exit__(None, None, None)
            cls.cluster = None

    @classmethod
    def formed(cls):
        pass

    def setUp(self):
        cls = type(self)
        cls.runs += 1
        if cls.cluster is None:
            cls.folder = temporary_folder()
            cls.cluster = Cluster(cls.folder.__enter__(), cls.net, cls.NODES, own_disk=(DISK_MACHINE,))
            try:
                cls.cluster.form()
                cls.formed()
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
            self.assertLess(self.bank.longest_gap_s(), allow(max_gap_s))
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
