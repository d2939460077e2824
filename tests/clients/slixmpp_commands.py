"""Uses commands as a client library does, and prints what came of each as one line of JSON.

    slixmpp_commands.py HOST PORT JID PASSWORD STEPS

STEPS is a JSON list. A step {"list": JID} gives the commands there; {"run": NODE, "at": JID} begins one and, if it asks
for a form, completes it with the values in "fill", or leaves it if "cancel" is there.
"""

import asyncio
import json
import sys

from person import Person

PATIENCE = 30


class Commander(Person):
    def __init__(self, jid, password):
        super().__init__(jid, password, (4, 30, 50))

    async def listed(self, jid):
        found = await self.plugin["xep_0050"].get_commands(jid)
        # The library keeps them as a set.
        return sorted([item[1], item[2]] for item in found["disco_items"]["items"])

    async def run(self, step):
        commands = self.plugin["xep_0050"]
        came = asyncio.Queue()
        session = {"next": lambda iq, s: came.put_nowait(iq), "error": lambda iq, s: came.put_nowait(iq)}
        commands.start_command(step["at"], step["run"], session)
        answer = seen(await came.get())
        if answer.get("status") != "executing":
            commands.terminate_command(session)
            return answer
        if "cancel" in step:
            commands.cancel_command(session)
        else:
            form = self.plugin["xep_0004"].make_form(ftype="submit")
            for var, value in step["fill"].items():
                form.add_field(var=var, value=value)
            session["payload"] = form
            commands.complete_command(session)
        return {**seen(await came.get()), "asked": answer["form"]}


def seen(iq):
    if iq["type"] == "error":
        return {"error": iq["error"]["condition"]}
    command = iq["command"]
    form = command.xml.find("{jabber:x:data}x")
    fields = command["form"].get_fields() if form is not None else {}
    return {
        "status": command["status"],
        "notes": [list(note) for note in command["notes"]],
        "form": {var: field["type"] for var, field in fields.items()},
        "text": "\n".join(fields["text"]["value"]) if form is not None and form.get("type") == "result" else None,
    }


async def main(host, port, jid, password, steps):
    person = Commander(jid, password)
    person.connect(host, int(port))
    await asyncio.wait_for(person.started, PATIENCE)
    results = []
    for step in json.loads(steps):
        work = person.listed(step["list"]) if "list" in step else person.run(step)
        results.append(await asyncio.wait_for(work, PATIENCE))
    print(json.dumps(results), flush=True)
    await person.disconnect()


asyncio.run(main(*sys.argv[1:]))
