#!/usr/bin/env python3
"""Reads that cost much go to a node with less to do: all clients ask the leader, others answer a share.

Every answer knows what its client wrote before, and a helper that is killed costs nobody an error.
"""
import threading
import time
import unittest

from cluster_process import Client, Cluster, Load
from kontor_process import SLOW, main, temporary_folder, until

READERS = 6


def metric(machine, name):
    return machine.process.metrics().get(name, 0)


class Reader(threading.Thread):
    """Makes a customer now and then, and lists: the list must begin with the newest one that it made."""

    def __init__(self, number, machine, key):
        super().__init__(daemon=True)
        self.number, self.client = number, Client([machine], key)
        self.stopping, self.reads, self.failures = threading.Event(), 0, []

    def run(self):
        try:
            made = 0
            while not self.stopping.is_set():
                email = f"r{self.number}.{made}@example.com"
                made += 1
                answer = self.client.request("POST", "/v1/customers", {"email": email}, f"made-{email}")
                assert answer.status == 200, answer
                for _ in range(20):
                    # Two lists in turn: one that costs much, and one that can only be right if it is new.
                    answer = self.client.request("GET", "/v1/payment_intents?limit=100")
                    assert answer.status == 200, answer
                    answer = self.client.request("GET", f"/v1/customers?limit=5&email={email}")
                    assert answer.status == 200, answer
                    found = [customer["email"] for customer in answer.json["data"]]
                    assert found == [email], f"{email} was written before it was asked for: {found}"
                    self.reads += 2
            assert not self.client.retried, self.client.retried
        except BaseException as failure:  # handed to the test's thread
            self.failures.append(failure)
        finally:
            self.client.close()


class BalanceTest(unittest.TestCase):
    def test_a_busy_leader_is_helped(self):
        with temporary_folder() as folder, Cluster(folder, limits__expensive_ms=0) as cluster:
            cluster.form(3)
            key = cluster.set_up()
            leader = cluster.leader()
            followers = cluster.followers()
            readers = [Reader(number, leader, key) for number in range(READERS)]
            with Load([leader], key, threads=2) as load:
                load.wait_for(150)
                for reader in readers:
                    reader.start()
                until(lambda: metric(leader, "kontor_reads_passed_on_total") > 200 or any(r.failures for r in readers),
                      60, "reads that others answer", 0.2)
                helped = {machine.number: metric(machine, "kontor_reads_answered_for_others_total")
                          for machine in cluster.machines}
                status = leader.status()
                helper = max(followers, key=lambda machine: helped[machine.number])
                helper.kill()
                time.sleep(2 * SLOW)
                passed = metric(leader, "kontor_reads_passed_on_total")
                until(lambda: metric(leader, "kontor_reads_passed_on_total") > passed + 50 or
                      any(r.failures for r in readers), 60, "reads that the leader passes on", 0.2)
                for reader in readers:
                    reader.stopping.set()
                for reader in readers:
                    reader.join()
                load.stop()
            for reader in readers:
                self.assertEqual([], reader.failures)
            print({"reads": sum(reader.reads for reader in readers), "passed_on": passed, "helped": helped,
                   "payments": load.count(), "load": {node["node"]: node.get("load") for node in status["nodes"]}})
            self.assertEqual(0, helped[leader.number])
            self.assertGreater(helped[helper.number], 50)
            self.assertEqual([], load.retried())
            self.assertTrue(all("load" in node for node in status["nodes"]))

    def test_it_can_be_switched_off(self):
        with temporary_folder() as folder, Cluster(folder, cluster__balance_reads=False, limits__expensive_ms=0) as cluster:
            cluster.form(3)
            key = cluster.set_up()
            leader = cluster.leader()
            readers = [Reader(number, leader, key) for number in range(READERS)]
            for reader in readers:
                reader.start()
            time.sleep(5)
            for reader in readers:
                reader.stopping.set()
            for reader in readers:
                reader.join()
                self.assertEqual([], reader.failures)
            self.assertGreater(sum(reader.reads for reader in readers), 100)
            self.assertEqual([0, 0, 0], [metric(machine, "kontor_reads_passed_on_total") for machine in cluster.machines])


if __name__ == "__main__":
    main()
