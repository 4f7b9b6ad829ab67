#!/usr/bin/env python3
"""What a service manager sees of a node that becomes its next version in place, is stopped in the middle of that, dies, or has
a wrong configuration: a stand-in does what the unit file of the Debian package says, by systemd's rules.

KONTOR_NEXT_BINARY names the next version.
"""
import configparser
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import threading
import time
import unittest

from cluster_process import Cluster, Load
from kontor_process import BINARY, SLOW, clean_environment, main, run, seed, temporary_folder, until

NEXT = os.environ.get("KONTOR_NEXT_BINARY", "")
UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "installer", "deb", "kontor.service")
INSTALLED, CONFIGURED = "/usr/bin/kontor", "/etc/kontor/kontor.toml"
CLEAN_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
STOPS = 4


class Unit:
    """The settings that decide what the manager does, with its defaults."""

    def __init__(self, path):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        parser.read(path)
        self.unit, self.service = parser["Unit"], parser["Service"]
        self.type = self.service.get("Type", "simple")
        self.restart, self.restart_s = self.service.get("Restart", "no"), float(self.service.get("RestartSec", "0.1"))
        self.never_again = [int(code) for code in self.service.get("RestartPreventExitStatus", "").split()]
        self.stop_s = float(self.service.get("TimeoutStopSec", "90"))
        self.burst, self.within_s = int(self.unit["StartLimitBurst"]), float(self.unit["StartLimitIntervalSec"])


class Service:
    """The manager's view of one unit: `state`, `main_pid`, `restarts`, as `systemctl show` has them."""

    def __init__(self, unit, machine):
        self.unit, self.machine = unit, machine
        self.binary = f"{machine.folder}{INSTALLED}"
        os.makedirs(os.path.dirname(self.binary))
        self.state, self.main_pid, self.restarts, self.starts, self.result = "inactive", 0, 0, [], None
        self.is_wanted, self.process = False, None
        self.output = open(f"{machine.folder}/journal", "w+", encoding="utf-8")
        self.changed = threading.Condition()

    def put(self, binary):
        shutil.copyfile(binary, self.binary + ".new")
        os.chmod(self.binary + ".new", 0o755)
        os.rename(self.binary + ".new", self.binary)

    def start(self):
        self.is_wanted = True
        self.starts = []
        self.activate()

    def activate(self):
        now = time.monotonic()
        self.starts = [at for at in self.starts if at > now - self.unit.within_s] + [now]
        if len(self.starts) > self.unit.burst:
            self.state, self.result = "failed", "start-limit-hit"
            return
        command = [{INSTALLED: self.binary, CONFIGURED: self.machine.config}.get(word, word)
                   for word in shlex.split(self.unit.service["ExecStart"])]
        # Type=exec: active as soon as the binary runs. No notification is waited for, and no socket is there for one.
        self.process = subprocess.Popen(command, env=clean_environment(), cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=self.output, start_new_session=True)
        self.state, self.main_pid = "active", self.process.pid
        threading.Thread(target=self.watch, args=(self.process,), daemon=True).start()

    def watch(self, process):
        code = process.wait()
        self.end_group(process.pid)
        clean = code == 0 or (code < 0 and -code in CLEAN_SIGNALS)
        with self.changed:
            self.main_pid, self.result = 0, code
            self.state = "inactive" if clean else "failed"
            again = (self.is_wanted and code not in self.unit.never_again and
                     (self.unit.restart == "always" or self.unit.restart == "on-failure" and not clean))
            if again:
                self.state = "activating"
            self.changed.notify_all()
        if again:
            time.sleep(self.unit.restart_s)
            with self.changed:
                if self.is_wanted:
                    self.restarts += 1
                    self.activate()

    @staticmethod
    def end_group(pid):
        """What the main process left behind is killed, as KillMode=control-group does."""
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def stop(self):
        """How long it took; the state is final then."""
        begun = time.monotonic()
        with self.changed:
            self.is_wanted = False
            if self.main_pid:
                os.kill(self.main_pid, signal.SIGTERM)
                if not self.changed.wait_for(lambda: not self.main_pid, self.unit.stop_s * SLOW):
                    os.kill(self.main_pid, signal.SIGKILL)
                    self.changed.wait_for(lambda: not self.main_pid, 10)
                    self.result = "timeout"
            if self.state == "activating":
                self.state = "inactive"
        return time.monotonic() - begun

    def members(self):
        """Processes of the unit's group."""
        found = subprocess.run(["ps", "-eo", "pid=,sid="], text=True, capture_output=True, check=True).stdout.split()
        return [int(pid) for pid, session in zip(found[::2], found[1::2]) if int(session) == self.process.pid]

    def story(self):
        self.output.flush()
        with open(self.output.name, encoding="utf-8") as file:
            return file.read()[-3_000:]

    def end(self):
        self.is_wanted = False
        if self.main_pid:
            os.kill(self.main_pid, signal.SIGKILL)
        self.output.close()


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.unit = Unit(UNIT)
        self.services = []

    def tearDown(self):
        for service in self.services:
            service.end()

    def test_the_unit_file_fits_the_binary(self):
        # The binary tells a manager nothing, and keeps its process id: any other type would wait, or lose it.
        self.assertEqual(self.unit.type, "exec")
        self.assertNotIn("PIDFile", self.unit.service)
        self.assertNotIn("WatchdogSec", self.unit.service)
        # SIGTERM is what it stops by, and it starts again in place by itself.
        self.assertEqual(self.unit.service.get("KillSignal", "SIGTERM"), "SIGTERM")
        self.assertEqual(self.unit.service.get("KillMode", "control-group"), "control-group")
        self.assertEqual(self.unit.service["ExecReload"], '/bin/sh -c "kill -HUP $MAINPID"')
        self.assertEqual(self.unit.restart, "on-failure")
        self.assertEqual(self.unit.never_again, [2])

    def test_upgrade_stop_crash_and_configuration(self):
        chance = random.Random(seed())
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()
            for machine in cluster.machines:
                machine.stop()
                self.services.append(Service(self.unit, machine))
            for service in self.services:
                service.put(BINARY)
                service.start()
            self.settled()
            self.upgrade(cluster)
            for _ in range(STOPS):
                self.stop_in_the_middle(chance.choice(self.services), chance.uniform(0, 1.6))
            self.crash(chance.choice(self.services))
            self.wrong_configuration(chance.choice(self.services))

    def settled(self):
        """Three voters that see each other and one leader."""
        def is_settled(status):
            return status and status["leader"] and sum(
                node["is"] == "voter" and bool(node.get("ready")) and node["connected"] for node in status["nodes"]) == 3
        until(lambda: all(is_settled(service.machine.status()) for service in self.services), 30, "a settled cluster", 0.05)

    def command(self, service, *arguments):
        return [service.binary, "upgrade", "--rolling", "--json", "--drain", "1", *arguments, "--config",
                service.machine.config]

    def upgrade(self, cluster):
        """The whole cluster becomes the next version, and the manager notices nothing."""
        pids = [service.main_pid for service in self.services]
        for service in self.services:
            service.put(NEXT)
        with Load(cluster.machines, cluster.key, threads=2) as load:
            load.wait_for(20)
            done = run(*self.command(self.services[0])[1:], binary=self.services[0].binary, timeout_s=150 * SLOW)
            self.assertEqual(done.returncode, 0, done.stderr)
            load.wait_for(20)
            load.stop()
        for service, pid in zip(self.services, pids):
            self.assertEqual((service.state, service.main_pid, service.restarts), ("active", pid, 0), service.story())
            self.assertEqual(os.readlink(f"/proc/{pid}/exe"), service.binary)  # not "(deleted)"
            self.assertEqual(service.members(), [pid])  # nobody else: no child, no zombie
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                self.assertEqual(file.read().split("\0")[1:3], ["serve", "--config"])
        status = self.services[0].machine.status()
        self.assertEqual(status["feature_level"], 3)

    def stop_in_the_middle(self, service, after_s):
        """`systemctl stop` while it drains, stops, becomes the binary or starts: it ends, cleanly, and stays ended."""
        other = next(one for one in self.services if one is not service)
        number = service.machine.node_no
        with subprocess.Popen(self.command(other, "--all", "--node-timeout", "10"), env=clean_environment(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as upgrade:
            try:
                for line in upgrade.stdout:
                    event = json.loads(line)
                    if event.get("node") == number and event.get("state") == "draining":
                        break
                time.sleep(after_s)
                took = service.stop()
            finally:
                upgrade.kill()
        self.assertEqual((service.state, service.result), ("inactive", 0), service.story())
        time.sleep(0.3)
        self.assertEqual((service.main_pid, service.members()), (0, []))
        self.assertIsNone(service.machine.status())
        print(f"stopped {after_s:.2f} s after it was told to start again: took {took:.2f} s", flush=True)
        service.start()
        self.settled()

    def crash(self, service):
        before, pid = service.restarts, service.main_pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: service.restarts == before + 1 and service.state == "active", 20, "the manager's restart")
        self.assertNotEqual(service.main_pid, pid)
        self.settled()

    def wrong_configuration(self, service):
        """It is not tried again and again."""
        service.stop()
        before = service.restarts
        with open(service.machine.config, "a", encoding="utf-8") as file:
            file.write("\n[nonsense]\na = 1\n")
        service.start()
        until(lambda: service.state != "active", 20, "the refusal")
        time.sleep(self.unit.restart_s + 0.5)
        self.assertEqual((service.state, service.result, service.restarts), ("failed", 2, before), service.story())


if __name__ == "__main__":
    assert NEXT, "KONTOR_NEXT_BINARY must name the next version"
    main()
