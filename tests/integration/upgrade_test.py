#!/usr/bin/env python3
"""`kontor upgrade --rolling` with two real binaries: this version and the next one, which has a feature level more.

KONTOR_NEXT_BINARY names the next version. Each machine has a binary of its own, as packages put it there.
"""
import json
import os
import shutil
import subprocess
import time
import unittest

from cluster_process import Cluster, Load
from kontor_process import BINARY, SLOW, clean_environment, main, run, temporary_folder, until, verify

NEXT = os.environ.get("KONTOR_NEXT_BINARY", "")


def version_of(binary):
    return subprocess.run([binary, "--version"], text=True, capture_output=True, check=True).stdout.split()[1]


def put(machine, binary):
    """As a package does: beside it, then over it in one step."""
    machine.binary = f"{machine.folder}/kontor"
    shutil.copyfile(binary, machine.binary + ".new")
    os.chmod(machine.binary + ".new", 0o755)
    os.rename(machine.binary + ".new", machine.binary)


class OwnBinaries(Cluster):
    def machine(self, *arguments, **settings):
        machine = super().machine(*arguments, **settings)
        put(machine, BINARY)
        return machine


def upgrade(machine, *arguments, binary=None):
    """The command on that machine: its exit code, its events, its errors."""
    done = run("upgrade", "--rolling", "--json", "--drain", "1", *arguments, "--config", machine.config,
               binary=binary or machine.binary, timeout_s=150 * SLOW)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def levels(machine):
    status = machine.status()
    return status and (status["feature_level"], sorted(node.get("version", "?") for node in status["nodes"]))


class UpgradeTest(unittest.TestCase):
    def test_a_cluster_moves_to_the_next_version_under_load(self):
        with temporary_folder() as folder, OwnBinaries(folder) as cluster:
            cluster.form(3)
            key = cluster.set_up()
            old, new = version_of(BINARY), version_of(NEXT)
            pids = [machine.process.pid for machine in cluster.machines]
            self.assertNotEqual(old, new)
            # A machine without the new binary: nothing is begun.
            put(cluster.machines[0], NEXT)
            put(cluster.machines[1], NEXT)
            code, events, errors = upgrade(cluster.machines[0])
            self.assertEqual(code, 1, errors)
            self.assertIn(f"on node {cluster.machines[2].node_no} lies version {old}", errors)
            self.assertEqual(levels(cluster.machines[0]), (2, [old] * 3))
            put(cluster.machines[2], NEXT)

            seen = set()
            with Load(cluster.machines, key) as load:
                load.wait_for(100)
                command = subprocess.Popen(
                    [cluster.machines[0].binary, "upgrade", "--rolling", "--json", "--drain", "1", "--config",
                     cluster.machines[0].config], env=clean_environment(), text=True, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
                with command:
                    while command.poll() is None:
                        for machine in cluster.machines:
                            found = levels(machine)
                            if found and "?" not in found[1]:
                                seen.add((found[0], tuple(found[1])))
                        time.sleep(0.05)
                    output, errors = command.stdout.read(), command.stderr.read()
                self.assertEqual(command.returncode, 0, errors + output)
                load.wait_for(100)
                acknowledged = load.stop()
            events = [json.loads(line) for line in output.splitlines()]
            self.assertEqual(events[-1], {"event": "upgraded", "version": new, "feature_level": 3})
            done = [event["node"] for event in events if event.get("state") == "done"]
            self.assertEqual(sorted(done), sorted(machine.node_no for machine in cluster.machines))
            drained = [event for event in events if event.get("state") == "draining"]
            self.assertIn("hands over", drained[-1]["what"])
            # Both versions ran together, and level 3 was used only when nobody had the old one.
            self.assertIn((2, (old, old, new)), seen)
            self.assertIn((2, (old, new, new)), seen)
            self.assertFalse([one for one in seen if one[0] == 3 and old in one[1]])
            until(lambda: all(levels(machine) == (3, [new] * 3) for machine in cluster.machines), 20,
                  "level 3 everywhere")
            # In place: nobody who watches the processes noticed.
            self.assertEqual([machine.process.pid for machine in cluster.machines], pids)
            self.assertTrue(all(machine.is_running() for machine in cluster.machines))

            # Nothing was lost, nothing was done twice; Load raised for any answer but 200.
            cluster.caught_up()
            api = cluster.machines[0].process.api(key)
            stored = [payment["metadata"]["op"] for payment in api.all("/v1/payment_intents")]
            self.assertEqual(len(stored), len(set(stored)))
            self.assertEqual(set(acknowledged), set(stored))
            for machine in cluster.machines:
                code, report = verify(machine.data)
                self.assertEqual(code, 0, report)
            print(f"{len(acknowledged)} payments, slowest {load.slowest_s():.2f} s, {len(load.retried())} retried",
                  flush=True)

            # A node of the old version is not let in again, whether it was a member or is a new one.
            victim = cluster.followers()[0]
            victim.stop()
            put(victim, BINARY)
            self.assertIn(victim.start(wait=False).process.wait(30 * SLOW), (1, 3))
            self.assertRegex(victim.process.story(), "the state uses feature level 3|too old for this cluster")
            victim.end()
            stranger = cluster.machine()
            refused = stranger.cli("join", cluster.leader().token())
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("features that this version does not have", refused.stderr)
            put(victim, NEXT)
            victim.start()
            cluster.settled(3)

    def test_a_command_of_the_next_level_waits_for_the_last_node(self):
        with temporary_folder() as folder, OwnBinaries(folder) as cluster:
            cluster.form(3)
            for machine in cluster.machines:
                put(machine, NEXT)
            # One node after the other by hand; the next version leads as soon as one has it.
            first, second, third = cluster.followers() + [cluster.leader()]
            for machine in (first, second):
                machine.stop()
                machine.start()
                cluster.settled(3)
            until(lambda: first.cli("transfer", str(first.node_no)).returncode == 0 or first.leads(), 20, "transfer")
            until(first.leads, 10, "the next version leads")
            refused = first.cli("rotate")
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("feature level 3", refused.stderr)
            third.stop()
            third.start()
            cluster.settled(3)
            until(lambda: first.status()["feature_level"] == 3, 20, "level 3")
            cluster.leader().do("rotate")

    def test_what_is_not_begun_and_what_stops_it(self):
        with temporary_folder() as folder, OwnBinaries(folder) as cluster:
            alone = cluster.machine()
            alone.start()
            code, _, errors = upgrade(alone)
            self.assertEqual(code, 1)
            self.assertIn("this node is alone", errors)
            cluster.admin_url = alone.process.ready["admin_url"]
            alone.do("init")
            two, three = cluster.machine(), cluster.machine()
            two.do("join", alone.token())
            two.start()
            cluster.settled(2)
            code, _, errors = upgrade(alone, "--all")
            self.assertIn("with 2 voters", errors)
            three.do("join", alone.token())
            three.start()
            cluster.settled(3)
            code, events, errors = upgrade(alone)
            self.assertEqual((code, errors), (0, ""))
            self.assertTrue(all(event["state"] == "done" for event in events))  # nothing to do
            three.kill()
            code, _, errors = upgrade(alone, "--all")
            self.assertEqual(code, 1)
            self.assertIn("does not answer", errors)
            three.start()
            cluster.settled(3)
            # A node whose configuration would be refused: nothing is begun, anywhere.
            victim = cluster.followers()[0]
            with open(victim.config, encoding="utf-8") as file:
                good = file.read()
            with open(victim.config, "a", encoding="utf-8") as file:
                file.write("\n[nonsense]\na = 1\n")
            runs = {machine.number: node_run(machine) for machine in cluster.machines}
            for arguments in (["--check"], []):
                code, events, errors = upgrade(cluster.leader(), "--all", *arguments)
                self.assertEqual(code, 1)
                self.assertIn(f"not begun: node {victim.node_no}: ", errors)
                self.assertIn("its configuration would be refused", errors)
                self.assertIn("'nonsense.a'", errors)
            self.assertEqual(runs, {machine.number: node_run(machine) for machine in cluster.machines})
            with open(victim.config, "w", encoding="utf-8") as file:
                file.write(good)
            # A node that cannot come back for another reason. The others are left alone.
            number = victim.node_no
            with open(f"{victim.data}/peer/identity.json", "w", encoding="utf-8") as file:
                file.write("damaged")
            code, events, errors = upgrade(cluster.leader(), "--all", "--node-timeout", "5")
            self.assertEqual(code, 1)
            self.assertIn(f"stopped at node {number}", errors)
            self.assertEqual(events[-1]["event"], "stopped")
            touched = [event["node"] for event in events if event.get("state") == "done"]
            for machine in cluster.machines:
                if machine is not victim and machine.node_no not in touched:
                    self.assertEqual(node_run(machine), runs[machine.number])
            self.assertFalse(victim.is_running())
            self.assertTrue(cluster.leader())


def node_run(machine):
    """Which run of its process a machine is in."""
    status = machine.status()
    return next(node.get("run") for node in status["nodes"] if node["node"] == status["node"])


if __name__ == "__main__":
    assert NEXT, "KONTOR_NEXT_BINARY must name the next version"
    main()
