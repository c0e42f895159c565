#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server for tests: prints its port, and answers by path until its input ends.

/echo      method, X-Test header and body of the request
/flaky/N   500 for the first two requests with this N, then 200
/slow      answers after a while
/hang      never answers
/drop      closes the connection without an answer
/status/N  answers with this status
/to/PATH   redirects there
/loop      redirects to itself
/big/N     N bytes
/latin     a byte that is not UTF-8
"""
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = {}
lock = threading.Lock()
over = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what, _, rest = self.path[1:].partition("/")
        if what == "echo":
            header = self.headers.get("X-Test", "-")
            self.answer(200, f"{self.command} {header} {sent.decode()}".encode())
        elif what == "flaky":
            with lock:
                seen[rest] = seen.get(rest, 0) + 1
                times = seen[rest]
            self.answer(200 if times > 2 else 500, str(times).encode())
        elif what == "slow":
            time.sleep(0.05)
            self.answer(200, rest.encode())
        elif what == "hang":
            over.wait()
            self.close_connection = True
        elif what == "drop":
            self.close_connection = True
        elif what == "status":
            self.answer(int(rest), b"as asked")
        elif what == "to":
            self.answer(302, b"", [("Location", "/" + rest)])
        elif what == "loop":
            self.answer(302, b"", [("Location", "/loop")])
        elif what == "big":
            self.answer(200, b"x" * int(rest))
        elif what == "latin":
            self.answer(200, b"\xe9")
        else:
            self.answer(200, rest.encode())

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
over.set()
