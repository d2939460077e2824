"""Chats with a desk as a client library does it, and prints what came as one line of JSON.

    slixmpp_chat.py HOST PORT JID PASSWORD DESK QUESTION
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
        super().__init__(jid, password, (30, 85, 92, 184, 199))
        self["xep_0184"].auto_request = True
        # We confirm what we get, as every client does.
        self["xep_0184"].auto_ack = True
        loop = asyncio.get_running_loop()
        self.receipt = loop.create_future()
        self.typing = loop.create_future()
        self.answer = loop.create_future()
        self.add_event_handler("receipt_received", lambda m: self.keep(self.receipt, m["receipt"]))
        self.add_event_handler("chatstate_composing", lambda m: self.keep(self.typing, m["from"].full))
        self.register_handler(Callback("answer", StanzaPath("message@type=chat/body"), self.on_answer))

    @staticmethod
    def keep(future, value):
        if not future.done():
            future.set_result(value)

    def on_answer(self, message):
        if message["type"] == "chat" and message["body"]:
            self.keep(self.answer, message)


async def main(host, port, jid, password, desk, question):
    customer = Customer(jid, password)
    customer.connect(host, int(port))

    async def soon(awaitable):
        return await asyncio.wait_for(awaitable, PATIENCE)

    await soon(customer.started)
    customer.send_presence()
    info = await soon(customer["xep_0030"].get_info(jid=desk))
    items = await soon(customer["xep_0030"].get_items(jid=desk.split("@")[1]))
    version = await soon(customer["xep_0092"].get_version(desk))
    await soon(customer["xep_0199"].ping(jid=desk, timeout=PATIENCE))
    message = customer.make_message(mto=desk, mbody=question, mtype="chat")
    message["chat_state"] = "active"
    message.send()
    receipt = await soon(customer.receipt)
    typing = await soon(customer.typing)
    answer = await soon(customer.answer)
    print(
        json.dumps(
            {
                "identities": sorted([i[0], i[1], i[3]] for i in info["disco_info"]["identities"]),
                "features": sorted(info["disco_info"]["features"]),
                "items": sorted(item[0] for item in items["disco_items"]["items"]),
                "version": [version["software_version"]["name"], version["software_version"]["version"]],
                "receipt_is_for_the_question": receipt == message["id"],
                "typing": typing,
                "answer": answer["body"],
                "answer_id": answer["id"],
                "answer_state": answer["chat_state"],
            }
        ),
        flush=True,
    )
    # Until the receipt for the answer is written, and the stream is closed.
    await customer.disconnect()


asyncio.run(main(*sys.argv[1:]))
