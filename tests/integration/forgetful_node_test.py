#!/usr/bin/env python3
"""A single node whose folder forgot, lost a part or its key, or is somebody else's."""
import hashlib
import hmac
import os
import shutil
import signal
import unittest

from cluster_process import Cluster
from folders import copy_away, put_back
from kontor_process import Admin, main, read, run, temporary_folder


class SingleNodeTest(unittest.TestCase):
    def make(self, folder):
        cluster = Cluster(folder)
        machine = cluster.machine()
        self.addCleanup(machine.end)
        machine.start()
        machine.stop()
        return machine

    def refused(self, machine):
        machine.start(wait=False)
        code = machine.process.wait_end()
        return code, "\n".join(machine.process.errors)

    def test_an_older_folder_counts_when_somebody_says_so(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            copy = copy_away(machine)
            shutil.rmtree(f"{copy}/reports")
            machine.start()
            Admin(machine.process).set_up("ada", machine.control("setup-link")["admin_url"])
            machine.stop()
            shutil.copytree(f"{machine.data}/reports", f"{copy}/reports")  # what was put back was the ledger only
            put_back(copy, machine.data)
            code, said = self.refused(machine)
            self.assertEqual(code, 2, said)
            self.assertIn("kontor accept-older-data", said)
            done = run("accept-older-data", "--config", machine.config, "--accept-loss")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([], [name for name in os.listdir(f"{machine.data}/reports") if ".sqlite" in name])
            shutil.copytree(f"{copy}/reports", f"{machine.data}/reports", dirs_exist_ok=True)
            machine.start()
            self.assertEqual(machine.stop(), 0)
            said = "\n".join(machine.process.errors)
            for report in ("payments", "volumes"):
                self.assertRegex(said, f"reports/{report}.sqlite stands for entry .* it is made again")

    def test_an_empty_folder_is_no_new_beginning(self):
        """As when its disk is not mounted."""
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.rename(machine.data, machine.data + ".elsewhere")
            os.mkdir(machine.data)
            code, said = self.refused(machine)
            self.assertEqual(code, 2, said)
            self.assertIn("its disk is not mounted", said)
            shutil.rmtree(machine.data)
            os.rename(machine.data + ".elsewhere", machine.data)
            machine.start()
            self.assertEqual(machine.stop(), 0)

    def test_a_log_that_is_gone(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.rename(f"{machine.data}/groups/0/log", f"{folder}/kept")
            code, said = self.refused(machine)
            self.assertEqual(code, 2, said)
            self.assertIn("put the missing part back from where it went", said)
            self.assertFalse(os.path.exists(f"{machine.data}/groups/0/log"), "a refused start makes nothing")
            os.rename(f"{folder}/kept", f"{machine.data}/groups/0/log")
            machine.start()
            self.assertEqual(machine.stop(), 0)

    def test_a_marker_that_is_gone_or_something_else(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            mark = f"{machine.data}.mark"
            os.rename(mark, f"{mark}.kept")
            os.mkdir(mark)
            code, said = self.refused(machine)
            self.assertEqual(code, 2, said)
            self.assertIn("is a folder: the marker ('data.marker') has to be a file of its own", said)
            os.rmdir(mark)
            machine.start()
            self.assertIn("event=marker_missing", "\n".join(machine.process.errors))
            self.assertEqual(machine.stop(), 0)
            machine.start()
            self.assertNotIn("event=marker_missing", "\n".join(machine.process.errors))
            self.assertEqual(machine.stop(), 0)

    def test_a_key_that_is_not_the_folders(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.rename(machine.key, machine.key + ".right")
            code, said = self.refused(machine)
            self.assertEqual(code, 2 if code == 2 else 1, said)
            self.assertIn("put it back from its backup", said)
            self.assertNotIn("secrets init", said)
            with open(machine.key + ".right", "rb") as file:
                right = file.read()
            for content, text in ((os.urandom(32), "is not the key that sealed the secrets in"), (b"", "not 0: it is empty"),
                                  (right + b"\n", "a line end is behind them"),
                                  (b"0" * 64, "not 64; raw bytes"), (b"\0" * 32, "one byte 32 times")):
                with open(machine.key, "wb") as file:
                    file.write(content)
                os.chmod(machine.key, 0o600)
                code, said = self.refused(machine)
                self.assertEqual(code, 2, said)
                self.assertIn(text, said)
            os.replace(machine.key + ".right", machine.key)
            check = f"{machine.data}/secrets.check"
            with open(check, encoding="ascii") as file:
                value = file.read()
            # What is no check value says nothing about a key, and is written anew.
            for damaged in ("", value[:30], value[:-1], "?" * len(value)):
                with open(check, "w", encoding="ascii") as file:
                    file.write(damaged)
                self.assertEqual(run("config", "check", "--config", machine.config).returncode, 0, damaged)
                machine.start()
                machine.stop()
                with open(check, encoding="ascii") as file:
                    self.assertEqual(file.read(), value)
            # A folder of an earlier version has no check value: it is learned at the next start.
            os.remove(check)
            looked = run("config", "check", "--config", machine.config)
            self.assertEqual(looked.returncode, 0, looked.stderr)
            self.assertIn("is known when it is started", looked.stderr + looked.stdout)
            machine.start()
            Admin(machine.process).set_up("ada", machine.control("setup-link")["admin_url"])
            machine.stop()
            # With the check value of another key this key is refused, and the way out is named; the other key opens nothing.
            right, other = machine.key, f"{folder}/other.key"
            with open(other, "wb") as file:
                file.write(os.urandom(32))
            os.chmod(other, 0o600)
            foreign = hmac.new(read(other), b"kontor secrets key check v1", hashlib.sha256).hexdigest() + "\n"
            with open(check, "w", encoding="ascii") as file:
                file.write(foreign)
            code, said = self.refused(machine)
            self.assertEqual(code, 2, said)
            self.assertIn("came from another folder", said)
            machine.write(secrets__key_file=other)
            for content in (foreign, None):
                if content is None:
                    os.remove(check)
                code, said = self.refused(machine)
                self.assertEqual(code, 2, said)
                self.assertIn("is not the key that sealed the operators' secrets", said)
            machine.write(secrets__key_file=right)
            machine.start()
            machine.stop()
            self.assertTrue(os.path.exists(f"{machine.data}/secrets.check"))

    def test_everything_is_private_whatever_the_umask(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.chmod(machine.data, 0o755)
            os.chmod(f"{machine.data}/groups/0/log/state", 0o644)
            before = os.umask(0)
            try:
                machine.start()
            finally:
                os.umask(before)
            open_to_others = [path for parent, folders, files in os.walk(machine.data)
                              for path in [parent] + [os.path.join(parent, name) for name in files]
                              if os.lstat(path).st_mode & 0o077]
            self.assertEqual(open_to_others, [])
            self.assertEqual(os.lstat(f"{machine.data}.mark").st_mode & 0o777, 0o600)
            with open(f"/proc/{machine.process.pid}/limits", encoding="ascii") as file:
                limits = {line[:26].strip(): line[26:].split() for line in file}
            self.assertEqual(limits["Max core file size"][:2], ["0", "0"])
            self.assertEqual(os.stat(f"/proc/{machine.process.pid}/environ").st_uid, 0)  # not dumpable: root's
            os.kill(machine.process.pid, signal.SIGSEGV)
            machine.process.wait_end()
            self.assertEqual([name for name in os.listdir(folder) if name.startswith("core")], [])

    def test_two_processes_and_one_folder(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            done = run("serve", "--config", machine.config)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"is in use by process {machine.process.pid}", done.stderr)
            self.assertNotIn("ddress already in use", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can make another user's folder")
    def test_another_users_folder(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            for parent, folders, files in os.walk(machine.data):
                for name in [parent] + [os.path.join(parent, one) for one in files]:
                    os.chown(name, 65534, 65534)
            code, said = self.refused(machine)
            self.assertEqual(code, 2, said)
            self.assertIn("belongs to user nobody, and this process runs as root", said)

    def test_a_folder_that_is_none(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            for make in (lambda path: open(path, "w", encoding="ascii").close(),
                         lambda path: os.symlink("/no/such/place", path)):
                path = f"{folder}/odd"
                make(path)
                done = run("serve", "--config", machine.config, "--set", f"data.folder={path}")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(path, done.stderr)
                os.remove(path)


if __name__ == "__main__":
    main()
