#!/usr/bin/env python3
"""Signals and what changes while a node runs: harmless ones at any time, SIGHUP, draining before the end, certificates from
files that change, and the names of the certificate that a node makes itself."""
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

import kontor_process
from config_test import Certificates, openssl
from kontor_process import BINARY, SLOW, Admin, Kontor, allow, clean_environment, run, temporary_folder, until, verify
from serve_test import Site, free_port

HARMLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM, signal.SIGVTALRM,
            signal.SIGPROF, signal.SIGIO, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSTKFLT, signal.SIGTRAP, signal.SIGRTMIN,
            signal.SIGRTMIN + 3, signal.SIGRTMAX)


def shown(port, host="127.0.0.1"):
    """The certificate that a new connection is shown, as PEM."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=10 * SLOW) as plain:
        with context.wrap_socket(plain) as secure:
            return ssl.DER_cert_to_PEM_cert(secure.getpeercert(True))


def text_of(pem, *wanted):
    return subprocess.run(["openssl", "x509", "-noout", *wanted], input=pem, text=True, capture_output=True,
                          check=True).stdout


def is_guarded(pid):
    """It has begun: the kernel's part of a start, which no program can shorten, is over."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        ignored = next(int(line.split()[1], 16) for line in file if line.startswith("SigIgn:"))
    return ignored >> (signal.SIGRTMAX - 1) & 1  # the last that is set


class Storm:
    """Sends harmless signals to a process, one after the other, until it ends."""

    def __init__(self, process):
        self.process, self.sent, self.is_over = process, 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.is_over and self.process.poll() is None:
            self.process.send_signal(HARMLESS[self.sent % len(HARMLESS)])
            self.sent += 1
            time.sleep(0.003)

    def __enter__(self):
        until(lambda: is_guarded(self.process.pid), what="the first instruction", pause_s=0.001)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()


class Harmless(unittest.TestCase):
    def test_serve_from_start_to_end(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor, Storm(kontor.process) as storm:
                kontor.wait_ready()
                self.assertEqual(kontor.api().raw("GET", "/readyz").status, 200)
                self.assertEqual(kontor.stop(), 0, kontor.story())
                self.assertGreater(storm.sent, 10)

    def test_dev_from_start_to_end(self):
        with temporary_folder() as folder:
            with Kontor("dev", "--json", "--serve-only", "--port", "0", "--data", f"{folder}/data") as kontor:
                with Storm(kontor.process):
                    kontor.wait_ready()
                    self.assertEqual(kontor.api().raw("GET", "/readyz").status, 200)
                    self.assertEqual(kontor.stop(), 0, kontor.story())

    def test_other_long_commands(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            kontor.stop()
            for arguments in (["bench", "get", "--duration", "2s", "--warmup", "1s", "--connections", "1", "--folder", folder],
                              ["verify", "--data", f"{folder}/data"]):
                process = subprocess.Popen([BINARY, *arguments], env=clean_environment(), stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                with process, Storm(process):
                    _, errors = process.communicate(timeout=60 * SLOW)
                self.assertEqual(process.returncode, 0, f"{arguments}: {errors}")


class Drain(unittest.TestCase):
    def test_readyz_says_503_before_the_port_closes(self):
        with temporary_folder() as folder:
            site = Site(folder, "drain_ms = 1500\n")
            with site.serve(environment={"KONTOR_HTTPS_DRAIN_MS": "1500"}) as kontor:
                api = kontor.wait_ready().api()
                self.assertEqual(api.raw("GET", "/readyz").status, 200)
                begun = time.monotonic()
                kontor.process.send_signal(signal.SIGTERM)
                until(lambda: api.raw("GET", "/readyz").status == 503, 5, "503")
                self.assertEqual(api.raw("GET", "/readyz").text, "draining\n")
                self.assertEqual(api.raw("GET", "/livez").status, 200)
                self.assertEqual(api.request("GET", "/v1/balance").status, 401)  # what comes is answered
                self.assertEqual(kontor.wait_end(), 0)
                self.assertGreater(time.monotonic() - begun, 1.4)

    def test_without_descriptors_the_end_does_not_wait_for_them(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve("--set", "store.checkpoint_interval_s=1") as kontor:
                kontor.wait_ready()
                admin = Admin(kontor).set_up()
                resource.prlimit(kontor.pid, resource.RLIMIT_NOFILE, (5, 5))
                admin.api.request("GET", "/v1/balance")
                until(lambda: any("Too many open files" in line for line in kontor.errors), 30, "a checkpoint that waits")
                begun = time.monotonic()
                kontor.process.send_signal(signal.SIGTERM)
                self.assertEqual(kontor.wait_end(), 0, kontor.story())
                self.assertLess(time.monotonic() - begun, allow(10, below=20), "the end waits five minutes for descriptors")
            with site.serve() as kontor:  # it is all in the log
                kontor.wait_ready()
                self.assertIn("/admin/", run("setup-link", "--config", site.config).stdout)
                self.assertEqual(verify(site.data)[0], 0)

    def test_a_second_signal_ends_it_at_once(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve(environment={"KONTOR_HTTPS_DRAIN_MS": "30000"}) as kontor:
                kontor.wait_ready()
                kontor.process.send_signal(signal.SIGQUIT)
                kontor.wait_event("draining")
                begun = time.monotonic()
                kontor.process.send_signal(signal.SIGTERM)
                self.assertEqual(kontor.wait_end(), 130)
                self.assertLess(time.monotonic() - begun, allow(10, below=20), "the end comes with the drain of 30 s")


class Hangup(unittest.TestCase):
    def said(self, kontor, text):
        until(lambda: any(text in line for line in kontor.errors), 20, text)

    def test_what_may_change_changes_and_the_rest_is_named(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with open(site.config, encoding="utf-8") as file:
                before = file.read()
            with site.serve() as kontor:
                kontor.wait_ready()
                self.assertNotIn("reload.example", text_of(shown(site.port), "-ext", "subjectAltName"))
                site.write(before + 'names = "localhost,127.0.0.1,reload.example"\nmax_connections = 77\n'
                           '[logging]\nlevel = "debug"\n')
                kontor.process.send_signal(signal.SIGHUP)
                self.said(kontor, "event=reloaded changed=[https.names, logging.level]")
                self.said(kontor, "event=restart_needed for=[https.max_connections]")
                until(lambda: "reload.example" in text_of(shown(site.port), "-ext", "subjectAltName"), 10, "new names")
                # A bad one changes nothing and says why.
                site.write(before + 'prot = 1\nnames = "other.example"\n')
                kontor.process.send_signal(signal.SIGHUP)
                self.said(kontor, "event=reload_refused")
                self.said(kontor, "there is no setting 'https.prot'")
                self.assertIn("reload.example", text_of(shown(site.port), "-ext", "subjectAltName"))
                # Another folder is for the next start; the ports in use are this node's own.
                site.write(before.replace(site.data, site.data + "2"))
                kontor.process.send_signal(signal.SIGHUP)
                self.said(kontor, "event=restart_needed for=[data.folder")
                os.mkdir(site.data + "2")
                with open(f"{site.data}2/notes", "w", encoding="ascii"):
                    pass
                kontor.process.send_signal(signal.SIGHUP)
                self.said(kontor, "data2 holds files that are not Kontor's")
                self.assertNotIn("another program", "\n".join(kontor.errors))
                self.assertEqual(kontor.stop(), 0)


class CertificateFiles(unittest.TestCase):
    def test_files_that_change_are_used_without_a_restart(self):
        with temporary_folder() as folder:
            made = Certificates(folder)
            first, second = made.pair("first"), made.pair("second")
            own = f"{folder}/own.pem", f"{folder}/own.key"
            for source, target in zip(first, own):
                shutil.copy(source, target)
            site = Site(folder, f'certificate_file = "{own[0]}"\nprivate_key_file = "{own[1]}"\nnames = "pay.example"\n')
            with site.serve() as kontor:
                ready = kontor.wait_event("ready")
                self.assertEqual(ready["ca_file"], "")
                self.assertIn("CN = first", text_of(shown(site.port), "-subject"))
                context = ssl.create_default_context(cafile=made.ca)
                old = kontor_process.Api(site.port, context, "sk_test_x")
                self.assertEqual(old.raw("GET", "/livez").status, 200)
                # Half of it, then all of it, then its key: used when they fit, and never a gap.
                with open(second[0], "rb") as source, open(own[0], "wb") as target:
                    target.write(source.read()[:300])
                time.sleep(2.5)
                self.assertIn("CN = first", text_of(shown(site.port), "-subject"))
                shutil.copy(second[0], own[0])
                time.sleep(2.5)
                self.assertIn("CN = first", text_of(shown(site.port), "-subject"))
                shutil.copy(second[1], own[1])
                until(lambda: "CN = second" in text_of(shown(site.port), "-subject"), 10, "the second certificate")
                self.assertEqual(old.raw("GET", "/livez").status, 200)
                self.assertTrue(any("event=certificate_kept" in line for line in kontor.errors), kontor.story())
                # SIGHUP: at once.
                for source, target in zip(first, own):
                    shutil.copy(source, target)
                kontor.process.send_signal(signal.SIGHUP)
                until(lambda: "CN = first" in text_of(shown(site.port), "-subject"), 10, "the first one again")
                old.close()
                self.assertEqual(kontor.stop(), 0)

    def test_the_own_certificate_is_renewed_while_running(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                kontor.wait_ready()
                dates = dict(line.split("=", 1) for line in
                             text_of(shown(site.port), "-startdate", "-enddate").splitlines())
                days = (ssl.cert_time_to_seconds(dates["notAfter"]) - ssl.cert_time_to_seconds(dates["notBefore"])) / 86_400
                self.assertLessEqual(days, 397)
                self.assertGreater(days, 390)
                # One with few days left takes its place: it is replaced.
                tls, serial = f"{site.data}/tls", text_of(shown(site.port), "-serial")
                with open(f"{folder}/x", "w", encoding="utf-8") as file:
                    file.write("subjectAltName=DNS:localhost\n")
                openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old", "-keyout", f"{folder}/k", "-out",
                        f"{folder}/csr")
                openssl("x509", "-req", "-in", f"{folder}/csr", "-CA", f"{tls}/ca.pem", "-CAkey", f"{tls}/ca.key", "-days",
                        "20", "-extfile", f"{folder}/x", "-out", f"{folder}/p")
                os.replace(f"{folder}/k", f"{tls}/server.key")
                os.replace(f"{folder}/p", f"{tls}/server.pem")
                until(lambda: text_of(shown(site.port), "-serial") != serial, 10, "another certificate")
                self.assertNotIn("CN = old", text_of(shown(site.port), "-subject"))
                self.assertEqual(kontor.api().raw("GET", "/livez").status, 200)  # the same authority


class Names(unittest.TestCase):
    def test_the_sample_of_the_cluster_page_is_reachable_by_its_own_address(self):
        """As docs/cluster.md says it, and no more: others come by cluster.address, and its certificate is for that."""
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "cluster.md")
        with open(page, encoding="utf-8") as file:
            sample = re.search(r"```toml\n(.*?)```", file.read(), re.DOTALL).group(1)
        self.assertIn("10.0.0.1", sample)
        with temporary_folder() as folder:
            site = Site(folder)
            peer = free_port()
            site.write(sample.replace("10.0.0.1", "127.0.0.7").replace("[https]\n", f"[https]\nport = {site.port}\n") +
                       f'port = {peer}\n[data]\nfolder = "{site.data}"\n[secrets]\nkey_file = "{site.key}"\n')
            with site.serve() as kontor:
                context = ssl.create_default_context(cafile=kontor.wait_event("ready")["ca_file"])
                kontor.ready = {"url": f"https://127.0.0.1:{site.port}"}
                with socket.create_connection(("127.0.0.7", site.port)) as plain:
                    context.wrap_socket(plain, server_hostname="127.0.0.7").close()
            for address, names in (("127.0.0.8", ["127.0.0.8"]), ("0.0.0.0", [])):
                with site.serve("--set", f"https.address={address}", "--set", "cluster.api_url=https://api.example:1") as again:
                    again.wait_ready()
                    found = text_of(shown(site.port, "127.0.0.8"), "-ext", "subjectAltName")
                    for name in [*names, "api.example", "127.0.0.7", "localhost"]:
                        self.assertIn(name, found)


if __name__ == "__main__":
    kontor_process.main()
