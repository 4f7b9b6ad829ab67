"""A cluster of real processes on the machines of network.py, with everything that can go wrong with one of them."""
import contextlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time

import network

from kontor_process import SLOW, Admin, Answer, Kontor, run, until
from positions import Positions

HTTPS_PORT = 8443
DISK_MIB = 640  # of the node that lives on a disk of its own
KEPT_FREE = 24 << 10  # a full disk takes this much: a few blocks
SETTLES_WITHIN_S = 30


def control(data_folder, command, timeout_s=30 * SLOW, **fields):
    """What the node answers on its control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(f"{data_folder}/control.sock")
        connection.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")
        return json.loads(connection.makefile("rb").readline() or b"{}")


class Refused(AssertionError):
    """A command that was not carried out, or of which nobody knows."""


class RemoteKontor(Kontor):
    """Its API is at another address than ours."""
    host = None

    def api(self, key=None, **options):
        client = super().api(key, **options)
        client.host = self.host
        return client


class Machine:
    """One machine; its process may run or not."""

    def __init__(self, folder, number, secrets_key, own_disk=False, settings=None, clock_shim=None):
        self.number, self.folder, self.secrets_key = number, folder, secrets_key
        self.disk, self.data = f"{folder}/disk", f"{folder}/disk/data"
        self.config, self.clock_file = f"{folder}/kontor.toml", f"{folder}/clock"
        self.process, self.is_paused, self.clock_shim = None, False, clock_shim
        self.deaths = []  # (exit code, what it said) of processes that ended by themselves
        os.makedirs(self.disk)
        self.own_disk = own_disk
        if own_disk:
            network.run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "kontor-disk", self.disk)
        self.set_clock(0)
        wanted = {"data.folder": self.data, "data.partitions": 2, "https.address": "0.0.0.0",
                  "https.port": HTTPS_PORT, "https.threads": 2, "https.names": network.api_address(number),
                  "secrets.key_file": secrets_key, "cluster.name": f"machine{number}",
                  "cluster.address": network.peer_address(number), "cluster.port": network.PEER_PORT,
                  "cluster.api_url": f"https://{network.api_address(number)}:{HTTPS_PORT}",
                  "store.cache_mib": 32, "store.memtable_mib": 16, "log.max_mib": 64,
                  "store.checkpoint_interval_s": 1, **(settings or {})}
        sections = {}
        for name, value in wanted.items():
            section, _, key = name.partition(".")
            sections.setdefault(section, []).append(f"{key} = {json.dumps(value)}")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("".join(f"[{name}]\n" + "\n".join(lines) + "\n\n" for name, lines in sections.items()))

    # ---- the process ---------------------------------------------------------------------------------------------------
    def start(self, wait=True):
        environment = {}
        if self.clock_shim:
            environment = {"LD_PRELOAD": self.clock_shim, "TEST_CLOCK_FILE": self.clock_file}
        prefix = network.Network.command(self.number)
        self.process = RemoteKontor(*prefix[1:], os.environ["KONTOR_BINARY"], "serve", "--json", "--config",
                                    self.config, binary=prefix[0], environment=environment)
        self.process.host = network.api_address(self.number)
        return self.process.wait_ready() if wait else self.process

    def is_running(self):
        return self.process is not None and self.process.process.poll() is None

    def kill(self):
        self.note_death()
        self.resume_if_paused()
        return self.process.kill()

    def note_death(self):
        """When it ended by itself, keeps what it said."""
        if self.process is not None and not self.is_running() and not self.process.process.stdout.closed:
            self.deaths.append((self.process.wait_end(), self.process.story()))

    def pause(self):
        self.is_paused = True
        self.process.process.send_signal(signal.SIGSTOP)

    def resume_if_paused(self):
        if self.is_paused and self.is_running():
            self.process.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def end(self):
        if self.process is not None and not self.process.process.stdout.closed:
            self.kill()
        self.empty_disk()
        if self.own_disk:  # or the folder could not be removed
            network.run("umount", "--lazy", self.disk)
            self.own_disk = False

    # ---- its surroundings ----------------------------------------------------------------------------------------------
    def set_clock(self, offset_ms):
        """How far its wall clock is off, at once."""
        with open(self.clock_file, "r+b" if os.path.exists(self.clock_file) else "wb") as file:
            file.write(struct.pack("=q", offset_ms))

    def fill_disk(self):
        """Down to a few blocks; what the node writes meanwhile makes the last step fail, which is as good."""
        with open(f"{self.disk}/filler", "ab") as file, contextlib.suppress(OSError):
            while (left := os.statvfs(self.disk).f_bavail * 4096 - KEPT_FREE) > 0:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, min(left, 16 << 20))

    def empty_disk(self):
        if os.path.exists(f"{self.disk}/filler"):
            os.remove(f"{self.disk}/filler")

    # ---- what people do ------------------------------------------------------------------------------------------------
    def do(self, action, *arguments):
        """`kontor cluster …`, on this machine; the answer of --json."""
        prefix = network.Network.command(self.number)
        done = run(*prefix[1:], os.environ["KONTOR_BINARY"], "cluster", action, *arguments, "--config", self.config,
                   "--json", binary=prefix[0])
        if done.returncode != 0:
            raise Refused(f"cluster {action}: {done.returncode} {done.stdout}{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def control(self, command, **fields):
        return control(self.data, command, **fields)

    def status(self):
        """The cluster's status as this node sees it; None when it does not answer."""
        if not self.is_running() or self.is_paused:
            return None
        try:
            answer = control(self.data, "cluster-status", timeout_s=5 * SLOW)
        except (OSError, ValueError):
            return None
        return answer if "nodes" in answer else None

    @property
    def node_no(self):
        with open(f"{self.data}/peer/identity.json", encoding="utf-8") as file:
            return json.load(file)["node"]

    def ca_file(self):
        return f"{self.data}/tls/ca.pem"


class Cluster:
    """Machines 1 to n. Use as a context manager: no process outlives the test."""

    def __init__(self, folder, net, numbers, own_disk=(), settings=None):
        self.folder, self.net = folder, net
        key = f"{folder}/secrets.key"
        made = run("secrets", "init", "--key-file", key)
        assert made.returncode == 0, made.stderr
        self.key_file, self.settings, self.clock_shim = key, settings, make_clock_shim(folder)
        self.machines = [self.new_machine(number, own_disk=number in own_disk) for number in numbers]
        self.outside = []  # of no cluster yet, or no more

    def new_machine(self, number, suffix="", own_disk=False):
        return Machine(f"{self.folder}/m{number}{suffix}", number, self.key_file, own_disk, self.settings, self.clock_shim)

    def __getitem__(self, number):
        return self.machines[number - 1]

    def form(self):
        """init on the first, a token for each other, join, start; then an operator, a merchant, and its key."""
        first = self.machines[0]
        admin_url = first.start().ready["admin_url"]
        first.do("init")
        for machine in self.machines[1:]:
            token = self.again(lambda: first.do("token"))["token"]
            self.again(lambda machine=machine, token=token: machine.do("join", token))
            machine.start()
        self.settled()
        Positions.of_instance = Positions(first.control("id")["key"])
        admin = Admin(first.process).set_up(admin_url=admin_url)
        _, self.key = admin.merchant_key("Bank")
        self.targets = [self.target(machine) for machine in self.machines]
        return self

    @staticmethod
    def again(command):
        """A command that may be refused for a moment, while a busy machine has no leader."""
        def done():
            try:
                return command()
            except Refused as refused:
                if "try again" not in str(refused):
                    raise
                return None
        return until(done, SETTLES_WITHIN_S, "a command that is taken", 0.2)

    @staticmethod
    def target(machine):
        return network.api_address(machine.number), HTTPS_PORT, ssl.create_default_context(cafile=machine.ca_file())

    def running(self):
        return [machine for machine in self.machines if machine.is_running() and not machine.is_paused]

    def leader_now(self):
        """Who leads, as far as it can be seen from outside: of those who say so, the one of the newest term."""
        leaders = [(status["term"], machine.number) for machine in self.running()
                   if (status := machine.status()) and status["role"] == "leader"]
        return self[max(leaders)[1]] if leaders else None

    def leader(self, timeout_s=SETTLES_WITHIN_S):
        return until(self.leader_now, timeout_s, "a leader")

    def followers(self):
        leader = self.leader()
        return [machine for machine in self.machines if machine is not leader]

    def restore(self):
        """Everything that was done to machines and links is undone, and who is down is started."""
        self.net.heal()
        for machine in self.machines:
            machine.resume_if_paused()
            machine.empty_disk()
            machine.set_clock(0)
        for machine in self.machines:
            machine.note_death()
            if not machine.is_running():
                machine.start(wait=False)

    def settled(self, timeout_s=SETTLES_WITHIN_S):
        """All run, see one leader, are connected and voters, and have what it has."""
        def why_not():
            leaders = set()
            for machine in self.machines:
                status = machine.status()
                if not status:
                    return f"machine {machine.number} does not answer"
                leaders.add(status["leader"])
                for node in status["nodes"]:
                    if not (node["is"] == node["wanted"] and node.get("ready") and node["connected"]):
                        return f"machine {machine.number} says {node}"
            if len(leaders) != 1 or leaders == {0} or len(status["nodes"]) != len(self.machines):
                return f"leaders {leaders}, {len(status['nodes'])} nodes"
            return ""
        last = [""]

        def is_settled():
            last[0] = why_not()
            return not last[0]
        try:
            until(is_settled, timeout_s, "a settled cluster", 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last[0]}") from None
        self.caught_up(timeout_s)

    def applied(self, machine):
        return machine.control("status")["applied_index"]

    def caught_up(self, timeout_s=SETTLES_WITHIN_S):
        """Every node has applied what the leader has by now."""
        wanted = self.applied(self.leader())
        until(lambda: all(self.applied(machine) >= wanted for machine in self.machines), timeout_s, "all caught up")

    def story(self):
        return "\n".join(f"---- machine {machine.number}: {json.dumps(machine.status())}\n{machine.process.story()}"
                         for machine in self.machines if machine.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for machine in self.machines + self.outside:
            machine.end()


def make_clock_shim(folder):
    """None where nothing can be preloaded: a sanitizer wants to be the first library itself."""
    if os.environ.get("KONTOR_SANITIZE"):
        return None
    shim = f"{folder}/clock_shim.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, f"{network.HERE}/clock_shim.c"], check=True)
    return shim


def now():
    return time.monotonic()


__all__ = ["Answer", "Cluster", "Machine", "Refused", "SLOW", "control", "now", "until"]
