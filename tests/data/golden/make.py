#!/usr/bin/env python3
"""Makes the golden data folder of a release with its real binary.

    KONTOR_BINARY=build/release/app/kontor tests/data/golden/make.py FORMAT

Writes FORMAT/folder.tar.xz (the folder of a node that was killed: partitions, redo files and a log behind them; and beside
it the key of its secrets) and FORMAT/expected.json (its API key, a setting, and the objects as the API showed them).
README.md says when it is made again.
"""
import io
import json
import lzma
import os
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "integration"))
from kontor_process import BINARY, Admin, Kontor, run, temporary_folder  # noqa: E402

# One checkpoint, at the stop in the middle; what comes after it is in the log alone.
PARTITIONS = "data.partitions=2"
QUIET = ["--set", PARTITIONS, "--set", "store.checkpoint_interval_s=3600", "--set", "log.max_mib=64"]
# Not of the format, or of one machine, or made again when lost: certificates, which would be over one day, are left out.
LEFT_OUT = ("tls", "reports", "reserve", "LOCK", "lock.mdb", "control.sock")
MOST_BYTES = 1 << 20
# What the passing of time or a clock may change in an object that is not at its end.
PASSING = ("status", "canceled_at", "cancellation_reason", "amount_capturable", "latest_charge", "next_action",
           "last_payment_error", "payment_method", "status_transitions", "available_on")


def post(api, path, body):
    answer = api.raw("POST", path, json.dumps(body), {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"})
    assert answer.status == 200, answer
    return answer.json


class Shop:
    """Makes objects and notes how they read."""

    def __init__(self, api):
        self.api, self.seen, self.passing = api, [], set()

    def note(self, path, is_final=True):
        self.seen.append(path)
        if not is_final:
            self.passing.add(path)

    def first_day(self):
        api = self.api
        rich = api.customer(100_000, email="ada@example.org", name="Ada 茶館", phone="+49 30 1", description="first",
                            **{"metadata[vat]": "DE1"})
        poor = api.customer(name="Bob")
        for customer in (rich, poor):
            self.note(f"/v1/customers/{customer}")
        paid = api.pay(1_999, rich, "pm_wallet", idempotency_key="golden-1", description="tea", **{"metadata[order]": "7"})
        card = api.pay(2_500, rich, receipt_email="ada@example.org")
        held = api.post("/v1/payment_intents", {"amount": 700, "currency": "eur", "payment_method": "pm_card_visa",
                                                "confirm": True, "capture_method": "manual"})
        waiting = api.post("/v1/payment_intents", {
            "amount": 800, "currency": "eur", "payment_method": "pm_card_threeDSecure2Required", "confirm": True,
            "return_url": "https://shop.example/done", "payment_method_types": ["card"]})
        assert (held["status"], waiting["status"]) == ("requires_capture", "requires_action"), (held, waiting)
        begun = api.post("/v1/payment_intents", {"amount": 900, "currency": "jpy"})
        canceled = api.post("/v1/payment_intents", {"amount": 950, "currency": "eur"})["id"]
        api.post(f"/v1/payment_intents/{canceled}/cancel", {"cancellation_reason": "duplicate"})
        declined = api.request("POST", "/v1/payment_intents", {"amount": 50, "currency": "eur", "confirm": True,
                                                                "payment_method": "pm_card_visa_chargeDeclined"})
        assert declined.status == 402, declined
        for intent in (paid, card):
            self.note(f"/v1/payment_intents/{intent['id']}")
            self.note(f"/v1/charges/{intent['latest_charge']}")
        for intent in (held, waiting, begun):
            self.note(f"/v1/payment_intents/{intent['id']}", is_final=False)
        self.note(f"/v1/payment_intents/{canceled}")
        self.note(f"/v1/payment_intents/{declined.error['payment_intent']['id']}", is_final=False)
        for fields in ({"payment_intent": paid["id"], "amount": 500, "reason": "requested_by_customer"},
                       {"charge": card["latest_charge"]}):
            self.note(f"/v1/refunds/{api.post('/v1/refunds', fields)['id']}")
        endpoint = api.post("/v1/webhook_endpoints", {"url": "https://hooks.example.org/kontor",
                                                      "enabled_events": ["payment_intent.succeeded", "charge.refunded"]})
        self.note(f"/v1/webhook_endpoints/{endpoint['id']}", is_final=False)

    def books(self, first, last):
        """Ledger accounts of a house and of people, transfers of each kind."""
        api = self.api
        post(api, "/v1/ledger/accounts", {"accounts": [{"id": f"{n:x}", "ledger": 1, "code": 10} for n in range(first, last)]})
        transfers = [{"id": f"{first:x}{n:04x}", "debit_account": f"{n:x}", "credit_account": f"{n + 1:x}", "amount": 100 + n,
                      "ledger": 1, "code": 1} for n in range(first, last - 1)]
        transfers.append({**transfers[0], "id": f"{first:x}e001", "flags": ["pending"], "amount": 70})
        transfers.append({**transfers[0], "id": f"{first:x}e002", "flags": ["pending"], "amount": 30})
        results = post(api, "/v1/ledger/transfers", {"transfers": transfers})
        assert not [one for one in results["results"] if one["status"] != "ok"], results
        # One that fails is remembered, too.
        post(api, "/v1/ledger/transfers", {"transfers": [{**transfers[0], "id": f"{first:x}f001", "debit_account": "fffff"}]})
        for one in transfers:
            self.note(f"/v1/ledger/transfers/{one['id']}")
        for n in range(first, last):
            self.note(f"/v1/ledger/accounts/{n:x}")

    def second_day(self):
        """Behind the checkpoint: in the log alone."""
        api = self.api
        customer = api.customer(5_000, email="grace@example.org")
        self.note(f"/v1/customers/{customer}")
        paid = api.pay(1_234, customer, "pm_wallet", idempotency_key="golden-2")
        self.note(f"/v1/payment_intents/{paid['id']}")
        self.note(f"/v1/refunds/{api.post('/v1/refunds', {'payment_intent': paid['id'], 'amount': 34})['id']}")

    def expected(self):
        """{path: fields}; events and balance transactions as lists, newest first."""
        found = {}
        for path in self.seen:
            fields = self.api.get(path)
            found[path] = {name: value for name, value in fields.items()
                           if path not in self.passing or name not in PASSING}
        for kind in ("events", "balance_transactions"):
            for one in self.api.all(f"/v1/{kind}"):
                found[f"/v1/{kind}/{one['id']}"] = {name: value for name, value in one.items()
                                                    if name not in ("pending_webhooks", *PASSING)}
        return found


def pack(place):
    """data/ and data.key as a tar file, the same for the same files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for parent, folders, files in os.walk(place):
            relative = os.path.relpath(parent, place)
            folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
            for name in folders + sorted(name for name in files if name not in LEFT_OUT):
                entry = tar.gettarinfo(os.path.join(parent, name), os.path.normpath(os.path.join(relative, name)))
                entry.uid = entry.gid = entry.mtime = 0
                entry.uname = entry.gname = ""
                entry.mode = 0o700 if entry.isdir() else 0o600
                if entry.isfile():
                    with open(os.path.join(parent, name), "rb") as file:
                        tar.addfile(entry, file)
                else:
                    tar.addfile(entry)
    return lzma.compress(raw.getvalue(), preset=9)


def main():
    if len(sys.argv) != 2 or not os.access(BINARY, os.X_OK):
        sys.exit(__doc__)
    with temporary_folder() as folder:
        data = f"{folder}/data"
        with Kontor.dev(data, *QUIET) as kontor:
            key = kontor.ready["test_key"]
            shop = Shop(kontor.api())
            Admin(kontor).set_up().merchant_key("Teehaus 茶館", "live")
            shop.first_day()
            shop.books(1, 8)
            assert kontor.stop() == 0
        with Kontor.dev(data, *QUIET) as kontor:
            shop.api = kontor.api(key)
            shop.second_day()
            shop.books(101, 106)
            expected = shop.expected()
            kontor.kill()
        packed = pack(folder)
    version = run("--version").stdout.split()[1]
    target = os.path.join(HERE, sys.argv[1])
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, "folder.tar.xz"), "wb") as file:
        file.write(packed)
    with open(os.path.join(target, "expected.json"), "w", encoding="utf-8") as file:
        json.dump({"version": version, "key": key, "set": PARTITIONS, "objects": expected}, file, indent=1,
                  ensure_ascii=False, sort_keys=True)
        file.write("\n")
    size = sum(os.path.getsize(os.path.join(target, name)) for name in os.listdir(target))
    print(f"{target}: {len(expected)} objects, {size} bytes")
    if size > MOST_BYTES:
        sys.exit(f"more than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
