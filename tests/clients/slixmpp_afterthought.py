"""Corrects, replies to, reacts to and takes back messages as a client library does it, and prints the answers.

    slixmpp_afterthought.py HOST PORT JID PASSWORD DESK
"""

import asyncio
import json
import sys

from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

from person import Person

PATIENCE = 30


class Customer(Person):
    def __init__(self, jid, password):
        super().__init__(jid, password, (30, 199, 308, 333, 424, 444, 461))
        self.answers = asyncio.Queue()
        self.marked = asyncio.Queue()
        self.add_event_handler("marker_displayed", lambda m: self.marked.put_nowait(m["displayed"]["id"]))
        self.register_handler(Callback("answer", StanzaPath("message@type=chat/body"), self.on_answer))

    def on_answer(self, message):
        if message["type"] == "chat" and message["body"]:
            self.answers.put_nowait(message)


async def main(host, port, jid, password, desk):
    customer = Customer(jid, password)
    customer.connect(host, int(port))

    async def soon(awaitable):
        return await asyncio.wait_for(awaitable, PATIENCE)

    await soon(customer.started)
    customer.send_presence()
    question = customer.make_message(mto=desk, mbody="Where is order 17?", mtype="chat")
    question.enable("markable")
    question.send()
    # Before the quiet window is over.
    corrected = customer["xep_0308"].build_correction(question["id"], desk, mbody="Where is order 18?")
    corrected.enable("markable")
    corrected.send()
    first = await soon(customer.answers.get())
    marked = await soon(customer.marked.get())
    customer["xep_0444"].send_reactions(desk, first["id"], ["👍🏽"])
    customer["xep_0461"].send_reply(desk, first["id"], fallback=first["body"], mto=desk, mbody="And order 19?", mtype="chat")
    second = await soon(customer.answers.get())
    secret = customer.make_message(mto=desk, mbody="My card number is 4111", mtype="chat")
    secret.send()
    customer["xep_0424"].send_retraction(desk, secret["id"])
    await soon(customer["xep_0199"].ping(jid=desk, timeout=PATIENCE))
    print(
        json.dumps(
            {
                "ids": [question["id"], corrected["id"]],
                "marked": marked,
                "answers": [first["id"], second["id"]],
            }
        ),
        flush=True,
    )
    await customer.disconnect()


asyncio.run(main(*sys.argv[1:]))
