#!/usr/bin/env python3
"""A node that stood still (a stopped process, as a paused virtual machine is) wakes up with an old state, old frames
waiting in its sockets and, if it led, the belief that it still does. It answers nothing from a state that is older than
cluster.max_staleness_ms, and what led nothing from before another node led: not the first request after it wakes, not
those that were waiting for it."""
import os
import threading
import time
import unittest

from cluster_process import Client, Cluster
from kontor_process import SLOW, Lost, temporary_folder, until

MAX_STALENESS_MS = 1000
STOPS_S = (1.5, 4)
LONG_STOP_S = int(os.environ.get("KONTOR_FROZEN_SECONDS", "0"))  # once more for so long, at night
CLIENTS = 6
LOOKS_S = 0.7  # after it woke up


class Reader(threading.Thread):
    """Asks one node for the balance again and again, and keeps when each answer came."""

    def __init__(self, api):
        super().__init__()
        self.api, self.answers, self.ended = api, [], False
        self.balance()  # a connection is open

    def balance(self):
        answer = self.api.request("GET", "/v1/balance")
        amount = None
        if answer.status == 200:
            amount = sum(line["amount"] for part in ("available", "pending") for line in answer.json[part])
        self.answers.append((time.monotonic(), answer.status, amount))

    def run(self):
        while not self.ended:
            try:
                self.balance()
            except Lost:
                time.sleep(0.01)

    def stop(self):
        self.ended = True
        self.join(60 * SLOW)
        self.api.close()
        return self.answers


class Frozen(unittest.TestCase):
    max_staleness_ms = MAX_STALENESS_MS

    def setUp(self):
        folder = self.enterContext(temporary_folder())
        self.cluster = self.enterContext(Cluster(folder, cluster__max_staleness_ms=self.max_staleness_ms)).form(3)
        self.key, self.paid = self.cluster.set_up(), 0
        self.pay(self.cluster.machines)
        self.cluster.caught_up()

    def pay(self, machines, count=3):
        client = Client(machines, self.key)
        for number in range(count):
            answer = client.request("POST", "/v1/payment_intents",
                                    {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa",
                                     "confirm": True}, f"{time.monotonic()}-{number}")
            self.assertEqual(answer.status, 200, answer)
            self.paid += 1000
        client.close()

    @staticmethod
    def stops():
        return STOPS_S + ((LONG_STOP_S,) if LONG_STOP_S else ())

    def check_after_stop(self, frozen, stop_s, old_ms=MAX_STALENESS_MS):
        others = [machine for machine in self.cluster.machines if machine is not frozen]
        readers = [Reader(frozen.process.api(self.key)) for _ in range(CLIENTS)]
        for reader in readers:
            reader.start()
        with frozen.paused():
            stopped = time.monotonic()
            until(lambda: any(machine.leads() for machine in others), what="a leader among the others")
            self.pay(others)
            paid = time.monotonic()
            # All that anybody may still answer from is younger than the payments.
            until(lambda: time.monotonic() > max(stopped + stop_s, paid + old_ms / 1000),
                  stop_s + 20, "the end of the stop")
            woken = time.monotonic()
        time.sleep(LOOKS_S)
        answers = [answer for reader in readers for answer in reader.stop() if answer[0] > woken]
        wrong = [(round(came - woken, 4), status, amount) for came, status, amount in answers
                 if status == 200 and amount != self.paid]
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(answers)} answers were old; right is {self.paid}")
        self.assertEqual({status for _, status, _ in answers} - {200, 503}, set())
        good = [came - woken for came, status, _ in answers if status == 200]
        self.assertTrue(good, "it answers again")
        print(f"{len(answers)} answers after a stop of {time.monotonic() - stopped - LOOKS_S:.1f} s, the first good "
              f"one after {min(good) * 1000:.0f} ms", flush=True)
        self.cluster.settled(3)
        self.cluster.caught_up()

    def test_a_leader(self):
        for stop_s in self.stops():
            self.check_after_stop(self.cluster.leader(), stop_s)

    def test_a_follower(self):
        for stop_s in self.stops():
            self.check_after_stop(self.cluster.followers()[0], stop_s)


class Woken(Frozen):
    """What it knows would be young enough for a follower. Another node led meanwhile."""
    max_staleness_ms = 60_000

    def test_a_leader(self):
        for stop_s in STOPS_S:
            self.check_after_stop(self.cluster.leader(), stop_s, old_ms=0)

    test_a_follower = None


class Silence(unittest.TestCase):
    """A stand-by whose main site is gone does not show what it last knew as if it were so now."""

    def test_a_stand_by_says_that_it_hears_nothing(self):
        folder = self.enterContext(temporary_folder())
        cluster = self.enterContext(Cluster(folder)).form(1)
        cluster.set_up()
        main, standby = cluster.machines[0], cluster.machine()
        standby.do("join", main.token("--standby"))
        standby.start()

        def line():
            status = standby.status()
            return status, next(node for node in status["nodes"] if node["node"] == status["node"])
        until(lambda: line()[1].get("behind") == 0 and line()[0]["leader"] == 1, 20 * SLOW, "a stand-by that follows")
        main.kill()
        until(lambda: line()[0]["leader"] == 0, 20 * SLOW, "no leader")
        status, own = line()
        self.assertGreaterEqual(status["leader_silence_ms"], 5000)
        self.assertEqual(own["contact"], "lost")
        self.assertNotIn("behind", own)
        self.assertGreaterEqual(own["lag_ms"], 5000)
        self.assertFalse(own["ready"])
        until(lambda: line()[1]["lag_ms"] > own["lag_ms"] + 500, 10 * SLOW, "a lag that grows")
        text = standby.cli("status").stdout
        self.assertIn("no contact with a leader since", text)
        verbose = standby.process.api().request("GET", "/readyz?verbose")
        self.assertEqual(verbose.status, 503)
        self.assertIn("leader: 0", verbose.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
