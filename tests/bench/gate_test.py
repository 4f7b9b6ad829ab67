#!/usr/bin/env python3
"""The gate's arithmetic, and its turns and exit codes with binaries that answer what they are told. Nothing is timed."""
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

import gate

HERE = os.path.dirname(os.path.abspath(__file__))


class Arithmetic(unittest.TestCase):
    def test_equal_runs_are_not_worse(self):
        verdict = gate.Verdict([(100, 100)] * 3, True, 5)
        self.assertEqual((verdict.median, verdict.noise, verdict.is_worse), (1, 0, False))

    def test_the_limit_is_exact_without_noise(self):
        self.assertFalse(gate.Verdict([(200, 190)] * 5, True, 5).is_worse)
        self.assertTrue(gate.Verdict([(200, 189)] * 5, True, 5).is_worse)
        self.assertFalse(gate.Verdict([(200, 189)] * 5, True, 6).is_worse)

    def test_better_is_never_worse(self):
        self.assertFalse(gate.Verdict([(100, 300)] * 5, True, 0).is_worse)
        self.assertFalse(gate.Verdict([(30, 10)] * 5, False, 0).is_worse)

    def test_latencies_go_the_other_way(self):
        self.assertTrue(gate.Verdict([(10, 11)] * 5, False, 5).is_worse)
        self.assertAlmostEqual(gate.Verdict([(10, 12.5)] * 5, False, 5).median, 0.8)

    def test_the_ratio_is_of_a_turn(self):
        # Half the speed in the second turn, of both.
        self.assertEqual(gate.Verdict([(100, 90), (50, 45), (100, 90)], True, 5).ratios, [0.9, 0.9, 0.9])

    def test_noise_excuses(self):
        pairs = [(100, 93 + shift) for shift in (-20, -10, 0, 10, 20)]
        verdict = gate.Verdict(pairs, True, 5)
        self.assertAlmostEqual(verdict.median, 0.93)
        self.assertAlmostEqual(verdict.noise, 2 * 1.2533 * 1.4826 * 0.10 / 5 ** 0.5)
        self.assertFalse(verdict.is_worse)
        quiet = gate.Verdict([(100, 93 + shift) for shift in (-0.2, -0.1, 0, 0.1, 0.2)], True, 5)
        self.assertTrue(quiet.is_worse)

    def test_one_outlier_decides_nothing(self):
        self.assertFalse(gate.Verdict([(100, 100), (100, 100), (100, 10), (100, 100), (100, 100)], True, 5).is_worse)

    def test_what_cannot_be_compared(self):
        for pairs in ([(1, 1)] * 2, [(0, 1), (1, 1), (1, 1)], [(1, 0), (1, 1), (1, 1)]):
            with self.assertRaises(ValueError):
                gate.Verdict(pairs, True, 5)


class Turns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.calls = os.path.join(self.folder, "calls")

    def binary(self, name, rate, p99_ms, code=0):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho {name} $2 $3 $4 >>{self.calls}\n"
                       f"echo '{json.dumps({'rate': rate, 'p99_ms': p99_ms})}'\nexit {code}\n")
        os.chmod(path, stat.S_IRWXU)
        return path

    def run_gate(self, *arguments):
        return subprocess.run([sys.executable, "-B", os.path.join(HERE, "gate.py"), *arguments, "--folder", self.folder],
                              capture_output=True, text=True, check=False)

    def called(self):
        with open(self.calls, encoding="utf-8") as file:
            return [line.split() for line in file]

    def test_a_and_b_take_turns(self):
        done = self.run_gate(self.binary("a", 100, 5), self.binary("b", 99, 5), "--rounds", "3", "--scenario", "payments")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([call[0] for call in self.called()], ["a", "b"] * 3)
        self.assertIn("payments   0.990", done.stdout)

    def test_only_the_named_scenarios_run_and_each_round_is_told(self):
        done = self.run_gate(self.binary("a", 1000, 5), self.binary("b", 1100, 5), "--rounds", "3",
                             "--scenario", "reads", "--scenario", "payments", "--scenario", "reads")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([call[:2] for call in self.called()], [["a", "reads"], ["b", "reads"]] * 3
                         + [["a", "payments"], ["b", "payments"]] * 3)
        self.assertIn("  before   median 1,000.00, mean 1,000.00, rounds 1,000.00 1,000.00 1,000.00", done.stdout)
        self.assertIn("  after    median 1,100.00, mean 1,100.00, rounds 1,100.00 1,100.00 1,100.00", done.stdout)

    def test_the_record_has_medians_means_and_rounds(self):
        verdict = gate.Verdict([(100, 90), (130, 130), (100, 110)], True, 5)
        self.assertEqual(verdict.record()["before"], {"median": 100, "mean": 110, "rounds": [100, 130, 100]})
        self.assertEqual(verdict.record()["after"], {"median": 110, "mean": 110, "rounds": [90, 130, 110]})

    def test_half_load_is_half_of_what_before_reached(self):
        done = self.run_gate(self.binary("a", 100, 5), self.binary("b", 100, 8), "--rounds", "3", "--scenario", "half-load",
                             "--json")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(json.loads(done.stdout)["half-load"]["worse"])
        self.assertEqual(self.called()[1:3], [["a", "payments", "--rate", "50"], ["b", "payments", "--rate", "50"]])

    def test_worse_ends_with_1(self):
        done = self.run_gate(self.binary("a", 100, 5), self.binary("b", 90, 5), "--rounds", "3")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.count("WORSE"), 4)
        self.assertEqual(self.run_gate(self.binary("a", 100, 5), self.binary("b", 90, 5), "--limit", "12").returncode, 0)

    def test_what_is_not_measured_ends_with_2(self):
        self.assertEqual(self.run_gate(self.binary("a", 1, 5), self.binary("b", 1, 5, 3), "--scenario", "reads").returncode, 2)
        self.assertEqual(self.run_gate(self.binary("a", 1, 5), os.path.join(self.folder, "none"),
                                       "--scenario", "reads").returncode, 2)
        self.assertEqual(self.run_gate(self.binary("a", 1, 5), self.binary("b", 1, 5), "--scenario", "no-such").returncode, 2)
        self.assertEqual(self.run_gate(self.binary("a", 1, 5), self.binary("b", 1, 5), "--rounds", "2").returncode, 2)


if __name__ == "__main__":
    unittest.main()
