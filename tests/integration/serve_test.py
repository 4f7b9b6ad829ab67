#!/usr/bin/env python3
"""`kontor serve` and what belongs to it: configuration and its precedence, refusals, secrets, set-up link, SIGTERM."""
import json
import os
import re
import resource
import socket
import subprocess
import threading
import time
import unittest

import kontor_process
from kontor_process import Admin, Ended, Kontor, Lost, allow, run, temporary_folder, verify
from shop_load import Worker

SOURCE_CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config", "kontor.toml")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Site:
    """A folder with configuration, key and data, as the package makes them."""

    def __init__(self, folder, more=""):
        self.folder, self.data, self.key = folder, f"{folder}/data", f"{folder}/secrets.key"
        self.config = f"{folder}/kontor.toml"
        self.port = free_port()
        self.write(f'[data]\nfolder = "{self.data}"\npartitions = 2\n\n[secrets]\nkey_file = "{self.key}"\n\n'
                   f'[https]\nport = {self.port}\n{more}')
        made = run("secrets", "init", "--key-file", self.key)
        assert made.returncode == 0, made.stderr

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def serve(self, *arguments, **options):
        return Kontor("serve", "--json", "--config", self.config, *arguments, **options)


class Precedence(unittest.TestCase):
    def test_file_then_environment_then_flags(self):
        with temporary_folder() as folder:
            site = Site(folder)
            from_environment, from_flag = free_port(), free_port()
            environment = {"KONTOR_HTTPS_PORT": str(from_environment)}
            for arguments, options, port in (
                    ([], {}, site.port),
                    ([], {"environment": environment}, from_environment),
                    (["--set", f"https.port={from_flag}"], {"environment": environment}, from_flag)):
                with site.serve(*arguments, **options) as kontor:
                    self.assertEqual(kontor.wait_ready().port, port)
                    self.assertEqual(kontor.api().raw("GET", "/readyz").status, 200)
                    self.assertEqual(kontor.stop(), 0, kontor.story())


class BadConfiguration(unittest.TestCase):
    def check_both(self, site, *arguments, environment=None):
        """`config check` and `serve` name the same problems, exit with 2, and start nothing."""
        checked = run("config", "check", "--config", site.config, *arguments, environment=environment)
        served = run("serve", "--config", site.config, *arguments, environment=environment)
        self.assertEqual((checked.returncode, served.returncode), (2, 2), checked.stderr + served.stderr)
        self.assertIn(checked.stderr.strip(), served.stderr)
        self.assertIn("nothing was started", served.stderr)
        self.assertFalse(os.path.exists(site.data))
        return checked.stderr

    def test_every_problem_is_named_at_once_with_its_place(self):
        with temporary_folder() as folder:
            site = Site(folder)
            site.write("\n".join([
                "[data]",
                f'folder = "{site.data}"',
                "partitions = 65",  # 3: above its range
                "[https]",
                'port = "8443"',  # 5: a text
                "prot = 8443",  # 6: no such setting
                "max_body_kib = 0",  # 7: below its range
                "[webhooks]",
                "allow_http = 1",  # 9: not true or false
                "[logging]",
                'level = "chatty"',  # 11: not one of
                "[nonsense]",
                "x = 1",  # 13
                "[secrets]",
                f'key_file = "{site.key}"',
                ""]))
            said = self.check_both(site, "--set", "https.threads=257", "--set", "no.such=1",
                                   environment={"KONTOR_STORE_CACHE_MIB": "many", "KONTOR_NO_SUCH": "1"})
            for line, what in ((3, "'data.partitions' must be from 1 to 64, not 65"), (5, "https.port"),
                               (6, "'https.prot'; did you mean 'https.port'"), (7, "https.max_body_kib"),
                               (9, "webhooks.allow_http"), (11, "debug|info|warning|error"), (13, "nonsense.x")):
                self.assertRegex(said, re.escape(f"{site.config}:{line}: ") + ".*" + re.escape(what))
            self.assertRegex(said, "environment KONTOR_STORE_CACHE_MIB: .*whole number")
            self.assertRegex(said, "warning: environment KONTOR_NO_SUCH: ")
            self.assertRegex(said, "--set https.threads: .*0 to 256")
            self.assertRegex(said, "--set no.such: ")
            self.assertEqual(len(said.strip().splitlines()), 11, said)

    def test_json_names_them_too(self):
        with temporary_folder() as folder:
            site = Site(folder, "bad = 1\nworse = 2\n")
            done = run("config", "check", "--json", "--config", site.config)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual([event["event"] for event in events], ["problem", "problem"])
            self.assertEqual([event["where"].rsplit(":", 1)[1] for event in events], ["10", "11"])

    def test_a_file_that_is_no_toml(self):
        for text, line in (("[https]\nport = = 1\n", 2), ("[https\n", 1), ('a = "open\n', 1), ("\n\n\xff = 1", 3), ("a = '\xff' # \xff\n= \xff", 2),
                           ("a = 1\na = 2\n", 2)):
            with self.subTest(text=text), temporary_folder() as folder:
                site = Site(folder)
                site.write(text)
                said = self.check_both(site)
                self.assertIn(f"{site.config}:{line}: ", said)

    def test_a_file_that_is_not_there(self):
        with temporary_folder() as folder:
            site = Site(folder)
            os.remove(site.config)
            self.assertIn(site.config, self.check_both(site))

    def test_settings_that_do_not_go_together(self):
        with temporary_folder() as folder:
            site = Site(folder)
            self.assertIn("private_key_file", self.check_both(site, "--set", "https.certificate_file=/x.pem"))
            said = self.check_both(site, "--set", f"secrets.key_file={site.data}/secrets.key")
            self.assertIn("must not be inside data.folder", said)


class Example(unittest.TestCase):
    def test_the_example_is_good_as_it_is_and_with_every_line_switched_on(self):
        example = run("config", "example")
        self.assertEqual(example.returncode, 0)
        with open(SOURCE_CONFIG, encoding="utf-8") as file:
            self.assertEqual(example.stdout, file.read(), "config/kontor.toml is what the binary prints")
        switched_on = re.sub(r"(?m)^#(\w+ = )", r"\1", example.stdout)
        self.assertGreater(switched_on.count("\n"), 20)
        self.assertNotEqual(switched_on, example.stdout)
        for text in (example.stdout, switched_on):
            with temporary_folder() as folder:
                path = f"{folder}/kontor.toml"
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                key = f"{folder}/secrets.key"
                self.assertEqual(run("secrets", "init", "--key-file", key).returncode, 0)
                done = run("config", "check", "--config", path, "--set", f"secrets.key_file={key}", "--set",
                           f"data.folder={folder}/data", "--set", f"https.port={free_port()}")
                self.assertEqual((done.returncode, done.stderr), (0, ""))


class Secrets(unittest.TestCase):
    def test_init_makes_a_private_key_once(self):
        with temporary_folder() as folder:
            path = f"{folder}/secrets.key"
            self.assertEqual(run("secrets", "init", "--key-file", path).returncode, 0)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, "rb") as file:
                key = file.read()
            self.assertEqual(len(key), 32)
            again = run("secrets", "init", "--key-file", path)
            self.assertEqual(again.returncode, 1)
            self.assertIn("not replaced", again.stderr)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), key)
            self.assertEqual(run("secrets", "init", "--key-file", f"{folder}/none/x.key").returncode, 1)

    def assert_refused(self, site, *what):
        done = run("serve", "--config", site.config)
        self.assertEqual(done.returncode, 2, done.stderr)
        for text in what:
            self.assertIn(text, done.stderr)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", site.port))

    def test_serve_refuses_a_bad_key_and_says_what_to_do(self):
        with temporary_folder() as folder:
            site = Site(folder)
            os.chmod(site.key, 0o604)
            self.assert_refused(site, site.key, "chmod o-rwx")
            os.chmod(site.key, 0o600)
            for content in (b"", b"x" * 31, b"x" * 33):
                with open(site.key, "wb") as file:
                    file.write(content)
                self.assert_refused(site, site.key, f"32 bytes, not {len(content)}")
            os.remove(site.key)
            self.assert_refused(site, site.key, "kontor secrets init --key-file")

    def test_every_command_notices_another_key_than_the_folders(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                kontor.wait_ready()
                self.assertEqual(kontor.stop(), 0, kontor.story())
            commands = [["config", "check"], ["serve"], ["verify"], ["setup-link"], ["accept-older-data"],
                        ["cluster", "rejoin"]]
            verified = run("verify", "--config", site.config)
            self.assertEqual(verified.returncode, 0, verified.stderr)
            os.remove(site.key)
            for what in ("put it back from its backup", "put the right one back"):
                for command in commands:
                    with self.subTest(command=command, what=what):
                        done = run(*command, "--config", site.config)
                        self.assertNotEqual(done.returncode, 0)
                        self.assertIn(what, done.stderr)
                        self.assertIn(site.key, done.stderr)
                if not os.path.exists(site.key):
                    self.assertEqual(run("secrets", "init", "--key-file", site.key).returncode, 0)


class SetUp(unittest.TestCase):
    def test_nothing_can_be_done_before_set_up_and_the_links_work_once(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                first = kontor.wait_ready().ready["admin_url"]
                self.assertEqual(set(kontor.ready), {"event", "url", "ca_file", "admin_url"})
                for key in (None, "sk_test_nobody", "sk_live_nobody"):
                    self.assertEqual(kontor.api(key).request("GET", "/v1/balance").status, 401)
                stranger = Admin(kontor)
                for path in ("home", "payments", "merchants", "session", "stream"):
                    self.assertEqual(stranger.request("GET", path).status, 401, path)
                self.assertEqual(stranger.request("POST", "merchants", {"name": "x"}).status, 401)

                made = run("setup-link", "--data", site.data, "--json")
                self.assertEqual(made.returncode, 0, made.stderr)
                second = json.loads(made.stdout)["admin_url"]
                self.assertNotEqual(first, second)
                admin = Admin(kontor).set_up(admin_url=second)
                ada = admin.get("session")["operator"]
                self.assertEqual(ada["name"], "ada")
                # Each token works once.
                token = kontor_process.token_of(second)
                self.assertEqual(Admin(kontor).request("GET", f"setup?token={token}").status, 404)

                # The owner of the data folder gets a further one, for a second operator.
                by_config = run("setup-link", "--config", site.config)
                third = by_config.stdout.strip()
                self.assertNotIn(third, (first, second))
                self.assertEqual(Admin(kontor).set_up(admin_url=third, name="grace").get("session")["operator"]["name"],
                                 "grace")
                # For ada herself: the same operator, and her session of before has ended.
                nobody = run("setup-link", "--config", site.config, "--operator", "nobody")
                self.assertEqual((nobody.returncode, nobody.stdout), (1, ""))
                self.assertIn("no operator of this name", nobody.stderr)
                again = run("setup-link", "--config", site.config, "--operator", "ada").stdout.strip()
                renewed = Admin(kontor).set_up(admin_url=again)
                self.assertEqual(renewed.get("session")["operator"], ada)
                self.assertEqual(admin.request("GET", "session").status, 401)
                self.assertEqual(kontor.stop(), 0)
            # A later start says nothing about a link any more.
            with site.serve() as kontor:
                self.assertNotIn("admin_url", kontor.wait_ready().ready)

    def test_setup_link_without_a_node(self):
        with temporary_folder() as folder:
            site = Site(folder)
            for arguments in (["--data", site.data], ["--config", site.config]):
                done = run("setup-link", *arguments)
                self.assertEqual(done.returncode, 1)
                self.assertIn("no node is running", done.stderr)


class Termination(unittest.TestCase):
    def test_sigterm_under_load_loses_nothing_and_is_quick(self):
        with temporary_folder() as folder:
            site = Site(folder)
            workers = [Worker(number, 4) for number in range(6)]
            with site.serve() as kontor:
                kontor.wait_ready()
                _, key = Admin(kontor).set_up().merchant_key("Shop")
                threads = [threading.Thread(target=worker.run, args=(kontor.api(key), lambda: False))
                           for worker in workers]
                for thread in threads:
                    thread.start()
                kontor_process.until(lambda: all(worker.acknowledged > 20 for worker in workers), what="some load")
                started = time.monotonic()
                self.assertEqual(kontor.stop(), 0, kontor.story())
                took = time.monotonic() - started
                for thread in threads:
                    thread.join()
                self.assertEqual(json.loads(kontor.lines[-1])["event"], "stopped")
            print(f"stopped in {took:.2f} s under load", flush=True)
            self.assertLess(took, allow(8), "a stop waits for clients that go on to send")
            for worker in workers:
                if worker.failure is not None:
                    raise worker.failure
            self.assertEqual(verify(site.data)[0], 0)
            with site.serve() as kontor:
                api = kontor.wait_ready().api(key)
                for worker in workers:
                    worker.settle(api)
                    for payment in worker.payments:
                        intent = api.get(f"/v1/payment_intents/{payment.id}", {"expand": ["latest_charge"]})
                        refunded = (intent["latest_charge"] or {"amount_refunded": 0})["amount_refunded"]
                        self.assertEqual((intent["status"], intent["amount_received"], refunded), payment.state())
                total = sum(p.received - p.refunded for worker in workers for p in worker.payments)
                self.assertEqual(api.balance(), total)

    def test_sigterm_before_it_is_ready(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                kontor_process.until(lambda: os.path.exists(f"{site.data}/groups/0/store") or kontor.process.poll() is not None,
                                     pause_s=0.001)
                self.assertEqual(kontor.stop(), 0, kontor.story())
            self.assertIn(verify(site.data)[0], (0, 1))
            with site.serve() as kontor:
                kontor.wait_ready()

    @unittest.skipUnless(os.geteuid() == 0, "the limit does not hold for root, so another user is needed")
    def test_too_few_threads_are_said_before_anything_is_made(self):
        user = 23456

        def as_user(limit):
            def before():
                resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
                os.setgid(user)
                os.setuid(user)
            return before
        with temporary_folder() as folder:
            site = Site(folder)
            subprocess.run(["chown", "-R", str(user), folder], check=True)
            before = sorted(os.listdir(folder))
            for limit in (*range(1, 40, 3), 45):
                done = subprocess.run([kontor_process.BINARY, "serve", "--config", site.config], cwd=folder,
                                      preexec_fn=as_user(limit), env=kontor_process.clean_environment(), text=True,
                                      capture_output=True, timeout=allow(30), check=False)
                self.assertEqual(done.returncode, 1, (limit, done.stderr))
                self.assertIn("LimitNPROC", done.stderr)
                self.assertEqual(sorted(os.listdir(folder)), before, limit)

    def test_a_quiet_connection_does_not_hold_the_end_up(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                api = kontor.wait_ready().api("sk_test_x")
                self.assertEqual(api.request("GET", "/v1/balance").status, 401)  # and stays open
                with socket.create_connection(("127.0.0.1", site.port)):  # never says a word
                    started = time.monotonic()
                    self.assertEqual(kontor.stop(), 0, kontor.story())
                    self.assertLess(time.monotonic() - started, allow(8), "a stop waits for who never says a word")
                with self.assertRaises(Lost):
                    api.request("GET", "/v1/balance")


class Folder(unittest.TestCase):
    def test_two_processes_on_one_folder(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as first:
                first.wait_ready()
                with site.serve("--set", f"https.port={free_port()}") as second:
                    with self.assertRaises(Ended):
                        second.wait_ready()
                    self.assertEqual(second.wait_end(), 2)
                    self.assertIn(site.data, "\n".join(second.errors))
                self.assertEqual(run("setup-link", "--data", site.data).returncode, 0)  # the socket is still the first's

    def test_the_number_of_partitions_is_for_life(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                kontor.wait_ready()
                kontor.stop()
            done = run("serve", "--config", site.config, "--set", "data.partitions=3")
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, "2.*3|3.*2")


class Help(unittest.TestCase):
    def test_every_command_explains_itself_with_examples(self):
        for command in ([], ["dev"], ["serve"], ["verify"], ["config"], ["config", "check"], ["config", "example"],
                        ["secrets"], ["secrets", "init"], ["setup-link"]):
            with self.subTest(command=command):
                done = run(*command, "--help")
                self.assertEqual(done.returncode, 0)
                self.assertRegex(done.stdout, r"Examples?:\n +kontor " + (command[0] if command else ""))

    def test_usage_errors(self):
        for arguments in ([], ["nonsense"], ["serve", "--nonsense"], ["config"], ["verify", "--data"]):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertNotEqual(done.stderr, "")

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^kontor \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    kontor_process.main()
