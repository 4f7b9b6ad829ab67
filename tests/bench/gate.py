#!/usr/bin/env python3
"""Is this state slower than the one before? Measures two binaries in turns and compares them.

    gate.py BEFORE AFTER [--rounds 7] [--duration 8s] [--limit 5] [--folder DIR] [--json] [--scenario NAME ...]

BEFORE and AFTER are two `kontor` binaries (release builds). Each scenario of `kontor bench` runs A, B, A, B …, so that a
machine whose speed changes by the hour is as good or bad to both; what counts is the ratio within a turn. Scenarios:
transfers, payments, batches, reads, and half-load: p99 of payments at half the rate that BEFORE reached. All of them unless
`--scenario` names some; it may be repeated.

For each it prints the median of the ratios (above 1: AFTER is better), their smallest and greatest, and the noise: two
standard errors of that median; then median, mean and every round of either binary (operations a second; half-load:
milliseconds). Exit code 1 when a median is worse than `--limit` percent by more than the noise, 2 when
something could not be measured. Nothing else should run on the machine; the more does, the more rounds it takes.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

RATES = ("transfers", "payments", "batches", "reads")  # commands of `kontor bench` whose rate is compared
HALF_LOAD = "half-load"
SCENARIOS = (*RATES, HALF_LOAD)
FEWEST_ROUNDS = 3
# Of a normal distribution: sigma in terms of the median of deviations, the median's error in terms of the mean's.
SIGMA_OF_DEVIATION, ERROR_OF_MEDIAN = 1.4826, 1.2533


class Verdict:
    """What pairs of (before, after) say; `greater_is_better` of rates, not of latencies."""

    def __init__(self, pairs, greater_is_better, limit_percent):
        if len(pairs) < FEWEST_ROUNDS:
            raise ValueError(f"at least {FEWEST_ROUNDS} rounds")
        if any(before <= 0 or after <= 0 for before, after in pairs):
            raise ValueError("a run did nothing")
        self.rounds = {"before": [before for before, _ in pairs], "after": [after for _, after in pairs]}
        self.ratios = [after / before if greater_is_better else before / after for before, after in pairs]
        self.median = statistics.median(self.ratios)
        deviation = statistics.median(abs(ratio - self.median) for ratio in self.ratios)
        self.noise = 2 * ERROR_OF_MEDIAN * SIGMA_OF_DEVIATION * deviation / len(self.ratios) ** 0.5
        self.is_worse = self.median + self.noise < (100 - limit_percent) / 100

    def record(self):
        return {"ratio": round(self.median, 4), "least": round(min(self.ratios), 4), "most": round(max(self.ratios), 4),
                "noise": round(self.noise, 4), "worse": self.is_worse,
                **{which: {"median": statistics.median(rounds), "mean": statistics.fmean(rounds), "rounds": rounds}
                   for which, rounds in self.rounds.items()}}

    def text(self, name):
        """One line that decides, and one for each binary that says what it is made of."""
        lines = [f"{name:10} {self.median:.3f} ({min(self.ratios):.3f} to {max(self.ratios):.3f}, noise {self.noise:.3f})"
                 + ("  WORSE" if self.is_worse else "")]
        for which, rounds in self.rounds.items():
            lines.append(f"  {which:8} median {statistics.median(rounds):,.2f}, mean {statistics.fmean(rounds):,.2f}, rounds "
                         + " ".join(f"{value:,.2f}" for value in rounds))
        return "\n".join(lines)


def bench(binary, arguments, duration, folder):
    """One run; its report."""
    with tempfile.TemporaryDirectory(prefix="gate-", dir=folder) as data:
        command = [binary, "bench", *arguments, "--duration", duration, "--warmup", "2s", "--folder", data, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(lines[-1])


def in_turns(binaries, rounds, measure):
    """(before, after) of each round."""
    return [tuple(measure(binary) for binary in binaries) for _ in range(rounds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--duration", default="8s")
    parser.add_argument("--limit", type=float, default=5.0, help="percent beyond the noise")
    parser.add_argument("--folder", help="where the servers' state lies while they run: on the disk that is meant")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.rounds < FEWEST_ROUNDS:
        parser.error(f"at least {FEWEST_ROUNDS} rounds")
    binaries = (os.path.abspath(asked.before), os.path.abspath(asked.after))
    verdicts = {}
    try:
        for name in dict.fromkeys(asked.scenario or SCENARIOS):
            if name in RATES:
                pairs = in_turns(binaries, asked.rounds,
                                 lambda binary, of=name: bench(binary, [of], asked.duration, asked.folder)["rate"])
            else:
                full = bench(binaries[0], ["payments"], asked.duration, asked.folder)["rate"]
                load = ["payments", "--rate", str(max(1, int(full / 2)))]
                pairs = in_turns(binaries, asked.rounds,
                                 lambda binary, of=load: bench(binary, of, asked.duration, asked.folder)["p99_ms"])
            verdicts[name] = Verdict(pairs, name in RATES, asked.limit)
            if not asked.json:
                print(verdicts[name].text(name), flush=True)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps({name: verdict.record() for name, verdict in verdicts.items()}))
    return 1 if any(verdict.is_worse for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
