#!/usr/bin/env python3
"""Copies of a state that is larger than what the nodes may have in memory, page cache included, while payments go on.

The source dies, the line drops and the new node dies at random moments of it; it goes on with another source, and nothing is
sent twice but what was under way. KONTOR_COPY_STATE_MIB is the size of the state (1536 at night); what the nodes may have
is the same for every size.
"""
import os
import random
import subprocess
import sys
import time
import unittest

import kontor_process
from cluster_process import Cluster, Load, Machine
from kontor_process import BINARY, SLOW, clean_environment, seed, temporary_folder, until, verify
from line import Line
from memory_bound import MIB, MemoryGroup, MemoryWatch

STATE_MIB = int(os.environ.get("KONTOR_COPY_STATE_MIB", "288"))
# The same for every size of state. The group's is for everything, so most of the state is never in the page cache.
ANONYMOUS_MIB, GROUP_MIB = 48, 212
COPY_MIB_S = max(8, STATE_MIB // 64)  # of compressed answers: slow enough to be met in the middle
ACCOUNTS, FILLS_MIB_S = 10_000, 40
DROPS = KILLS = 3
RESENT_MIB = 6  # what an interruption may cost: an answer under way, and 4 MiB that were not durable yet
COPYING, HERE = "copying the state from node", "the state is here"
# A machine's address is that of its line, which all others dial.
FAR = "127.0.1.{}"


class BoundMachine(Machine):
    """In a memory group of its own, from when it is told to be."""
    group = None

    def start(self, wait=True):
        if self.group is None:
            return super().start(wait)
        command = self.group.inside(BINARY, "serve", "--json", "--config", self.config)
        self.process = kontor_process.Kontor(*command[1:], binary=command[0])
        return self.process.wait_ready() if wait else self.process

    def bind(self, limit_mib):
        self.group = MemoryGroup.make(f"m{self.number}", limit_mib * MIB)

    def end(self):
        super().end()
        if self.group is not None:
            self.group.end()


class BoundCluster(Cluster):
    machine_type = BoundMachine


class Copy(unittest.TestCase):
    def test_state_larger_than_memory(self):
        self.chance, self.lines = random.Random(seed()), []
        with temporary_folder() as folder, BoundCluster(
                folder, store__cache_mib=16, store__memtable_mib=16, queue__max_mib=16, log__max_mib=64,
                https__max_request_mib=8, https__max_answer_mib=8, https__max_connections=500,
                store__checkpoint_interval_s=1, cluster__copy_max_mib_s=COPY_MIB_S) as cluster:
            try:
                self.ride(cluster)
            except BaseException:
                print("\n".join(f"---- machine {machine.number}: {machine.process.story()}" for machine in cluster.machines),
                      file=sys.stderr)
                raise
            finally:
                for line in self.lines:
                    line.end()

    def machine(self, cluster):
        machine = cluster.machine(cluster__address=FAR.format(len(cluster.machines) + 1))
        self.lines.append(Line(machine.settings["cluster.address"], machine.peer_port))
        return machine

    def ride(self, cluster):
        source = self.machine(cluster)
        source.start()
        cluster.admin_url = source.process.ready["admin_url"]
        source.do("init")
        cluster.set_up()
        self.fill(source, cluster.key)
        state_mib = stored_mib(source)
        self.assertGreater(state_mib, 1.3 * GROUP_MIB)
        source.stop()
        source.bind(GROUP_MIB)  # it may have less from now on
        source.start()
        with MemoryWatch() as memory, Load([source], cluster.key, threads=2,
                                                                    pause_s=0.05) as load:
            memory.watch("source", source.process.pid)
            load.wait_for(20)
            first = self.machine(cluster)
            whole = self.uninterrupted(source, first, memory)
            second = self.machine(cluster)
            interrupted = self.interrupted(source, first, second, memory, whole)
            until(lambda: node_of(source, second)["is"] == "voter", 30, "the new node's vote")
            load.wait_for(20)
            acknowledged = load.stop()
            self.assertEqual(load.retried(), [])
        self.assertEqual(set(memory.peaks), {"source", "machine2", "machine3"})
        for name, peak in memory.peaks.items():
            self.assertLess(peak, ANONYMOUS_MIB * MIB * (SLOW if SLOW > 1 else 1), (name, memory.peaks))
        # Each interruption costs what was under way.
        self.assertLess(interrupted, whole * (1.1 + (DROPS + KILLS) * RESENT_MIB / state_mib))
        print(f"state {state_mib} MiB; anonymous memory at most "
              f"{ {name: peak // MIB for name, peak in memory.peaks.items()} } MiB, groups "
              f"{GROUP_MIB if source.group else 'not available'}; on the line {whole / MIB:.1f} MiB, with "
              f"{DROPS + KILLS} interruptions {interrupted / MIB:.1f} MiB; {len(acknowledged)} payments, slowest "
              f"{load.slowest_s():.2f} s", flush=True)
        self.check(cluster, acknowledged)

    def fill(self, machine, key):
        begun, done_mib = time.monotonic(), 0
        while (done_mib := stored_mib(machine)) < STATE_MIB:
            seconds = min(30, max(1, (STATE_MIB - done_mib) // FILLS_MIB_S))
            done = subprocess.run(
                [BINARY, "bench", "batches", "--duration", f"{seconds}s", "--warmup", "0s", "--accounts", str(ACCOUNTS),
                 "--connections", "2", "--url", machine.process.ready["url"], "--key", key, "--ca-file",
                 machine.process.ready["ca_file"], "--json"],
                env=clean_environment(), text=True, capture_output=True, check=False, timeout=(60 + seconds) * SLOW)
            self.assertEqual(done.returncode, 0, done.stderr)
        print(f"filled with {done_mib} MiB in {time.monotonic() - begun:.1f} s", flush=True)

    def start_copy(self, machine, memory):
        if machine.group is None:
            machine.bind(GROUP_MIB)
        machine.start(wait=False)
        memory.watch(f"machine{machine.number}", machine.process.pid)

    def moved(self):
        return sum(sum(line.bytes()) for line in self.lines)

    def wait_moved(self, joiner, more_bytes):
        """Until so much more went over the line; the copy must not be done then."""
        wanted = self.moved() + more_bytes
        until(lambda: self.moved() >= wanted or said(joiner, HERE), 60, "the copy going on", 0.01)
        self.assertFalse(said(joiner, HERE), "the copy was over before everything was done to it")

    def uninterrupted(self, source, joiner, memory):
        """Bytes on the line from start to end."""
        joiner.do("join", source.token("--standby"))
        before, begun = self.moved(), time.monotonic()
        self.start_copy(joiner, memory)
        until(lambda: said(joiner, HERE), 120, "the copied state")
        copied = self.moved() - before
        joiner.process.wait_ready()
        print(f"copied and ready after {time.monotonic() - begun:.1f} s, {copied / MIB:.1f} MiB on the line", flush=True)
        self.assertFalse(said(joiner, "begins again"), joiner.process.story())
        until(lambda: node_of(source, joiner)["is"] == "standby" and node_of(source, joiner).get("ready"), 30,
              "the stand-by's place")
        return copied

    def interrupted(self, source, other, joiner, memory, whole):
        """Bytes on the line from the last beginning of the copy to its end, with everything that happens to it."""
        joiner.do("join", source.token())
        self.start_copy(joiner, memory)
        # A follower gives the copy, since it has the time. It dies: the leader begins it again, and the sink says so.
        self.wait_moved(joiner, self.chance.uniform(0.1, 0.4) * whole)
        until(lambda: said(joiner, f"{COPYING} {other.node_no}:"), 10, "the copying from who follows")
        other.kill()  # for good
        until(lambda: said(joiner, "begins again from nothing"), 30, "the copy's new beginning")
        before = self.moved()
        # The line drops, and the new node dies: it goes on where it was.
        what = ["drop"] * DROPS + ["kill"] * KILLS
        self.chance.shuffle(what)
        for one in what:
            self.wait_moved(joiner, self.chance.uniform(0.5, 1) * whole / (DROPS + KILLS + 2))
            if one == "kill":
                joiner.kill()
                self.start_copy(joiner, memory)
            else:
                for line in self.lines:
                    line.tell("drop")
        until(lambda: said(joiner, HERE), 120, "the copied state")
        copied = self.moved() - before
        joiner.process.wait_ready()
        self.assertFalse(said(joiner, "begins again"), joiner.process.story())
        return copied

    def check(self, cluster, acknowledged):
        cluster.caught_up()
        statuses = [machine.control("status") for machine in cluster.running()]
        self.assertEqual(len({status["applied_index"] for status in statuses}), 1, statuses)
        self.assertEqual(len({status["state_hash"] for status in statuses}), 1, statuses)
        for machine in cluster.machines:
            code, report = verify(machine.data)
            self.assertEqual((code, report.get("holds")), (0, True), report)
        for machine in cluster.running():
            payments = [(one["metadata"]["op"], one["id"])
                        for one in machine.process.api(cluster.key).all("/v1/payment_intents")]
            self.assertEqual(sorted(payments), sorted(acknowledged.items()))


def node_of(machine, other):
    return next((node for node in machine.status()["nodes"] if node["node"] == other.node_no), {"is": None})


def said(machine, text):
    return any(text in line for line in machine.process.errors + machine.process.lines)


def stored_mib(machine):
    return sum(os.path.getsize(os.path.join(folder, name)) if "partitions" in folder else 0
               for folder, _, names in os.walk(f"{machine.data}/groups/0/store") for name in names) // MIB


if __name__ == "__main__":
    kontor_process.main()
