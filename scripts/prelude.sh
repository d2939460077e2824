# shellcheck shell=bash
# What every script here starts with: strict mode, the project's root as working directory, and how to talk to people.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

# One line of progress. To stderr, so that a script's real output stays clean.
say() { printf '▸ %s\n' "$*" >&2; }

# The reason on the first line, what to do about it on the next ones.
fail() {
  printf '✗ %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# A fresh rustup is not on the PATH before the next login.
if ! have cargo && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
  PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
fi

# as_root CMD…: as we are when root, else through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "root rights are needed for: $*" "Run this as root, or install sudo."
  fi
}

# free_port [PREFERRED]: a loopback TCP port nobody listens on. It is free now; nothing keeps it free until it is used.
free_port() {
  python3 - "${1:-0}" <<'PY'
import socket, sys

for port in (int(sys.argv[1]), 0):
    with socket.socket() as s:
        # As the servers do it, so that a port of a server that has just stopped counts as free.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(s.getsockname()[1])
        break
PY
}

# A secret of 32 letters and digits: safe unquoted in a URL, TOML, Lua and a shell.
secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
