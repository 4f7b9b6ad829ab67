#!/usr/bin/env python3
"""What a start says of a cluster member's folder before it makes anything, and how the member comes back."""
import json
import os
import shutil
import time

from cluster_process import Cluster, Load
from folders import FolderTest, move_copy, write
from kontor_process import SLOW, main, read, run, temporary_folder, until


class MemberTest(FolderTest):
    def form(self, folder, size):
        cluster = Cluster(folder)
        self.addCleanup(lambda: [machine.end() for machine in cluster.machines])
        cluster.form(size)
        return cluster, cluster.set_up()

    def test_a_copy_of_a_member_is_taken_in_anew(self):
        with temporary_folder() as folder:
            cluster, key = self.form(folder, 3)
            third = cluster.machines[2]
            third.stop()
            for without_marker in (False, True):
                move_copy(third)
                if without_marker:
                    os.remove(third.data + ".mark")
                self.refused(third, "is a copy of the folder of node 3", "kontor cluster rejoin")
                self.assertEqual(third.do("rejoin")["node"], 3)
                third.do("rejoin", "--undo")  # it stays a copy
                self.refused(third, "is a copy", "kontor cluster rejoin")
                self.assertEqual(third.do("rejoin")["node"], 3)
                third.start()
                cluster.settled(3)
                third.stop()
            third.start()
            with Load(cluster.machines, key, threads=2) as load:
                load.wait_for(20, 60)
                load.stop()

    def test_after_a_disaster_one_copy_goes_on(self):
        with temporary_folder() as folder:
            cluster, key = self.form(folder, 3)
            with Load(cluster.machines, key, threads=2) as load:
                load.wait_for(20, 60)
                load.stop()
            cluster.caught_up()
            for machine in cluster.machines:
                machine.stop()
            second = cluster.machines[1]
            move_copy(second)
            os.remove(second.data + ".mark")  # a fresh machine
            for machine in (cluster.machines[0], cluster.machines[2]):
                shutil.rmtree(machine.data)
            self.refused(second, "is a copy of the folder of node 2", "kontor accept-older-data")
            asked = run("accept-older-data", "--config", second.config)
            self.assertEqual(asked.returncode, 2)
            self.assertIn("nothing here remembers how much", asked.stderr)
            self.refused(second, "is a copy of the folder of node 2")
            done = run("accept-older-data", "--config", second.config, "--accept-loss")
            self.assertEqual(done.returncode, 0, done.stderr)
            second.start(wait=False)
            first_run = second.process
            self.take_over(second)
            second.process.wait_ready()
            self.assertGreaterEqual(len(second.process.api(key).all("/v1/payment_intents")), 20)
            # From then on it has peers, now and after a start.
            second.stop()
            second.start()
            third = cluster.machine()
            third.do("join", second.token())
            third.start()
            self.assertIn("event=counts_alone", "\n".join(first_run.errors))
            self.assertNotIn("event=counts_alone", "\n".join(second.process.errors))

    def take_over(self, machine):
        for _ in range(100):
            done = machine.cli("takeover", "--accept-loss")
            if done.returncode == 0:
                return
            time.sleep(0.5)
        self.fail(done.stdout + done.stderr)

    def test_a_member_whose_folder_was_lost(self):
        with temporary_folder() as folder:
            cluster, key = self.form(folder, 3)
            third = cluster.machines[2]
            third.stop()
            aside, identity = f"{third.folder}/aside", f"{third.data}/peer/identity.json"
            for state in ("cut", "no text", "without peer/", "emptied", "gone"):
                if state == "cut":
                    write(identity, read(identity)[:700])
                if state == "no text":
                    write(identity, b"")
                if state == "without peer/":
                    os.rename(f"{third.data}/peer", aside)
                if state == "emptied":
                    shutil.rmtree(third.data)
                    os.mkdir(third.data)
                if state == "gone":
                    os.rmdir(third.data)
                texts = ("It was node 3", "kontor cluster token --replace 3", "kontor cluster join")
                self.refused(third, *texts)
                checked = run("config", "check", "--config", third.config).stderr
                self.assertNotIn("exception", checked, "a parser's words")
                self.assertEqual("identity.json is damaged" in checked, state in ("cut", "no text"), checked)
                accepted = run("accept-older-data", "--config", third.config, "--accept-loss")
                self.assertEqual(accepted.returncode, 2, accepted.stdout)
                for text in texts:
                    self.assertIn(text, accepted.stderr)
                if state == "without peer/":
                    looked = run("verify", "--config", third.config)
                    self.assertEqual(looked.returncode, 2, looked.stdout)
                    for text in texts:
                        self.assertIn(text, looked.stderr)
                rejoined = third.cli("rejoin")
                self.assertEqual(rejoined.returncode, 2)
                for text in texts:
                    self.assertIn(text, rejoined.stderr)
            first = cluster.machines[0]
            self.assertEqual(third.do("join", first.token("--replace", "3"))["node"], 4)
            third.start()
            cluster.settled(3)
            again = first.cli("token", "--replace", "3")
            self.assertEqual(again.returncode, 1)
            self.assertRegex(again.stderr, "No such node: 3. If it was removed, .*without --replace")

    def test_one_that_never_was_ready_does_not_say_that_it_is(self):
        with temporary_folder() as folder:
            cluster, _ = self.form(folder, 2)
            for machine in cluster.machines:
                machine.stop()
            alone = cluster.machines[1].start(wait=False)
            alone.wait_event("waiting")
            self.assertEqual(alone.stop(), 0, alone.story())
            self.assertEqual([json.loads(line)["event"] for line in alone.lines][-2:], ["waiting", "stopped"])

    def test_the_others_promises_are_not_lost_without_a_word(self):
        with temporary_folder() as folder:
            cluster, _ = self.form(folder, 2)
            first, second = cluster.machines
            promises = f"{second.data}/peer/promises.json"

            def remembers():
                return os.path.exists(promises) and b'"1"' in read(promises)
            until(remembers, 20 * SLOW, "what its peer promised")
            second.stop()
            whole = read(promises)
            for content in (whole[:-20], b"", None):
                if content is None:
                    os.remove(promises)
                else:
                    write(promises, content)
                second.start()
                said = "\n".join(second.process.errors)
                self.assertIn("event=promises_lost", said)
                self.assertNotIn("exception", said, "a parser's words")
                if content is not None:
                    self.assertEqual(read(f"{promises}.damaged"), content)
                until(remembers, 20 * SLOW, "what its peer says again")
                second.stop()
            second.start()
            self.assertNotIn("event=promises_lost", "\n".join(second.process.errors))


if __name__ == "__main__":
    main()
