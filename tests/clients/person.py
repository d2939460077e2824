"""What the slixmpp clients of the tests share: somebody who logs in without TLS, on loopback."""

import asyncio

import slixmpp


class Person(slixmpp.ClientXMPP):
    """Somebody with these XEPs, by number. `started` is there when the session is."""

    def __init__(self, jid, password, xeps):
        super().__init__(jid, password)
        # The test's server has no certificate, and listens on loopback only.
        self.enable_direct_tls = False
        self.enable_starttls = False
        self.enable_plaintext = True
        self.plugin["feature_mechanisms"].unencrypted_plain = True
        for number in xeps:
            self.register_plugin(f"xep_{number:04}")
        self.started = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.started.set_result(True))
        self.add_event_handler("failed_all_auth", lambda _: self.started.set_exception(SystemExit("no login")))
