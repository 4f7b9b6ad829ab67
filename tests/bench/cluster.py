#!/usr/bin/env python3
"""Three nodes on this one machine beside one: throughput, bytes between the nodes, and a node that joins under load.

    tests/bench/cluster.py [--duration 10s] [--accounts N] [--json] [SCENARIO...]

SCENARIO: any of transfers payments batches batches-random (default: all). First one node, then the same node with two
others, by `kontor bench` over HTTPS. Bytes on the wire are those of the log's frames to one other node, before TLS, for
each transfer. At last a fourth node joins while payments go on: how long, and how many requests failed.
KONTOR_BINARY names the binary (default build/release/app/kontor). The last line of --json is one object.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
os.environ.setdefault("KONTOR_BINARY", os.path.join(ROOT, "build", "release", "app", "kontor"))
from cluster_process import Cluster  # noqa: E402

SCENARIOS = ["transfers", "payments", "batches", "batches-random"]


def measured(machine, key, scenario, duration, accounts, warmup="2s"):
    """The last line of `kontor bench` against this machine."""
    command = [os.environ["KONTOR_BINARY"], "bench", scenario.removesuffix("-random"), "--json", "--duration", duration,
               "--warmup", warmup, "--url", f"https://127.0.0.1:{machine.https_port}", "--key", key,
               "--ca-file", f"{machine.data}/tls/ca.pem"]
    if scenario.startswith("batches"):
        command += ["--accounts", str(accounts)]
    if scenario.endswith("-random"):
        command += ["--random-ids", "--seed", str(time.time_ns() % 1_000_000)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        sys.exit(f"kontor bench {scenario}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


JOINED_WITHIN_S = 120


def sent_bytes(machine):
    return machine.process.metrics().get("kontor_cluster_log_bytes_sent_total", 0.0)


def join_under_load(cluster, key, report):
    """A fourth node, while payments go on over the other three."""
    load = subprocess.Popen(
        [os.environ["KONTOR_BINARY"], "bench", "payments", "--json", "--duration", "40s", "--warmup", "1s", "--rate", "1000",
         "--url", f"https://127.0.0.1:{cluster.leader().https_port}", "--key", key,
         "--ca-file", f"{cluster.leader().data}/tls/ca.pem"], stdout=subprocess.PIPE, text=True)
    time.sleep(3)
    machine = cluster.machine()
    begun = time.monotonic()
    machine.do("join", cluster.leader().token())
    machine.start(wait=False)
    # With what the scenarios before left there may be gigabytes to copy.
    machine.process.ready = machine.process.wait_event("ready", JOINED_WITHIN_S)
    cluster.settled(4, timeout_s=JOINED_WITHIN_S)
    report["join_s"] = round(time.monotonic() - begun, 2)
    out, _ = load.communicate(timeout=120)
    result = json.loads(out.splitlines()[-1])
    report["join_failed_requests"], report["join_p99_ms"] = result["errors"], result["p99_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", default="10s")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {' '.join(SCENARIOS)}")
    wishes = parser.parse_args()
    scenarios = wishes.scenarios or SCENARIOS
    report = {"scenarios": {name: {} for name in scenarios}}
    out = sys.stderr if wishes.json else sys.stdout
    settings = {"store__cache_mib": 192, "store__memtable_mib": 96, "data__partitions": 8}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        with Cluster(folder, **settings) as cluster:
            first = cluster.machine()
            first.start()
            cluster.admin_url = first.process.ready["admin_url"]
            key = cluster.set_up()
            for name in scenarios:
                report["scenarios"][name]["one"] = measured(first, key, name, wishes.duration, wishes.accounts)["rate"]
        with Cluster(f"{folder}/three", **settings) as cluster:
            os.makedirs(f"{folder}/three", exist_ok=True)
            cluster.form(3)
            key = cluster.set_up()
            for name in scenarios:
                line = report["scenarios"][name]
                leader = cluster.leader()
                before = sent_bytes(leader)
                result = measured(leader, key, name, wishes.duration, wishes.accounts)
                line["three"], line["p99_ms"], line["errors"] = result["rate"], result["p99_ms"], result["errors"]
                line["ratio"] = round(line["three"] / line["one"], 2) if line["one"] else 0
                # The warm-up and the preparation were sent, too: what was measured is most of it.
                line["sent_mib"] = round((sent_bytes(leader) - before) / 2 / 2**20, 1)
                print(f"{name:15} one {line['one']:10.0f}/s   three {line['three']:10.0f}/s   ratio {line['ratio']:.2f}   "
                      f"sent to each {line['sent_mib']} MiB", file=out, flush=True)
            for name in [s for s in scenarios if s.startswith("batches")]:
                report["scenarios"][name]["wire_bytes_per_transfer"] = wire_bytes(cluster, key, name, wishes.accounts)
                print(f"{name:15} {report['scenarios'][name]['wire_bytes_per_transfer']:.1f} bytes a transfer to each node",
                      file=out, flush=True)
            join_under_load(cluster, key, report)
            print(f"a fourth node: a voter after {report['join_s']} s, {report['join_failed_requests']} requests failed",
                  file=out, flush=True)
    if wishes.json:
        print(json.dumps(report))


def wire_bytes(cluster, key, name, accounts):
    """Two runs of different length, so that preparation, warm-up and heartbeats cancel out."""
    leader, sums = cluster.leader(), []
    for duration in ("2s", "8s"):
        before = sent_bytes(leader)
        result = measured(leader, key, name, duration, accounts, warmup="0s")
        sums.append((sent_bytes(leader) - before, result["operations"]))
    (short_bytes, short), (long_bytes, long) = sums
    return round((long_bytes - short_bytes) / 2 / max(1, long - short), 2)


if __name__ == "__main__":
    main()
