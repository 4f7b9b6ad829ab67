#!/usr/bin/env python3
"""`kontor selftest --failover` on a real cluster: it holds; it says so; and it notices when it does not."""
import json
import threading
import unittest

from cluster_process import Cluster
from kontor_process import SLOW, allow, main, run, temporary_folder, until


def selftest(machine, *arguments):
    done = run("selftest", "--failover", "--json", *arguments, "--config", machine.config, timeout_s=150 * SLOW)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, events, done.stderr


class SelftestTest(unittest.TestCase):
    def test_a_cluster_survives_its_leader(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            # As the sample of docs/cluster.md: all addresses, and one of its own that no setting of https names.
            cluster.settings.update({"https.address": "0.0.0.0", "cluster.address": "127.0.0.9",
                                     "cluster.listen_address": "0.0.0.0"})
            cluster.form(3)
            cluster.set_up()

            # Cut off, asked on a follower.
            leader, follower = cluster.leader(), cluster.followers()[0]
            code, events, errors = selftest(follower, "--duration", "12s")
            result = events[-1]
            self.assertEqual(code, 0, (events, errors))
            self.assertTrue(result["holds"])
            self.assertEqual((result["missing"], result["duplicates"], result["unresolved"], result["wrong"]),
                             (0, 0, 0, 0))
            self.assertEqual(result["failed_node"], leader.node_no)
            self.assertGreater(result["acknowledged"], 100)
            self.assertEqual(sorted(result["nodes_checked"]), sorted(machine.node_no for machine in cluster.machines))
            self.assertGreater(result["new_leader_ms"], 0)
            self.assertLess(result["new_leader_ms"], allow(20_000), "a fail-over hangs")
            self.assertEqual(events[0]["event"], "plan")
            print(result, flush=True)
            cluster.settled(3)
            # Its key does not work any more; its merchant stays, one for all runs.
            listed = json.dumps(cluster.admin.get("merchants"))
            self.assertEqual(listed.count('"Kontor self-test"'), 1, listed)

            # --kill is for the machine of the leader only; there, systemd's part is ours.
            leader, follower = cluster.leader(), cluster.followers()[0]
            code, _, errors = selftest(follower, "--kill", "--duration", "6s")
            self.assertEqual(code, 1)
            self.assertIn("--kill ends the process of this folder", errors)

            # Live payments: only with --yes.
            merchant = cluster.admin.merchant_key("Live", mode="live")
            self.assertTrue(merchant)
            code, events, errors = selftest(leader, "--duration", "6s")
            self.assertEqual(code, 1)
            self.assertIn("--yes", errors)
            self.assertTrue(events[0]["live_merchants"])

            outcome = []  # meanwhile the test is the supervisor
            thread = threading.Thread(target=lambda: outcome.append(
                selftest(leader, "--kill", "--yes", "--duration", "9s")))
            thread.start()
            until(lambda: not leader.is_running(), 40, "the kill")
            leader.end()
            leader.start(wait=False)
            thread.join()
            code, events, errors = outcome[0]
            self.assertEqual(code, 0, (events, errors))
            self.assertTrue(events[-1]["holds"])
            print(events[-1], flush=True)

            # What it must notice: a node that cannot be reached by clients, and one that is away.
            cluster.settled(3)
            victim = cluster.followers()[0]
            victim.kill()
            code, _, errors = selftest(cluster.leader(), "--yes", "--duration", "6s")
            self.assertEqual(code, 1)
            self.assertIn("not begun", errors)


if __name__ == "__main__":
    main()
