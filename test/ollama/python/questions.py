"""Asks one Ollama everything that the official Python client can ask, and prints the answers as one JSON document.

Usage: questions.py URL [NAME...]    Without names: all of them. It judges nothing; client-python.test.ts does.
"""

import json
import sys

import ollama

URL = sys.argv[1]
OPTIONS = {"seed": 7, "temperature": 0, "num_predict": 6}
MESSAGES = [{"role": "user", "content": "hello there"}]
ACTING = {"model": "tiny-acts", "messages": [{"role": "user", "content": "hello"}]}
CALL = {
    "type": "object",
    "properties": {
        "name": {"const": "weather"},
        "arguments": {"type": "object", "properties": {"town": {"const": "Ulm"}}, "required": ["town"]},
    },
    "required": ["name", "arguments"],
}
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}

client = ollama.Client(host=URL)


def weather(town: str) -> str:
    """The weather of a town.

    Args:
      town: its name
    """
    return town


def chat(**more):
    return client.chat(**{"model": "tiny-a", "messages": MESSAGES, "options": OPTIONS, **more})


def thinking(**more):
    return chat(**ACTING, think=True, options={**OPTIONS, "seed": 1, "num_predict": 8}, **more)


def calling(**more):
    return chat(
        **ACTING,
        think=False,
        tools=[weather],
        format={"prefixItems": [CALL]},
        options={**OPTIONS, "seed": 1, "num_predict": 128},
        **more,
    )


def generate(**more):
    return client.generate(**{"model": "tiny-a", "prompt": "hello there", "options": OPTIONS, **more})


QUESTIONS = {
    "a chat": chat,
    "a streamed chat": lambda: list(chat(stream=True)),
    "a chat with tools": lambda: chat(tools=[weather]),
    "a chat that wants JSON": lambda: chat(format="json"),
    "a streamed chat that wants JSON of a schema": lambda: list(chat(format=SCHEMA, stream=True)),
    "a chat that thinks": lambda: thinking(),
    "a streamed chat that thinks": lambda: list(thinking(stream=True)),
    "a chat that calls tools": lambda: calling(),
    "a streamed chat that calls tools": lambda: list(calling(stream=True)),
    "a completion": generate,
    "a streamed completion": lambda: list(generate(stream=True)),
    "a load": lambda: client.generate(model="tiny-a"),
    "an unload": lambda: client.generate(model="tiny-a", keep_alive=0),
    "an embedding": lambda: client.embed(model="tiny-embed", input="hello"),
    "embeddings": lambda: client.embed(model="tiny-embed", input=["hello", "there"]),
    "an old embedding": lambda: client.embeddings(model="tiny-embed", prompt="hello"),
    "the models": client.list,
    "a model": lambda: client.show("tiny-embed"),
    "what is loaded": lambda: sorted(model.name for model in client.ps().models),
    "a chat with a model that is not installed": lambda: chat(model="nope"),
    "a streamed chat with a model that is not installed": lambda: list(chat(model="nope", stream=True)),
    "a chat with an embedding model": lambda: chat(model="tiny-embed"),
    "a streamed chat that is to think": lambda: list(chat(think=True, stream=True)),
    "a completion with a model of a bad name": lambda: generate(model="a b"),
    "an embedding by a model that is not installed": lambda: client.embed(model="nope", input="x"),
    "a look at a model that is not installed": lambda: client.show("nope"),
    "a deletion": lambda: client.delete("nope"),
    "a pull": lambda: client.pull("http://127.0.0.1:1/x/y", insecure=True),
}


def plain(answer):
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer


def ask(question):
    try:
        return {"answer": plain(question())}
    except ollama.ResponseError as error:
        return {"error": error.error, "status": error.status_code}


names = sys.argv[2:] or list(QUESTIONS)
print(json.dumps({name: ask(QUESTIONS[name]) for name in names}))
