"""Asks servers through one real Python client, as a program that uses it would, and says as JSON what it got.

Usage: asks.py CLIENT    A line of JSON on stdin is an order, a line of JSON on stdout its answer. It judges nothing, and
no other machine is ever asked: whoever tries is told so.

tell       one short chat with the client's own defaults but for what is wished, in a thread of its own; or one act of ACTS
begin      a chat by the client's asynchronous form; `leave` with the same id cancels it
patience   how many seconds of silence the client bears by default
questions  everything of the module's QUESTIONS, one after the other
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import socket
import sys
import threading
from dataclasses import fields

from clients.question import Question

# Clients print notes of their own.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def only_loopback(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "localhost"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in ("127.0.0.1", "::1", "localhost", None):
        raise ConnectionRefusedError(f"only this machine may be asked, not {name}")


sys.addaudithook(only_loopback)
resolve = socket.getaddrinfo


def known(host, *rest, **more):
    """As a line in the file of hosts would."""
    return resolve("127.0.0.1" if host == "foreman.example" else host, *rest, **more)


socket.getaddrinfo = known
client = importlib.import_module(f"clients.{sys.argv[1]}")
tasks = {}
lock = threading.Lock()


def say(order, **answer):
    with lock:
        answers.write(json.dumps({"id": order["id"], **answer}) + "\n")
        answers.flush()


def told_by(error):
    status = getattr(error, "status_code", None)
    message = str(error) or repr(error)
    return {"kind": "error", "type": type(error).__name__, "message": message, "status": status}


def question_of(order):
    return Question(**{field.name: order[field.name] for field in fields(Question) if field.name in order})


def tell(order):
    """A streamed way is a generator of pieces; with `pieces` the program leaves it after so many."""
    text, pieces = "", 0
    try:
        if order["way"] in getattr(client, "ACTS", {}):
            client.ACTS[order["way"]](question_of(order))
            answer = ""
        else:
            answer = client.WAYS[order["way"]](question_of(order))
        if isinstance(answer, str):
            text = answer
        else:
            with contextlib.closing(answer):
                for piece in answer:
                    text += piece or ""
                    pieces += 1
                    if pieces == order.get("pieces"):
                        break
        # openai keeps the line in a ring of references: it closes when the collector comes by.
        gc.collect()
        say(order, told={"kind": "text", "text": text})
    except Exception as error:
        say(order, told=told_by(error))


async def begin(order):
    try:
        say(order, told={"kind": "text", "text": await client.ASYNC_WAYS[order["way"]](question_of(order))})
    except (Exception, asyncio.CancelledError) as error:
        say(order, told=told_by(error))


def plain(value):
    """What a program can see of it, as JSON."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if isinstance(value, (list, tuple)) or hasattr(value, "__next__"):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {key: plain(item) for key, item in vars(value).items() if not key.startswith("_")}
    return str(value)


def ask(question):
    try:
        return {"answer": plain(question())}
    except Exception as error:
        return {key: value for key, value in told_by(error).items() if key != "kind"}


def questions(order):
    say(order, answers={name: ask(question) for name, question in client.questions(order["url"]).items()})


def patience(order):
    say(order, seconds=client.patience())


def obey(order):
    what = order["do"]
    if what == "begin":
        tasks[order["id"]] = loop.create_task(begin(order))
    elif what == "leave":
        tasks[order["id"]].cancel()
    else:
        todo = {"tell": tell, "questions": questions, "patience": patience}[what]
        threading.Thread(target=todo, args=[order], daemon=True).start()


def listen():
    for line in sys.stdin:
        loop.call_soon_threadsafe(obey, json.loads(line))
    # Nobody is there any more to hear an answer.
    os._exit(0)


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
say({"id": 0}, ready=True)
threading.Thread(target=listen, daemon=True).start()
loop.run_forever()
