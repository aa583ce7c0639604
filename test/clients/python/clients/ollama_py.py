"""How `ollama` is asked."""

import asyncio

import ollama

from clients.question import wished
from clients.things import HELLO, OPTIONS, PNG, SCHEMA, TOOL, TURNS


def turn(prompt):
    return [{"role": "user", "content": prompt}]


def asked(question):
    return {"model": question.model, "messages": [{**turn(question.prompt)[0], **images(question)}]}


def images(question):
    return {} if question.image is None else {"images": [question.image]}


def of(question, kind=ollama.Client):
    """It never asks again."""
    return kind(host=question.url, **wished(headers=question.headers, timeout=question.patience))


def streamed(question):
    for part in of(question).chat(**asked(question), stream=True):
        yield part.message.content


def whole(question):
    return of(question).chat(**asked(question)).message.content


async def streamed_async(question):
    text = ""
    async for part in await of(question, ollama.AsyncClient).chat(**asked(question), stream=True):
        text += part.message.content or ""
    return text


async def whole_async(question):
    return (await of(question, ollama.AsyncClient).chat(**asked(question))).message.content


WAYS = {"streamed": streamed, "whole": whole}
ASYNC_WAYS = {"streamed": streamed_async, "whole": whole_async}
ACTS = {
    "embed": lambda question: of(question).embed(model=question.model, input=["sky", "sea"]),
    "embeddings": lambda question: of(question).embeddings(model=question.model, prompt="sky"),
    "pull": lambda question: of(question).pull("new"),
    "push": lambda question: of(question).push(question.model),
    "create": lambda question: of(question).create("new", from_=question.model),
    "copy": lambda question: of(question).copy(question.model, "new"),
    "delete": lambda question: of(question).delete(question.model),
}


def patience():
    return ollama.Client()._client.timeout.read


def questions(url):
    client = ollama.Client(host=url)

    def chat(**more):
        return client.chat(**{"model": "tiny-a", "messages": turn(HELLO), "options": OPTIONS, **more})

    def generate(**more):
        return client.generate(**{"model": "tiny-a", "prompt": HELLO, "options": OPTIONS, **more})

    async def at_once():
        asking = ollama.AsyncClient(host=url)
        one = {"model": "tiny-a", "messages": turn(HELLO), "options": OPTIONS}
        return await asyncio.gather(asking.chat(**one), asking.embed(model="tiny-embed", input="sky"))

    return {
        "a chat": chat,
        "a streamed chat": lambda: list(chat(stream=True)),
        "several turns under a system prompt": lambda: chat(messages=TURNS),
        "a chat with tools": lambda: chat(tools=[TOOL]),
        "a streamed chat with tools": lambda: list(chat(tools=[TOOL], stream=True)),
        "a chat that wants JSON of a schema": lambda: chat(format=SCHEMA),
        "a chat with an image": lambda: chat(messages=[{**turn(HELLO)[0], "images": [PNG]}]),
        "a chat that is not to think": lambda: chat(think=False),
        "a chat that keeps the model": lambda: chat(keep_alive="10m"),
        "a chat with logprobs": lambda: chat(logprobs=True, top_logprobs=2),
        "a completion": generate,
        "a streamed completion": lambda: list(generate(stream=True)),
        "a completion under a system prompt": lambda: generate(system="You are brief."),
        "a raw completion": lambda: generate(raw=True),
        "a load": lambda: client.generate(model="tiny-a"),
        "embeddings": lambda: client.embed(model="tiny-embed", input=["sky", "sea"]),
        "shorter embeddings": lambda: client.embed(model="tiny-embed", input="sky", dimensions=8, truncate=True),
        "an old embedding": lambda: client.embeddings(model="tiny-embed", prompt="sky"),
        "a chat and an embedding at once": lambda: asyncio.run(at_once()),
        "the models": client.list,
        "! an unknown model": lambda: chat(model="nope"),
        "! a streamed chat with an unknown model": lambda: list(chat(model="nope", stream=True)),
        "! an unknown embedder": lambda: client.embed(model="nope", input="x"),
        "! a model that can't chat": lambda: chat(model="tiny-embed"),
        "! a chat that is to think": lambda: chat(think=True),
        "! a completion to fill in": lambda: generate(suffix="}"),
        "a chat with an invalid image": lambda: chat(messages=[{**turn(HELLO)[0], "images": ["AAAA"]}]),
        "! an invalid format": lambda: list(client._request_raw(
            "POST", "/api/chat", json={"model": "tiny-a", "messages": turn(HELLO), "format": "pdf"}
        ).json()),
    }
