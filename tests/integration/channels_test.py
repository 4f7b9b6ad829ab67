#!/usr/bin/env python3
"""Channels of a running node: a payment that waits for its payer and its page behind the door, accounts and routes in the
back office, and a sandbox that is switched off and on again."""
import re
import unittest
import urllib.parse

import kontor_process
from kontor_process import Admin, temporary_folder, until, verify
from serve_test import Site

ACTION = {"payment_method": "pm_card_threeDSecure2Required", "return_url": "https://shop.example/done"}


def path_of(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path}?{parts.query}"


class Served(unittest.TestCase):
    def serve(self, site, *arguments):
        kontor = site.serve(*arguments)
        kontor.wait_ready()
        return kontor

    def paid(self, api, **fields):
        return api.request("POST", "/v1/payment_intents", {"amount": 1000, "currency": "eur", "confirm": True,
                                                            "payment_method_types": ["card"], **fields})

    def go_on(self, admin, kontor):
        """The same session, after a start."""
        admin.kontor, admin.api = kontor, kontor.api()

    def test_a_payer_proves_who_he_is(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with self.serve(site) as kontor:
                admin = Admin(kontor).set_up()
                _, key = admin.merchant_key("Shop")
                api, stranger = kontor.api(key), kontor.api()
                intent = self.paid(api, **ACTION).json
                self.assertEqual(intent["status"], "requires_action", intent)
                action = intent["next_action"]
                self.assertEqual(action["type"], "redirect_to_url")
                self.assertEqual(action["redirect_to_url"]["return_url"], ACTION["return_url"])
                self.assertIsNone(intent["latest_charge"])
                link = path_of(action["redirect_to_url"]["url"])
                page = stranger.raw("GET", link)
                self.assertEqual(page.status, 200, page)
                self.assertIn('<form method="post">', page.text)
                self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
                # Nothing that was not signed gets through, and nothing tells what is there.
                forged = re.sub(r"t=\w+", "t=pm_card_visa", link)
                for method in ("GET", "POST"):
                    self.assertEqual(stranger.raw(method, forged, "outcome=complete" if method == "POST" else None).status,
                                     401)
                self.assertEqual(stranger.raw("GET", "/channels/sandbox/99/authenticate/x").status, 404)
                self.assertEqual(stranger.raw("GET", "/channels/nobody/1/").text,
                                 stranger.raw("GET", "/channels/sandbox/99/authenticate/x").text)
                looked = stranger.raw("HEAD", link)
                self.assertEqual((looked.status, looked.body), (405, b""))
                self.assertEqual(stranger.raw("DELETE", link).status, 405)
                self.assertEqual(stranger.raw("PUT", link).status, 405)
                self.assertEqual(kontor.api().raw("POST", link, "x" * 70_000).status, 413)
                self.assertEqual(api.get(f"/v1/payment_intents/{intent['id']}")["status"], "requires_action")

                done = stranger.raw("POST", link, "outcome=complete",
                                    {"Content-Type": "application/x-www-form-urlencoded"})
                self.assertEqual(done.status, 303, done)
                self.assertEqual(done.headers["Location"], "https://shop.example/done?redirect_status=succeeded")
                intent = api.get(f"/v1/payment_intents/{intent['id']}")
                self.assertEqual((intent["status"], intent["next_action"]), ("succeeded", None))
                self.assertEqual(stranger.raw("POST", link, "outcome=complete").status, 303)
                self.assertEqual(api.post("/v1/refunds", {"payment_intent": intent["id"]})["status"], "succeeded")
                attempt = admin.payment(intent["id"])["attempts"][0]
                self.assertEqual(attempt["channel"], "Sandbox acquirer")

                left = self.paid(api, **ACTION).json
                link = path_of(left["next_action"]["redirect_to_url"]["url"])
                self.assertEqual(stranger.raw("POST", link, "outcome=fail").status, 303)
                left = api.get(f"/v1/payment_intents/{left['id']}")
                self.assertEqual(left["status"], "requires_payment_method")
                self.assertEqual(left["last_payment_error"]["code"], "payment_intent_authentication_failure")

                canceled = self.paid(api, **ACTION).json
                link = path_of(canceled["next_action"]["redirect_to_url"]["url"])
                self.assertEqual(api.post(f"/v1/payment_intents/{canceled['id']}/cancel")["status"], "canceled")
                self.assertEqual(stranger.raw("POST", link, "outcome=complete").status, 303)
                # It came too late: given back at the channel, and the books say so.
                until(lambda: [one["operation"] for one in
                               admin.payment(canceled["id"])["attempts"]
                               if one["state"] == "succeeded"] == ["void", "refund"], what="the money is given back")

                refused = self.paid(api, error_on_requires_action=True, **ACTION)
                self.assertEqual(refused.status, 402, refused)
                self.assertEqual(refused.error["code"], "authentication_required")
                events = [event["type"] for event in api.all("/v1/events", {"type": "payment_intent.requires_action"})]
                self.assertEqual(len(events), 3)
                self.assertEqual(kontor.stop(), 0, kontor.story())
            self.assertEqual(verify(site.data)[0], 0)

    def test_accounts_and_routes(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with self.serve(site) as kontor:
                admin = Admin(kontor).set_up()
                merchant, key = admin.merchant_key("Shop")
                api = kontor.api(key)
                channels = admin.get("test/channels")
                self.assertEqual([one["name"] for one in channels["connectors"]], ["sandbox"])
                (first,) = channels["data"]
                self.assertEqual((first["account"], first["credentials_set"]), (1, ["link_key"]))
                self.assertEqual(admin.get("live/channels"), {"data": [], "next_cursor": None, "connectors": []})
                refused = admin.request("POST", "live/channels", {"connector": "sandbox", "name": "Live"})
                self.assertEqual((refused.status, refused.error["code"]), (422, "mode_unsupported"))
                refused = admin.request("POST", "test/channels", {"connector": "nobody", "name": "x"})
                self.assertEqual((refused.status, refused.error["code"]), (422, "connector_unknown"))
                second = admin.post("test/channels", {"connector": "sandbox", "name": "Second", "merchant": merchant})
                self.assertEqual((second["account"], second["merchant"]), (2, merchant))
                routes = {"merchant": merchant, "routes": [{"method": "card", "currency": "eur", "account": 2}]}
                self.assertEqual(admin.post("test/channel_routes", routes)["data"], routes["routes"])
                intent = self.paid(api, payment_method="pm_card_visa").json
                self.assertEqual(intent["status"], "succeeded", intent)
                self.assertEqual(admin.payment(intent["id"])["attempts"][0]["channel"], "Second")
                refused = admin.request("POST", "test/channels/2", {"disabled": True})
                self.assertEqual(refused.status, 422, refused)
                admin.post("test/channel_routes", {"merchant": merchant, "routes": []})
                self.assertTrue(admin.post("test/channels/2", {"disabled": True})["disabled"])
                changed = admin.post("test/channels/2", {"credentials": {"link_key": "typed by hand"}, "name": "Typed"})
                self.assertEqual((changed["name"], changed["credentials_set"]), ("Typed", ["link_key"]))
                self.assertNotIn("typed by hand", str(admin.get("test/channels")))
                refused = admin.request("POST", "test/channels/2", {"credentials": {"link_key": None}})
                self.assertEqual((refused.status, refused.error["code"]), (422, "credentials_missing"))
                admin.post("test/channel_routes", {"routes": []})
                refused = self.paid(api, payment_method="pm_card_visa")
                self.assertEqual(refused.status, 400, refused)
                self.assertIn("There is no channel for card payments in EUR in test mode.", refused.error["message"])
                self.assertEqual(kontor.stop(), 0, kontor.story())
                self.assertNotIn("typed by hand", kontor.story())
            self.assertEqual(verify(site.data)[0], 0)

    def test_the_sandbox_is_a_setting(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with self.serve(site, "--set", "channels.sandbox=false") as kontor:
                admin = Admin(kontor).set_up()
                _, key = admin.merchant_key("Shop")
                self.assertEqual(admin.get("test/channels")["data"], [])
                refused = self.paid(kontor.api(key), payment_method="pm_card_visa")
                self.assertEqual(refused.status, 400, refused)
                self.assertIn("There is no channel for card payments", refused.error["message"])
                self.assertEqual(kontor.stop(), 0, kontor.story())
            for setting, status in (("true", 200), ("false", 400), ("true", 200)):
                with self.serve(site, "--set", f"channels.sandbox={setting}") as kontor:
                    answer = self.paid(kontor.api(key), payment_method="pm_card_visa")
                    self.assertEqual(answer.status, status, (setting, answer))
                    self.assertEqual(kontor.stop(), 0, kontor.story())
            self.assertEqual(verify(site.data)[0], 0)

    def test_what_operators_decided_outlives_a_start(self):
        with temporary_folder() as folder:
            site = Site(folder)
            with self.serve(site) as kontor:
                admin = Admin(kontor).set_up()
                merchant, key = admin.merchant_key("Shop")
                admin.post("test/channel_routes", {"routes": []})
                self.assertTrue(admin.post("test/channels/1", {"disabled": True})["disabled"])
                self.assertEqual(kontor.stop(), 0, kontor.story())
            for setting in ("true", "false", "true"):
                with self.serve(site, "--set", f"channels.sandbox={setting}") as kontor:
                    self.assertEqual(self.paid(kontor.api(key), payment_method="pm_card_visa").status, 400)
                    self.go_on(admin, kontor)
                    self.assertTrue(admin.get("test/channels")["data"][0]["disabled"])
                    if setting == "true":
                        self.assertEqual(admin.get("test/channel_routes")["data"], [])
                    self.assertEqual(kontor.stop(), 0, kontor.story())
            with self.serve(site) as kontor:
                self.go_on(admin, kontor)
                admin.post("test/channels/1", {"disabled": False})
                route = [{"method": "card", "currency": None, "account": 1}]
                for of in ({}, {"merchant": merchant}):
                    admin.post("test/channel_routes", {**of, "routes": route})
                self.assertEqual(kontor.stop(), 0, kontor.story())
            with self.serve(site, "--set", "channels.sandbox=false") as kontor:  # nothing is half done
                self.go_on(admin, kontor)
                self.assertEqual(admin.get("test/channel_routes")["data"], route)
                self.assertEqual(self.paid(kontor.api(key), payment_method="pm_card_visa").status, 200)
                self.assertEqual(kontor.stop(), 0, kontor.story())
                self.assertIn("event=sandbox_unchanged", kontor.story())
            self.assertEqual(verify(site.data)[0], 0)


if __name__ == "__main__":
    kontor_process.main()
