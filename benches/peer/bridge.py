"""The peer of the bench: an XMPP helpdesk bridge as one would write it in Python.

slixmpp (the component), aiosqlite (durable storage), aiohttp (the model). It does the core of what Deskbridge does for
a chat, in the same order and with the same guarantee for the receipt:

    message in → known stanza? → ticket found or opened, message stored, commit → receipt → composing
    → chat completion over the ticket's history → answer stored, ticket updated, commit → answer out

What Deskbridge does beyond that (event log, outbox with redelivery, limits, REST) is left out, in the peer's favour.
It is meant to be fast: uvloop, one writer connection whose commits are shared by all that wait (a commit is an fsync,
so one commit per message would measure the disk), one visit to the writer's thread per commit, a reader connection, a
pool of kept-alive model connections.
"""

import argparse
import asyncio
import gc
import json
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakValueDictionary

import aiohttp
import aiosqlite
import uvloop
from slixmpp import JID, ComponentXMPP
from slixmpp.stanza import Message

log = logging.getLogger("bridge")

SCHEMA = """
CREATE TABLE IF NOT EXISTS ticket (
    id         INTEGER PRIMARY KEY,
    desk       TEXT NOT NULL,
    customer   TEXT NOT NULL,
    status     TEXT NOT NULL,
    subject    TEXT,
    priority   TEXT NOT NULL DEFAULT 'NORMAL',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS ticket_live ON ticket (desk, customer) WHERE status <> 'CLOSED';
CREATE TABLE IF NOT EXISTS message (
    id         INTEGER PRIMARY KEY,
    ticket_id  INTEGER NOT NULL REFERENCES ticket (id),
    author     TEXT NOT NULL,
    sender     TEXT NOT NULL,
    stanza_id  TEXT,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (sender, stanza_id)
);
CREATE INDEX IF NOT EXISTS message_ticket ON message (ticket_id, id);
"""

SYSTEM_PROMPT = (
    "You are the assistant of a helpdesk. Answer the customer's last message in a few friendly sentences. "
    "Also name a subject for the ticket (at most 60 characters) and a priority."
)

ANSWER_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "reply": {"type": "string"},
                "subject": {"type": "string", "maxLength": 60},
                "priority": {"enum": ["LOW", "NORMAL", "HIGH", "URGENT"]},
            },
            "required": ["reply", "subject", "priority"],
            "additionalProperties": False,
        },
    },
}

# Messages of the ticket that go to the model.
HISTORY = 20
# Writes that may share one commit.
BATCH = 128

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class Store:
    """Tickets and messages in SQLite: one writer with shared commits, one reader."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._queue: asyncio.Queue[tuple[Write, asyncio.Future]] = asyncio.Queue()
        self._task = asyncio.create_task(self._write())

    @classmethod
    async def open(cls, path: str) -> "Store":
        writer = await aiosqlite.connect(path, isolation_level=None)
        await writer.execute("PRAGMA journal_mode = WAL")
        await writer.execute("PRAGMA synchronous = FULL")
        await writer.execute("PRAGMA foreign_keys = ON")
        await writer.executescript(SCHEMA)
        reader = await aiosqlite.connect(path, isolation_level=None)
        return cls(writer, reader)

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                # aiosqlite's public calls visit its thread once per statement, which costs more than the statements.
                results = await self._writer._execute(self._transaction, [write for write, _ in batch])
            except Exception as error:
                for _, done in batch:
                    done.set_exception(error)
            else:
                for (_, done), result in zip(batch, results):
                    done.set_result(result)

    def _transaction(self, writes: list[Write]) -> list:
        """Runs in the writer's thread."""
        db = self._writer._conn
        db.execute("BEGIN IMMEDIATE")
        try:
            results = [write(db) for write in writes]
            db.execute("COMMIT")
            return results
        except BaseException:
            db.execute("ROLLBACK")
            raise

    async def _committed(self, write: Write[T]) -> T:
        """Runs `write` in a transaction and returns when it is on disk."""
        done = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((write, done))
        return await done

    async def receive(self, desk: str, customer: str, stanza_id: str, body: str) -> int | None:
        """Stores a customer's message; the ticket's id, or None if the stanza is known already."""
        at = now()

        def write(db: sqlite3.Connection) -> int | None:
            (ticket,) = db.execute(
                """INSERT INTO ticket (desk, customer, status, created_at, updated_at)
                   VALUES (?1, ?2, 'OPEN', ?3, ?3)
                   ON CONFLICT (desk, customer) WHERE status <> 'CLOSED'
                   DO UPDATE SET status = 'OPEN', updated_at = ?3
                   RETURNING id""",
                (desk, customer, at),
            ).fetchone()
            stored = db.execute(
                """INSERT INTO message (ticket_id, author, sender, stanza_id, body, created_at)
                   VALUES (?, 'customer', ?, ?, ?, ?)
                   ON CONFLICT (sender, stanza_id) DO NOTHING""",
                (ticket, customer, stanza_id or None, body, at),
            )
            return ticket if stored.rowcount else None

        return await self._committed(write)

    async def answer(self, desk: str, ticket: int, stanza_id: str, answer: dict[str, str]) -> None:
        """Stores the assistant's answer; the customer owes the next step."""
        at = now()

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                """INSERT INTO message (ticket_id, author, sender, stanza_id, body, created_at)
                   VALUES (?, 'assistant', ?, ?, ?, ?)""",
                (ticket, desk, stanza_id, answer["reply"], at),
            )
            db.execute(
                """UPDATE ticket SET status = 'PENDING', subject = coalesce(subject, ?), priority = ?, updated_at = ?
                   WHERE id = ?""",
                (answer["subject"][:60], answer["priority"], at, ticket),
            )

        await self._committed(write)

    async def history(self, ticket: int) -> list[tuple[str, str]]:
        """The ticket's last messages, oldest first, as (author, body)."""
        rows = await self._reader.execute_fetchall(
            "SELECT author, body FROM message WHERE ticket_id = ? ORDER BY id DESC LIMIT ?", (ticket, HISTORY)
        )
        return list(rows)[::-1]


class Model:
    """The chat completions endpoint."""

    def __init__(self, url: str, name: str, concurrency: int) -> None:
        self._url = f"{url}/chat/completions"
        self._name = name
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=concurrency, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=60),
        )

    async def ask(self, history: list[tuple[str, str]]) -> dict[str, str]:
        turns = [{"role": "user" if author == "customer" else "assistant", "content": body} for author, body in history]
        request = {
            "model": self._name,
            "messages": [{"role": "system", "content": SYSTEM_PROMPT}, *turns],
            "response_format": ANSWER_FORMAT,
        }
        async with self._session.post(self._url, json=request) as response:
            response.raise_for_status()
            completion = await response.json()
        return json.loads(completion["choices"][0]["message"]["content"])


class Bridge(ComponentXMPP):
    """Customers' chats in, answers out."""

    def __init__(self, domain: str, secret: str, store: Store, model: Model) -> None:
        super().__init__(domain, secret)
        self.register_plugin("xep_0085")
        # Not automatic: a receipt means that the message is on disk.
        self.register_plugin("xep_0184", {"auto_ack": False})
        self.register_plugin("xep_0199")
        self.add_event_handler("message", self.on_message)
        self._store = store
        self._model = model
        self._tickets: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def on_message(self, message: Message) -> None:
        if message["type"] not in ("chat", "normal") or not message["body"]:
            return
        try:
            await self.converse(message)
        except Exception:
            log.exception("a message was not answered")

    async def converse(self, message: Message) -> None:
        customer, desk = message["from"], message["to"].bare
        ticket = await self._store.receive(desk, customer.bare, message["id"], message["body"])
        if message["request_receipt"] and message["id"]:
            receipt = self.make_message(mto=customer, mfrom=desk, mtype=message["type"])
            receipt["receipt"] = message["id"]
            receipt.send()
        if ticket is None:
            return
        # One answer at a time in a ticket; others go on.
        lock = self._tickets.setdefault(ticket, asyncio.Lock())
        async with lock:
            await self.reply(ticket, desk, customer)

    async def reply(self, ticket: int, desk: str, customer: JID) -> None:
        composing = self.make_message(mto=customer, mfrom=desk, mtype="chat")
        composing["chat_state"] = "composing"
        composing.send()
        answer = await self._model.ask(await self._store.history(ticket))
        message = self.make_message(mto=customer, mfrom=desk, mtype="chat", mbody=answer["reply"])
        await self._store.answer(desk, ticket, message["id"], answer)
        message["chat_state"] = "active"
        message.send()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--domain", required=True)
    arguments.add_argument("--server", required=True, help="host:port")
    arguments.add_argument("--secret", required=True)
    arguments.add_argument("--database", required=True, help="path of the SQLite file")
    arguments.add_argument("--model-url", required=True, help="OpenAI-compatible base URL, with /v1")
    arguments.add_argument("--model", default="scripted")
    arguments.add_argument("--concurrency", type=int, default=256, help="questions to the model in flight")
    options = arguments.parse_args()
    host, _, port = options.server.rpartition(":")

    logging.basicConfig(level=logging.WARNING)
    store = await Store.open(options.database)
    bridge = Bridge(options.domain, options.secret, store, Model(options.model_url, options.model, options.concurrency))
    bridge.connect(host, int(port))
    await bridge.disconnected


if __name__ == "__main__":
    # Far fewer collections: with the defaults they are a sixth of the processor time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    uvloop.run(main())
