#!/usr/bin/env python3
"""Wall clocks that are wrong, on real processes: one node that starts an hour ahead and is set right, and a cluster in
which the leader's clock goes off, which is told, seen and left, and does not lead again.

Each process has a wall clock of its own (tests/cluster/clock_shim.c). KONTOR_CLOCK_ROUNDS (1; a nightly run takes more)
repeats it with other steps."""
import json
import os
import re
import struct
import subprocess
import time
import unittest

from cluster_process import Client, Cluster, Machine
from kontor_process import SLOW, allow, temporary_folder, until
from webhook_test import Receiver

SHIM = f"{os.path.dirname(os.path.abspath(__file__))}/../cluster/clock_shim.c"
HOUR_MS = 3600 * 1000
LEADER_STEPS_MS = (120_000, -120_000, 40 * 24 * HOUR_MS, -40 * 24 * HOUR_MS)
ROUNDS = int(os.environ.get("KONTOR_CLOCK_ROUNDS", "1"))
AT_ONCE_S = 5


class ClockedMachine(Machine):
    """Its wall clock can be set."""
    shim = None

    def __init__(self, folder, *arguments, **options):
        super().__init__(folder, *arguments, **options)
        self.clock_file = f"{folder}/clock"
        self.set_clock(0)
        self.environment = {"LD_PRELOAD": self.shim, "TEST_CLOCK_FILE": self.clock_file}

    def set_clock(self, ahead_ms):
        with open(self.clock_file, "r+b" if os.path.exists(self.clock_file) else "wb") as file:
            file.write(struct.pack("=q", ahead_ms))

    def said(self, text):
        return sum(text in line for line in self.process.errors + self.process.lines)


class ClockedCluster(Cluster):
    machine_type = ClockedMachine


class Clocks(unittest.TestCase):
    def setUp(self):
        if os.environ.get("KONTOR_SANITIZE"):
            self.skipTest("a sanitizer wants to be the first library itself")
        folder = self.enterContext(temporary_folder())
        ClockedMachine.shim = f"{folder}/clock_shim.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", ClockedMachine.shim, SHIM], check=True)
        self.cluster = self.enterContext(ClockedCluster(folder))

    def pay(self, client, what):
        began = time.monotonic()
        answer = client.request("POST", "/v1/payment_intents",
                                {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True},
                                f"{what}-{time.monotonic()}")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["status"], "succeeded", what)
        self.assertLess(time.monotonic() - began, allow(AT_ONCE_S), what)
        return answer.json["id"]

    def ledger(self, api, path, body):
        answer = api.raw("POST", f"/v1/ledger/{path}", json.dumps(body),
                         {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_one_node_an_hour_ahead_that_is_set_right(self):
        machine = self.cluster.machine()
        self.cluster.admin_url = machine.start().ready["admin_url"]
        key = self.cluster.set_up()  # by a phone, whose time is right
        machine.stop()
        machine.set_clock(HOUR_MS)
        machine.start()
        api, client = machine.process.api(key), Client([machine], key)
        self.ledger(api, "accounts", {"accounts": [{"id": str(i), "ledger": 1, "code": 1} for i in (1, 2)]})

        def reserve(number):
            self.ledger(api, "transfers", {"transfers": [
                {"id": str(number), "debit_account": "1", "credit_account": "2", "amount": "5", "ledger": 1, "code": 1,
                 "flags": ["pending"], "timeout": 2}]})

        def reserved():
            answer = api.request("GET", "/v1/ledger/accounts/1")
            return int(answer.json["debits_pending"])
        with Receiver() as receiver:
            api.post("/v1/webhook_endpoints", {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
            for ahead_ms, what in ((HOUR_MS, "ahead"), (0, "set right"), (-HOUR_MS, "behind"), (0, "right again")):
                machine.set_clock(ahead_ms)
                payment = self.pay(client, what)
                until(lambda p=payment: any(e["data"]["object"]["id"] == p for e in receiver.events()),
                      allow(AT_ONCE_S), f"the webhook of a payment, {what}")
                reserve(10 + len(receiver.deliveries))
                self.assertEqual(reserved(), 5)
                until(lambda: reserved() == 0, allow(2 + AT_ONCE_S), f"a reservation that runs out, {what}")
            self.assertGreaterEqual(machine.process.metrics()["kontor_clock_steps_total"], 3)
            self.assertTrue(machine.said("event=clock_step"))
            self.assertTrue(machine.said("event=clock_behind_log"))
            machine.stop()
            machine.start()
            self.pay(Client([machine], key), "after a restart")

    def test_a_leader_whose_clock_is_off_gives_up_and_does_not_come_back(self):
        cluster = self.cluster.form(3)
        client = Client(cluster.machines, cluster.set_up())
        for step_ms in LEADER_STEPS_MS[:1] if ROUNDS == 1 else LEADER_STEPS_MS * ROUNDS:
            off = cluster.leader()
            others = [machine for machine in cluster.machines if machine is not off]
            off.set_clock(step_ms)
            self.pay(client, "off")
            successor = until(lambda o=others: next((m for m in o if m.leads()), None), 20 * SLOW, "another leader")
            self.assertTrue(off.said("event=clock_off by_ms="))
            self.assertTrue(off.said("event=clock_gives_up_leading"))
            clock = until(lambda m=off: (c := m.status()["clock"])["is_off"] and c, 10 * SLOW, "status says so")
            self.assertLess(abs(clock["off_ms"] - step_ms), 2000)
            self.assertAlmostEqual(off.process.metrics()["kontor_cluster_clock_off_seconds"], step_ms / 1000, delta=2)
            for other in others:
                until(lambda m=other: m.said("event=clock_skew"), 10 * SLOW, "the others say so")
                seen = {node["node"]: node.get("clock_ahead_ms") for node in other.status()["nodes"]}
                self.assertLess(abs(seen[off.node_no] - step_ms), 2000)
            # The voter with the right time is lost: its neighbour leads, and the one with the wrong time does not.
            self.pay(client, "led by another")
            (third,) = [machine for machine in others if machine is not successor]
            cluster.caught_up()
            successor.kill()
            until(third.leads, 20 * SLOW, "the one with the right time leads")
            self.assertFalse(off.leads())
            self.pay(Client([off, third], cluster.key), "without the successor")
            successor.start()
            for set_ms in (step_ms, -step_ms):
                off.set_clock(set_ms)
                which = re.compile(rf"is \d+ ms {'ahead of' if set_ms > 0 else 'behind'} those of the others")
                until(lambda m=off, w=which: w.search(m.cli("status").stdout), 10 * SLOW, which.pattern)
            off.set_clock(0)
            until(lambda m=off: not m.status()["clock"]["is_off"], 10 * SLOW, "the clock is right again")
            self.assertTrue(off.said("agrees with the others again"))
            cluster.settled(3)
            self.pay(client, "right again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
