"""The REST part of `make bench`: do the list and sync routes stay fast when the tickets become many?

    python3 benches/rest.py DESKBRIDGE WORKDIR [--sizes 1000,100000,1000000]

For each size it makes a database by `deskbridge migrate`, fills it with SQL (four tickets a customer, one of them live,
two messages a ticket) and starts `deskbridge serve` on it. Then it asks all of them in turn, request by request, so
that what disturbs one disturbs all, over one kept-alive connection each, and prints the medians.
"""

import argparse
import contextlib
import os
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

JWT_SECRET = "a secret for the bench, long enough to be one"
# 2026-01-01; a ticket a second since then.
START = 1_767_225_600
TICKETS = "/api/v1/xmpp/tickets"
# Requests a route and size.
REQUESTS = 400


# Rows are made by SQL from a number `i`. An id is sixteen bytes in the order of creation, as a UUIDv7 is; a time is text
# as sqlx stores it, RFC 3339, so that its order is the time's.
TICKET_ID = "CAST(printf('t%015d', i) AS BLOB)"
QUESTION_ID = "CAST(printf('q%015d', i) AS BLOB)"
ANSWER_ID = "CAST(printf('a%015d', i) AS BLOB)"
ASKED_AT = f"strftime('%Y-%m-%dT%H:%M:%S.000001+00:00', {START} + i, 'unixepoch')"
ANSWERED_AT = f"strftime('%Y-%m-%dT%H:%M:%S.000001+00:00', {START} + i + 60, 'unixepoch')"
EVENT = {"ticket_id": TICKET_ID, "data": "'{}'"}
ROWS = [
    (
        "ticket",
        {
            "id": TICKET_ID,
            "short_id": f"lower(substr(hex({TICKET_ID}), -12))",
            "desk": "'support'",
            "customer": "'customer' || (i / 4) || '@example.org'",
            "subject": "'Where is my parcel number ' || i",
            "subject_is_named": "1",
            "status": """CASE WHEN i % 4 THEN 'CLOSED' WHEN i % 20 = 4 THEN 'OPEN' WHEN i % 20 = 8 THEN 'ESCALATED'
                         ELSE 'PENDING' END""",
            "handler": "CASE WHEN i % 4 OR i % 20 = 8 THEN 'none' ELSE 'assistant' END",
            "priority": "'NORMAL'",
            "version": "1",
            "created_at": ASKED_AT,
            "updated_at": ANSWERED_AT,
            "last_message_at": ANSWERED_AT,
        },
    ),
    (
        "message",
        {
            "id": QUESTION_ID,
            "ticket_id": TICKET_ID,
            "seq": "3 * i + 2",
            "author": "'customer'",
            "visibility": "'public'",
            "body": "'Good morning, where is my parcel ' || i || '? It was to come on Monday.'",
            "outbound": "0",
            "created_at": ASKED_AT,
        },
    ),
    (
        "message",
        {
            "id": ANSWER_ID,
            "ticket_id": TICKET_ID,
            "seq": "3 * i + 3",
            "author": "'assistant'",
            "visibility": "'public'",
            "body": "'It left our store and should be with you in two days. I can send you its number.'",
            "outbound": "1",
            "created_at": ANSWERED_AT,
            "sent_at": ANSWERED_AT,
        },
    ),
    ("event", EVENT | {"seq": "3 * i + 1", "kind": "'ticket.created'", "created_at": ASKED_AT}),
    (
        "event",
        EVENT | {"seq": "3 * i + 2", "kind": "'message.created'", "message_id": QUESTION_ID, "created_at": ASKED_AT},
    ),
    (
        "event",
        EVENT | {"seq": "3 * i + 3", "kind": "'message.created'", "message_id": ANSWER_ID, "created_at": ANSWERED_AT},
    ),
]


def ticket_id(number: int) -> str:
    """The id of the ticket with this number, as the API spells it."""
    digits = f"t{number:015d}".encode().hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def customer(number: int) -> str:
    """The customer of the ticket with this number."""
    return f"customer{number // 4}@example.org"


def fill(path: Path, count: int) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    # Made afterwards, indexes cost a fraction.
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        db.execute(f'DROP INDEX "{name}"')
    for table, columns in ROWS:
        insert(db, table, columns, count)
    db.execute("UPDATE counter SET value = ? WHERE name = 'event'", (3 * count,))
    for _, sql in indexes:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def insert(db: sqlite3.Connection, table: str, columns: dict[str, str], count: int) -> None:
    """Inserts `count` rows; a column that we do not know is empty, so that a new one does not stop the bench."""
    values = {}
    for _, name, kind, not_null, default, _ in db.execute(f"PRAGMA table_info({table})"):
        if name in columns:
            values[name] = columns[name]
        elif not_null and default is None:
            values[name] = "''" if re.search("text|char", kind, re.IGNORECASE) else "0"
    if missing := columns.keys() - values.keys():
        sys.exit(f"rest: the table {table} has no {', '.join(missing)} any more: mend the filler")
    db.execute(
        f"""WITH RECURSIVE number(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM number WHERE i + 1 < ?)
            INSERT INTO {table} ({", ".join(values)}) SELECT {", ".join(values.values())} FROM number""",
        (count,),
    )


class Server:
    """A `deskbridge serve` on a filled database, and a connection to it."""

    def __init__(self, binary: Path, work: Path, size: int) -> None:
        self.size = size
        self.database = work / f"rest-{size}.db"
        self.remove_database()
        self.address = ("127.0.0.1", free_port())
        self.environment = os.environ | {
            "DESKBRIDGE_LOG": "error",
            "DESKBRIDGE_XMPP__DOMAIN": "help.localhost",
            # Nobody listens there: REST works without the XMPP link.
            "DESKBRIDGE_XMPP__SERVER": f"127.0.0.1:{free_port()}",
            "DESKBRIDGE_XMPP__SECRET": "bench",
            "DESKBRIDGE_DATABASE__URL": f"sqlite://{self.database}?mode=rwc",
            "DESKBRIDGE_HTTP__LISTEN": f"127.0.0.1:{self.address[1]}",
            "DESKBRIDGE_AUTH__JWT_SECRET": JWT_SECRET,
            "DESKBRIDGE_LIMITS__ENABLED": "false",
        }
        self.binary, self.work = binary, work
        start = time.perf_counter()
        self.run("migrate")
        fill(self.database, size)
        print(f"rest: {size:,} tickets stored in {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)

    def run(self, *arguments: str) -> str:
        command = [self.binary, *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=self.work, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def __enter__(self) -> "Server":
        with open(self.work / f"rest-{self.size}.log", "w") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve"], env=self.environment, cwd=self.work, stdout=log, stderr=log
            )
        for _ in range(300):
            try:
                self.socket = socket.create_connection(self.address)
                break
            except OSError:
                time.sleep(0.1)
        else:
            self.__exit__()
            sys.exit(f"rest: deskbridge did not start, see {self.work}/rest-{self.size}.log")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.admin = self.run("token", "--sub", "bench", "--role", "admin")
        self.customer = self.run("token", "--sub", customer(self.size // 2), "--role", "customer")
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.remove_database()

    def remove_database(self) -> None:
        for path in self.database.parent.glob(self.database.name + "*"):
            path.unlink()

    def get(self, path: str, token: str) -> tuple[float, str, bytes]:
        """Seconds, head and body of a GET that must succeed. By hand: an HTTP library takes longer than the server."""
        request = f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n".encode()
        start = time.perf_counter()
        self.socket.sendall(request)
        answer = self.socket.recv(1 << 20)
        while b"\r\n\r\n" not in answer:
            answer += self.more()
        head, _, body = answer.partition(b"\r\n\r\n")
        head = head.decode()
        length = int(re.search(r"(?i)^content-length: *(\d+)", head, re.MULTILINE)[1])
        while len(body) < length:
            body += self.more()
        seconds = time.perf_counter() - start
        if not head.startswith("HTTP/1.1 200"):
            sys.exit(f"rest: GET {path} with {self.size} tickets: {head}\n{body.decode()}")
        return seconds, head, body

    def more(self) -> bytes:
        return self.socket.recv(1 << 20) or sys.exit("rest: deskbridge closed the connection")

    def routes(self) -> dict[str, tuple[str, str]]:
        """What to ask: path and token by name. `{}` becomes a ticket's id."""
        page = f"{TICKETS}?limit=50"
        for _ in range(10):
            _, head, _ = self.get(page, self.admin)
            page = re.search(r"(?i)^link: *<([^>]*)>; *rel=\"?next", head, re.MULTILINE)[1]
            page = re.sub(r"^https?://[^/]*", "", page)
        return {
            "list, newest 50": (f"{TICKETS}?limit=50", self.admin),
            "list, the page after ten": (page, self.admin),
            "list, ESCALATED": (f"{TICKETS}?status=ESCALATED&limit=50", self.admin),
            "list, of one customer": (f"{TICKETS}?jid={customer(self.size // 3)}", self.admin),
            "list, a customer's own": (TICKETS, self.customer),
            "sync, any ticket": (f"{TICKETS}/{{}}/sync", self.admin),
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("deskbridge", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--sizes", default="1000,100000,1000000")
    options = arguments.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    chance = random.Random(1)
    with contextlib.ExitStack() as stack:
        # All databases first: Deskbridge closes a connection that is idle for as long as filling the largest takes.
        stored = [Server(options.deskbridge, options.work, size) for size in sizes]
        servers = [stack.enter_context(server) for server in stored]
        routes = [server.routes() for server in servers]
        seconds = {name: [[] for _ in servers] for name in routes[0]}
        for name, columns in seconds.items():
            for turn in range(REQUESTS + 20):
                for server, paths, taken in zip(servers, routes, columns):
                    path, token = paths[name]
                    path = path.format(ticket_id(chance.randrange(server.size)))
                    one, _, body = server.get(path, token)
                    if len(body) < 100:
                        sys.exit(f"rest: GET {path} with {server.size} tickets found nothing: {body.decode()}")
                    # The first ones warm up caches and statements.
                    if turn >= 20:
                        taken.append(one * 1000)
    print("\n**REST, p50 / p99 in ms, one request at a time**\n")
    print("| | " + " | ".join(f"{size:,} tickets" for size in sizes) + f" | {sizes[-1]:,} : {sizes[0]:,} |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    goals = []
    for name, columns in seconds.items():
        middles = [statistics.median(taken) for taken in columns]
        cells = [
            f"{middle:.2f} / {sorted(taken)[len(taken) * 99 // 100]:.2f}" for middle, taken in zip(middles, columns)
        ]
        print(f"| {name} | " + " | ".join(cells) + f" | {middles[-1] / middles[0]:.2f} |")
        goals.append(middles[-1] / middles[0])
    worst = max(goals)
    verdict = "met" if worst <= 2 else "MISSED"
    print(f"\n- list and sync at {sizes[-1]:,} tickets ≤ 2 × {sizes[0]:,}: {worst:.2f} ×, {verdict}")


if __name__ == "__main__":
    main()
