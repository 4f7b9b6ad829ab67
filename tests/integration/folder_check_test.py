#!/usr/bin/env python3
"""What a start says of a single node's folder before it makes anything: copies, losses, other people's files; the cures."""
import collections
import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import unittest

from folders import FolderTest, copy_away, everything_in, move_copy, put_back, write
from kontor_process import SLOW, Admin, main, read, run, temporary_folder, until


class SingleNodeTest(FolderTest):
    def test_other_peoples_files_stay_as_they_are(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            for content in ({"passwd": "x"}, {"log/old.log": "x"}, {"store/goods": "x", "notes": "y"}, {"groups/0/store/goods": "x"}):
                for name, text in content.items():
                    os.makedirs(os.path.dirname(f"{machine.data}/{name}"), exist_ok=True)
                    with open(f"{machine.data}/{name}", "w", encoding="ascii") as file:
                        file.write(text)
                    os.chmod(f"{machine.data}/{name}", 0o644)
                os.chmod(machine.data, 0o755)
                self.refused(machine, "holds files that are not Kontor's")
                shutil.rmtree(machine.data)
            machine.start()
            machine.stop()
            with open(f"{machine.data}/notes", "w", encoding="ascii") as file:
                file.write("of an operator")
            os.chmod(f"{machine.data}/notes", 0o644)
            machine.start()
            machine.stop()
            self.assertEqual(os.stat(f"{machine.data}/notes").st_mode & 0o777, 0o644)

    def test_a_folder_of_a_file_system_is_empty(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.makedirs(f"{machine.data}/lost+found")
            machine.start()
            self.assertEqual(machine.stop(), 0)

    def test_nothing_is_made_where_a_disk_is_missing(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            os.rename(machine.data, f"{folder}/elsewhere")
            self.refused(machine, "its disk is not mounted")
            os.mkdir(machine.data)
            self.refused(machine, "its disk is not mounted")
            done = run("accept-older-data", "--config", machine.config)
            self.assertEqual(done.returncode, 2)
            self.assertIn("all of them are lost", done.stderr)
            self.refused(machine, "its disk is not mounted")
            self.assertEqual(run("accept-older-data", "--config", machine.config, "--accept-loss").returncode, 0)
            machine.start()
            machine.stop()

    def test_one_that_others_may_write_to(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.mkdir(machine.data)
            for is_used in (False, True):
                os.chmod(machine.data, 0o777)
                self.refused(machine, "others may write to", f"chmod go-w {machine.data}")
                os.chmod(machine.data, 0o755)
                if not is_used:
                    machine.start()
                    self.assertEqual(machine.stop(), 0)
            os.chmod(folder, 0o755)
            os.chmod(machine.data, 0o1777)
            self.refused(machine, "others may write to", "name a folder in it")

    @unittest.skipUnless(os.geteuid() == 0, "only root starts in another user's folder")
    def test_root_does_not_start_in_another_users_empty_folder(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            os.mkdir(machine.data)
            os.chown(machine.data, 65534, 65534)
            what = "belongs to user nobody, and this process runs as root"
            self.refused(machine, what, both=False)
            looked = run("config", "check", "--config", machine.config)  # as people look at the package's
            self.assertEqual((looked.returncode, what in looked.stderr), (0, True), looked.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_a_part_of_another_user(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            for path in ("groups/0/log", "groups/0/store"):
                subprocess.run(["chown", "-R", "65534", f"{machine.data}/{path}"], check=True)
                self.refused(machine, f"{machine.data}/{path}", " belongs to user ", "to user ", "nobody", "chown -R")
                subprocess.run(["chown", "-R", "0", f"{machine.data}/{path}"], check=True)
            # A whole one of another user is looked at as the package's is, and a stray file in it is noticed.
            subprocess.run(["chown", "-R", "65534", machine.data], check=True)
            looked = run("config", "check", "--config", machine.config)
            self.assertEqual(looked.returncode, 0, looked.stderr)
            os.chown(f"{machine.data}/reports/payments.sqlite", 0, 0)
            looked = run("config", "check", "--config", machine.config)
            self.assertEqual(looked.returncode, 2, looked.stderr)
            self.assertIn("reports/payments.sqlite does not belong to nobody", looked.stderr)
            self.refused(machine, "belongs to user nobody, and this process runs as root", both=False)

    def test_parts_of_another_kind(self):
        """A file where a folder belongs, and the other way round, or a link to a disk that is not mounted."""
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            move_copy(machine)
            shutil.copytree(machine.data, f"{folder}/good")
            shutil.copy2(machine.data + ".mark", f"{folder}/good.mark")

            def refused(part, *texts):
                self.refused(machine, part, *texts)
                shutil.rmtree(machine.data)
                shutil.copytree(f"{folder}/good", machine.data)
            for part in ("groups", "groups/0", "groups/0/log", "groups/0/store", "reports", "tls",
                         "groups/0/store/partitions", "groups/0/store/redo", "groups/0/store/partitions/00"):
                for how in ("file", "link"):
                    if part == "groups/0/store/partitions/00" and how == "link":
                        continue
                    shutil.rmtree(f"{machine.data}/{part}")
                    if how == "file":
                        with open(f"{machine.data}/{part}", "w", encoding="ascii"):
                            pass
                    else:
                        os.symlink(f"{folder}/nowhere", f"{machine.data}/{part}")
                    refused(part)
            for part in ("LOCK", "format", "groups/0/log/LOCK", "groups/0/log/state", "groups/0/store/LOCK",
                         "groups/0/store/partitions/00/data.mdb", "groups/0/store/partitions/01/lock.mdb",
                         "reports/payments.sqlite", "secrets.check", "reserve", "control.sock", "tls/ca.pem", "tls/server.names", "tls/server.pem"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(f"{machine.data}/{part}")
                os.mkdir(f"{machine.data}/{part}")
                refused(part)
            segment = [name for name in os.listdir(f"{machine.data}/groups/0/log") if name.endswith(".seg")][0]
            for part in ("LOCK", "format", "groups/0/log/LOCK", "groups/0/log/state", "groups/0/log/durable",
                         "groups/0/log/promise", "groups/0/store/LOCK", f"groups/0/log/{segment}",
                         "groups/0/store/partitions/00/data.mdb"):
                os.rename(f"{machine.data}/{part}", f"{folder}/outside")
                os.symlink(f"{folder}/outside", f"{machine.data}/{part}")
                refused(part, "is a symbolic link")
            machine.start()

    def test_files_that_were_cut_short(self):
        """As a copy leaves them that was broken off: said by all three, and no command dies of it."""
        with temporary_folder() as folder:
            machine = self.make(folder)
            process = machine.start()
            _, key = Admin(process).set_up(admin_url=process.ready["admin_url"]).merchant_key("Shop")
            for amount in range(100, 150):
                process.api(key).pay(amount)
            machine.stop()
            for part in ("groups/0/store/partitions/00/data.mdb", "groups/0/store/partitions/01/data.mdb", "tls/ca.pem",
                         "tls/ca.key"):
                with open(f"{machine.data}/{part}", "r+b") as file:
                    whole = file.read()
                    file.truncate(len(whole) // 2)
                    is_store = part.startswith("groups")
                    self.refused(machine, part, "put the missing part back" if is_store else "Put both back")
                    if is_store:
                        done = run("verify", "--config", machine.config)
                        self.assertEqual(done.returncode, 1, done.stderr)
                        self.assertIn(f"{part} was cut short", done.stderr)
                    file.seek(0)
                    file.write(whole)
            # What can be made again is.
            for part in ("tls/server.pem", "tls/server.key"):
                os.truncate(f"{machine.data}/{part}", 100)
            machine.start()
            self.assertEqual(len(machine.process.api(key).all("/v1/payment_intents")), 50)

    def test_pages_that_are_damaged(self):
        """By any disk: the check, a start and a look agree, name the file and the cure, and none dies of it."""
        with temporary_folder() as folder:
            machine = self.make(folder)
            process = machine.start()
            _, key = Admin(process).set_up(admin_url=process.ready["admin_url"]).merchant_key("Shop")
            api = process.api(key)
            for amount in range(100, 400):
                api.pay(amount)
            machine.stop()
            names = sorted(os.listdir(f"{machine.data}/groups/0/store/partitions"))
            first, second = (f"{machine.data}/groups/0/store/partitions/{name}/data.mdb" for name in names[:2])
            whole = {path: read(path) for path in (first, second)}
            page = 4096

            def metas(at, *values):
                """The first partition with these bytes in its meta pages."""
                damaged = bytearray(whole[first])
                for number, value in enumerate(values):
                    damaged[number * page + at:number * page + at + len(value)] = value
                return bytes(damaged)
            newest = 16 + 128  # the number of the transaction
            for what, content in (("empty", b""), ("no meta pages", bytes(2 * page) + whole[first][2 * page:]),
                                  ("no first one", bytes(page) + whole[first][page:]),
                                  ("no second one", whole[first][:page] + bytes(page) + whole[first][2 * page:]),
                                  ("a page size that is none", metas(16 + 24, b"\1\2\0\0", b"\1\2\0\0")),
                                  ("a transaction that never was", metas(newest, b"\xff" * 8)),
                                  ("one that is not the next", metas(newest, (9998).to_bytes(8, "little"))),
                                  ("roots outside", metas(16 + 72 + 40, b"\0" * 5 + b"\4\0\0", b"\0" * 5 + b"\4\0\0")),
                                  ("another partition", whole[second])):
                with self.subTest(what=what):
                    write(first, content)
                    self.refused(machine, f"partition{'s/' if what != 'another partition' else ' '}{names[0]}",
                                 "put the missing part back")
                    self.assertEqual(self.verified(machine), 1)
            # A page in the middle: those that are free do not matter.
            outcomes = collections.Counter()
            for number in range(2, len(whole[first]) // page, 3):
                for content in (bytes(page), b"\xa5" * page, os.urandom(16) + whole[first][number * page + 16:][:page - 16]):
                    write(first, whole[first][:number * page] + content + whole[first][(number + 1) * page:])
                    code = self.verified(machine)
                    checked = run("config", "check", "--config", machine.config)
                    self.assertEqual(checked.returncode, {0: 0, 1: 2}[code], (number, checked.stderr))
                    outcomes[(code, "has a damaged page" in checked.stderr)] += 1
                    if code == 0:
                        continue
                    self.assertIn(f"partitions/{names[0]}", checked.stderr)
                    self.assertIn("put the missing part back", checked.stderr)
                    if outcomes[(code, "has a damaged page" in checked.stderr)] <= 2:
                        self.refused(machine, f"partitions/{names[0]}", "put the missing part back")
            print(dict(outcomes))
            self.assertGreater(outcomes[(1, True)], 0, "no page ended a read of LMDB")
            write(first, whole[first])
            machine.start()
            self.assertEqual(machine.stop(), 0)

    def verified(self, machine):
        """`kontor verify` says which file it is, too."""
        done = run("verify", "--config", machine.config, "--json")
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        said = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(said["holds"], {0: True, 1: False}.get(done.returncode), (done.returncode, said, done.stderr))
        if done.returncode != 0:
            self.assertIn("partition", json.dumps(said))
        return done.returncode

    def test_reports_that_cannot_be_used_stop_nothing(self):
        """Links, pipes, folders, one report in the other's place, a lock: the node starts, and the reports are made again."""
        with temporary_folder() as folder:
            machine = self.make(folder)
            process = machine.start()
            admin = Admin(process).set_up(admin_url=process.ready["admin_url"])
            _, key = admin.merchant_key("Shop")
            api = process.api(key)
            for _ in range(20):
                api.pay(100)
            payments, volumes = (f"{machine.data}/reports/{name}.sqlite" for name in ("payments", "volumes"))

            def totals(paid):
                """What both reports show, once they are there; a report that is made again answers nothing before."""
                def look():
                    answers = [admin.request("GET", what) for what in ("home", "payments?limit=100")]
                    if any(answer.status != 200 for answer in answers):
                        return False
                    home, listed = (answer.json for answer in answers)
                    counted = {line["currency"]: line["payments"] for line in home["totals"]}
                    return counted.get("eur") == paid and len(listed["data"]) == min(paid, 100)
                until(look, 20 * SLOW, f"{paid} payments in both reports")

            def again(paid):
                machine.start()
                admin.kontor, admin.api = machine.process, machine.process.api()
                machine.process.api(key).pay(100)
                totals(paid)
                self.assertEqual(machine.stop(), 0)
            totals(20)
            machine.stop()
            paid = 20
            elsewhere = f"{folder}/elsewhere.sqlite"
            shutil.copy(payments, elsewhere)
            before = read(elsewhere)

            def swap():
                os.rename(payments, payments + ".x")
                os.rename(volumes, payments)
                os.rename(payments + ".x", volumes)
            for what, break_it in (("a link", lambda: os.symlink(elsewhere, payments)),
                                   ("a link to nothing", lambda: os.symlink(f"{folder}/nothing", payments)),
                                   ("a pipe", lambda: os.mkfifo(payments)),
                                   ("a log that is a folder", lambda: os.mkdir(payments + "-wal")),
                                   ("a log that is a link", lambda: os.symlink(elsewhere, payments + "-wal")),
                                   ("swapped", swap)):
                with self.subTest(what=what):
                    if what in ("a link", "a link to nothing", "a pipe"):
                        os.remove(payments)
                    break_it()
                    paid += 1
                    again(paid)
                    self.assertTrue(stat.S_ISREG(os.lstat(payments).st_mode))
                    self.assertIn("is made again from the ledger's audit records", "\n".join(machine.process.errors))
            self.assertEqual(read(elsewhere), before)
            self.assertFalse(os.path.exists(f"{folder}/nothing"))
            # Another process has its lock, and keeps it.
            lock = ("import fcntl, sys\nfile = open(sys.argv[1], 'r+b')\nfcntl.lockf(file, fcntl.LOCK_EX, 512, 0x40000000)\n"
                    "print('locked', flush=True)\nsys.stdin.read()")
            with subprocess.Popen([sys.executable, "-c", lock, payments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True) as holder:
                self.assertEqual(holder.stdout.readline(), "locked\n")
                machine.start()
                machine.process.api(key).pay(100)
                self.assertIn("database is locked; the report payments waits", "\n".join(machine.process.errors))
                holder.stdin.close()
                holder.wait()
            admin.kontor, admin.api = machine.process, machine.process.api()
            totals(paid + 1)
            self.assertEqual(machine.stop(), 0)

    def test_one_that_is_in_use(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            done = run("serve", "--config", machine.config)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"is in use by process {machine.process.pid}", done.stderr)
            done = run("config", "check", "--config", machine.config)
            self.assertEqual(done.returncode, 0, "a node that runs may be asked about its configuration")
            self.assertIn(f"is in use by process {machine.process.pid}", done.stderr)

    def test_parts_that_were_lost(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            whole = copy_away(machine)

            def without(part, *texts):
                path = f"{machine.data}/{part}"
                (shutil.rmtree if os.path.isdir(path) else os.remove)(path)
                self.refused(machine, *texts, "backup")
                shutil.rmtree(machine.data)
                shutil.copytree(whole, machine.data)

            without("groups/0/store/partitions/01", "holds 1 of 2 partitions")
            without("groups/0/store/partitions/00/data.mdb", "holds 1 of 2 partitions")
            without("groups/0/log", "/log is missing")
            without("groups/0/log/state", "/log/state is missing")
            without("groups/0/store/partitions", "redo files in", "but no")
            shutil.rmtree(f"{machine.data}/groups/0/store/redo")  # empty, or of no use: a start makes it
            looked = run("config", "check", "--config", machine.config)
            self.assertEqual(looked.returncode, 0, looked.stderr)
            shutil.rmtree(machine.data)
            shutil.copytree(whole, machine.data)
            segment = [name for name in os.listdir(f"{machine.data}/groups/0/log") if name.endswith(".seg")][0]
            os.remove(f"{machine.data}/groups/0/log/{segment}")
            done = run("serve", "--config", machine.config)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("whole data folder from its backup", done.stderr)

    def test_another_format(self):
        """By each command, with what to do, and nothing is changed."""
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            # Also as a member, whom `cluster rejoin` would ask.
            os.makedirs(f"{machine.data}/peer", exist_ok=True)
            with open(f"{machine.data}/peer/identity.json", "w", encoding="ascii") as file:
                file.write("{}")
            whole = copy_away(machine)

            def refused(*texts):
                self.refused(machine, *texts, "Nothing was changed")
                before = everything_in(machine.folder)
                for command in (["verify", "--data", machine.data], ["verify", "--config", machine.config],
                                ["accept-older-data", "--config", machine.config], ["id", "--data", machine.data, "1"],
                                ["dev", "--data", machine.data, "--port", "0", "--exit-after-demo"],
                                ["cluster", "join", "a-token", "--config", machine.config],
                                ["cluster", "rejoin", "--config", machine.config]):
                    done = run(*command)
                    self.assertEqual(done.returncode, 2, (command, done.stdout + done.stderr))
                    for text in texts:
                        self.assertIn(text, done.stderr, command)
                self.assertEqual(everything_in(machine.folder), before)
                shutil.rmtree(machine.data)
                shutil.copytree(whole, machine.data)

            def say(text):
                with open(f"{machine.data}/format", "w", encoding="ascii") as file:
                    file.write(text)

            # As Kontor 0.1 left it: log/ and store/ beside peer/, and no format.
            for parts in (("log", "store"), ("log",), ("store",)):
                for part in parts:
                    os.rename(f"{machine.data}/groups/0/{part}", f"{machine.data}/{part}")
                shutil.rmtree(f"{machine.data}/groups")
                os.remove(f"{machine.data}/format")
                refused("made by Kontor 0.1 or a version before it", "name a new data folder")
            say("kontor data format 3\n")
            refused("has data format 3", "use the newer version")
            say("2")
            refused("says no format")
            os.remove(f"{machine.data}/format")
            os.mkdir(f"{machine.data}/format")
            refused("format is a folder, and a node has a file there")
            os.remove(f"{machine.data}/format")
            refused("no file 'format'", "from its backup")
            shutil.rmtree(f"{machine.data}/peer")
            machine.start()
            self.assertEqual(machine.stop(), 0)

    def test_rows_that_are_made_again_from_the_log(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            shutil.rmtree(f"{machine.data}/groups/0/store")
            machine.start()
            self.assertEqual(machine.stop(), 0)
            self.assertIn("it was made again from the log", machine.process.story())
            self.assertNotIn("a new data folder was made", machine.process.story())

    def test_what_is_lost_is_said_before_and_counted(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.start()
            machine.stop()
            copy = copy_away(machine)
            machine.start()
            machine.stop()
            put_back(copy, machine.data)
            self.refused(machine, "kontor accept-older-data")
            self.assertIn("is older than its marker", run("verify", "--config", machine.config).stdout)
            asked = run("accept-older-data", "--config", machine.config, "--json")
            self.assertEqual(asked.returncode, 2)
            said = json.loads(asked.stdout)
            self.assertGreater(said["lost_entries"], 0)
            self.assertEqual(said["remembered_entry"] - said["last_entry"], said["lost_entries"])
            self.assertIn(f"{said['lost_entries']} entr", asked.stderr)
            self.refused(machine, "kontor accept-older-data")
            self.assertEqual(run("accept-older-data", "--config", machine.config, "--accept-loss").returncode, 0)
            again = run("accept-older-data", "--config", machine.config)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertIn("nothing to accept", again.stdout)
            machine.start()
            self.assertEqual(machine.stop(), 0)

    def test_paths_are_meant_from_the_files_folder(self):
        with temporary_folder() as folder:
            machine = self.make(folder)
            machine.write(data__folder="data", data__marker="here.mark", secrets__key_file="secrets.key")
            before = os.getcwd()
            os.chdir("/")
            try:
                machine.start()
            finally:
                os.chdir(before)
            machine.stop()
            self.assertTrue(os.path.exists(f"{machine.folder}/data/groups/0/log/state"))
            self.assertTrue(os.path.exists(f"{machine.folder}/here.mark"))

    def test_an_empty_name_of_a_configuration(self):
        for command in (["serve"], ["config", "check"], ["verify"], ["setup-link"], ["accept-older-data"],
                        ["cluster", "status"], ["upgrade", "--rolling", "--check"], ["selftest", "--failover"]):
            for words in (["--config", ""], ["--config="]):
                done = run(*command, *words)
                self.assertEqual(done.returncode, 2, (command, words, done.stdout + done.stderr))
                self.assertIn("--config", done.stderr + done.stdout)


if __name__ == "__main__":
    main()
