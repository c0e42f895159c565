#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server that embeds, for tests: prints its port, and answers by path until its input ends.

The vector of a tensor is its first, its second and its last value, and how many tensors came with it.

/embed     as docs/guide/images.md says
/json      the same as JSON
/flaky/N   500 for the first two requests with this N, then as /embed
/status/N  answers with this status
/hang      never answers
/drop      ends in the middle of its answer
/few       a vector less than there are tensors
/wide      vectors of five values
/nan       every vector whose first value is 2 has a NaN
/text      JSON that holds no vectors
/secret    as /embed for those who send a token
"""
import array
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = {}
lock = threading.Lock()
over = threading.Event()


def vectors_of(tensor, body):
    element, shape = re.fullmatch(r"(\w+) \[([\d, ]+)\]", tensor).groups()
    sizes = [int(size) for size in shape.split(",")]
    values = array.array({"f32": "f", "u8": "B"}[element], body)
    each = len(values) // sizes[0]
    return [[values[i * each], values[i * each + 1], values[i * each + each - 1], sizes[0]] for i in range(sizes[0])]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, body, status=200, kind="application/octet-stream"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_vectors(self, vectors):
        self.answer(array.array("f", sum(vectors, [])).tobytes())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        vectors = vectors_of(self.headers["X-Penstock-Tensor"], body)
        what, _, rest = self.path[1:].partition("/")
        if what == "json":
            self.answer(json.dumps({"vectors": vectors}).encode(), kind="application/json")
        elif what == "flaky":
            with lock:
                seen[rest] = seen.get(rest, 0) + 1
                times = seen[rest]
            self.answer_vectors(vectors) if times > 2 else self.answer(b"busy", 500)
        elif what == "status":
            self.answer(b"as asked", int(rest))
        elif what == "hang":
            over.wait()
            self.close_connection = True
        elif what == "drop":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabcd")
            self.close_connection = True
        elif what == "few":
            self.answer_vectors(vectors[1:])
        elif what == "wide":
            self.answer(json.dumps({"vectors": [vector + [0] for vector in vectors]}).encode(), kind="application/json")
        elif what == "nan":
            self.answer_vectors([[float("nan")] + v[1:] if v[0] == 2 else v for v in vectors])
        elif what == "text":
            self.answer(b'{"answer": 42}', kind="application/json")
        elif what == "secret" and self.headers.get("Authorization") != "Bearer 123":
            self.answer(b"no token", 401)
        else:
            self.answer_vectors(vectors)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
over.set()
