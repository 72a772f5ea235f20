"""A git server that misbehaves: python3 server.py PORT REPOSITORY.

/silent    accepts the request and says nothing
/stall     begins the list of references and stops
/drip      goes on for ever, a byte at a time
/cut       a proper list of references, and then half a pack
/endless   a proper list of references, and then a pack without end
/evil      an error text with control characters in it
"""
import http.server
import subprocess
import sys
import time

repository = sys.argv[2]


def backend(*arguments, stdin=b""):
    return subprocess.run(
        ["git", "upload-pack", "--stateless-rpc", *arguments, repository],
        input=stdin, stdout=subprocess.PIPE, check=True).stdout


def references():
    return b"001e# service=git-upload-pack\n0000" + backend("--http-backend-info-refs")


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def begin(self, kind, length=None):
        self.send_response(200)
        self.send_header("content-type", f"application/x-git-upload-pack-{kind}")
        if length is not None:
            self.send_header("content-length", str(length))
        self.end_headers()

    def do_GET(self):
        body = references()
        if self.path.startswith("/silent"):
            time.sleep(60)
        elif self.path.startswith("/stall"):
            self.begin("advertisement", len(body))
            self.wfile.write(body[:40])
            self.wfile.flush()
            time.sleep(60)
        elif self.path.startswith("/drip"):
            self.begin("advertisement")
            for byte in body * 100:
                self.wfile.write(bytes([byte]))
                time.sleep(0.2)
        elif self.path.startswith("/evil"):
            line = b"ERR no \x1b[2J\r\nway\n"
            body = b"001e# service=git-upload-pack\n0000" + b"%04x" % (len(line) + 4) + line
            self.begin("advertisement", len(body))
            self.wfile.write(body)
        else:
            self.begin("advertisement", len(body))
            self.wfile.write(body)

    def do_POST(self):
        pack = backend(stdin=self.rfile.read(int(self.headers["content-length"])))
        if self.path.startswith("/cut"):
            self.begin("result")
            self.wfile.write(pack[: len(pack) // 2])
        else:
            self.begin("result")
            self.wfile.write(pack[:100])
            while True:
                self.wfile.write(b"\0" * 65536)

    def handle(self):
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
