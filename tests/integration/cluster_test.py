#!/usr/bin/env python3
"""The life of a cluster: joining and what is refused, membership, strangers, and folders that are not a node's own."""
import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import kontor_process
from cluster_process import Cluster, Load, control, free_ports
from kontor_process import BINARY, SLOW, Kontor, run, temporary_folder, until

ENDS_WITHIN_S = 20


class Relay:
    """A TCP relay that loses the answer: it passes the TLS handshake, then only what the client says."""

    def __init__(self, port):
        self.target, self.spoke = port, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets = [client, server]
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            server.sendall(client.recv(65536))  # ClientHello
            while data := client.recv(65536):
                self.spoke.set()
                server.sendall(data)

    def _back(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not self.spoke.is_set():
                    client.sendall(data)

    def cut(self):
        for one in [*self.sockets, self.listener]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Impostor:
    """A TLS server with a certificate of somebody else, that notes what it is told."""

    def __init__(self, certificate_folder):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{certificate_folder}/server.pem", f"{certificate_folder}/server.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.heard, self.calls, self.context = b"", 0, context
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        raw, _ = self.listener.accept()
        self.listener.close()
        self.calls += 1
        with contextlib.suppress(OSError), self.context.wrap_socket(raw, server_side=True) as client:
            client.settimeout(10)
            while data := client.recv(4096):
                self.heard += data


def with_parts(token, fingerprint=None, secret=None, addresses=None):
    kind, had_fingerprint, had_secret, had_addresses = token.split(".", 3)
    return ".".join([kind, fingerprint or had_fingerprint, secret or had_secret, addresses or had_addresses])


class Joining(unittest.TestCase):
    def assert_refused(self, done, *what):
        self.assertEqual(done.returncode, 1, done.stdout)
        for text in what:
            self.assertIn(text, done.stderr)

    def test_three_machines_become_a_cluster_and_each_says_so(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            alone = cluster.machine()
            alone.start()
            self.assertIn("This node is alone", alone.cli("status").stdout)
            self.assert_refused(alone.cli("token"), "kontor cluster init")
            cluster.machines.clear()
            alone.end()
            shutil.rmtree(alone.folder)

            cluster.form(3)
            self.assert_refused(cluster.machines[1].cli("init"), "already")
            cluster.set_up()
            for machine in cluster.machines:
                self.check_status(cluster, machine)
            # Demanded again, joining is a no-op; with another token it is refused.
            second = cluster.machines[1]
            self.assert_refused(second.cli("join", cluster.machines[0].token()), "is node 2 of a cluster already")

    def check_status(self, cluster, machine):
        status = machine.do("status")
        self.assertTrue(status["member"])
        self.assertEqual((status["node"], status["leader"]), (machine.number, cluster.leader().number))
        self.assertEqual([(node["node"], node["name"], node["peer_address"], node["api_url"], node["wanted"],
                           node["is"], node["connected"], node["ready"]) for node in status["nodes"]],
                         [(one.number, f"machine{one.number}", one.address, f"https://127.0.0.1:{one.https_port}",
                           "voter", "voter", True, True) for one in cluster.machines])
        self.assertEqual([node["node"] for node in status["nodes"] if node["leads"]], [status["leader"]])
        # A report of a moment ago would make the leader, which has gone on, look late.
        for _ in range(5):
            machine.process.api(cluster.key).post("/v1/customers", {"name": "Ada"})
            leader = machine.do("status")["nodes"][status["leader"] - 1]
            self.assertEqual((leader["behind"], leader["lag_ms"]), (0, 0))
        # For people: a line each. Nothing was written since, so nobody is behind.
        until(lambda: all(line.split()[-4:-1] == ["0", "0", "ms"]
                          for line in machine.cli("status").stdout.splitlines()[2:5]),
              what="nobody behind")
        text = machine.cli("status").stdout.splitlines()
        self.assertIn(f"leader is node {status['leader']}", text[0])
        for line, one in zip(text[2:], cluster.machines, strict=False):
            role = "leader" if one.number == status["leader"] else "voter"
            # How far its clock is ahead stands before what it lacks: all are this machine's, give or take a little.
            self.assertRegex(" ".join(line.split()), rf"^{one.number} machine{one.number} {role} yes "
                             rf"(-?\d+ ms )?0 0 ms {re.escape(one.address)}$")

    def test_what_a_token_does_not_do(self):
        with temporary_folder() as folder, Cluster(folder) as cluster, Cluster(f"{folder}/other") as other:
            first, stranger = cluster.machine(), other.machine()
            for machine in (first, stranger):
                machine.start()
                machine.do("init")
            second, third = cluster.machine(), cluster.machine()

            # Not known, too old, of another cluster, or no token at all.
            foreign, good = stranger.token(), first.token()
            self.assert_refused(second.cli("join", with_parts(good, secret=foreign.split(".")[2])),
                                "not known or too old")
            short = first.control("cluster-token", lifetime_ms=1)["token"]
            self.assert_refused(second.cli("join", short), "not known or too old")
            for bad in ("kct1", "kct1.a.b.c", "kct2." + good[5:], good[:-20].rsplit(".", 1)[0], "x" * 5000):
                self.assert_refused(second.cli("join", bad), "no join token")

            # Another authority than the token's: nothing is sent, and the token stays good.
            self.assert_refused(second.cli("join", with_parts(good, fingerprint=foreign.split(".")[1])),
                                first.address)
            impostor = Impostor(f"{first.data}/tls")
            self.assert_refused(second.cli("join", with_parts(good, addresses=impostor.address)), impostor.address)
            impostor.thread.join(10)
            self.assertEqual((impostor.calls, impostor.heard), (1, b""))
            # Nobody there.
            (closed,) = free_ports(1)
            self.assert_refused(second.cli("join", with_parts(good, addresses=f"127.0.0.1:{closed}")), str(closed))

            # Another secrets key: it could not read the state.
            thief = cluster.machine(secrets_key=stranger.key)
            self.assert_refused(thief.cli("join", good), "another secrets key")

            # A folder that was a node.
            used = other.machine(secrets_key=first.key)
            used.start()
            used.stop()
            self.assert_refused(used.cli("join", good), "holds a node's data already")

            # All of that used up nothing: the answer gets lost, and the same again gets the same number.
            relay = Relay(first.peer_port)
            joining = threading.Thread(target=lambda: setattr(
                self, "lost", second.cli("join", with_parts(good, addresses=relay.address))))
            joining.start()
            until(lambda: len(first.status()["nodes"]) == 2, what="the admission")
            relay.cut()
            joining.join()
            self.assert_refused(self.lost, relay.address)
            refused = Kontor("serve", "--json", "--config", second.config)
            self.assertEqual(refused.wait_end(), 2)
            self.assertIn("repeat 'kontor cluster join'", "\n".join(refused.errors))
            self.assertEqual(second.do("join", good)["node"], 2)
            self.assertEqual(second.do("join", good)["node"], 2)
            # For anybody else it is used up.
            self.assert_refused(third.cli("join", good), "was used")
            self.assertEqual(len(first.status()["nodes"]), 2)
            # Its name and address are taken, too.
            third.write(cluster__name="machine2")
            self.assert_refused(third.cli("join", first.token()), "Node 2 has this name")
            third.write(cluster__name="")
            second.start()
            cluster.settled(2)


class Membership(unittest.TestCase):
    def assert_ended(self, process, *what, code=2):
        until(lambda: process.process.poll() is not None, ENDS_WITHIN_S, "the end of a removed node")
        self.assertEqual(process.wait_end(), code, process.story())
        for text in what:
            self.assertIn(text, "\n".join(process.errors))

    def roles(self, machine):
        status = machine.status()
        return {node["node"]: node["is"] for node in status["nodes"]} if status else None

    def test_members_come_and_go_under_load(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            cluster.set_up()
            first, second, third = cluster.machines
            self.assertIs(cluster.leader(), first)
            with Load([first, second], cluster.key, threads=2) as load:
                load.wait_for(20)
                # A follower stops voting, and votes again.
                self.assertEqual(first.do("demote", "3")["done"], True)
                until(lambda: self.roles(second)[3] == "standby", what="node 3 as a stand-by")
                load.wait_for(20)
                second.do("promote", "3")
                until(lambda: self.roles(first)[3] == "voter", what="node 3 as a voter")

                # Out for ever: its process ends and says why, at each start; the number stays used.
                first.do("remove", "3")
                self.assert_ended(third.process, "removed from the cluster")
                self.assert_ended(third.start(wait=False), "removed from the cluster", code=2)
                until(lambda: self.roles(second) == {1: "voter", 2: "voter"}, what="two voters")
                for action in ("remove", "promote", "demote", "transfer"):
                    self.assertEqual(first.cli(action, "3").returncode, 1, action)
                load.wait_for(20)
                fourth = cluster.machine()
                self.assertEqual(fourth.do("join", first.token("--standby"))["node"], 4)
                fourth.start()
                until(lambda: self.roles(first).get(4) == "standby", what="node 4 as a stand-by")
                first.do("promote", "4")
                cluster.settled(3)
                load.wait_for(20)

                # A lost machine's place: same name and address, another number.
                fourth.kill()
                shutil.rmtree(fourth.data)
                self.assertEqual(fourth.do("join", first.token("--replace", "4"))["node"], 5)
                fourth.start()
                cluster.settled(3)
                self.assertEqual(self.roles(first), {1: "voter", 2: "voter", 5: "voter"})
                load.wait_for(20)
                stored = load.stop()
            self.check_stored(cluster, fourth, stored)

            # The leader leaves: it hands over and ends.
            left = first if first.leads() else cluster.leader()
            stayed = [machine for machine in (first, second, fourth) if machine is not left]
            with Load(stayed, cluster.key, threads=2, name="leave") as load:
                load.wait_for(20)
                left.do("leave")
                self.assert_ended(left.process, "removed from the cluster")
                until(lambda: list(self.roles(stayed[0]).values()) == ["voter", "voter"], what="two voters")
                load.wait_for(20)
                # One of two: nobody is left that could be asked for a majority.
                leader = cluster.leader()
                (other,) = [machine for machine in stayed if machine is not leader]
                leader.do("leave")
                self.assert_ended(leader.process, "removed from the cluster")
                until(lambda: list(self.roles(other).values()) == ["voter"], what="one voter")
                load.stopping.set()
                for thread in load.threads:
                    thread.join()
                load.raise_failures()
                self.assertEqual(other.cli("leave").returncode, 1)
                self.check_stored(cluster, other, load.stop())

    def check_stored(self, cluster, machine, acknowledged):
        payments = machine.process.api(cluster.key).all("/v1/payment_intents")
        stored = {one["metadata"]["op"]: one["id"] for one in payments}
        self.assertEqual({key: stored.get(key) for key in acknowledged}, acknowledged)
        self.assertEqual(len(stored), len(payments), "one payment a key")


    def test_commands_say_what_is_the_case(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            first = cluster.machine()
            first.start()
            for action in (["leave"], ["remove", "2"], ["promote", "2"], ["rotate"]):
                self.assertIn("this node is not a cluster", first.cli(*action).stderr, action)
            first.do("init")
            second = cluster.machine()
            second.do("join", first.token())
            second.start()
            cluster.settled(2)
            leader = cluster.leader()
            (other,) = [machine for machine in cluster.machines if machine is not leader]
            # A number that is none is no node; least of all the one that is asked.
            for machine in cluster.machines:
                for action in ("remove", "demote", "promote", "transfer"):
                    refused = machine.cli(action, "0")
                    self.assertEqual(refused.returncode, 1, action)
                    self.assertIn("No such node: 0", refused.stderr, action)
                    for no_number in ("-1", "1.5", "x", "", "0x1"):
                        self.assertEqual(machine.cli(action, no_number).returncode, 2,
                                         (action, no_number))
                for command, fields in (("remove", {}), ("voter", {"voter": False}), ("remove", {"node": 0}),
                                        ("remove", {"node": 1.0}), ("remove", {"node": -1}), ("remove", {"node": "1"}),
                                        ("voter", {"node": 1.5, "voter": False}), ("remove", {"node": None}),
                                        ("isolate", {"node": 0, "ms": 9}), ("isolate", {"node": 2, "ms": 0.5}),
                                        ("token", {"lifetime_ms": -5}), ("restart", {"node": 0, "check_only": True})):
                    self.assertIn("error", control(machine.data, "cluster-" + command, **fields), (command, fields))
            self.assertEqual(self.roles(leader), {1: "voter", 2: "voter"})
            self.assertTrue(all(node["wanted"] == "voter" for node in leader.status()["nodes"]))
            for machine in cluster.machines:
                refused = machine.cli("transfer", str(leader.node_no))
                self.assertEqual(refused.returncode, 1)
                self.assertIn(f"node {leader.node_no} leads already", refused.stderr)
            self.assertIn("leads already", leader.cli("takeover").stderr)
            for machine in cluster.machines:
                applied = machine.control("status")["applied_index"]
                self.assertGreaterEqual(machine.status()["commit_index"], applied)
            # No command waits for ever for a node that stands still.
            config = ("--config", other.config)
            with other.paused():
                asking = [(command, subprocess.Popen([BINARY, *command, *config], stdout=subprocess.PIPE,
                                                     stderr=subprocess.STDOUT, text=True))
                          for command in (("cluster", "status"), ("cluster", "token"), ("cluster", "transfer", "1"),
                                          ("verify",), ("setup-link",), ("upgrade", "--rolling", "--check"))]
                for command, process in asking:
                    said, _ = process.communicate(timeout=20 * SLOW)
                    self.assertEqual(process.returncode, 2 if command == ("verify",) else 1, said)
                    self.assertIn("does not answer", said, command)
                for command, code in ((("config", "check"), 0), (("accept-older-data",), 2), (("cluster", "rejoin"), 1)):
                    done = run(*command, *config)
                    self.assertEqual(done.returncode, code, (command, done.stdout, done.stderr))
            self.assertEqual(other.cli("status").returncode, 0)

    def test_a_machine_moves_to_another_address(self):
        with temporary_folder() as folder, Cluster(folder) as cluster:
            cluster.form(3)
            for moved in (cluster.followers()[0], cluster.leader()):
                moved.stop()
                moved.https_port, moved.peer_port = free_ports(2)
                moved.write(https__port=moved.https_port, cluster__port=moved.peer_port)
                moved.start()
                cluster.settled(3)

                def is_known(moved=moved):
                    nodes = [machine.status()["nodes"][moved.number - 1] for machine in cluster.machines]
                    return {(node["peer_address"], node["api_url"]) for node in nodes} == \
                        {(moved.address, f"https://127.0.0.1:{moved.https_port}")}
                until(is_known, what="the new address everywhere")


class Strangers(unittest.TestCase):
    """None of it harms the cluster, and the logs say the reason."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_folder())
        cls.folder = folder
        cls.cluster = cls.enterClassContext(Cluster(folder)).form(3)
        cls.cluster.set_up()

    def tearDown(self):
        self.cluster.settled(3)
        for machine in self.cluster.machines:
            self.assertEqual(machine.process.api(self.cluster.key).pay(500)["status"], "succeeded")

    def test_who_is_no_node_gets_nowhere_on_the_peer_port(self):
        with temporary_folder() as folder, Cluster(folder) as other:
            foreigner = other.machine()
            foreigner.start()
            foreigner.do("init")
            port = self.cluster.machines[1].peer_port
            for raw in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 4096, b"\x16\x03\x01\xff\xff" + b"x" * 70000,
                        os.urandom(5000)):
                with socket.create_connection(("127.0.0.1", port), 10 * SLOW) as connection:
                    with contextlib.suppress(OSError):
                        connection.sendall(raw)
                        answer = b""
                        while data := connection.recv(4096):
                            answer += data
                        self.assertNotIn(b"HTTP", answer)
            for identity in (None, self.identity(foreigner)):
                self.assertRegex(self.speak(port, identity), b"^(\\x00\\x00.{4,8}not a frame of this protocol.*)?$")

    @staticmethod
    def identity(machine):
        with open(f"{machine.data}/peer/identity.json", encoding="utf-8") as file:
            return json.load(file)

    @staticmethod
    def speak(port, identity):
        """TLS with that node's certificate, or none, and some bytes: what comes back."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if identity:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(identity["private_key"] + identity["certificate"])
                file.flush()
                context.load_cert_chain(file.name)
        answer = b""
        with contextlib.suppress(OSError), \
                context.wrap_socket(socket.create_connection(("127.0.0.1", port), 40 * SLOW)) as connection:
            connection.sendall(b"\x00\x00\x10\x00" + b"A" * 5000)
            while data := connection.recv(4096):
                answer += data
        return answer

    def test_a_copied_folder_is_refused(self):
        machine = self.cluster.machines[2]
        machine.stop()
        subprocess.run(["cp", "-a", machine.data, f"{machine.folder}/copy"], check=True)
        done = run("serve", "--config", machine.config, "--set", f"data.folder={machine.folder}/copy")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is a copy of the folder of node 3", done.stderr)
        machine.start()

        # Somebody who makes it look like an original is refused by the others while that one runs.
        identity = self.identity(machine)
        peer = f"{machine.folder}/copy/peer"
        inode, seconds = subprocess.run(["stat", "--format=%i %.9W", peer], check=True, text=True,
                                        capture_output=True).stdout.split()
        whole, nanoseconds = seconds.split(".")
        identity["folder"] = f"{inode}:{whole}.{int(nanoseconds)}"
        with open(f"{peer}/identity.json", "w", encoding="utf-8") as file:
            json.dump(identity, file)
        https, peers = free_ports(2)
        with Kontor("serve", "--json", "--config", machine.config, "--set", f"data.folder={machine.folder}/copy",
                    "--set", f"https.port={https}", "--set", f"cluster.port={peers}") as twin:
            until(lambda: "another node 3 is running" in "\n".join(twin.errors), what="the refusal of a twin")
            self.cluster.settled(3)
            self.assertIsNone(twin.ready)

    def test_two_processes_with_one_folder(self):
        machine = self.cluster.machines[1]
        https, peers = free_ports(2)
        done = run("serve", "--config", machine.config, "--set", f"https.port={https}",
                   "--set", f"cluster.port={peers}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is in use by process", done.stderr)

    def test_another_clusters_data(self):
        machine = self.cluster.machines[2]
        with temporary_folder() as folder, Cluster(folder) as other:
            foreigner = other.machine(secrets_key=machine.key)
            foreigner.start()
            foreigner.do("init")
            foreigner.stop()
            machine.stop()
            os.rename(machine.data, f"{machine.folder}/kept")
            os.rename(foreigner.data, machine.data)
            done = run("serve", "--config", machine.config)
            self.assertEqual(done.returncode, 2)
            self.assertIn("is not the folder that was here before", done.stderr)
            os.rename(f"{machine.data}.mark", f"{machine.folder}/kept.mark")
            machine.start()

            # Its authority is not the cluster's: nothing goes through, and the status says why.
            def is_refused():
                node = self.cluster.machines[0].status()["nodes"][2]
                return not node["connected"] and "certificate not trusted" in node.get("problem", "")
            until(is_refused, what="the refusal of another cluster's node")
            machine.stop()
            shutil.rmtree(machine.data)
            os.rename(f"{machine.folder}/kept", machine.data)
            os.rename(f"{machine.folder}/kept.mark", f"{machine.data}.mark")
            machine.start()


if __name__ == "__main__":
    kontor_process.main()
