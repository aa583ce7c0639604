"""How `litellm` is asked as a library: by /api/chat as it recommends, by /api/generate as its plain prefix does."""

import asyncio

import litellm

from clients.question import turns, wished
from clients.things import HELLO, PNG, SCHEMA, TOOL, TURNS

SAME = {"seed": 7, "temperature": 0, "max_tokens": 6}
litellm.suppress_debug_info = True
litellm.telemetry = False


def turn(prompt):
    return [{"role": "user", "content": prompt}]


def asked(provider, question):
    wishes = wished(extra_headers=question.headers, max_retries=question.retries, timeout=question.patience)
    return {
        **{"model": f"{provider}/{question.model}", "messages": turns(question), "api_base": question.url},
        **wishes,
    }


def streamed_by(provider):
    def streamed(question):
        for part in litellm.completion(**asked(provider, question), stream=True):
            yield part.choices[0].delta.content

    return streamed


def whole_by(provider):
    return lambda question: litellm.completion(**asked(provider, question)).choices[0].message.content


def streamed_async_by(provider):
    async def streamed(question):
        text = ""
        async for part in await litellm.acompletion(**asked(provider, question), stream=True):
            text += part.choices[0].delta.content or ""
        return text

    return streamed


def whole_async_by(provider):
    async def whole(question):
        return (await litellm.acompletion(**asked(provider, question))).choices[0].message.content

    return whole


CHAT, GENERATE = "ollama_chat", "ollama"
WAYS = {
    "streamed": streamed_by(CHAT),
    "whole": whole_by(CHAT),
    "streamed generate": streamed_by(GENERATE),
    "whole generate": whole_by(GENERATE),
}
ASYNC_WAYS = {
    "streamed": streamed_async_by(CHAT),
    "whole": whole_async_by(CHAT),
    "streamed generate": streamed_async_by(GENERATE),
    "whole generate": whole_async_by(GENERATE),
}
ACTS = {
    "embed": lambda question: litellm.embedding(
        model=f"ollama/{question.model}", input=["sky", "sea"], api_base=question.url
    ),
}


def patience():
    return litellm.request_timeout


def questions(url):
    def chat(**more):
        wishes = {"model": "ollama_chat/tiny-a", "messages": turn(HELLO), "api_base": url}
        return litellm.completion(**{**wishes, **SAME, **more})

    def generate(**more):
        return chat(model="ollama/tiny-a", **more)

    def openai(**more):
        return chat(**{"model": "openai/tiny-a", "api_base": f"{url}/v1", "api_key": "none", **more})

    async def asynchronous():
        wishes = {"model": "ollama_chat/tiny-a", "messages": turn(HELLO), "api_base": url}
        return await litellm.acompletion(**wishes, **SAME)

    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    return {
        "a chat": chat,
        "a streamed chat": lambda: list(chat(stream=True)),
        "an asynchronous chat": lambda: asyncio.run(asynchronous()),
        "several turns under a system prompt": lambda: chat(messages=TURNS),
        "a chat with tools": lambda: chat(tools=[TOOL]),
        "a streamed chat with tools": lambda: list(chat(tools=[TOOL], stream=True)),
        "a chat that wants JSON of a schema": lambda: chat(response_format=schema, max_tokens=100),
        "a chat with an image": lambda: chat(
            messages=[{"role": "user", "content": [{"type": "text", "text": HELLO}, picture]}]
        ),
        "a chat that keeps the model": lambda: chat(keep_alive="10m"),
        "a completion": generate,
        "a streamed completion": lambda: list(generate(stream=True)),
        "a chat by the OpenAI surface": openai,
        "a streamed chat by the OpenAI surface": lambda: list(openai(stream=True)),
        "embeddings": lambda: litellm.embedding(model="ollama/tiny-embed", input=["sky", "sea"], api_base=url),
        "! an unknown model": lambda: chat(model="ollama_chat/nope"),
        "! a streamed chat with an unknown model": lambda: list(chat(model="ollama_chat/nope", stream=True)),
        "! a completion by an unknown model": lambda: chat(model="ollama/nope"),
        "! an unknown model by the OpenAI surface": lambda: openai(model="openai/nope"),
        "! an unknown embedder": lambda: litellm.embedding(model="ollama/nope", input=["x"], api_base=url),
    }
