"""Looks at a service and one of its desks as a client library does, and prints what it saw as one line of JSON.

    slixmpp_identity.py HOST PORT JID PASSWORD DESK
"""

import asyncio
import hashlib
import json
import sys

from slixmpp.plugins.xep_0060.stanza import Item
from slixmpp.plugins.xep_0084.stanza import MetaData
from slixmpp.xmlstream import register_stanza_plugin

from person import Person

PATIENCE = 30


class Onlooker(Person):
    def __init__(self, jid, password):
        super().__init__(jid, password, (30, 54, 60, 84, 115, 153, 172, 292))
        # The library expects it in events only.
        register_stanza_plugin(Item, MetaData)
        # A desk that asks back is let in.
        self.roster.auto_authorize = True
        self.roster.auto_subscribe = False
        loop = asyncio.get_running_loop()
        self.asked = loop.create_future()
        self.available = loop.create_future()
        self.picture = loop.create_future()
        self.add_event_handler("presence_subscribe", lambda p: self.keep(self.asked, p))
        for show in ("available", "chat", "away", "xa", "dnd"):
            self.add_event_handler(f"presence_{show}", self.on_available)
        self.add_event_handler("vcard_avatar_update", lambda p: self.keep(self.picture, p))

    def on_available(self, presence):
        # Our own comes back, too.
        if presence["from"].bare != self.boundjid.bare:
            self.keep(self.available, presence)

    @staticmethod
    def keep(future, value):
        if not future.done():
            future.set_result(value)


async def main(host, port, jid, password, desk):
    onlooker = Onlooker(jid, password)
    onlooker.connect(host, int(port))

    async def soon(awaitable):
        return await asyncio.wait_for(awaitable, PATIENCE)

    await soon(onlooker.started)
    await soon(onlooker.get_roster())
    onlooker.send_presence()
    domain = desk.split("@")[1]
    disco, pubsub = onlooker["xep_0030"], onlooker["xep_0060"]

    async def identities(jid, node=None):
        info = await soon(disco.get_info(jid=jid, node=node))
        return sorted([i[0], i[1], i[3]] for i in info["disco_info"]["identities"])

    async def items(jid):
        found = await soon(disco.get_items(jid=jid))
        return sorted([i[0], i[1], i[2]] for i in found["disco_items"]["items"])

    onlooker.send_presence_subscription(pto=desk)
    asked = await soon(onlooker.asked)
    available = await soon(onlooker.available)
    ver = available["caps"]["ver"]
    caps_node = available["caps"]["node"] + "#" + ver

    # The library keeps only what it has verified by a hash of its own making.
    verified = None
    for _ in range(PATIENCE * 10):
        verified = await onlooker["xep_0115"].get_caps(verstring=ver)
        if verified is not None:
            break
        await asyncio.sleep(0.1)

    await soon(onlooker.picture)
    card = (await soon(onlooker["xep_0054"].get_vcard(jid=desk)))["vcard_temp"]
    photo_type = card["PHOTO"].xml.findtext("{vcard-temp}TYPE")
    photo = card["PHOTO"]["BINVAL"]
    metadata = await soon(pubsub.get_items(desk, "urn:xmpp:avatar:metadata"))
    info = metadata["pubsub"]["items"]["item"]["avatar_metadata"]["items"][0]
    data = await soon(onlooker["xep_0084"].retrieve_avatar(desk, info["id"]))
    data = data["pubsub"]["items"]["item"]["avatar_data"]["value"]
    vcard4 = await soon(pubsub.get_item(desk, "urn:xmpp:vcard4", "current"))
    vcard4 = vcard4["pubsub"]["items"]["item"]["vcard"]
    print(
        json.dumps(
            {
                "domain": await identities(domain),
                "desks": await items(domain),
                "desk": await identities(desk),
                "nodes": [node for _, node, _ in await items(desk)],
                "leaf": await identities(desk, "urn:xmpp:avatar:data"),
                "by_caps": await identities(desk, caps_node),
                "nick": asked["nick"]["nick"],
                "caps_are_verified": verified is not None and sorted(verified["features"]),
                "features": sorted((await soon(disco.get_info(jid=desk)))["disco_info"]["features"]),
                "name": card["FN"],
                "nicknames": card["NICKNAME"],
                "description": card["DESC"],
                "photo_type": photo_type,
                "photo": hashlib.sha1(photo).hexdigest(),
                "photo_bytes": len(photo),
                "shown_photo": available["vcard_temp_update"]["photo"],
                "info": {name: info[name] for name in ("bytes", "id", "type")},
                "data": hashlib.sha1(data).hexdigest(),
                "vcard4_name": vcard4["full_name"],
            }
        ),
        flush=True,
    )
    await onlooker.disconnect()


asyncio.run(main(*sys.argv[1:]))
