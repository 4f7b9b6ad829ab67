#!/usr/bin/env python3
"""The check before the start: what `config check` approves, `serve` does not refuse. Every kind of configuration that cannot
work is refused by both with the same words and exit code 2, and nothing is made on disk before."""
import os
import resource
import re
import socket
import subprocess
import unittest

import kontor_process
from kontor_process import read, run, temporary_folder
from serve_test import Site, free_port

LINKS = {  # what container platforms put into every container beside services called kontor and kontor-https
    "KONTOR_PORT": "tcp://10.0.0.1:8443", "KONTOR_SERVICE_HOST": "10.0.0.1", "KONTOR_SERVICE_PORT": "8443",
    "KONTOR_SERVICE_PORT_HTTPS": "8443", "KONTOR_PORT_8443_TCP": "tcp://10.0.0.1:8443",
    "KONTOR_PORT_8443_TCP_ADDR": "10.0.0.1", "KONTOR_PORT_8443_TCP_PORT": "8443", "KONTOR_PORT_8443_TCP_PROTO": "tcp",
    "KONTOR_HTTPS_PORT": "tcp://10.0.0.2:443", "KONTOR_CLUSTER_PORT": "tcp://10.0.0.3:8444",
    "KONTOR_CLUSTER_NAME": "/web/kontor_cluster", "KONTOR_NAME": "/web/kontor", "KONTOR_ENV_HOME": "/root"}


def openssl(*arguments, **options):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, **options)


class Certificates:
    """An authority, and certificates that it signs; each a pair of files."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.ca_key = f"{folder}/ca.pem", f"{folder}/ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Test CA",
                "-days", "3650", "-keyout", self.ca_key, "-out", self.ca)

    def pair(self, name, names="DNS:pay.example,IP:127.0.0.1", dates=("20200101000000Z", "20450101000000Z"), extra="",
             key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        base = f"{self.folder}/{name}"
        with open(f"{base}.cnf", "w", encoding="utf-8") as file:
            file.write(f"[ca]\ndefault_ca=a\n[a]\nnew_certs_dir={self.folder}\ndatabase={base}.db\nrand_serial=yes\n"
                       "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\n"
                       f"basicConstraints=CA:FALSE\n{f'subjectAltName={names}' if names else ''}\n{extra}\n")
        open(f"{base}.db", "w", encoding="utf-8").close()
        openssl("req", "-new", "-newkey", *key, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{base}.key", "-out",
                f"{base}.csr")
        openssl("ca", "-batch", "-notext", "-config", f"{base}.cnf", "-extensions", "x", "-cert", self.ca, "-keyfile",
                self.ca_key, "-startdate", dates[0], "-enddate", dates[1], "-in", f"{base}.csr", "-out", f"{base}.pem")
        for path in (f"{base}.key", f"{base}.pem"):
            os.chmod(path, 0o600)
        return f"{base}.pem", f"{base}.key"


def write(path, content, mode=0o600):
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)
    return path


def set_all(**values):
    """Arguments: https__port=1 is --set https.port=1."""
    return [word for name, value in values.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]


class Refused(unittest.TestCase):
    def refused(self, site, pattern, *arguments, environment=None, data=None):
        """Both commands, the same problem, 2, and nothing made."""
        data = data or site.data
        before = sorted(os.listdir(os.path.dirname(data))) if os.path.isdir(os.path.dirname(data)) else None
        checked = run("config", "check", "--config", site.config, *arguments, environment=environment)
        self.assertEqual(checked.returncode, 2, f"{arguments}: {checked.stdout}{checked.stderr}")
        self.assertRegex(checked.stderr, pattern)
        served = run("serve", "--config", site.config, *arguments, environment=environment)
        self.assertEqual(served.returncode, 2, f"{arguments}: {served.stderr}")
        self.assertIn(checked.stderr.strip(), served.stderr)
        self.assertIn("nothing was started", served.stderr)
        if before is not None:
            self.assertEqual(sorted(os.listdir(os.path.dirname(data))), before, "something was made")
        return checked.stderr

    def test_addresses_and_names(self):
        with temporary_folder() as folder:
            site = Site(folder)
            for key in ("https__address", "cluster__listen_address"):
                for value, pattern in (("localhost", "write 127.0.0.1"), ("pay.example", "not an IP address"),
                                       ("[::1]", "without brackets"), ("127.0.0.1:8443", "port is a setting of its own"),
                                       ("127.0.0.256", "not an IP address"), ("192.0.2.1", "no address of this machine")):
                    self.refused(site, f"--set {key.replace('__', '.')}: .*{pattern}", *set_all(**{key: value}))
            for key in ("https__address", "cluster__listen_address", "metrics__address"):
                for value in ("224.0.0.1", "255.255.255.255", "ff02::1", "240.0.0.1"):
                    self.refused(site, f"{key.replace('__', '.')}.*no connection can come",
                                 *set_all(**{key: value}, metrics__port=free_port()))
            for value in ("224.0.0.1", "255.255.255.255", "ff02::1"):
                self.refused(site, "cluster.address.*nobody can dial", *set_all(cluster__address=value))
            self.refused(site, "cluster.api_url.*nobody can dial", *set_all(cluster__api_url="https://255.255.255.255:8443"))
            for value, pattern in (("0.0.0.0", "nobody can dial"), ("0:0::0", "nobody can dial"), ("[::1]", "brackets"),
                                   ("a:8444", "not a DNS name"), ("https://a", "not a DNS name"), ("*.a", "pattern"),
                                   ("1.2.3", "ends in a number")):
                self.refused(site, f"cluster.address.*{pattern}", *set_all(cluster__address=value))
            for value in ("http://a", "a", "https://"):
                self.refused(site, "cluster.api_url.*https://", *set_all(cluster__api_url=value))
            for value, pattern in ((",", "1 to 100"), ("[::1]", "brackets"), ("a b", "not a DNS name"),
                                   ("-a-", "begins or ends with '-'"), ("*", "first part alone"), ("xn--", "none follows"),
                                   (",".join(f"n{i}" for i in range(101)), "1 to 100")):
                self.refused(site, f"https.names.*{pattern}", *set_all(https__names=value))
            said = self.refused(site, "https.names.*not a DNS name.*: a b; .*brackets: .::1.; .*: c d\n",
                                *set_all(https__names="a b,good.example,[::1],c d"))
            self.assertNotIn("good.example", said)
            self.refused(site, "trusted_proxies.*: proxy, ::/129\n", *set_all(https__trusted_proxies="proxy,::1,::/129"))
            self.refused(site, "cluster.name.*64", *set_all(cluster__name="n" * 65))
            for value in ("10.0.0.0/33", "proxy", "10.0.0.1,x", "::/129", "10.0.0.0/"):
                self.refused(site, "trusted_proxies.*not an address", *set_all(https__trusted_proxies=value))
            for value in (",", " , "):
                self.refused(site, "trusted_proxies.*names nobody", *set_all(https__trusted_proxies=value))
            for value in ("0.0.0.0/0", "::/0", "10.0.0.1,128.0.0.0/1"):
                done = run("config", "check", "--config", site.config, *set_all(https__trusted_proxies=value))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stderr, "warning: .*trusted_proxies.*nearly everybody")

    def test_ports(self):
        with temporary_folder() as folder:
            site = Site(folder)
            port = free_port()
            same = dict(https__port=port, cluster__port=port)
            self.refused(site, "'cluster.port' and 'https.port' are both", *set_all(**same))
            self.refused(site, "are both", *set_all(cluster__address="127.0.0.1", **same))
            self.refused(site, "'metrics.port' and 'https.port' are both", *set_all(https__port=port, metrics__port=port))
            # An address each: fine.
            done = run("config", "check", "--config", site.config, *set_all(cluster__listen_address="127.0.0.2", **same))
            self.assertEqual(done.returncode, 0, done.stderr)
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                self.refused(site, "--set https.port: .*in use: another program listens", *set_all(https__port=port))
                self.refused(site, "in use: another program listens", *set_all(https__port=port, https__address="0.0.0.0"))
                self.refused(site, "cluster.port.*in use: another program listens",
                             *set_all(cluster__port=port, cluster__address="127.0.0.1"))
                self.refused(site, "metrics.port.*in use: another program listens", *set_all(metrics__port=port))
                # Nobody needs the cluster's port before there is a cluster.
                done = run("config", "check", "--config", site.config, *set_all(cluster__port=port))
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_running_node_has_its_ports_and_a_new_one_waits_for_them(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as first:
                first.wait_ready()
                done = run("config", "check", "--config", site.config)
                self.assertEqual(done.returncode, 0, done.stderr)
                # Also when somebody has deleted its socket.
                os.remove(f"{site.data}/control.sock")
                done = run("config", "check", "--config", site.config)
                self.assertEqual((done.returncode, "another program" in done.stderr), (0, False), done.stderr)
                self.assertIn(f"is in use by process {first.pid}", done.stderr)
            with socket.create_server(("127.0.0.1", site.port)) as last_owner:
                with site.serve() as second:
                    kontor_process.time.sleep(0.5)  # it looks again for three seconds
                    last_owner.close()
                    second.wait_ready()

    def test_certificates(self):
        with temporary_folder() as folder:
            site, made = Site(folder), Certificates(folder)
            good, key = made.pair("good")
            _, other_key = made.pair("other")

            def refused(pattern, certificate=good, private=key, **more):
                return self.refused(site, pattern, *set_all(https__certificate_file=certificate,
                                                            https__private_key_file=private, **more))
            done = run("config", "check", "--config", site.config,
                       *set_all(https__certificate_file=good, https__private_key_file=key))
            self.assertEqual(done.returncode, 0, done.stderr)
            refused("certificate_file: .*none.pem does not exist", certificate=f"{folder}/none.pem")
            refused("private_key_file: .*none.key does not exist", private=f"{folder}/none.key")
            refused("belongs to another certificate", private=other_key)
            refused("expired on 2021-01-01", *made.pair("old", dates=("20200101000000Z", "20210101000000Z")))
            refused("valid from 2044-01-01", *made.pair("early", dates=("20440101000000Z", "20450101000000Z")))
            refused("not valid for else.example", https__names="pay.example,else.example")
            refused("not valid for 10.1.1.1", https__names="10.1.1.1,127.0.0.1")
            refused("no subject alternative names", *made.pair("nameless", names=""))
            refused("not for servers .extended key usage without serverAuth",
                    *made.pair("client", extra="extendedKeyUsage=clientAuth"))
            refused("not for servers .key usage without digitalSignature",
                    *made.pair("signer", extra="keyUsage=critical,keyCertSign"))
            refused("cannot be used together.*too small", *made.pair("weak", key=("rsa:1024",)))
            refused("cannot be used by any client", *made.pair("odd", key=("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1")))
            os.chmod(good, 0o644)
            said = refused("certificate_file: the two files are mixed up: .*key holds the private key", certificate=key,
                           private=good)
            self.assertNotIn("chmod", said, "that is not what is wrong")
            for path, kind in ((good, "x509"), (key, "pkey")):
                openssl(kind, "-in", path, "-outform", "der", "-out", f"{path}.der")
                os.chmod(f"{path}.der", 0o600)
            refused("certificate_file: .*DER.*openssl x509", certificate=f"{good}.der")
            self.assertNotIn("x509", refused("private key in DER and no certificate", certificate=f"{key}.der"))
            openssl("pkcs12", "-export", "-in", good, "-inkey", key, "-passout", "pass:x", "-out", f"{folder}/both.p12")
            openssl("crl2pkcs7", "-nocrl", "-certfile", good, "-out", f"{folder}/good.p7b")
            openssl("crl2pkcs7", "-nocrl", "-certfile", good, "-outform", "der", "-out", f"{folder}/good.p7")
            for name in ("both.p12", "good.p7b", "good.p7"):
                os.chmod(f"{folder}/{name}", 0o600)
            said = refused("private_key_file: .*PKCS#12.*pkcs12 -nocerts(.|\n)*certificate_file: .*PKCS#12.*pkcs12 -nokeys",
                           certificate=f"{folder}/both.p12", private=f"{folder}/both.p12")
            self.assertNotIn("x509", said)
            refused("certificate_file: .*openssl pkcs7 -print_certs", certificate=f"{folder}/good.p7b")
            refused("certificate_file: .*openssl pkcs7 -inform der -print_certs", certificate=f"{folder}/good.p7")
            refused("certificate_file: .*request for a certificate", certificate=f"{folder}/good.csr")
            refused("private_key_file: .*DER.*openssl pkey", private=f"{key}.der")
            openssl("pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", f"{folder}/sealed.key")
            os.chmod(f"{folder}/sealed.key", 0o600)
            refused("is encrypted", private=f"{folder}/sealed.key")
            refused("chmod o-rwx", private=write(f"{folder}/open.key", read(key), 0o644))
            refused("is empty", certificate=write(f"{folder}/empty.pem", b""))
            refused("damaged", certificate=write(f"{folder}/half.pem", read(good)[:-60]))
            chain = write(f"{folder}/chain.pem", read(good) + read(made.ca))
            refused("later certificate", certificate=write(f"{folder}/turned.pem", read(made.ca) + read(good)))
            refused("certificate 2 did not sign", certificate=write(f"{folder}/wrong.pem", read(good) + read(good)))
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=self", "-addext",
                    "subjectAltName=DNS:self", "-keyout", f"{folder}/self.key", "-out", f"{folder}/self.pem")
            os.chmod(f"{folder}/self.key", 0o600)
            for count, pattern in ((200, "has 200 certificates of .* bytes, and clients take at most 102400"),
                                   (300, "holds more than 256 certificates: the server's own")):
                said = refused(pattern, certificate=write(f"{folder}/long.pem", read(f"{folder}/self.pem") * count),
                               private=f"{folder}/self.key")
                self.assertNotIn("take a P-256", said, "it is not the key")
            refused("go together", private="")
            done = run("config", "check", "--config", site.config,
                       *set_all(https__certificate_file=chain, https__private_key_file=key, https__names="pay.example"))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_key_is_not_in_the_data_folder_however_it_is_spelled(self):
        with temporary_folder() as folder:
            site = Site(folder)
            os.makedirs(f"{site.data}/inner")
            inside = write(f"{site.data}/inner/k", read(site.key))
            os.symlink(site.data, f"{folder}/link")
            os.symlink(inside, f"{folder}/key-link")
            os.symlink(site.key, f"{site.data}/out")
            for key, data in ((inside, site.data), (inside, f"{site.data}/"), (inside, f"{site.data}//."),
                              (inside, f"{folder}/link"), (inside, f"{folder}/link/"), (f"{folder}/link/inner/k", site.data),
                              (f"{folder}/key-link", site.data), (f"{site.data}/out", site.data),
                              (f"{site.data}/../data/inner/k", site.data), (inside, f"{folder}/x/../data"),
                              (os.path.relpath(inside), site.data), (inside, os.path.relpath(site.data)),
                              (site.key, folder), (site.key, f"{folder}/")):
                said = self.refused(site, "must not be inside data.folder",
                                    *set_all(secrets__key_file=key, data__folder=data))
                self.assertIn("--set secrets.key_file: ", said)
            # No key is there, and the advice must not be to make it in a place that is refused.
            missing = self.refused(site, "must not be inside", *set_all(secrets__key_file=f"{site.data}/none.key"))
            self.assertNotIn("secrets init", missing)
            done = run("config", "check", "--config", site.config, *set_all(data__folder=f"{folder}/secrets.key.d"))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_secrets_key(self):
        with temporary_folder() as folder:
            site = Site(folder)
            self.refused(site, "does not exist", *set_all(secrets__key_file=f"{folder}/none"))
            self.refused(site, "32 bytes, not 5", *set_all(secrets__key_file=write(f"{folder}/short", b"short")))
            self.refused(site, "chmod o-rwx", *set_all(secrets__key_file=write(f"{folder}/open", b"x" * 32, 0o644)))
            self.refused(site, "secrets.key_file", *set_all(secrets__key_file=folder))

    def test_data_folders(self):
        with temporary_folder() as folder:
            site = Site(folder)
            write(f"{folder}/file", b"")
            os.symlink(f"{folder}/nowhere", f"{folder}/dangling")
            for value, pattern in ((f"{folder}/file", "is not a folder"), (f"{folder}/file/data", "is not a folder"),
                                   (f"{folder}/dangling", "link to nothing"), ("/proc/data", "data.folder"),
                                   (f"{folder}/{'d' * 120}", "too long for the control socket"),
                                   ("a\tb", "control characters")):
                self.refused(site, pattern, *set_all(data__folder=value))
            with site.serve() as kontor:
                kontor.wait_ready()
                kontor.stop()
            self.refused(site, "data.partitions: .*has 2 partitions, not 8", *set_all(data__partitions=8))

    def test_a_marker_overwrites_nothing(self):
        with temporary_folder() as folder:
            site, made = Site(folder), Certificates(folder)
            certificate, private = made.pair("good")
            precious = write(f"{folder}/precious", b"passwords")
            write(f"{folder}/empty", b"")
            os.symlink(precious, f"{folder}/link")
            os.symlink(f"{folder}/nothing", f"{folder}/dangling")
            os.link(f"{folder}/empty", f"{folder}/second-name")
            os.mkfifo(f"{folder}/pipe")
            os.mkdir(site.data)
            os.symlink(folder, f"{folder}/around")
            kept = {path: read(path) for path in (site.key, site.config, certificate, private, precious, "/etc/passwd")}
            for value, pattern in ((precious, "is another file"), (f"{folder}/link", "symbolic link"),
                                   (f"{folder}/dangling", "symbolic link"), (f"{folder}/second-name", "hard link"),
                                   (f"{folder}/pipe", "no regular file"), ("/dev/null", "no regular file"),
                                   (folder, "is a folder"), ("/", "is a folder"), ("/etc/passwd", "is another file"),
                                   (f"{precious}/x", "is inside of a file"), (site.key, "secrets.key_file are the same"),
                                   (f"{folder}/around/../{os.path.basename(folder)}/secrets.key", "are the same file"),
                                   (site.config, "the configuration file are the same"),
                                   (f"{folder}/around/kontor.toml", "the configuration file are the same"),
                                   (site.data, "must not be inside"), (f"{site.data}/LOCK", "must not be inside"),
                                   (f"{folder}/around/data/x", "must not be inside"),
                                   ("/nope/x/y", "/nope/x does not exist"), ("/proc/x", "cannot be kept there")):
                said = self.refused(site, f"data.marker: .*({pattern})", *set_all(data__marker=value))
                self.assertEqual(sum(not line.startswith("warning") for line in said.splitlines()), 1, f"once: {said}")
            for value, pattern in ((certificate, "https.certificate_file are the same"),
                                   (private, "https.private_key_file are the same")):
                self.refused(site, pattern, *set_all(data__marker=value, https__certificate_file=certificate,
                                                     https__private_key_file=private))
            # A file that happens to be in the usual place, and one of which nothing is there yet.
            write(f"{site.data}.mark", b"notes")
            self.refused(site, "data.marker: .*is another file")
            os.remove(f"{site.data}.mark")
            self.assertEqual({path: read(path) for path in kept}, kept)
            with site.serve(*set_all(data__marker=f"{folder}/new.mark")) as kontor:
                kontor.wait_ready()
                self.assertEqual(kontor.stop(), 0, kontor.story())
            self.assertTrue(read(f"{folder}/new.mark").startswith(b"KONTORMK"))
            done = run("config", "check", "--config", site.config, *set_all(data__marker=f"{folder}/new.mark"))
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_no_pipe_and_no_device_is_waited_for(self):
        """Each of them would hang for ever, without a word."""
        with temporary_folder() as folder:
            site, made = Site(folder), Certificates(folder)
            good, key = made.pair("good")
            pipe = f"{folder}/pipe"
            os.mkfifo(pipe)
            pattern = "no regular file|is a folder"
            for odd in (pipe, "/dev/zero", folder):
                self.refused(site, pattern, *set_all(secrets__key_file=odd))
                self.refused(site, pattern, *set_all(https__certificate_file=odd, https__private_key_file=key))
                self.refused(site, pattern, *set_all(https__certificate_file=good, https__private_key_file=odd))
                for command in (("config", "check"), ("serve",)):
                    done = run(*command, "--config", odd)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertRegex(done.stderr, pattern)

    def test_room_and_memory(self):
        with temporary_folder() as folder:
            site = Site(folder)
            room = os.statvfs(folder)
            mib = room.f_blocks * room.f_frsize >> 20
            self.assertLess(mib, 1_048_576, "a larger disk than the setting can say")
            self.refused(site, "min_free_mib.*no write would ever be taken", *set_all(data__min_free_mib=mib + 1))
            free = room.f_bavail * room.f_frsize >> 20
            if mib - free > 2:
                done = run("config", "check", "--config", site.config, *set_all(data__min_free_mib=mib - 1))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stderr, "warning: .*writes are refused until")
            self.refused(site, "store.cache_mib.*MiB of memory", *set_all(store__cache_mib=1_048_576))

    def test_limits_of_the_process(self):
        with temporary_folder() as folder:
            site = Site(folder)
            before = sorted(os.listdir(folder))
            for limit, bytes_, pattern in ((resource.RLIMIT_FSIZE, 100 << 10, r"kontor.toml:\d+: .*no file may grow beyond 100 KiB .*65536 KiB"),
                                           (resource.RLIMIT_STACK, 512 << 10, "^kontor: .*512 KiB of stack .*LimitSTACK="),
                                           (resource.RLIMIT_AS, 4 << 30, r"kontor.toml:\d+: .*4194304 KiB of address space .*MemoryMax=")):
                for command in (("config", "check"), ("serve",)):
                    done = subprocess.run([kontor_process.BINARY, *command, "--config", site.config], text=True,
                                          capture_output=True, env=kontor_process.clean_environment(), check=False,
                                          preexec_fn=lambda: resource.setrlimit(limit, (bytes_, bytes_)))
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertRegex(done.stderr, pattern)
            self.assertEqual(sorted(os.listdir(folder)), before, "something was made")

    def test_a_disk_that_is_too_small_for_a_first_start(self):
        with temporary_folder() as folder:
            disk = f"{folder}/disk"
            os.mkdir(disk)
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "kontor-test", disk], capture_output=True,
                              check=False).returncode != 0:
                self.skipTest("file systems cannot be mounted here")
            try:
                site, wanted = Site(folder), set_all(data__folder=f"{disk}/data")
                self.refused(site, "a first start needs .* KiB on the disk of .*disk, and 4096 KiB are free", *wanted,
                             data=f"{disk}/data")
                subprocess.run(["mount", "-o", "remount,size=256m,nr_inodes=40", disk], check=True)
                self.refused(site, "a first start makes .* files on the disk of .*disk, and [0-9]+ more are possible",
                             *wanted, data=f"{disk}/data")
            finally:
                subprocess.run(["umount", "-l", disk], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "another user is needed")
    def test_what_another_user_owns(self):
        with temporary_folder() as folder:
            os.chmod(folder, 0o755)
            site = Site(folder)
            for path in (site.key, site.config):
                os.chown(path, 65534, 65534)

            def check(pattern):
                done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", kontor_process.BINARY,
                                       "config", "check", "--config", site.config], text=True, capture_output=True,
                                      env=kontor_process.clean_environment(), check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, pattern)
            check("cannot be made: .*belongs to root")
            os.makedirs(f"{site.data}/groups/0/store")
            write(f"{site.data}/format", b"kontor data format 2\n")
            check("data may not be used by this user .*belongs to root")
            os.chown(site.data, 65534, 65534)
            check("data/format belongs to user root, and this process runs as nobody: .*chown -R")
            os.chown(f"{site.data}/format", 65534, 65534)
            check("format belongs to user nobody, and .*/groups to user root: give all of it .*chown -R")
            for part in ("groups", "groups/0", "groups/0/store"):
                os.chown(f"{site.data}/{part}", 65534, 65534)
            for path in (site.data, f"{site.data}/groups/0/store"):
                os.chmod(path, 0o500)
                check(f"{path} belongs to this user .nobody., and its mode forbids to use it: chmod u.rwx {path}")
                os.chmod(path, 0o700)
            write(f"{folder}/root.key", read(site.key))
            site.write(f'[data]\nfolder = "{site.data}"\n[secrets]\nkey_file = "{folder}/root.key"\n')
            check("may not be read by this user")

    def test_files_of_all_editors(self):
        with temporary_folder() as folder:
            site = Site(folder)
            text = read(site.config)
            for content in (b"\xef\xbb\xbf" + text, text.replace(b"\n", b"\r\n"),
                            b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"), text + b"# \xc3\xa4\n"):
                write(site.config, content)
                done = run("config", "check", "--config", site.config)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
            for content, pattern in ((text.decode().encode("utf-16"), ":1: is UTF-16"), (text + b"# \xff\xfe\n", r":\d+: "),
                                     (text + b'[logging]\nlevel = "\xff"\n', r":\d+: "), (text + b"\xa0[logging]\n", "ASCII"),
                                     (text + b"[https.threads]\n", "must be a whole number"), (text + b"[nonsense]\n", "nonsense"),
                                     (text + b"port = 1\nport = 2\n", r":\d+: "), (text + b"[https]\n", r":\d+: "),
                                     (text + b"#" + b"x" * (1 << 20), "larger than 1 MiB")):
                write(site.config, content)
                self.refused(site, re.escape(site.config) + ".*" + pattern)

    def test_all_problems_at_once_each_with_its_line(self):
        with temporary_folder() as folder:
            site = Site(folder, 'address = "localhost"\nnames = ","\ntrusted_proxies = "x"\nprot = 1\n'
                                f'certificate_file = "{folder}/none"\nprivate_key_file = "{folder}/none"\n')
            said = self.refused(site, "localhost", environment={"KONTOR_HTTPS_THREADS": "many"})
            lines = {line: what for line, what in re.findall(r"kontor\.toml:(\d+): (.*)", said)}
            self.assertEqual(sorted(lines), ["10", "11", "12", "13", "14", "15"], said)
            self.assertIn("environment KONTOR_HTTPS_THREADS: ", said)


class Accepted(unittest.TestCase):
    def test_variables_of_container_platforms_stop_nothing(self):
        with temporary_folder() as folder:
            site = Site(folder)
            done = run("config", "check", "--config", site.config, environment=LINKS)
            self.assertEqual(done.returncode, 0, done.stderr)
            for name in LINKS:
                self.assertIn(f"warning: environment {name}: ignored", done.stderr)
            with site.serve(environment=LINKS) as kontor:
                self.assertEqual(kontor.wait_ready().port, site.port)
            for name, value in (("KONTOR_HTTPS_PORT", "x"), ("KONTOR_HTTPS_PORT", ""), ("KONTOR_HTTPS_PORT", "0"),
                                ("KONTOR_CLUSTER_BALANCE_READS", "yes")):
                done = run("config", "check", "--config", site.config, environment={name: value})
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"environment {name}: ", done.stderr)

    def test_dev_and_join_check_first_too(self):
        with temporary_folder() as folder:
            done = run("dev", "--data", f"{folder}/data", "--port", "0", "--set", "https.address=localhost")
            self.assertEqual(done.returncode, 2, done.stderr)
            done = run("dev", "--data", f"{folder}/data", "--port", "0", "--set", "https.thread=1")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(os.listdir(folder), [])
            site = Site(folder)
            for arguments in ([], ["--set", "cluster.address=0.0.0.0"]):
                done = run("cluster", "join", "kct1.x", "--config", site.config, *arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("cluster.address", done.stderr)
                self.assertFalse(os.path.exists(site.data))


if __name__ == "__main__":
    kontor_process.main()
