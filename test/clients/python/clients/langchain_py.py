"""How `langchain-ollama` is asked."""

import asyncio

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM

from clients.question import turns, wished
from clients.things import HELLO, PNG, SCHEMA, TOOL

SAME = {"seed": 7, "temperature": 0, "num_predict": 6}


def of(question):
    """It never asks again."""
    kwargs = wished(headers=question.headers, timeout=question.patience)
    return ChatOllama(model=question.model, base_url=question.url, client_kwargs=kwargs)


def asked(question):
    return [HumanMessage(turns(question)[0]["content"])]


def embed(question):
    return OllamaEmbeddings(model=question.model, base_url=question.url).embed_documents(["sky", "sea"])


def streamed(question):
    for part in of(question).stream(asked(question)):
        yield part.content


def whole(question):
    return of(question).invoke(asked(question)).content


async def streamed_async(question):
    text = ""
    async for part in of(question).astream(asked(question)):
        text += part.content
    return text


async def whole_async(question):
    return (await of(question).ainvoke(asked(question))).content


WAYS = {"streamed": streamed, "whole": whole}
ASYNC_WAYS = {"streamed": streamed_async, "whole": whole_async}
ACTS = {"embed": embed}


def patience():
    return ChatOllama(model="tiny-a")._client._client.timeout.read


def questions(url):
    def chat(**more):
        return ChatOllama(**{"model": "tiny-a", "base_url": url, **SAME, **more})

    def words(**more):
        return OllamaLLM(**{"model": "tiny-a", "base_url": url, **SAME, **more})

    turns = [SystemMessage("You are brief."), HumanMessage(HELLO), AIMessage("hi"), HumanMessage("and now?")]
    picture = {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"}
    embedder = OllamaEmbeddings(model="tiny-embed", base_url=url)
    return {
        "a chat": lambda: chat().invoke(HELLO),
        "a streamed chat": lambda: list(chat().stream(HELLO)),
        "an asynchronous chat": lambda: asyncio.run(chat().ainvoke(HELLO)),
        "several chats at once": lambda: chat().batch([HELLO, HELLO, HELLO]),
        "several turns under a system prompt": lambda: chat().invoke(turns),
        "a chat with tools": lambda: chat().bind_tools([TOOL]).invoke(HELLO),
        "a chat that wants JSON": lambda: chat(format="json").invoke(HELLO),
        "an object of a schema": lambda: chat(num_predict=100)
        .with_structured_output({**SCHEMA, "title": "answer"}, method="json_schema")
        .invoke(HELLO),
        "a chat with an image": lambda: chat().invoke(
            [HumanMessage([{"type": "text", "text": HELLO}, picture])]
        ),
        "a chat that keeps the model": lambda: chat(keep_alive="10m").invoke(HELLO),
        "a chat that is not to think": lambda: chat(reasoning=False).invoke(HELLO),
        "a model that is looked for first": lambda: chat(validate_model_on_init=True).invoke(HELLO),
        "a completion": lambda: words().invoke(HELLO),
        "a streamed completion": lambda: list(words().stream(HELLO)),
        "an embedding": lambda: embedder.embed_query("sky"),
        "embeddings": lambda: embedder.embed_documents(["sky", "sea"]),
        "! an unknown model": lambda: chat(model="nope").invoke(HELLO),
        "! a streamed chat with an unknown model": lambda: list(chat(model="nope").stream(HELLO)),
        "! an unknown model that is looked for first": lambda: chat(model="nope", validate_model_on_init=True),
        "! an unknown embedder": lambda: OllamaEmbeddings(model="nope", base_url=url).embed_query("x"),
        "! a chat that is to think": lambda: chat(reasoning=True).invoke(HELLO),
    }
