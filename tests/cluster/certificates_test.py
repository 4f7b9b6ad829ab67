#!/usr/bin/env python3
"""Certificates and time: nodes renew theirs in use, and one that was switched off for longer than a certificate lives
comes back by itself. The wall clocks of all machines are moved together."""
import unittest

import network

network.enter()

from cluster import Cluster, SLOW, until  # noqa: E402
from kontor_process import main, temporary_folder  # noqa: E402

DAY_MS = 24 * 3600 * 1000
LOOKS_WITHIN_S = 40


class Certificates(unittest.TestCase):
    def test_a_year_and_more_goes_by(self):
        net = network.Network([1, 2, 3])
        with temporary_folder() as folder, Cluster(folder, net, [1, 2, 3]) as cluster:
            cluster.form()
            if not cluster.machines[0].clock_shim:
                self.skipTest("clocks cannot be moved here")
            away = cluster.followers()[0]
            there = [machine for machine in cluster.machines if machine is not away]
            away.kill()
            renewed = dict.fromkeys(there, 0)
            for day in (250, 500):  # a third of a year's certificate is left, then of the next one
                for machine in cluster.machines:
                    machine.set_clock(day * DAY_MS)
                for machine in there:
                    until(lambda m=machine: self.said(m, "event=certificate_renewed") > renewed[m],
                          LOOKS_WITHIN_S, f"a new certificate of machine {machine.number} on day {day}")
                    renewed[machine] = self.said(machine, "event=certificate_renewed")
                    self.assertEqual(0, self.said(machine, "event=certificate_ended"))
            # Its certificate ended on day 365, so nobody talks to it.
            away.start(wait=False)
            cluster.settled(60 * SLOW)
            self.assertEqual(1, self.said(away, "event=certificate_ended"), away.process.story())
            self.assertTrue(any(self.said(machine, "certificate has expired on") for machine in cluster.machines))
            # All of them, after more than another year.
            for machine in cluster.machines:
                machine.kill()
                machine.set_clock(1000 * DAY_MS)
            for machine in cluster.machines:
                machine.start(wait=False)
            cluster.settled(60 * SLOW)
            for machine in cluster.machines:
                self.assertEqual(1, self.said(machine, "event=certificate_ended"), machine.process.story())

    @staticmethod
    def said(machine, text):
        return sum(text in line for line in machine.process.errors + machine.process.lines)


if __name__ == "__main__":
    main()
