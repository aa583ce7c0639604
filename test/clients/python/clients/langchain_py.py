"""How `langchain-ollama` is asked."""

import asyncio

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM

from clients.things import HELLO, PNG, SCHEMA, TOOL

SAME = {"seed": 7, "temperature": 0, "num_predict": 6}


def streamed(url, model, prompt):
    for part in ChatOllama(model=model, base_url=url).stream(prompt):
        yield part.content


def whole(url, model, prompt):
    return ChatOllama(model=model, base_url=url).invoke(prompt).content


async def streamed_async(url, model, prompt):
    text = ""
    async for part in ChatOllama(model=model, base_url=url).astream(prompt):
        text += part.content
    return text


async def whole_async(url, model, prompt):
    return (await ChatOllama(model=model, base_url=url).ainvoke(prompt)).content


WAYS = {"streamed": streamed, "whole": whole}
ASYNC_WAYS = {"streamed": streamed_async, "whole": whole_async}


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
