"""A bank with clients that talk to all nodes in turn, and the record of everything they were told.

Transfers have ids chosen by the client. A request that was not answered, or with an error that allows it, is sent again
with the same id (and key, where it has one) to the next node, so each is carried out once or not at all. Each record
has the times of the first sending and of the last answer; the checker (checker.py) compares them with what is stored.
"""
import http.client
import json
import random
import struct
import threading
import time

from kontor_process import SLOW, form
from positions import Positions

LEDGER, CODE = 978, 1
OK, LINKED_EVENT_FAILED, EXCEEDS_CREDITS = 0, 1, 37
RETRIED = (429, 500, 503)
# How long a client waits for an answer before it asks the next node. Some are impatient, so that the same request is
# under way at two nodes; some wait longer than a node looks for a leader (3 s), and hear what it says then.
ANSWER_WITHIN_S = (0.5, 1, 2, 5)
GIVE_UP_AFTER_S = 45 * SLOW
START_BALANCE = 1000
PAUSE_S = 0.01
AVOIDED_S = 1  # a node that did not answer
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"
Lost = (OSError, http.client.HTTPException)


def min_index_header(index):
    return {"Kontor-Min-Index": Positions.of_instance.token(index)}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        token = headers.get("Kontor-Log-Index")
        self.index = Positions.of_instance.index(token) if token else 0

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        try:
            return self.json.get("error", {}).get("code")
        except ValueError:  # protobuf
            return None

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


# ---- the ledger's protobuf form (modules/proto/kontor/ledger_api.proto) ------------------------------------------------

PROTOBUF = "application/x-protobuf"
LINKED = 1


def varint(value):
    out = b""
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def encode_transfers(transfers):
    """CreateTransfers of what JSON would have; `linked` is a truth value."""
    def id_fields(number, text):
        low, high = int(text, 16) & (1 << 64) - 1, int(text, 16) >> 64
        return b"".join(varint(field << 3 | 1) + struct.pack("<Q", half)
                        for field, half in ((number, low), (number + 1, high)) if half)
    body = b""
    for transfer in transfers:
        row = (id_fields(1, transfer["id"]) + id_fields(3, transfer["debit_account"]) +
               id_fields(5, transfer["credit_account"]))
        for field, value in ((7, transfer["amount"]), (8, LEDGER), (9, CODE), (10, LINKED * transfer["linked"])):
            row += varint(field << 3) + varint(value)
        body += b"\x0a" + varint(len(row)) + row
    return body


def decode_statuses(body):
    """Of Results, whose one field is packed: one status a byte, since all are below 128."""
    if not body or body[0] != 0x0a or body[1] != len(body) - 2:
        raise AssertionError(f"not kontor.ledger.v1.Results: {body!r}")
    return list(body[2:])


class NodeClient:
    """Keep-alive connections to every node, one each; for one thread."""

    def __init__(self, targets, key, timeout_s=ANSWER_WITHIN_S[-1] * SLOW):
        self.targets, self.key, self.timeout_s = targets, key, timeout_s
        self.connections, self.failed_at = {}, {}

    def pick(self, chance):
        """A node, and mostly none that has just failed."""
        good = [node for node in range(len(self.targets))
                if time.monotonic() > self.failed_at.get(node, float("-inf")) + AVOIDED_S]
        return chance.choice(good) if good and chance.random() < 0.95 else chance.randrange(len(self.targets))

    def failed(self, node):
        self.failed_at[node] = time.monotonic()

    def request(self, node, method, path, body=None, headers=None):
        """One attempt at one node (0 is the first). Raises Lost when no answer came."""
        headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        host, port, context = self.targets[node]
        connection = self.connections.get(node)
        if connection is None:
            connection = http.client.HTTPSConnection(host, port, context=context, timeout=self.timeout_s)
            self.connections[node] = connection
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except Lost:
            self.drop(node)
            raise
        if response.will_close:
            self.drop(node)
        return answer

    def json(self, node, method, path, body=None, headers=None):
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self.request(node, method, path, None if body is None else json.dumps(body), headers)

    def drop(self, node):
        connection = self.connections.pop(node, None)
        if connection is not None:
            connection.close()

    def close(self):
        for node in list(self.connections):
            self.drop(node)


class Bank:
    """Accounts, clients and the history. start() … stop(), then the checker looks at it."""

    def __init__(self, targets, key, run, seed, accounts=12, clients=5, readers=2, payers=1, batchers=2):
        self.targets, self.key, self.run, self.seed = targets, key, run, seed
        self.accounts = [self.id_of(number) for number in range(1, accounts + 1)]
        self.total = accounts * START_BALANCE
        self.transfers, self.reads, self.payments = [], [], []
        self.strange = []  # answers that a client of one node would not get
        self.retryable = []  # (time, node, status or error)
        self.lock, self.seen_index, self.stopping = threading.Lock(), 0, threading.Event()
        self.abandoned = threading.Event()  # nobody will ever answer again
        self.failures, self.customer = [], None
        self.threads = [threading.Thread(target=self.work, args=(work, number), daemon=True)
                        for number, work in enumerate([self.move] * clients + [self.look] * readers +
                                                      [self.pay] * payers + [self.move_many] * batchers)]

    def id_of(self, number):
        return f"{self.run:x}{number:08x}"

    def saw(self, index):
        with self.lock:
            self.seen_index = max(self.seen_index, index)

    # ---- one operation, tried until it has an outcome --------------------------------------------------------------------
    def try_all(self, client, chance, method, path, body, headers=None):
        """(answer or None, attempts): the answer that is final."""
        node, attempts = client.pick(chance), []
        end = time.monotonic() + GIVE_UP_AFTER_S
        while time.monotonic() < end:
            try:
                answer = client.request(node, method, path, body, headers)
                attempts.append((node, answer.status))
                in_use = answer.status == 409 and answer.code == "idempotency_key_in_use"
                if answer.status not in RETRIED and not in_use:
                    self.saw(answer.index)
                    return answer, attempts
                if answer.status in (429, 503) and not answer.headers.get("Retry-After"):
                    self.strange.append(("no Retry-After", path, repr(answer)))
                if answer.status == 500:
                    self.strange.append(("500", path, repr(answer)))
                said = answer.status
            except Lost as error:
                attempts.append((node, 0))
                said = repr(error)
            self.retryable.append((time.monotonic(), node, said))
            client.failed(node)
            node = (node + 1) % len(self.targets)
            self.stopping.wait(PAUSE_S)
            if self.abandoned.is_set() or self.stopping.is_set() and time.monotonic() > end - GIVE_UP_AFTER_S / 2:
                break
        return None, attempts

    def transfer(self, client, chance, transfer, keyed):
        headers = {"Content-Type": "application/json"}
        if keyed:
            headers["Idempotency-Key"] = transfer["id"]
        record = {**transfer, "keyed": keyed, "start": time.monotonic()}
        answer, attempts = self.try_all(client, chance, "POST", "/v1/ledger/transfers", json.dumps(transfer), headers)
        record.update(end=time.monotonic(), attempts=attempts, outcome=UNKNOWN, index=0)
        if answer is not None:
            record["index"] = answer.index
            if answer.status == 200:
                record["outcome"] = DONE
            elif answer.status == 409 and answer.code in ("exceeds_credits", "id_already_failed"):
                record["outcome"] = REFUSED
            else:
                self.strange.append(("transfer", attempts, repr(answer)))
        self.transfers.append(record)
        return record

    # ---- what the clients do ---------------------------------------------------------------------------------------------
    def work(self, what, number):
        chance = random.Random(f"{self.seed}-{self.run}-{number}")
        patience_s = ANSWER_WITHIN_S[number % len(ANSWER_WITHIN_S)] * SLOW
        client, count = NodeClient(self.targets, self.key, patience_s), 0
        try:
            while not self.stopping.is_set():
                count += 1
                what(client, chance, f"{self.run:x}{count:012x}{number + 1:04x}")
                self.stopping.wait(chance.uniform(0, 2 * PAUSE_S))
        except BaseException as failure:  # the test's thread raises it
            self.failures.append(failure)
        finally:
            client.close()

    def move(self, client, chance, name):
        debit, credit = chance.sample(self.accounts, 2)
        self.transfer(client, chance, {"id": name, "debit_account": debit, "credit_account": credit,
                                       "amount": chance.randrange(1, START_BALANCE // 2), "ledger": LEDGER,
                                       "code": CODE}, keyed=chance.random() < 0.5)

    def move_many(self, client, chance, name):
        """A batch in protobuf, half of the time a chain: all of it or nothing. Always with a key."""
        linked = chance.random() < 0.5
        count, who = int(name[-16:-4], 16), name[-4:]
        transfers = []
        for item in range(size := chance.randrange(2, 6)):
            debit, credit = chance.sample(self.accounts, 2)
            transfers.append({"id": f"{self.run:x}{1 << 44 | count << 4 | item:012x}{who}", "debit_account": debit,
                              "credit_account": credit, "amount": chance.randrange(1, START_BALANCE // 2),
                              "linked": linked and item < size - 1})
        start = time.monotonic()
        answer, attempts = self.try_all(client, chance, "POST", "/v1/ledger/transfers", encode_transfers(transfers), {
            "Content-Type": PROTOBUF, "Idempotency-Key": f"batch-{name}"})
        statuses = [None] * size
        if answer is not None and answer.status == 200:
            statuses = decode_statuses(answer.body)
        is_strange = len(statuses) != size or any(
            status not in (OK, EXCEEDS_CREDITS, None) and not (linked and status == LINKED_EVENT_FAILED)
            for status in statuses) or linked and OK in statuses and any(statuses)
        if is_strange or answer is not None and answer.status != 200:
            self.strange.append(("batch", attempts, statuses, repr(answer)))
            return
        for transfer, status in zip(transfers, statuses):
            outcome = UNKNOWN if status is None else DONE if status == OK else REFUSED
            self.transfers.append({**transfer, "keyed": True, "start": start, "end": time.monotonic(),
                                   "attempts": attempts, "outcome": outcome, "chain": name if linked else None,
                                   "index": 0 if answer is None else answer.index})

    def look(self, client, chance, _):
        """One account or the whole bank, at one node, with everything that anybody was told of."""
        node, min_index = client.pick(chance), self.seen_index
        headers, start = min_index_header(min_index), time.monotonic()
        ids = self.accounts if chance.random() < 0.5 else [chance.choice(self.accounts)]
        try:
            if len(ids) == 1 and chance.random() < 0.8:
                answer = client.json(node, "GET", f"/v1/ledger/accounts/{ids[0]}", headers=headers)
            else:
                answer = client.json(node, "POST", "/v1/ledger/accounts/lookup", {"ids": ids}, headers)
        except Lost as error:
            self.retryable.append((time.monotonic(), node, repr(error)))
            client.failed(node)
            return
        if answer.status in RETRIED:
            self.retryable.append((time.monotonic(), node, answer.status))
            return
        if answer.status != 200:
            self.strange.append(("read", node, repr(answer)))
            return
        found = answer.json
        rows = found.get("accounts", [found])
        self.reads.append({"node": node, "ids": ids, "min_index": min_index, "index": answer.index, "start": start,
                           "end": time.monotonic(), "rows": {row["id"].lstrip("0"): (
                               int(row["debits_posted"]), int(row["credits_posted"])) for row in rows}})
        self.saw(answer.index)

    def pay(self, client, chance, name):
        amount = chance.randrange(1, 100)
        fields = {"amount": amount, "currency": "eur", "payment_method": "pm_wallet", "payment_method_types": ["wallet"],
                  "customer": self.customer, "confirm": True, "metadata": {"op": name}}
        record = {"op": name, "amount": amount, "start": time.monotonic(), "id": None}
        answer, attempts = self.try_all(client, chance, "POST", "/v1/payment_intents", form(fields), {
            "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": name})
        record.update(end=time.monotonic(), attempts=attempts, index=0 if answer is None else answer.index)
        if answer is not None and answer.status == 200 and answer.json["status"] == "succeeded":
            record["id"] = answer.json["id"]
        elif answer is not None:
            self.strange.append(("payment", attempts, repr(answer)))
        self.payments.append(record)

    # ---- from start to end -----------------------------------------------------------------------------------------------
    def must(self, client, path, body, headers=None):
        answer, attempts = self.try_all(client, random.Random(0), "POST", path, body, headers)
        if answer is None or answer.status != 200:
            raise AssertionError(f"{path}: {attempts} {answer!r}")
        return answer.json

    def start(self):
        client, chance = NodeClient(self.targets, self.key), random.Random(self.seed)
        json_headers = {"Content-Type": "application/json"}
        world = self.id_of(0xffff)
        made = self.must(client, "/v1/ledger/accounts", json.dumps({"accounts": [
            {"id": world, "ledger": LEDGER, "code": CODE},
            *({"id": account, "ledger": LEDGER, "code": CODE, "flags": ["debits_must_not_exceed_credits"]}
              for account in self.accounts)]}), json_headers)
        assert {row["status"] for row in made["results"]} <= {"ok", "exists"}, made
        for number, account in enumerate(self.accounts, 1):
            given = self.transfer(client, chance, {"id": f"{self.run:x}{number:012x}0000", "debit_account": world,
                                                   "credit_account": account, "amount": START_BALANCE,
                                                   "ledger": LEDGER, "code": CODE}, keyed=True)
            assert given["outcome"] == DONE, given
        forms = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": f"customer-{self.run}"}
        self.customer = self.must(client, "/v1/customers", "", forms)["id"]
        self.must(client, f"/v1/test_helpers/customers/{self.customer}/fund_cash_balance",
                  form({"amount": 100_000_000, "currency": "eur"}), {**forms, "Idempotency-Key": f"fund-{self.run}"})
        client.close()
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join()
        if self.failures:
            raise self.failures[0]

    def acknowledged(self):
        return sum(record["outcome"] == DONE for record in self.transfers)

    def longest_gap_s(self):
        """The longest time in which no transfer of anybody was acknowledged."""
        ends = sorted(record["end"] for record in self.transfers if record["outcome"] == DONE)
        return max((after - before for before, after in zip(ends, ends[1:])), default=0.0)
