#!/usr/bin/env python3
"""A node whose state differs from the others' stops within seconds and names the row; the others go on, it does
not come back as if nothing had been, and another machine takes its place.

KONTOR_NEXT_BINARY names the test binary that can be made to diverge (modules/node/src/apply_fault.h).
"""
import os
import time
import unittest

from cluster_process import Cluster, Load
from kontor_process import main, temporary_folder, until, verify

NEXT = os.environ.get("KONTOR_NEXT_BINARY", "")
STOPS_WITHIN_S = 10
STOPPED, REFUSED = 3, 2
WHERE = r"entry \d+: table ledger_accounts \(1\), partition 0[01], key [0-9a-f]+"


class Divergence(unittest.TestCase):
    def test_a_follower_and_a_leader(self):
        with temporary_folder() as folder, Cluster(folder, store__checkpoint_interval_s=1) as cluster:
            cluster.form(3)
            cluster.set_up()
            with Load(cluster.machines, cluster.key, threads=2) as load:
                load.wait_for(20)
                self.follower_differs(cluster, load)
                load.wait_for(20)
                acknowledged = load.stop()
            with Load(cluster.running(), cluster.key, threads=2, name="second") as load:
                load.wait_for(20)
                self.leader_differs(cluster, load)
                load.wait_for(20)
                acknowledged.update(load.stop())
            self.check(cluster, acknowledged)

    def diverge_from(self, machine, index):
        """The machine's next run applies an account row of the first entry from there on in a wrong way."""
        machine.binary, machine.environment = NEXT, {"TEST_KONTOR_DIVERGE": str(index)}

    def wait_stopped(self, machine, since, text):
        until(lambda: not machine.is_running(), STOPS_WITHIN_S, f"machine {machine.number} stopped")
        took = time.monotonic() - since
        self.assertEqual(machine.process.wait_end(), STOPPED, machine.process.story())
        self.assertRegex(machine.process.story(), text + WHERE)
        return took

    def follower_differs(self, cluster, load):
        victim = cluster.followers()[0]
        others = [machine for machine in cluster.machines if machine is not victim]
        victim.stop()
        self.diverge_from(victim, 1)
        begun = time.monotonic()
        victim.start(wait=False)
        took = self.wait_stopped(victim, begun, "this node's state differs from the leader's: ")
        load.wait_for(50)  # the others go on
        for machine in others:
            self.assertTrue(machine.is_running(), machine.process.story())
        # Started again, as systemd does: it does not serve for a moment.
        victim.binary, victim.environment = None, None
        victim.start(wait=False)
        until(lambda: not victim.is_running(), STOPS_WITHIN_S, "the node with the wrong state refusing")
        self.assertEqual(victim.process.wait_end(), REFUSED, victim.process.story())
        self.assertNotIn('"event":"ready"', "\n".join(victim.process.lines))
        self.assertRegex(victim.process.story(), "state differs.*" + WHERE)
        # A new machine in its place.
        fresh = cluster.machine()
        fresh.do("join", others[0].token("--replace", str(victim.node_no)))
        cluster.machines.remove(victim)
        fresh.start()
        cluster.settled(3)
        print(f"a follower that differed stopped {took:.1f} s after its start and was replaced", flush=True)

    def leader_differs(self, cluster, load):
        victim = cluster.followers()[0]
        others = [machine for machine in cluster.machines if machine is not victim]
        victim.stop()
        victim.start()  # a checkpoint was made: little is applied again
        victim.stop()
        self.diverge_from(victim, applied_by(others[0]) + 3_000)
        victim.start()
        cluster.settled(3)
        victim.do("transfer", str(victim.node_no))
        until(lambda: victim.leads() or not victim.is_running(), 20, "the one that will differ leading")
        self.assertTrue(victim.leads(), victim.process.story())
        begun = time.monotonic()
        until(lambda: not victim.is_running(), 60, "the leader that differs having stopped")
        self.assertEqual(victim.process.wait_end(), STOPPED, victim.process.story())
        self.assertRegex(victim.process.story(), "this node's state differs from the others', though it led: " + WHERE)
        load.wait_for(50)
        self.assertIn(cluster.leader(), others)
        cluster.machines.remove(victim)
        print(f"a leader that differed stopped; {time.monotonic() - begun:.1f} s from its election to a new leader's "
              f"payments", flush=True)

    def check(self, cluster, acknowledged):
        cluster.caught_up()
        statuses = [machine.control("status") for machine in cluster.running()]
        self.assertEqual(len({(status["applied_index"], status["state_hash"]) for status in statuses}), 1, statuses)
        for machine in cluster.running():
            code, report = verify(machine.data)
            self.assertEqual((code, report.get("holds")), (0, True), report)
            stored = [(one["metadata"]["op"], one["id"])
                      for one in machine.process.api(cluster.key).all("/v1/payment_intents")]
            self.assertEqual(sorted(stored), sorted(acknowledged.items()))


def applied_by(machine):
    return machine.control("status")["applied_index"]


if __name__ == "__main__":
    assert NEXT, "KONTOR_NEXT_BINARY must name the test binary"
    main()
