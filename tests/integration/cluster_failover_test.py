#!/usr/bin/env python3
"""A leader that dies, stops, hands over or is frozen under load: nothing acknowledged is lost or done twice, and clients
that talk to all nodes in turn meet nothing that they may not retry."""
import collections
import threading
import time
import unittest

import kontor_process
from cluster_process import Client, Cluster, Load
from kontor_process import allow, temporary_folder, until, verify
from webhook_test import Receiver

KILLS = 4
# Retryable errors end within: ten times what a fail-over takes, which tests/bench/failover.py measures. How long one takes
# on a busy machine is its scheduler's to say.
HANGS_S = 10
UNDER_WAY = 8  # deliveries to one receiver, and therefore repeated at most when their sender dies
FROZEN_S = 3
REFUSED_WITHIN_S = 30  # it finds out that it leads no more, and looks for who does; a trip may take 60 s


class UnderLoad(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(temporary_folder())
        self.cluster = self.enterContext(Cluster(folder)).form(3)
        self.key = self.cluster.set_up()

    def check_stored(self, acknowledged):
        """Every node has each acknowledged payment, once, and holds."""
        self.cluster.settled(3)
        self.cluster.caught_up()
        for machine in self.cluster.machines:
            payments = machine.process.api(self.key).all("/v1/payment_intents")
            counted = collections.Counter(payment["metadata"].get("op") for payment in payments)
            self.assertEqual([op for op, count in counted.items() if count != 1], [], machine.number)
            stored = {payment["metadata"]["op"]: payment["id"] for payment in payments}
            self.assertEqual({op: stored.get(op) for op in acknowledged}, acknowledged, machine.number)
            self.assertEqual({payment["status"] for payment in payments}, {"succeeded"})
            code, report = verify(machine.data)
            self.assertEqual((code, report.get("holds"), report.get("problems")), (0, True, []), report)

    def errors_after(self, load, moment, but=None):
        """What clients had to retry since then, but for connections to a machine that is not there."""
        index = self.cluster.machines.index(but) if but else None
        return [retry for retry in load.retried() if retry[0] >= moment and retry[1] != index]


class Unplanned(UnderLoad):
    def test_the_leader_is_killed_again_and_again(self):
        with Receiver() as receiver:
            secret = self.cluster.machines[1].process.api(self.key).post("/v1/webhook_endpoints", {
                "url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})["secret"]
            self.assertTrue(secret)
            with Load(self.cluster.machines, self.key) as load:
                times = [self.kill_leader(load) for _ in range(KILLS)]
                acknowledged = load.stop()
            self.assertLess(max(times), allow(HANGS_S, below=20), f"a fail-over hangs: {times}")
            self.check_stored(acknowledged)
            self.check_delivered(receiver, acknowledged)
        print(f"{len(acknowledged)} payments acknowledged, {len(load.retried())} retries, the slowest took "
              f"{load.slowest_s():.2f} s; a new leader after {', '.join(f'{took:.2f}' for took in times)} s", flush=True)

    def kill_leader(self, load):
        load.wait_for(40)
        leader = self.cluster.leader()
        others = [machine for machine in self.cluster.machines if machine is not leader]
        killed = time.monotonic()
        leader.kill()
        new = until(lambda: next((machine for machine in others if machine.leads()), None), what="a new leader",
                    pause_s=0.005)
        took = time.monotonic() - killed
        # Until both others have answered a request of every client again.
        load.wait_for(40)
        errors = self.errors_after(load, killed, leader)
        if errors:
            self.assertLess(errors[-1][0] - killed, allow(HANGS_S, below=20), f"clients go on to hear errors: {errors[-3:]}")
        leader.start()
        self.cluster.settled(3)
        self.assertTrue(new.leads())
        return took

    def check_delivered(self, receiver, acknowledged):
        """No event is lost, and they come from one node."""
        payments = set(acknowledged.values())
        until(lambda: {event["data"]["object"]["id"] for event in receiver.events()} >= payments, 40,
              "every event at the receiver")
        leader = self.cluster.leader()

        def pending():
            return leader.process.api(self.key).get("/v1/events", {"limit": 100})["data"]
        until(lambda: not any(event["pending_webhooks"] for event in pending()), what="nothing left to deliver")
        counted = collections.Counter(event["id"] for event in receiver.events())
        repeated = sum(count - 1 for count in counted.values())
        print(f"{len(counted)} events, {repeated} of them told twice", flush=True)
        self.assertEqual(len(counted), len(payments))
        self.assertLessEqual(repeated, KILLS * UNDER_WAY)

    def test_the_leader_is_frozen(self):
        frozen = self.cluster.leader()
        others = [machine for machine in self.cluster.machines if machine is not frozen]
        fields = {"amount": 4711, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
                  "metadata": {"op": "frozen"}}
        api = frozen.process.api(self.key)
        api.get("/v1/balance")  # a connection is open
        with Load(others, self.key) as load:
            load.wait_for(40)
            late = []
            with frozen.paused():
                paused = time.monotonic()
                sender = threading.Thread(target=lambda: late.append(
                    api.request("POST", "/v1/payment_intents", fields, "frozen")))
                sender.start()
                new = until(lambda: next((machine for machine in others if machine.leads()), None),
                            what="a new leader", pause_s=0.005)
                took = time.monotonic() - paused
                self.assertLess(took, allow(HANGS_S, below=20), "nobody takes a frozen leader's place")
                client = Client(others, self.key)
                done = client.request("POST", "/v1/payment_intents", fields, "frozen")
                client.close()
                self.assertEqual(done.status, 200, done)
                until(lambda: time.monotonic() > paused + FROZEN_S, what="some seconds")
            # What it was asked before, and what it is asked now, it answers as the others do.
            fresh = frozen.process.api(self.key)
            read = fresh.request("GET", f"/v1/payment_intents/{done.json['id']}",
                                 headers={"Kontor-Min-Index": done.headers["Kontor-Log-Index"]})
            self.assertEqual((read.status, read.body), (200, done.body))
            sender.join()
            (answer,) = late
            self.assertIn(answer.status, (200, 409, 503), answer)
            if answer.status == 200:
                self.assertEqual(answer.json["id"], done.json["id"])
            again = fresh.request("POST", "/v1/payment_intents", fields, "frozen")
            self.assertEqual((again.status, again.body, again.headers["Idempotent-Replayed"]),
                             (200, done.body, "true"))
            until(lambda: frozen.status()["role"] == "follower", what="the former leader as a follower")
            self.assertTrue(new.leads())
            load.wait_for(20)
            errors = self.errors_after(load, paused)
            self.assertTrue(not errors or errors[-1][0] - paused < allow(HANGS_S, below=20), f"clients go on to hear errors: {errors[-3:]}")
            acknowledged = load.stop()
        print(f"frozen: a new leader after {took:.2f} s", flush=True)
        self.check_stored({**acknowledged, "frozen": done.json["id"]})


class Minority(UnderLoad):
    def test_one_node_alone_says_so_and_power_comes_back(self):
        with Load(self.cluster.machines, self.key) as load:
            load.wait_for(40)
            # All at once, as when the power fails.
            for machine in self.cluster.machines:
                machine.process.process.kill()
            for machine in self.cluster.machines:
                machine.kill()
            for machine in self.cluster.machines:
                machine.start(wait=False)
            for machine in self.cluster.machines:
                machine.process.wait_ready()
            load.wait_for(40)
            acknowledged = load.stop()
        self.check_stored(acknowledged)

        # Two of three gone: the last one, a former leader, decides nothing.
        alone = self.cluster.leader()
        for machine in self.cluster.machines:
            if machine is not alone:
                machine.kill()
        api = alone.process.api(self.key)
        fields = {"amount": 815, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
                  "metadata": {"op": "alone"}}
        for key in ("alone", None, "alone"):
            begun = time.monotonic()
            answer = api.request("POST", "/v1/payment_intents", fields if key else dict(fields, amount=816), key)
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"), answer)
            self.assertEqual(answer.error["type"], "api_error")
            self.assertLess(time.monotonic() - begun, allow(REFUSED_WITHIN_S, below=60), "a node alone says so only at a trip's end")
        self.assertEqual(api.raw("GET", "/livez").status, 200)
        until(lambda: api.raw("GET", "/readyz").status == 503, what="not ready")
        self.assertEqual(alone.status()["leader"], 0)
        self.assertIn("no leader just now", alone.cli("status").stdout)
        # What it knows it tells for a while, and then that it may be too old.
        until(lambda: api.request("GET", "/v1/balance").status == 503, what="the bound of staleness")

        back = next(machine for machine in self.cluster.machines if machine is not alone)
        back.start()
        done = until(lambda: (lambda answer: answer.status == 200 and answer.json)(
            api.request("POST", "/v1/payment_intents", fields, "alone")), what="a majority")
        self.assertEqual(done["status"], "succeeded")
        for machine in self.cluster.machines:
            if not machine.is_running():
                machine.start()
        self.cluster.settled(3)
        for machine in self.cluster.machines:
            found = [one for one in machine.process.api(self.key).all("/v1/payment_intents") if one["amount"] == 815]
            self.assertEqual([one["id"] for one in found], [done["id"]])


class Planned(UnderLoad):
    def test_transfer_stop_and_rolling_restart(self):
        with Load(self.cluster.machines, self.key) as load:
            load.wait_for(20)
            # Handed to whom one likes: nobody notices.
            for machine in self.cluster.machines:
                if not machine.leads():
                    self.cluster.machines[0].do("transfer", str(machine.number))
                    until(machine.leads, what=f"node {machine.number} as the leader")
                load.wait_for(20)
            self.cluster.leader().do("transfer")
            load.wait_for(20)
            self.assertEqual(load.retried(), [])

            slowest = 0.0
            for _ in range(2):  # first the leader, which hands over, then who leads then
                leader = self.cluster.leader()
                slowest = max(slowest, self.restart(load, leader))
            for machine in self.cluster.machines:
                slowest = max(slowest, self.restart(load, machine))
            acknowledged = load.stop()
        print(f"{len(acknowledged)} payments acknowledged; the slowest took {load.slowest_s():.2f} s, a stop "
              f"{slowest:.2f} s", flush=True)
        self.assertLess(load.slowest_s(), allow(HANGS_S, below=20), "a payment hangs while machines are restarted")
        self.check_stored(acknowledged)

    def restart(self, load, machine):
        """Only its own connections break; whatever is asked of the others is answered."""
        begun = time.monotonic()
        self.assertEqual(machine.stop(), 0, machine.process.story())
        took = time.monotonic() - begun
        load.wait_for(20)
        self.assertIsNot(self.cluster.leader(), machine)
        machine.start()
        self.cluster.settled(3)
        load.wait_for(20)
        self.assertEqual(self.errors_after(load, begun, machine), [])
        return took


if __name__ == "__main__":
    kontor_process.main()
