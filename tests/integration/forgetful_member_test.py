#!/usr/bin/env python3
"""Members that forgot: a folder put back from a copy, with and without its marker, in part or in whole."""
import json
import os
import re
import shutil
import ssl
import time
import unittest

from cluster_process import Cluster, Load
from folders import copy_away, put_back
from kontor_process import SLOW, Api, allow, main, run, temporary_folder, until, verify


def intents(machine, key):
    return {one["id"] for one in machine.process.api(key).all("/v1/payment_intents")}


class ForgetfulMemberTest(unittest.TestCase):
    def assert_refused(self, machine, *texts):
        """Ends by itself, with 2, and says why; to try again changes nothing."""
        for _ in range(2):
            machine.start(wait=False)
            code = machine.process.wait_end()
            said = "\n".join(machine.process.errors)
            self.assertEqual(code, 2, said)
            for text in texts:
                self.assertIn(text, said)

    def pay_through_two(self, folder):
        """The scenario up to its worst moment: 1 and 3 have what 2 never heard of, and 3 is an older copy."""
        cluster = Cluster(folder)
        self.addCleanup(lambda: [machine.end() for machine in cluster.machines])
        cluster.form(3)
        key = cluster.set_up()
        first, second, third = cluster.machines
        with Load(cluster.machines, key, threads=2) as load:
            load.wait_for(20)
            load.stop()
        cluster.caught_up()
        third.stop()
        copy = copy_away(third)
        third.start()
        cluster.settled(3)
        second.stop()
        with Load([first, third], key, threads=2) as load:
            load.wait_for(50, 60)
            load.stop()
        cluster.caught_up()
        paid = intents(cluster.leader(), key)
        third.stop()
        put_back(copy, third.data)
        return cluster, key, paid

    def test_a_member_that_forgot_does_not_vote_and_comes_back(self):
        with temporary_folder() as folder:
            cluster, key, paid = self.pay_through_two(folder)
            first, second, third = cluster.machines
            first.kill()
            second.start(wait=False)
            self.assert_refused(third, "is older than what this node has promised", "kontor cluster rejoin")
            self.assertFalse(second.leads(), "nobody may lead: only the first knows everything")
            refused = third.cli("rejoin")
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertRegex(refused.stderr, r"no majority without this node(.|\n)*node 2 .* has entries up to \d+")
            self.assertRegex(refused.stderr, r"node 1 .* does not answer")
            self.assertEqual(third.cli("rejoin", "--undo").returncode, 2, "there is nothing to undo")
            self.assertEqual(third.do("rejoin", "--accept-loss")["node"], third.node_no)
            third.start(wait=False)
            time.sleep(1.5)  # it asks, and nobody can take it out of the configuration
            self.assertFalse(second.leads())
            first.start(wait=False)
            for machine in cluster.machines:
                machine.process.wait_ready()
            cluster.settled(3)
            self.assertEqual({machine.node_no for machine in cluster.machines}, {1, 2, 3})
            cluster.caught_up()
            for machine in cluster.machines:
                self.assertEqual(paid, intents(machine, key), machine.number)
            with Load(cluster.machines, key, threads=2) as load:
                load.wait_for(20, 60)
                load.stop()
            third.stop()
            third.start()  # an ordinary start
            cluster.settled(3)
            cluster.caught_up()
            for machine in cluster.machines:
                self.assertEqual(verify(machine.data)[0], 0)

    def test_a_copy_that_somebody_accepted_outvotes_nobody(self):
        """It was said to be all that is left. Two such copies, or one and a node that was away, are a majority."""
        with temporary_folder() as folder:
            cluster, key, paid = self.pay_through_two(folder)
            first, second, third = cluster.machines
            done = run("accept-older-data", "--config", third.config, "--accept-loss")
            self.assertEqual(done.returncode, 0, done.stderr)
            first.kill()
            for machine in (second, third):
                machine.start(wait=False)
            until(lambda: second.status() and third.status(), 20, "both answer")
            time.sleep(3)  # six election time-outs
            self.assertFalse(second.leads() or third.leads(), "only the first knows everything")
            self.assertIn("has no peers until", third.cli("status").stdout)
            self.assertIn("event=counts_alone", "\n".join(third.process.errors))
            first.start(wait=False)
            for machine in (first, second):
                machine.process.wait_ready()
            self.assertFalse(third.leads())
            self.assertIn("has no peers until", first.cli("status").stdout)
            third.stop()
            refused = third.cli("rejoin", "--undo")
            self.assertEqual(refused.returncode, 2, refused.stderr)
            third.do("rejoin")
            third.start()
            cluster.settled(3)
            cluster.caught_up()
            for machine in cluster.machines:
                self.assertEqual(paid, intents(machine, key), machine.number)
            third.stop()
            third.start()  # an ordinary start
            cluster.settled(3)

    def accept(self, machine, copy):
        """The copy is put back, and somebody says that it is all that is left."""
        put_back(copy, machine.data)
        done = run("accept-older-data", "--config", machine.config, "--accept-loss")
        self.assertEqual(done.returncode, 0, done.stderr)
        machine.start(wait=False)
        until(machine.status, 20, "it answers")

    def assert_serves_nobody(self, machine, key):
        """Also after six election time-outs."""
        until(lambda: time.monotonic() > machine.process.started + 3, 20, "elections would be over")
        self.assertEqual((machine.status()["role"], machine.status()["leader"]), ("follower", 0))
        api = Api(machine.https_port, ssl._create_unverified_context(), key, timeout_s=10 * SLOW)
        self.assertEqual(api.request("POST", "/v1/customers", {"name": "Eve"}).status, 503)
        self.assertEqual(api.request("GET", "/v1/customers").status, 503)
        api.close()

    def take_over(self, machine):
        """As soon as nobody else was heard for a while."""
        until(lambda: machine.cli("takeover", "--accept-loss").returncode == 0, 30 * SLOW, "a take-over")
        machine.process.wait_ready()

    def test_an_accepted_copy_of_the_only_voter_leads_nothing(self):
        """Its log knows of nobody else who votes, so it would lead at once, beside those who joined or follow it."""
        for how in ("--standby", "--voter"):
            with self.subTest(how), temporary_folder() as folder, Cluster(folder) as cluster:
                first, others = cluster.machine(), []
                first.start()
                cluster.admin_url = first.process.ready["admin_url"]
                first.do("init")
                key = cluster.set_up()
                first.process.api(key).post("/v1/customers", {"name": "Ada"})

                def join(count):
                    for _ in range(count):
                        others.append(cluster.machine())
                        others[-1].do("join", first.token(*([how] if how == "--standby" else [])))
                        others[-1].start()
                    if how == "--voter":
                        cluster.settled(3)

                if how == "--standby":
                    join(1)
                first.stop()
                copy = copy_away(first)
                first.start()
                if how == "--voter":
                    join(2)
                first.process.api(key).post("/v1/customers", {"name": "Bob"})
                cluster.caught_up()
                first.stop()
                self.accept(first, copy)
                self.assert_serves_nobody(first, key)
                refused = first.cli("takeover", "--accept-loss")
                self.assertEqual(refused.returncode, 1, refused.stdout)
                self.assertIn("this copy is not all that is left", refused.stderr)
                first.stop()
                first.start(wait=False)  # it stays what it is
                until(first.status, 20, "it answers")
                self.assert_serves_nobody(first, key)
                for machine in others:
                    machine.stop()
                self.take_over(first)
                self.assertEqual([one["name"] for one in first.process.api(key).all("/v1/customers")], ["Ada"])

    def test_an_old_voter_hears_that_it_was_removed(self):
        """Its rows are those of its last checkpoint: who took over has joined since."""
        with temporary_folder() as folder, Cluster(folder, store__checkpoint_interval_s=3600) as cluster:
            cluster.form(3)
            standby = cluster.machine()
            standby.do("join", cluster.machines[0].token("--standby"))
            standby.start()
            until(lambda: "standby" in [node["is"] for node in (standby.status() or {"nodes": []})["nodes"]], 20, "it is one")
            cluster.caught_up()
            for machine in cluster.machines[:3]:
                machine.kill()
            until(lambda: standby.cli("takeover", "--accept-loss").returncode == 0, 30 * SLOW, "a take-over")
            for machine in cluster.machines[:3]:
                machine.start(wait=False)
                self.assertEqual(machine.process.wait_end(), 2, machine.process.story())

    def test_of_several_accepted_copies_one_goes_on(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            key = cluster.set_up()
            copies = []
            for machine in cluster.machines:
                machine.stop()
                copies.append(copy_away(machine))
                machine.start()
                cluster.settled(3)
            cluster.leader().process.api(key).post("/v1/customers", {"name": "Bob"})
            cluster.caught_up()
            for machine in cluster.machines:
                machine.stop()
            for machine, copy in zip(cluster.machines, copies):
                self.accept(machine, copy)
            first, second, third = cluster.machines
            self.take_over(first)
            for machine in (second, third):
                refused = machine.cli("takeover", "--accept-loss")
                self.assertEqual(refused.returncode, 1, refused.stdout)
                self.assertIn("node 1 at", refused.stderr)
                self.assert_serves_nobody(machine, key)
            self.assertEqual(first.process.api(key).all("/v1/customers"), [])

    def test_where_the_marker_went_back_too_the_others_notice(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            key = cluster.set_up()
            third = cluster.followers()[0]
            third.stop()
            copy, mark = copy_away(third), third.data + ".mark"
            shutil.copy2(mark, mark + ".copy")
            third.start()
            cluster.settled(3)
            with Load(cluster.machines, key, threads=2) as load:
                load.wait_for(20, 60)
                load.stop()
            cluster.caught_up()
            time.sleep(1.5)  # what the others remember is told ten times a second
            third.stop()
            put_back(copy, third.data)
            shutil.copy2(mark + ".copy", mark)
            third.start(wait=False)
            self.assertEqual(third.process.wait_end(), 2, third.process.story())
            said = "\n".join(third.process.errors)
            self.assertRegex(said, "node . remembers more of what this node promised than its folder does")
            self.assert_refused(third, "kontor cluster rejoin")
            third.do("rejoin")
            third.start()
            cluster.settled(3)

    def test_folders_of_which_a_part_is_missing(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()
            first = cluster.machines[0]
            for machine in cluster.machines:
                machine.stop()
            for machine in (first, cluster.machines[2]):
                os.rename(f"{machine.data}/peer", f"{machine.folder}/peer")
                started = time.monotonic()
                self.assert_refused(machine, "peer/", "token --replace")
                self.assertLess(time.monotonic() - started, allow(20), "a refusal waits for the cluster")
                os.rename(f"{machine.folder}/peer", f"{machine.data}/peer")
            third = cluster.machines[2]
            shutil.rmtree(f"{third.data}/groups/0/log")
            self.assert_refused(third, "/log is missing", "kontor cluster rejoin")
            for machine in cluster.machines[:2]:
                machine.start(wait=False)
            third.do("rejoin")
            third.start()
            cluster.settled(3)
            self.assertIn("too late", self.undo_while_it_copies(cluster, third))

    def undo_while_it_copies(self, cluster, third):
        third.stop()
        third.do("rejoin")
        with open(f"{third.data}/peer/identity.json", encoding="utf-8") as file:
            identity = json.load(file)
        with open(f"{third.data}/peer/identity.json", "w", encoding="utf-8") as file:
            json.dump({**identity, "rejoins": False, "needs_state": True}, file)
        return third.cli("rejoin", "--undo").stderr

    @staticmethod
    def ask_anyway(machine):
        """It asks to be taken in anew although the others have no majority without it."""
        machine.stop()
        machine.do("rejoin", "--accept-loss")
        machine.start(wait=False)

    def test_what_a_killed_member_promised_is_a_number(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()
            cluster.caught_up()
            third = cluster.machines[2]
            applied = third.control("status")["applied_index"]
            third.kill()  # where its log ends only a start can tell
            for machine in cluster.machines[:2]:
                machine.stop()
            said = third.cli("rejoin").stderr
            promised = re.search(r"had promised entries up to (\d+)\.", said)
            self.assertIsNotNone(promised, said)
            self.assertIn(int(promised[1]), range(applied, applied + 100), said)

    def test_two_of_three_that_ask_to_be_taken_in_anew_take_it_back(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()
            first, second, third = cluster.machines
            for machine in (second, third):
                self.ask_anyway(machine)
            until(lambda: "Waiting to be taken in anew" in third.process.story(), 20 * SLOW, "the last one's asking")
            until(lambda: not first.leads(), 10 * SLOW, "nobody leads, so that nobody can take them out")
            for machine in (second, third):
                machine.stop()
                machine.do("rejoin", "--undo")
                machine.start(wait=False)
            cluster.settled(3)
            cluster.caught_up()
            # A member that was stopped in an orderly way leaves all that it applied for `verify`.
            for machine in cluster.followers() + [cluster.leader()]:
                applied = machine.control("status")["applied_index"]
                self.assertEqual(machine.stop(), 0)
                code, report = verify(machine.data)
                self.assertEqual(code, 0, report)
                self.assertGreaterEqual(report["log_index"], applied, machine.number)

    def test_who_waits_to_be_taken_in_and_was_removed_ends(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()
            first, second, third = cluster.machines
            for machine in (second, third):
                self.ask_anyway(machine)
            until(lambda: first.cli("takeover", "--accept-loss").returncode == 0, 30 * SLOW, "a take-over")
            for machine in (second, third):
                self.assertEqual(machine.process.wait_end(), 2)
                said = "\n".join(machine.process.errors)
                self.assertRegex(said, "was removed from the cluster|is no member any more")
                self.assertEqual(machine.do("rejoin", "--undo")["event"], "rejoin_undone")
                # An ordinary start of a removed node is none that another try cures, either.
                machine.start(wait=False)
                self.assertEqual(machine.process.wait_end(), 2, machine.process.story())
                refused = machine.cli("rejoin")
                self.assertEqual(refused.returncode, 2, refused.stderr)
                self.assertRegex(refused.stderr, "was removed from the cluster(.|\n)*kontor cluster token")
                self.assertNotIn("takeover", refused.stderr)
            again = first.cli("takeover", "--accept-loss")
            self.assertEqual(again.returncode, 1)
            self.assertIn("leads already, and alone", again.stderr)


if __name__ == "__main__":
    main()
