"""What the whole-process tests share: the real binary, started and ended by its process id, and clients of its APIs.

KONTOR_BINARY names the binary. KONTOR_SLOW (default 1) multiplies time limits: ctest sets it for builds without
optimisation and with sanitizers. KONTOR_SEED repeats a run of a random test; without it the choices are the same on every
machine, every time, until KONTOR_FIRST_SEED says where else to begin (tests/nightly.sh does).
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import queue
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

BINARY = os.environ.get("KONTOR_BINARY", "")
SLOW = float(os.environ.get("KONTOR_SLOW", "1"))
READY_WITHIN_S = 30 * SLOW
STOP_WITHIN_S = 20 * SLOW


def seed():
    """The seed of this run, printed so that a failure can be repeated."""
    value = int(os.environ.get("KONTOR_SEED") or os.environ.get("KONTOR_FIRST_SEED") or 1)
    print(f"KONTOR_SEED={value}", flush=True)
    return value


def allow(seconds, below=None):
    """An upper bound on elapsed time: wider the more programs wait for a processor. To be asked when the time has passed,
    not before: a bound that says "at once, not after the time-out" must not say "and nobody else uses this machine".
    `below`: the time-out that it tells from "at once", which it never reaches."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    wide = seconds * SLOW * min(8.0, max(1.0, waiting))
    return wide if below is None else min(wide, 0.9 * below)


def clean_environment(extra=None):
    """The environment without KONTOR_ names: to the binary they are settings. Sanitizer options stay. Nobody stands
    before the tests' nodes, so a stop need not wait until a load balancer noticed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KONTOR_")}
    environment["KONTOR_HTTPS_DRAIN_MS"] = "0"
    environment.update(extra or {})
    return environment


@contextlib.contextmanager
def temporary_folder():
    path = tempfile.mkdtemp(prefix="kontor-integration-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def read(path):
    """Its bytes."""
    with open(path, "rb") as file:
        return file.read()


def run(*arguments, environment=None, cwd=None, timeout_s=60 * SLOW, binary=None):
    """Runs a command of the binary to its end."""
    return subprocess.run([binary or BINARY, *arguments], env=clean_environment(environment), cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)


def verify(data_folder):
    """`kontor verify --json` of a running or stopped node: (exit code, what it said)."""
    done = run("verify", "--data", data_folder, "--json", timeout_s=120 * SLOW)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {"stderr": done.stderr}


def until(condition, timeout_s=20, what="a condition", pause_s=0.02):
    """Waits for a condition that another process brings about; its value, or an error after the time."""
    started = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited_s = time.monotonic() - started
        if waited_s > allow(timeout_s):
            raise AssertionError(f"{what} did not come true within {waited_s:.0f} s")
        time.sleep(pause_s)


class Ended(Exception):
    """The process ended before it said what was waited for."""


class Kontor:
    """A running `kontor dev` or `kontor serve`. Use as a context manager: it never outlives the test."""

    def __init__(self, *arguments, environment=None, cwd=None, binary=None):
        self.started = time.monotonic()
        self.process = subprocess.Popen([binary or BINARY, *arguments], env=clean_environment(environment), cwd=cwd,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, errors="replace")
        self.pid = self.process.pid
        self.lines, self.errors, self.ready, self.ready_after_s = [], [], None, None
        self._queue, self._clients = queue.Queue(), []
        self._readers = [threading.Thread(target=self._read_output, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self._readers:
            reader.start()

    @classmethod
    def dev(cls, folder, *arguments, **options):
        """`kontor dev`, ready to serve; nothing was performed."""
        return cls("dev", "--json", "--serve-only", "--port", "0", "--data", folder, *arguments,
                   **options).wait_ready()

    def _read_output(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._queue.put(self.lines[-1])
        self._queue.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def next_line(self, timeout_s=READY_WITHIN_S):
        try:
            line = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"kontor said nothing for {timeout_s:.0f} s; {self.story()}") from None
        if line is None:
            self._queue.put(None)
            self.process.wait(STOP_WITHIN_S)
            raise Ended(f"kontor ended with {self.process.returncode}; {self.story()}")
        return line

    def wait_event(self, name, timeout_s=READY_WITHIN_S):
        """The next line of --json with this event."""
        end = time.monotonic() + timeout_s
        while True:
            line = self.next_line(max(0.001, end - time.monotonic()))
            event = json.loads(line)
            if event["event"] == name:
                return event

    def wait_ready(self):
        try:
            self.ready = self.wait_event("ready")
        except BaseException:
            self.kill()
            raise
        self.ready_after_s = time.monotonic() - self.started
        return self

    def story(self):
        return "output:\n" + "\n".join(self.lines[-20:]) + "\nerrors:\n" + "\n".join(self.errors[-40:])

    @property
    def port(self):
        return urllib.parse.urlsplit(self.ready["url"]).port

    @property
    def context(self):
        return ssl.create_default_context(cafile=self.ready["ca_file"])

    def api(self, key=None, **options):
        self._clients.append(Api(self.port, self.context, key or self.ready.get("test_key"), **options))
        return self._clients[-1]

    def metrics(self):
        """/metrics as {name with labels: number}."""
        client = self.api()
        text = client.raw("GET", "/metrics").text
        client.close()
        self._clients.remove(client)
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))}

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_end()

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        return self.wait_end()

    def wait_end(self):
        try:
            code = self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"kontor did not end within {STOP_WITHIN_S:.0f} s; {self.story()}") from None
        for reader in self._readers:
            reader.join()
        for client in self._clients:
            client.close()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.stdout.closed:
            return
        self.kill()


# ---- the merchant API --------------------------------------------------------------------------------------------------

# The connection broke, or the answer says that the outcome is not known: the same request may be sent again.
Lost = (OSError, http.client.HTTPException)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json.get("error", {})

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


class ApiError(AssertionError):
    def __init__(self, answer, what):
        super().__init__(f"{what}: {answer!r}")
        self.answer = answer


def form(fields):
    """{"a": {"b": 1}, "c": [1, 2]} as a[b]=1&c[0]=1&c[1]=2, the way the client libraries do."""
    pairs = []

    def add(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{name}[{key}]", inner)
        elif isinstance(value, (list, tuple)):
            for index, inner in enumerate(value):
                add(f"{name}[{index}]", inner)
        else:
            pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))

    for key, value in fields.items():
        add(key, value)
    return urllib.parse.urlencode(pairs)


class Api:
    """One keep-alive connection; not for several threads at once."""

    def __init__(self, port, context, key, timeout_s=60 * SLOW):
        self.port, self.context, self.key, self.timeout_s = port, context, key, timeout_s
        self.host, self.connection = "127.0.0.1", None

    def raw(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(self.host, self.port, context=self.context,
                                                          timeout=self.timeout_s)
        try:
            self.connection.request(method, path, body, headers or {})
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except Lost:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, fields=None, idempotency_key=None, headers=None):
        """Any outcome is an Answer."""
        headers = dict(headers or {})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        body = None
        if fields is not None and method == "POST":
            body = form(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif fields:
            path += ("&" if "?" in path else "?") + form(fields)
        return self.raw(method, path, body, headers)

    def post(self, path, fields=None, idempotency_key=None):
        """The object; ApiError for any status that is not 200."""
        answer = self.request("POST", path, fields or {}, idempotency_key)
        if answer.status != 200:
            raise ApiError(answer, f"POST {path} {fields}")
        return answer.json

    def get(self, path, fields=None):
        answer = self.request("GET", path, fields)
        if answer.status != 200:
            raise ApiError(answer, f"GET {path} {fields}")
        return answer.json

    def all(self, path, fields=None):
        """Every object of a list, newest first, page by page."""
        found, query = [], dict(fields or {}, limit=100)
        while True:
            page = self.get(path, query)
            found += page["data"]
            if not page["has_more"]:
                return found
            query["starting_after"] = page["data"][-1]["id"]

    # Short words for what most tests do first.
    def customer(self, balance=0, currency="eur", **fields):
        customer = self.post("/v1/customers", fields)["id"]
        if balance:
            self.top_up(customer, balance, currency)
        return customer

    def top_up(self, customer, amount, currency="eur", idempotency_key=None):
        return self.post(f"/v1/test_helpers/customers/{customer}/fund_cash_balance",
                         {"amount": amount, "currency": currency}, idempotency_key)

    def pay(self, amount, customer=None, method="pm_card_visa", idempotency_key=None, **fields):
        fields = {"amount": amount, "currency": "eur", "payment_method": method, "confirm": True, **fields}
        if method == "pm_wallet":
            fields.setdefault("payment_method_types", ["wallet"])
        if customer:
            fields["customer"] = customer
        return self.post("/v1/payment_intents", fields, idempotency_key)

    def balance(self, currency="eur"):
        """available + pending."""
        balance = self.get("/v1/balance")
        return sum(line["amount"] for part in ("available", "pending") for line in balance[part]
                   if line["currency"] == currency)


# ---- the admin API -----------------------------------------------------------------------------------------------------

PASSWORD = "correct horse battery staple"


def totp(secret_base32, step_offset=0, at_s=None):
    """RFC 6238, 30 s, six digits."""
    secret = base64.b32decode(secret_base32 + "=" * (-len(secret_base32) % 8))
    step = int((time.time() if at_s is None else at_s) // 30) + step_offset
    mac = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = mac[19] & 15
    return f"{(struct.unpack('>I', mac[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


class Admin:
    """A browser's side of the admin API: cookie and CSRF token. A path that names no mode is one of test mode."""

    NO_MODE = ("setup", "login", "logout", "session", "approvals", "approval_policy", "test", "live")

    def __init__(self, kontor):
        self.kontor, self.api = kontor, kontor.api()
        self.cookie = self.csrf = self.totp_secret = self.name = None

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.cookie:
            headers.setdefault("Cookie", f"kontor_session={self.cookie}")
        if self.csrf and method != "GET":
            headers.setdefault("X-CSRF-Token", self.csrf)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if path.split("?")[0].split("/")[0] not in self.NO_MODE:
            path = f"test/{path}"
        answer = self.api.raw(method, f"/admin/api/{path}", None if body is None else json.dumps(body), headers)
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = cookie.partition("=")
            if name == "kontor_session":
                self.cookie = rest.partition(";")[0] or None
        return answer

    def get(self, path):
        answer = self.request("GET", path)
        if answer.status != 200:
            raise ApiError(answer, f"GET {path}")
        return answer.json

    def post(self, path, body=None):
        answer = self.request("POST", path, body or {})
        if answer.status != 200:
            raise ApiError(answer, f"POST {path}")
        return answer.json

    def payment(self, payment):
        """One payment's page, as soon as the reports know the payment."""
        def page():
            answer = self.request("GET", f"payments/{payment}")
            return answer.json if answer.status == 200 else None
        return until(page, what="the payment's page")

    def set_up(self, name="ada", admin_url=None):
        """The first operator, through the one-time link."""
        token = token_of(admin_url or self.kontor.ready["admin_url"])
        begun = self.post("setup/begin", {"token": token, "name": name, "password": PASSWORD})
        self.name, self.totp_secret = name, begun["totp_secret"]
        session = self.post("setup/finish", {"token": token, "name": name, "password": PASSWORD,
                                             "totp_secret": self.totp_secret, "code": totp(self.totp_secret)})
        self.csrf = session["csrf"]
        return self

    def merchant_key(self, name, mode="test", **fields):
        """A new merchant and a key of it: (id, secret)."""
        merchant = self.post("merchants", {"name": name, "fee_bps": 0, "fee_fixed": 0, "settlement_delay_days": 0,
                                           "country": "DE", "default_currency": "eur", **fields})["id"]
        return merchant, self.post(f"{mode}/merchants/{merchant}/keys", {"name": "test"})["secret"]


def token_of(admin_url):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(admin_url).query)["token"][0]


# ---- running -----------------------------------------------------------------------------------------------------------

def main():
    """Every test file ends with this. Without a binary nothing may pass."""
    if not os.access(BINARY, os.X_OK):
        sys.exit("KONTOR_BINARY must name the binary to test")
    unittest.main(verbosity=2)
