# SPDX-License-Identifier: MIT
"""Servers that speak Milvus's protocol: real ones from the Python registry, in an environment of their own, and one that gives wrong
answers."""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

ENVIRONMENT = pathlib.Path(os.environ["PENSTOCK_MILVUS_ENVIRONMENT"])
# Milvus Lite is written in Python and keeps to Milvus's protocol; "milvus" is the server itself in one process, and its last release.
LITE = ["milvus-lite==3.2.2", "pymilvus==3.0.2"]
SERVER = ["milvus==2.3.5"]


class Missing(Exception):
    """A server cannot be had here."""


def python_with(packages):
    """Returns the Python of an environment that has these packages, which is made when it is not there."""
    folder = ENVIRONMENT / packages[0].replace("==", "-")
    python, done = folder / "bin/python", folder / "installed"
    line = "python3 -m venv VENV && VENV/bin/pip install " + " ".join(packages)
    if not done.exists():
        for command in ([sys.executable, "-m", "venv", "--clear", folder],
                        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *packages]):
            made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if made.returncode != 0:
                reason = (made.stderr or made.stdout).strip().splitlines()
                raise Missing(f"{packages[0]} cannot be installed ({reason[-1] if reason else 'no reason given'}): {line}")
        done.touch()
    return python


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A server on a port of its own, whose data are in `folder` and stay when it is killed."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None

    def start(self):
        self.log = open(self.folder.with_suffix(".log"), "a")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        while not self.is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.folder.with_suffix('.log').read_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def address(self, collection="", token=""):
        return f"milvus://{token + '@' if token else ''}127.0.0.1:{self.port}" + (f"/{collection}" if collection else "")

    def send(self, which):
        self.process.send_signal(which)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        if self.process is not None:
            self.process.wait()
            self.log.close()
        self.process = None


class Lite(Server):
    def command(self):
        return [python_with(LITE), "-m", "milvus_lite", "server", "--data-dir", self.folder, "--host", "127.0.0.1", "--port", str(self.port)]

    def is_ready(self):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0


# The package's own program writes the configuration and starts the server as its child; this becomes the server.
START = """
import os, sys, milvus
folder, port, settings = sys.argv[1], int(sys.argv[2]), sys.argv[4:]
server = milvus.MilvusServer(milvus.MilvusServerConfig())
server.set_base_dir(folder)
server.config.configs["proxy_port"] = port
for setting in settings:
    key, value = setting.split("=")
    server.config.set(key, {"true": True}.get(value, value))
server.config.resolve()
milvus._initialize_data_files(folder)
os.chdir(folder)
program = os.path.join(folder, "bin", "milvus")
os.environ.update(DEPLOY_MODE="STANDALONE", METRICS_PORT=sys.argv[3], MILVUS_RUN_DIR=os.path.join(folder, "run"), LD_LIBRARY_PATH=os.path.dirname(program))
os.execv(program, [program, "run", "standalone"])
"""


class Milvus(Server):
    def __init__(self, folder, *settings):
        super().__init__(folder)
        self.settings = settings
        self.health_port = free_port()

    def command(self):
        return [python_with(SERVER), "-c", START, self.folder, str(self.port), str(self.health_port), *self.settings]

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/healthz", timeout=5) as answer:
                return b"OK" in answer.read()
        except OSError:
            return False


class Wrong(threading.Thread):
    """Answers every call over HTTP/2 with the same frames, whatever was asked."""

    def __init__(self, *frames):
        super().__init__(daemon=True)
        self.frames = frames
        self.calls = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            if stream.read(24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
                return
            connection.sendall(frame(4, 0, 0))
            while len(head := stream.read(9)) == 9:
                kind, flags, number = head[3], head[4], struct.unpack(">I", head[5:])[0]
                stream.read(int.from_bytes(head[:3], "big"))
                if kind == 4 and not flags & 1:
                    connection.sendall(frame(4, 1, 0))
                if kind == 0 and flags & 1:  # the end of a request
                    self.calls += 1
                    for each in self.frames:
                        if each is None:
                            return
                        connection.sendall(frame(*each[:2], number, each[2]))

    def address(self, collection):
        return f"milvus://127.0.0.1:{self.port}/{collection}"

    def close(self):
        self.listener.close()


def frame(kind, flags, number, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", number) + payload


def headers(*pairs, end=False):
    """A HEADERS frame whose fields are written out (RFC 7541, 6.2.2)."""
    block = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in pairs)
    return (1, 5 if end else 4, block)


def message(payload, length=None):
    """A DATA frame with a message of gRPC, or one that says that it is longer."""
    return (0, 0, b"\0" + struct.pack(">I", len(payload) if length is None else length) + payload)


STARTS = headers((":status", "200"), ("content-type", "application/grpc"))
ENDS = headers(("grpc-status", "0"), end=True)


def answer(payload):
    """The frames of an answer that went well."""
    return STARTS, message(payload), ENDS


def number(field, value):
    """A field of a message of Protocol Buffers; `value` is below 2**14."""
    return bytes([field << 3, value & 127 | 128, value >> 7])


def text(field, value):
    return bytes([field << 3 | 2, len(value)]) + value
