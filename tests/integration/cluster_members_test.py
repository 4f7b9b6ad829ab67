#!/usr/bin/env python3
"""Members that come and go in hard moments: two of five lost at once, and a look at a node that still copies."""
import json
import os
import signal
import socket
import threading
import time
import unittest

from cluster_process import Cluster, Load
from kontor_process import SLOW, main, temporary_folder, until


class Told(threading.Thread):
    """A command that takes its time, and what it said."""

    def __init__(self, machine, *arguments):
        super().__init__()
        self.machine, self.arguments, self.said = machine, arguments, None

    def run(self):
        self.said = self.machine.cli(*self.arguments)


class MembersTest(unittest.TestCase):
    def test_two_of_five_are_lost_and_removed(self):
        """The leader and another voter burn down; the one that leads then never heard of either."""
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(5)
            key = cluster.set_up()
            lost = [cluster.leader(), cluster.followers()[0]]
            numbers = [machine.node_no for machine in lost]
            rest = [machine for machine in cluster.machines if machine not in lost]
            with Load(rest, key, threads=2) as load:
                load.wait_for(20)
                for machine in lost:
                    machine.kill()
                load.wait_for(20)
                leader = cluster.leader()
                for number in numbers:
                    leader.do("remove", str(number))
                    # It says so when nobody counts on that node any more: then one more may be stopped.
                    self.assertNotIn(number, {node["node"] for node in leader.status()["nodes"]})
                cluster.settled(3)
                load.wait_for(20)
                # Three voters: one more may go.
                third = cluster.followers()[0]
                third.kill()
                load.wait_for(20, 60)
                load.stop()
            members = {node["node"] for node in cluster.leader().status()["nodes"]}
            self.assertFalse(members & set(numbers), members)

    def test_a_command_that_waits_keeps_nobody_waiting(self):
        """A node is taken out that the majority cannot do without: the command waits for a change that does not come."""
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            leader, (lost, other) = cluster.leader(), cluster.followers()
            lost.kill()
            removing = Told(leader, "remove", str(other.node_no))
            removing.start()
            until(lambda: self.wanted(leader).get(other.node_no) == "removed", what="the mark")
            demoting = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            demoting.connect(f"{leader.data}/control.sock")
            demoting.sendall(json.dumps({"command": "cluster-voter", "node": lost.node_no, "voter": False}).encode() + b"\n")
            # Questions are answered meanwhile, and what waits behind the command is not begun.
            self.assertEqual("voter", self.wanted(leader)[lost.node_no])
            self.assertTrue(removing.is_alive(), removing.said)
            # So is the wish to stop.
            os.kill(leader.process.pid, signal.SIGTERM)
            removing.join()
            self.assertIn(f"node {other.node_no} is marked, and this node is stopping", removing.said.stderr)
            self.assertEqual(1, removing.said.returncode)
            said = json.loads(demoting.makefile("rb").readline())
            self.assertIn("this node is stopping; nothing was done", said["error"])
            self.assertEqual(0, leader.process.wait_end())

    def wanted(self, machine):
        return {node["node"]: node["wanted"] for node in machine.status()["nodes"]}

    def test_a_node_that_copies_says_how_far_it_is(self):
        with temporary_folder() as folder, Cluster(folder, cluster__copy_max_mib_s=1) as cluster:
            cluster.form(1)
            key = cluster.set_up()
            with Load(cluster.machines, key, threads=4) as load:
                load.wait_for(1500, 120)
                load.stop()
            machine = cluster.machine()
            machine.do("join", cluster.machines[0].token())
            machine.start(wait=False)
            seen = []

            def has_joined():
                status = machine.status()
                if status and "copy" in status:
                    seen.append(status)
                return machine.process.ready or (status and status["role"] == "follower")
            until(has_joined, 120, "the new node", 0.01)
            self.assertTrue(seen, "the copy took too short a time to be looked at")
            last = seen[-1]
            self.assertEqual("joining", last["role"])
            self.assertEqual(1, last["copy"]["from"])
            self.assertGreater(last["copy"]["bytes"], 0)
            self.assertLessEqual(last["copy"]["percent"], 100)
            self.assertIn("copying the state from node 1", last["nodes"][0]["doing"])
            machine.process.wait_ready()
            cluster.settled(2)
            self.assertNotIn("copy", machine.status())
            time.sleep(0.1 * SLOW)
            print({"looks": len(seen), "percents": sorted({status["copy"]["percent"] for status in seen})})


if __name__ == "__main__":
    main()
