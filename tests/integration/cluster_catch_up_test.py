#!/usr/bin/env python3
"""A node that was away for longer than the log reaches back copies the state of one that has it all, also when it dies in the
middle of that, while the others serve without a failed request."""
import json
import os
import secrets
import threading
import unittest

import kontor_process
from cluster_process import Client, Cluster, Load
from kontor_process import temporary_folder, until, verify

COPY_MIB_S = 4  # slow enough to be met in the middle
FILLED_WITHIN_S = 60


class CatchUp(unittest.TestCase):
    def test_away_for_longer_than_the_log(self):
        with temporary_folder() as folder, Cluster(
                folder, log__max_mib=64, store__memtable_mib=8, store__checkpoint_interval_s=1,
                cluster__copy_max_mib_s=COPY_MIB_S) as cluster:
            cluster.form(3)
            cluster.set_up()
            away = cluster.followers()[1]
            there = [machine for machine in cluster.machines if machine is not away]
            away.kill()
            self.fill(cluster, there)
            with Load(there, cluster.key, threads=2) as load:
                load.wait_for(20)
                # It copies; killed in the middle, it goes on at the next start.
                for _ in range(2):
                    away.start(wait=False)
                    until(lambda: self.said(away, "copying the state from node"), 40, "the copying")
                    load.wait_for(20)
                    self.assertFalse(self.said(away, "the state is here"))
                    away.kill()
                away.start(wait=False)
                until(lambda: self.said(away, "the state is here"), 90, "the copied state")
                away.process.wait_ready()
                self.assertTrue(self.said(away, "copying the state from node"))
                cluster.settled(3)
                load.wait_for(20)
                acknowledged = load.stop()
                self.assertEqual(load.retried(), [])
            cluster.caught_up()
            payments = {one["metadata"]["op"]: one["id"]
                        for one in away.process.api(cluster.key).all("/v1/payment_intents")}
            self.assertEqual(payments, acknowledged)
            code, report = verify(away.data)
            self.assertEqual((code, report.get("holds")), (0, True), report)
            # Who joins can be stopped in the middle, too, in an orderly way.
            fourth = cluster.machine()
            fourth.do("join", cluster.machines[0].token("--standby"))
            fourth.start(wait=False)
            until(lambda: self.said(fourth, "copying the state from node"), 40, "the copying")
            self.assertEqual(fourth.stop(), 0, fourth.process.story())
            self.assertFalse(self.said(fourth, "the state is here"))
            fourth.start(wait=False)
            until(lambda: self.said(fourth, "the state is here"), 90, "the copied state")
            fourth.process.wait_ready()
            # It can lead with that.
            away.do("transfer", str(away.node_no))
            until(away.leads, what="the node that was away as the leader")
            self.assertEqual(away.process.api(cluster.key).pay(500)["status"], "succeeded")
            for machine in cluster.machines:
                self.assertTrue(machine.is_running())

    @staticmethod
    def said(machine, text):
        return any(text in line for line in machine.process.errors + machine.process.lines)

    def fill(self, cluster, machines):
        """Entries that do not compress, until no running node's log begins with its first one any more."""
        over, answers = threading.Event(), []

        def customers(number):
            client = Client(machines, cluster.key)
            while not over.is_set():
                answers.append(client.request("POST", "/v1/customers", {
                    "metadata": {f"k{n}": secrets.token_urlsafe(370) for n in range(20)}}, secrets.token_hex(8)).status)
            client.close()

        def transfers(number):
            api = machines[number].process.api(cluster.key)
            headers = {"Authorization": f"Bearer {cluster.key}", "Content-Type": "application/json"}
            api.raw("POST", "/v1/ledger/accounts", json.dumps({"accounts": [
                {"id": "1", "ledger": 978, "code": 1}, {"id": "2", "ledger": 978, "code": 1}]}), headers)
            while not over.is_set():
                api.raw("POST", "/v1/ledger/transfers", json.dumps({"transfers": [
                    {"id": secrets.token_hex(16), "user_data_128": secrets.token_hex(16), "debit_account": "1",
                     "credit_account": "2", "amount": 1, "ledger": 978, "code": 7} for _ in range(1000)]}), headers)

        def is_cut():
            return all("log-00000000000000000001.seg" not in os.listdir(f"{machine.data}/groups/0/log") for machine in machines)

        threads = [threading.Thread(target=work, args=(0,)) for work in (customers, customers, customers, transfers)]
        for thread in threads:
            thread.start()
        try:
            until(is_cut, FILLED_WITHIN_S, "a log that was cut", 0.1)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(set(answers), {200})


if __name__ == "__main__":
    kontor_process.main()
