"""How `openai` is asked."""

import openai

from clients.question import turns, wished
from clients.things import HELLO, PNG, SCHEMA, TOOL, TURNS

SAME = {"seed": 7, "temperature": 0, "max_tokens": 6}


def turn(prompt):
    return [{"role": "user", "content": prompt}]


def of(question, kind=openai.OpenAI):
    wishes = wished(default_headers=question.headers, max_retries=question.retries, timeout=question.patience)
    return kind(base_url=f"{question.url}/v1", api_key="none", **wishes)


def asked(question):
    return {"model": question.model, "messages": turns(question)}


def streamed(question):
    for part in of(question).chat.completions.create(**asked(question), stream=True):
        yield part.choices[0].delta.content


def whole(question):
    return of(question).chat.completions.create(**asked(question)).choices[0].message.content


async def streamed_async(question):
    client = of(question, openai.AsyncOpenAI)
    text = ""
    async for part in await client.chat.completions.create(**asked(question), stream=True):
        text += part.choices[0].delta.content or ""
    return text


async def whole_async(question):
    client = of(question, openai.AsyncOpenAI)
    return (await client.chat.completions.create(**asked(question))).choices[0].message.content


WAYS = {"streamed": streamed, "whole": whole}
ASYNC_WAYS = {"streamed": streamed_async, "whole": whole_async}
ACTS = {
    "embed": lambda question: of(question).embeddings.create(model=question.model, input=["sky", "sea"]),
    "get": lambda question: of(question).get("/chat/completions", cast_to=object),
}


def patience():
    return openai.OpenAI(api_key="none").timeout.read


def questions(url):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")

    def chat(**more):
        return client.chat.completions.create(**{"model": "tiny-a", "messages": turn(HELLO), **SAME, **more})

    def completion(**more):
        return client.completions.create(**{"model": "tiny-a", "prompt": HELLO, **SAME, **more})

    def response(**more):
        wishes = {"model": "tiny-a", "input": HELLO, "temperature": 0, "max_output_tokens": 6}
        return client.responses.create(**{**wishes, **more})

    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    return {
        "a chat": chat,
        "a streamed chat": lambda: list(chat(stream=True)),
        "a streamed chat with its usage": lambda: list(chat(stream=True, stream_options={"include_usage": True})),
        "several turns under a system prompt": lambda: chat(messages=TURNS),
        "a chat with tools": lambda: chat(tools=[TOOL], tool_choice="auto"),
        "a streamed chat with tools": lambda: list(chat(tools=[TOOL], stream=True)),
        "a chat that wants JSON": lambda: chat(response_format={"type": "json_object"}),
        "a chat that wants JSON of a schema": lambda: chat(response_format=schema, max_tokens=100),
        "a chat with an image": lambda: chat(
            messages=[{"role": "user", "content": [{"type": "text", "text": HELLO}, picture]}]
        ),
        "a chat with an effort": lambda: chat(reasoning_effort="none"),
        "a completion": completion,
        "a streamed completion": lambda: list(completion(stream=True)),
        "a response": response,
        "a streamed response": lambda: list(response(stream=True)),
        "a response to several turns": lambda: response(input=TURNS[1:], instructions="You are brief."),
        "embeddings": lambda: client.embeddings.create(model="tiny-embed", input=["sky", "sea"]),
        "embeddings as floats": lambda: client.embeddings.create(
            model="tiny-embed", input="sky", encoding_format="float"
        ),
        "the models": lambda: list(client.models.list()),
        "a model": lambda: client.models.retrieve("tiny-a"),
        "! an unknown model": lambda: chat(model="nope"),
        "! a streamed chat with an unknown model": lambda: list(chat(model="nope", stream=True)),
        "! a chat without messages": lambda: chat(messages=[]),
        "! a chat of a wrong type": lambda: chat(messages=turn(HELLO), temperature="hot"),
        "! an unknown model for a response": lambda: response(model="nope"),
        "! an unknown embedder": lambda: client.embeddings.create(model="nope", input="x"),
        "! a look at an unknown model": lambda: client.models.retrieve("nope"),
        "! a surface that is not there": lambda: client.files.list(),
    }
