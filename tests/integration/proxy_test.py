#!/usr/bin/env python3
"""Behind Debian's nginx: with nothing but a proxy_pass, and as docs/reverse-proxy.md says. Skipped without nginx."""
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

import kontor_process
from admin_test import Stream
from config_test import Certificates
from kontor_process import Admin, Api, temporary_folder, until
from serve_test import Site, free_port

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "reverse-proxy.md")
NGINX = shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if os.access(path, os.X_OK)), None)


@contextlib.contextmanager
def nginx(folder, inside):
    """An nginx whose http block holds Debian's defaults and `inside`; everything that it writes is in a folder of its own."""
    base = f"{folder}/nginx"
    os.makedirs(base, exist_ok=True)
    temporary = "\n".join(f"    {name}_temp_path {base}/{name};"
                          for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    with open(f"{base}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(f"{user}\ndaemon off;\nworker_processes 1;\npid {base}/pid;\nerror_log stderr;\n"
                   f"events {{ worker_connections 256; }}\n"
                   f"http {{\n    access_log off;\n    sendfile on;\n    tcp_nopush on;\n    types_hash_max_size 2048;\n"
                   f"    gzip on;\n{temporary}\n{inside}\n}}\n")
    with open(f"{base}/log", "wb") as log:
        process = subprocess.Popen([NGINX, "-p", base, "-c", f"{base}/nginx.conf"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


class Front:
    """What Kontor's test clients ask of a node, with the proxy in its place."""

    def __init__(self, port, context, ready):
        self.port, self.context, self.ready, self.clients = port, context, ready, []

    def api(self, key=None):
        self.clients.append(Api(self.port, self.context, key))
        return self.clients[-1]

    def close(self):
        for client in self.clients:
            client.close()


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@unittest.skipUnless(NGINX, "nginx is not installed (installer/deps.sh --test)")
class Proxy(unittest.TestCase):
    def check(self, front, kontor):
        """Payments, pages and live pages through it."""
        api = front.api()
        self.assertEqual(api.raw("GET", "/readyz").status, 200)
        self.assertEqual(api.raw("GET", "/metrics").status, 404, "what is for this machine only is not public")
        self.assertEqual(api.raw("GET", "/metrics", headers={"Host": "localhost"}).status, 404)
        admin = Admin(front).set_up(admin_url=kontor.ready["admin_url"])
        _, key = admin.merchant_key("Shop")
        shop = front.api(key)
        paid = shop.pay(1999, idempotency_key="one")
        self.assertEqual(shop.pay(1999, idempotency_key="one")["id"], paid["id"])
        self.assertEqual(shop.get(f"/v1/payment_intents/{paid['id']}")["status"], "succeeded")
        self.assertIn("text/html", api.raw("GET", "/admin/").headers["Content-Type"])
        stream = Stream(admin)
        until(lambda: stream.of("home"), 10, "the first event: it is not held back")
        other = shop.pay(4711)["id"]
        until(lambda: [row for row in stream.of("payment") if row["id"] == other], 10, "a payment, live")
        stream.close()

    def test_with_nothing_but_a_proxy_pass(self):
        with temporary_folder() as folder:
            site, port, made = Site(folder), free_port(), Certificates(folder)
            certificate, key = made.pair("nginx", names="DNS:localhost,IP:127.0.0.1")
            with site.serve() as kontor:
                kontor.wait_ready()
                with nginx(folder, f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; "
                                   f"ssl_certificate_key {key}; location / {{ "
                                   f"proxy_pass https://127.0.0.1:{site.port}; }} }}"):
                    until(lambda: accepts(port), 20, "nginx")
                    front = Front(port, ssl.create_default_context(cafile=made.ca), kontor.ready)
                    self.check(front, kontor)
                    front.close()
                self.assertEqual(kontor.api().raw("GET", "/metrics").status, 200)

    def test_as_the_page_says(self):
        with open(PAGE, encoding="utf-8") as file:
            blocks = re.findall(r"```(nginx|toml)\n(.*?)```", file.read(), re.DOTALL)
        server, settings = (next(text for kind, text in blocks if kind == wanted) for wanted in ("nginx", "toml"))
        with temporary_folder() as folder:
            site, port, metrics, made = Site(folder), free_port(), free_port(), Certificates(folder)
            certificate, key = made.pair("nginx", names="DNS:localhost,IP:127.0.0.1")
            for old, new in (("127.0.0.1:8443", f"127.0.0.1:{site.port}"), ("443 ssl", f"127.0.0.1:{port} ssl"),
                             ("/etc/nginx/pay.example.pem", certificate), ("/etc/nginx/pay.example.key", key),
                             ("/var/lib/kontor", site.data)):
                self.assertIn(old, server)
                server = server.replace(old, new)
            self.assertIn("9443", settings)
            with open(site.config, "a", encoding="utf-8") as file:
                file.write(settings.replace("[https]\n", "").replace("9443", str(metrics)))
            with site.serve() as kontor:
                kontor.wait_ready()
                with nginx(folder, server):
                    until(lambda: accepts(port), 20, "nginx")
                    front = Front(port, ssl.create_default_context(cafile=made.ca), kontor.ready)
                    self.check(front, kontor)
                    front.close()
                self.assertEqual(kontor.api().raw("GET", "/metrics").status, 404)
                client = Api(metrics, kontor.context, None)
                self.assertIn("kontor_http_requests_total", client.raw("GET", "/metrics").text)
                self.assertEqual(client.raw("GET", "/v1/balance").status, 404)
                client.close()


class WithoutProxy(unittest.TestCase):
    def test_metrics_are_for_programs_of_this_machine(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with site.serve() as kontor:
                api = kontor.wait_ready().api()
                self.assertEqual(api.raw("GET", "/metrics").status, 200)
                scrape = {"User-Agent": "Prometheus/2.53", "Accept": "text/plain", "X-Prometheus-Scrape-Timeout-Seconds": "10"}
                self.assertEqual(api.raw("GET", "/metrics", headers=scrape).status, 200)
                for host in ("localhost", "[::1]:1", f"127.0.0.1:{site.port}"):
                    self.assertEqual(api.raw("GET", "/metrics", headers={"Host": host}).status, 200, host)
                for name, value in (("X-Forwarded-For", "8.8.8.8"), ("Forwarded", "for=8.8.8.8"), ("Via", "1.1 proxy"),
                                    ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Proto", "https"), ("Host", "pay.example"),
                                    ("X-Original-Forwarded-For", "8.8.8.8"), ("CDN-Loop", "x"), ("X-Azure-ClientIP", "8.8.8.8"),
                                    ("Proxy-Connection", "keep-alive"), ("X-Never-Heard-Of", "1"), ("Cookie", "a=b")):
                    self.assertEqual(api.raw("GET", "/metrics", headers={name: value}).status, 404, name)


if __name__ == "__main__":
    kontor_process.main()
