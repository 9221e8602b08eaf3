#!/usr/bin/env python3
"""Runs real clients against a server: run.py [--target fanfare|redis] [python|node-redis|ioredis ...]

The clients are installed by their own package managers, into target/conformance and clients/node/node_modules. The
Fanfare program is FANFARE_BIN, or the one in target/debug.
"""

import argparse
import os
import pathlib
import queue
import shutil
import socket
import subprocess
import sys
import threading
import venv

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
WAIT_MAX = 60


class Server:
    """A server on a free port, which can be killed and started again on it."""

    def __init__(self, target):
        self.target = target
        self.port = 0
        self.process = None
        self.start()

    def start(self):
        if self.port == 0:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        if self.target == "redis":
            command = ["redis-server", "--save", ""]
            ready = "Ready to accept connections"
        else:
            command = [os.environ.get("FANFARE_BIN", str(TARGET / "debug" / "fanfare")), "serve"]
            ready = "listens on"
        command += ["--port", str(self.port), "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        lines = read_lines(self.process.stdout)
        said = []
        while (line := next_line(lines)) is not None:
            said.append(line)
            if ready in line:
                return
        raise RuntimeError(f"{command} did not get ready; it said:\n{''.join(said)}")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        self.start()


def read_lines(stream):
    """A queue of a stream's lines, read to the end so that the writer never stops; None is the end."""
    lines = queue.Queue()

    def read():
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def next_line(lines):
    try:
        return lines.get(timeout=WAIT_MAX)
    except queue.Empty:
        return None


def run_client(command, target):
    """Runs one client to its end; whether it succeeded."""
    server = Server(target)
    process = subprocess.Popen(
        [*command, "127.0.0.1", str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        lines = read_lines(process.stdout)
        while (line := next_line(lines)) is not None:
            if line.strip() == "restart":
                server.restart()
                process.stdin.write("restarted\n")
                process.stdin.flush()
            else:
                print(line, end="")
        return process.wait(timeout=WAIT_MAX) == 0
    except subprocess.TimeoutExpired:
        print("the client does not end")
        return False
    finally:
        process.kill()
        process.wait()
        server.stop()


def python_client():
    home = TARGET / "conformance" / "python"
    requirements = HERE / "python" / "requirements.txt"
    python = home / "bin" / "python"
    installed = home / "requirements.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        shutil.copy(requirements, installed)
    return [str(python), str(HERE / "python" / "pubsub.py")]


def node_client(script):
    folder = HERE / "node"
    lock = folder / "package-lock.json"
    installed = folder / "node_modules" / ".installed-lock.json"
    if not installed.exists() or installed.read_text() != lock.read_text():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
        shutil.copy(lock, installed)
    return ["node", str(folder / script)]


CLIENTS = {
    "python": python_client,
    "node-redis": lambda: node_client("node_redis.mjs"),
    "ioredis": lambda: node_client("ioredis.mjs"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=["fanfare", "redis"], default="fanfare")
    parser.add_argument("client", nargs="*", default=list(CLIENTS))
    arguments = parser.parse_args()
    unknown = set(arguments.client) - set(CLIENTS)
    if unknown:
        parser.error(f"no such client: {', '.join(sorted(unknown))}")
    passed = failed = 0
    for name in arguments.client:
        ok = run_client(CLIENTS[name](), arguments.target)
        print(f"{name}: {'passed' if ok else 'FAILED'}", flush=True)
        passed, failed = passed + ok, failed + (not ok)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
