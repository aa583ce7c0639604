"""Reliable webhook receiver, as webhook-receiver.ts, with Python 3.9 and its standard library alone: it accepts only signed
webhooks, answers before it starts its work, and handles each webhook once although it may arrive twice.

    FOREMAN_WEBHOOK_SECRET=… python3 webhook_receiver.py 8090

Use the secret that foreman was started with. Then submit a job that reports to this receiver:

    curl http://127.0.0.1:8080/jobs -d '{"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}],
      "state_webhook_url": "http://127.0.0.1:8090/"}'
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

# Two secrets, separated by a comma, while one replaces the other.
SECRETS = [secret.strip() for secret in os.environ.get("FOREMAN_WEBHOOK_SECRET", "").split(",") if secret.strip()]
MAX_BYTES = 8 * 1024 * 1024  # far larger than any webhook: artifacts of more than 256 KiB are not in it

# In a program with a database, use a column with a unique index, written in the transaction of your work.
seen = set()
lock = Lock()


def is_from_foreman(headers, body, secret):
    """Returns whether `body`, as received, was signed with `secret` within the last five minutes."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > 300:
        return False
    key = base64.b64decode(secret[6:] + "==") if secret.startswith("whsec_") else secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    signatures = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


def work(webhook):
    """Webhooks of one job arrive in the order of `sequence`; those of several jobs in any order."""
    say(webhook["job_id"], webhook["sequence"], webhook["state"])
    if webhook["state"] in ("failed", "cancelled"):
        say(" ", webhook["error"]["code"])
    if webhook["state"] == "done":
        completion = next(artifact for artifact in webhook["artifacts"] if artifact["name"] == "completion")
        # A long artifact has a `url` instead of `data`: GET it from foreman.
        say(" ", completion.get("data") or f"at {completion.get('url')}")


def say(*words):
    print(*words, flush=True)


class Receiver(BaseHTTPRequestHandler):
    timeout = 30  # seconds without a byte, after which the connection is closed

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BYTES:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not any(is_from_foreman(self.headers, body, secret) for secret in SECRETS):
            print("refused: the signature is missing or wrong", file=sys.stderr, flush=True)
            return self.answer(401)
        # After this answer foreman does not send it again, so first save what must not be lost. Do long work after the
        # answer: without an answer within 15 s, foreman sends the webhook again.
        webhook_id = self.headers["webhook-id"]
        with lock:
            is_new = webhook_id not in seen
            seen.add(webhook_id)
        self.answer(204)
        if is_new:
            work(json.loads(body))
        else:
            say(webhook_id, "was received before")

    def answer(self, status):
        self.send_response(status)
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if not SECRETS:
        sys.exit("FOREMAN_WEBHOOK_SECRET must be the secret that foreman was started with")
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Receiver)
    say(f"listening on http://127.0.0.1:{server.server_port}/")
    server.serve_forever()
