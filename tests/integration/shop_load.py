"""Merchants' load for the tests that kill: workers that know exactly what must be there afterwards.

A worker sends one request after the other, each with an idempotency key. A request whose outcome is unknown is kept and
sent again with the same key, after a restart too, until it is acknowledged. Nothing is shared between workers but the
account, so each knows the exact state of its own payments and wallet at any time.
"""
import random
import time

from kontor_process import SLOW, Lost, ApiError

BUSY_WITHIN_S = 30 * SLOW


class Payment:
    def __init__(self, key, amount, method, customer, status, received):
        self.key, self.amount, self.method, self.customer = key, amount, method, customer
        self.status, self.received, self.refunded = status, received, 0
        self.id = None

    def state(self):
        return self.status, self.received, self.refunded


class Request:
    def __init__(self, what, path, fields, key, accept, payment=None):
        self.what, self.path, self.fields, self.key = what, path, fields, key
        self.accept, self.payment = accept, payment


class Worker:
    def __init__(self, number, seed):
        self.number = number
        self.random = random.Random(f"{seed}/{number}")
        self.customer = None
        self.wallet = 0  # what the customer's wallet must hold
        self.payments, self.held, self.paid = [], [], []
        self.refunds = {}  # idempotency key -> amount
        self.pending = None  # sent, outcome unknown
        self.acknowledged = self.retried = self.keys = 0
        self.touched = []  # since the last check
        self.failure = None

    # ---- running -------------------------------------------------------------------------------------------------------
    def run(self, api, stopped):
        """Sends until `stopped()` or the connection is lost."""
        try:
            while not stopped():
                if self.pending is None:
                    self.pending = self.choose()
                else:
                    self.retried += 1
                self.send(api)
        except Lost:
            pass
        except BaseException as failure:  # handed to the test's thread
            self.failure = failure
        finally:
            api.close()

    def settle(self, api):
        """Brings the request with an unknown outcome to its end."""
        if self.pending is not None:
            self.retried += 1
            self.send(api)

    def send(self, api):
        request, end = self.pending, time.monotonic() + BUSY_WITHIN_S
        while True:
            answer = api.request("POST", request.path, request.fields, request.key)
            # In use by the first try, overloaded or stopping: what the client libraries retry, too.
            if answer.status not in (409, 429, 503) or time.monotonic() > end:
                break
            time.sleep(0.02)
        request.accept(answer)
        self.pending = None
        self.acknowledged += 1

    # ---- what to do next -----------------------------------------------------------------------------------------------
    def choose(self):
        if self.customer is None:
            return self.make_customer()
        if self.wallet < 20_000:
            return self.top_up()
        kind = self.random.random()
        if kind < 0.25:
            return self.pay("pm_wallet")
        if kind < 0.45:
            return self.pay("pm_card_visa")
        if kind < 0.52:
            return self.pay("pm_card_chargeDeclined")
        if kind < 0.62:
            return self.pay("pm_card_visa", manual=True)
        if kind < 0.72:
            return self.pay("pm_wallet", manual=True)
        if kind < 0.86 and self.held:
            return self.finish(self.held.pop(self.random.randrange(len(self.held))))
        if self.paid:
            return self.refund(self.random.choice(self.paid))
        return self.pay("pm_wallet")

    def new_key(self, what):
        self.keys += 1
        return f"{what}-{self.number}-{self.keys}"

    def make_customer(self):
        def accept(answer):
            self.customer = expect(answer, 200)["id"]
        return Request("customer", "/v1/customers", {"name": f"Worker {self.number}"}, self.new_key("customer"), accept)

    def top_up(self):
        amount = 500_000

        def accept(answer):
            expect(answer, 200)
            self.wallet += amount
        return Request("top-up", f"/v1/test_helpers/customers/{self.customer}/fund_cash_balance",
                       {"amount": amount, "currency": "eur"}, self.new_key("top-up"), accept)

    def pay(self, method, manual=False):
        declined = "Declined" in method
        key, amount = self.new_key("pay"), self.random.randrange(100, 5_000)
        status = "requires_payment_method" if declined else "requires_capture" if manual else "succeeded"
        payment = Payment(key, amount, method, self.customer, status, amount if status == "succeeded" else 0)
        fields = {"amount": amount, "currency": "eur", "customer": self.customer, "payment_method": method,
                  "payment_method_types": ["wallet" if method == "pm_wallet" else "card"], "confirm": True,
                  "capture_method": "manual" if manual else "automatic", "metadata": {"op": key}}

        def accept(answer):
            intent = expect(answer, 402)["error"]["payment_intent"] if declined else expect(answer, 200)
            if intent["status"] != payment.status:
                raise ApiError(answer, f"{key} should be {payment.status}")
            payment.id = intent["id"]
            self.payments.append(payment)
            self.touched.append(payment)
            if method == "pm_wallet":
                self.wallet -= amount  # held or paid: not available either way
            if status == "requires_capture":
                self.held.append(payment)
            if status == "succeeded":
                self.paid.append(payment)
        return Request("pay", "/v1/payment_intents", fields, key, accept, payment)

    def finish(self, payment):
        """Captures an authorised payment, in full or in part, or cancels it."""
        part = self.random.choice([payment.amount, payment.amount, self.random.randrange(1, payment.amount), 0])

        def accept(answer):
            intent = expect(answer, 200)
            payment.status, payment.received = ("succeeded" if part else "canceled"), part
            if (intent["status"], intent["amount_received"]) != (payment.status, part):
                raise ApiError(answer, f"{payment.key} should be {payment.status} with {part}")
            if payment.method == "pm_wallet":
                self.wallet += payment.amount - part
            if part:
                self.paid.append(payment)
            self.touched.append(payment)
        path = f"/v1/payment_intents/{payment.id}/" + ("capture" if part else "cancel")
        fields = {"amount_to_capture": part} if part else {}
        return Request("finish", path, fields, self.new_key("finish"), accept, payment)

    def refund(self, payment):
        left = payment.received - payment.refunded
        amount = self.random.choice([left, self.random.randrange(1, left + 1)])
        key = self.new_key("refund")

        def accept(answer):
            refund = expect(answer, 200)
            if (refund["status"], refund["amount"]) != ("succeeded", amount):
                raise ApiError(answer, f"{key} should be a refund of {amount}")
            payment.refunded += amount
            self.refunds[key] = amount
            if payment.method == "pm_wallet":
                self.wallet += amount
            if payment.refunded == payment.received:
                self.paid.remove(payment)
            self.touched.append(payment)
        return Request("refund", "/v1/refunds",
                       {"payment_intent": payment.id, "amount": amount, "metadata": {"op": key}}, key, accept, payment)


def expect(answer, status):
    if answer.status != status:
        raise ApiError(answer, f"status {status} expected")
    return answer.json
