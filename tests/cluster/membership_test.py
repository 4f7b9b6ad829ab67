#!/usr/bin/env python3
"""Who is in the cluster changes while it is stormy, and a second site takes over when the first one is lost in a storm.

A fourth machine joins with a token, as a stand-by or to vote, is promoted, demoted, removed, burnt down and replaced, and one
of the three others votes for a while or not, while leaders die, links are cut and machines stand still. As in
faults_test.py the load goes on and everything is compared at the end.
"""
import shutil
import threading

import network

network.enter()

from bank import UNKNOWN, Bank  # noqa: E402
from checker import check  # noqa: E402
from cluster import Refused, now, until  # noqa: E402
from kontor_process import main  # noqa: E402
from ride import SECONDS, Ride  # noqa: E402
from stored import Reader  # noqa: E402

FOURTH = 4
REMOVED = "was removed from the cluster"
FAULTS = ("kill_leader", "kill_any", "pause_leader", "cut_leader", "leader_hears_nobody", "cut_follower", "cut_one_pair",
          "slow_links")
CHANGES_WITHIN_S = 60


class Told:
    """What was waited for, with the last things that were said."""

    def __init__(self, refusals, what):
        self.refusals, self.what = refusals, what

    def __str__(self):
        return f"{self.what} {self.refusals[-3:]}"


class Membership(Ride):
    machines_made = 0

    @classmethod
    def formed(cls):
        if FOURTH not in cls.net.nodes:  # a machine that is there, and in no cluster yet
            cls.net.add_node(FOURTH)
            cls.net.nodes.append(FOURTH)

    # ---- changes, each tried until it is done ----------------------------------------------------------------------------
    def command(self, action, *arguments):
        """On whichever node takes it. A command whose answer was lost may have been carried out: so say the others then."""
        def done():
            for machine in self.cluster.running():
                try:
                    return machine.do(action, *arguments)
                except Refused as refused:
                    self.refusals.append(str(refused))
            return None
        return until(done, CHANGES_WITHIN_S, Told(self.refusals, f"cluster {action} {arguments}"), 0.3)

    def row(self, machine):
        """What the leader says of a machine."""
        leader = self.cluster.leader_now()
        status = leader.status() if leader else None
        if not status:
            return {}
        return next((node for node in status["nodes"] if node["node"] == machine.node_no), {"is": "nothing"})

    def wait_role(self, machine, role):
        def there():
            row = self.row(machine)
            return row.get("is") == role and (role == "nothing" or row.get("ready"))
        until(there, CHANGES_WITHIN_S, Told(self.refusals, f"machine {machine.number} as {role}"), 0.1)

    def join(self, *arguments):
        """A new machine in the fourth's place, with an empty data folder."""
        type(self).machines_made += 1
        machine = self.cluster.new_machine(FOURTH, f"-{self.machines_made}")
        self.cluster.outside.append(machine)
        token = self.command("token", *arguments)["token"]

        def joined():
            try:
                return machine.do("join", token)
            except Refused as refused:  # the same again: the admission may have been carried out
                self.refusals.append(str(refused))
                return None
        until(joined, CHANGES_WITHIN_S, Told(self.refusals, "the join"), 0.3)
        machine.start(wait=False)
        self.cluster.outside.remove(machine)
        self.cluster.machines = [*self.cluster.machines[:3], machine]
        self.wait_role(machine, "standby" if "--standby" in arguments else "voter")

    def fourth(self):
        return self.cluster.machines[3] if len(self.cluster.machines) > 3 else None

    def put_outside(self, machine):
        self.cluster.machines = self.cluster.machines[:3]
        self.cluster.outside.append(machine)

    def remove(self):
        machine = self.fourth()
        self.put_outside(machine)
        self.command_until_gone("remove", machine)
        # It hears it, at the next start at the latest, and stops.
        if not machine.is_running():
            machine.kill()
            machine.start(wait=False)
        until(lambda: not machine.is_running(), CHANGES_WITHIN_S, "the removed one stopping")
        self.assertEqual(machine.process.wait_end(), 2, machine.process.story())
        self.assertIn(REMOVED, machine.process.story())
        shutil.rmtree(machine.data)
        self.cluster.outside.remove(machine)

    def command_until_gone(self, action, machine):
        number = str(machine.node_no)

        def gone():
            for other in self.cluster.running():
                try:
                    other.do(action, number)
                except Refused as refused:
                    self.refusals.append(str(refused))
                if self.row(machine).get("is") == "nothing":
                    return True
            return False
        until(gone, CHANGES_WITHIN_S, Told(self.refusals, f"cluster {action} {number}"), 0.2)

    def replace(self):
        """The fourth machine burns down, and a new one takes its number's place."""
        machine = self.fourth()
        role = self.row(machine).get("is") or "standby"
        self.put_outside(machine)
        machine.kill()
        number = machine.node_no
        shutil.rmtree(machine.data)
        self.cluster.outside.remove(machine)
        self.join("--replace", str(number), *(["--standby"] if role == "standby" else []))

    def set_role(self, machine, role):
        self.command({"voter": "promote", "standby": "demote"}[role], str(machine.node_no))
        self.wait_role(machine, role)

    def change_something(self):
        fourth = self.fourth()
        if fourth is None:
            return self.join(*self.chance.choice(((), ("--standby",))))
        role = self.row(fourth).get("is")
        steps = [self.remove, self.replace]
        if role == "standby":
            steps += [lambda: self.set_role(fourth, "voter")] * 2
        if role == "voter":
            third = self.cluster.machines[2]
            steps += [lambda: self.set_role(fourth, "standby"), lambda: self.for_a_while_no_voter(third)]
        return self.chance.choice(steps)()

    def for_a_while_no_voter(self, machine):
        self.set_role(machine, "standby")
        self.set_role(machine, "voter")

    # ---- the storms ------------------------------------------------------------------------------------------------------
    def change_in_a_storm(self):
        """One change, and faults until it is done."""
        failures, self.refusals, self.changes = [], [], self.changes + 1

        def work():
            try:
                self.change_something()
            except BaseException as failure:  # raised below
                failures.append(failure)
        changing = threading.Thread(target=work)
        changing.start()
        for _ in range(3):
            self.storm.for_a_while(0.1, 0.6)
            getattr(self.storm, self.chance.choice(FAULTS))()
            self.cluster.restore()
            if not changing.is_alive():
                break
        changing.join()
        if failures:
            raise failures[0]

    def test_changes(self):
        self.storm.change, self.storm.spared, self.changes = self.change_in_a_storm, FOURTH, 0
        self.ride("change", may_die=lambda code, story: REMOVED in story)
        print(f"{self.changes} changes of who is in", flush=True)

    def test_take_over(self):
        """The first site is lost in the middle of a storm; a stand-by goes on alone with all that it had heard of."""
        self.refusals = []
        self.storm.spared = FOURTH
        try:
            if self.fourth() is not None:
                self.remove()
            self.bank.start()
            self.join("--standby")
            standby, first_site = self.fourth(), self.cluster.machines[:3]
            end = now() + SECONDS / 2
            while True:
                getattr(self.storm, self.chance.choice(FAULTS))()
                if now() > end:
                    break
                self.cluster.restore()
            # Whatever is broken at this moment stays broken for the first site.
            for machine in first_site:
                machine.kill()
                machine.deaths.clear()
            self.net.heal()
            self.bank.abandoned.set()
            self.bank.stop()
            if not standby.is_running():
                standby.start(wait=False)
            self.take_over(standby, first_site)
        except BaseException as error:
            self.tell_failure(error)
            raise
        type(self).end_cluster()

    def take_over(self, standby, first_site):
        until(lambda: standby.status() is not None, 30, "the stand-by answering")
        known = standby.control("status")["applied_index"]

        def taken():
            try:
                return standby.do("takeover", "--accept-loss")
            except Refused as refused:  # it has heard of the leader a moment ago
                self.refusals.append(str(refused))
                return None
        until(taken, CHANGES_WITHIN_S, Told(self.refusals, "the take-over"), 0.5)
        until(lambda: (standby.status() or {}).get("role") == "leader", 30, "the stand-by leading")
        self.bank.targets = [*self.bank.targets, self.cluster.target(standby)]
        stored = {FOURTH: Reader(self.bank, 3, known).all()}
        lost = self.forget_after(known)
        complaints = check(self.bank, stored)
        self.assertEqual(complaints, [], f"{len(complaints)} complaints")
        print(f"take-over: {self.bank.acknowledged()} acknowledged transfers that it had heard of are there, "
              f"{lost} acknowledged after entry {known} are given up", flush=True)
        # What returns of the first site hears it, and stops.
        for machine in first_site:
            machine.start(wait=False)
        for machine in first_site:
            until(lambda machine=machine: not machine.is_running(), CHANGES_WITHIN_S, "the first site stopping")
            self.assertEqual(machine.process.wait_end(), 2, machine.process.story())
            self.assertIn(REMOVED, machine.process.story())
        # And the other site goes on.
        again = Bank(self.bank.targets[3:], self.bank.key, self.bank.run + 1, self.chance.random())
        again.start()
        until(lambda: again.failures or again.acknowledged() > 30, 30, "the load going on")
        again.stop()
        type(self).runs += 1
        self.assertEqual(check(again, {FOURTH: Reader(again, 0, again.seen_index).all()}), [])

    def forget_after(self, index):
        """What was acknowledged later may be there or not; the number of these."""
        later = [record for record in self.bank.transfers if record["index"] > index]
        for record in later:
            record["outcome"], record["end"] = UNKNOWN, float("inf")
        for record in self.bank.payments:
            if record["index"] > index:
                record["id"] = None
        self.bank.reads = [read for read in self.bank.reads if read["index"] <= index]
        return len(later)


if __name__ == "__main__":
    main()
