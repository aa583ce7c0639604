"""How `anthropic` is asked."""

import anthropic

from clients.question import wished
from clients.things import HELLO, PNG, TURNS, WEATHER


def body(model, prompt):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]}


def text_of(event):
    return event.delta.text if event.type == "content_block_delta" and event.delta.type == "text_delta" else ""


def of(question, kind=anthropic.Anthropic):
    wishes = wished(default_headers=question.headers, max_retries=question.retries, timeout=question.patience)
    return kind(base_url=question.url, api_key="none", **wishes)


def asked(question):
    content = question.prompt
    if question.image is not None:
        source = {"type": "base64", "media_type": "image/png", "data": question.image}
        content = [{"type": "text", "text": question.prompt}, {"type": "image", "source": source}]
    return body(question.model, content)


def streamed(question):
    for event in of(question).messages.create(**asked(question), stream=True):
        yield text_of(event)


def whole(question):
    return "".join(block.text for block in of(question).messages.create(**asked(question)).content)


async def streamed_async(question):
    text = ""
    async for event in await of(question, anthropic.AsyncAnthropic).messages.create(**asked(question), stream=True):
        text += text_of(event)
    return text


async def whole_async(question):
    message = await of(question, anthropic.AsyncAnthropic).messages.create(**asked(question))
    return "".join(block.text for block in message.content)


WAYS = {"streamed": streamed, "whole": whole}
ASYNC_WAYS = {"streamed": streamed_async, "whole": whole_async}
ACTS = {"get": lambda question: of(question).get("/v1/messages", cast_to=object)}


def patience():
    return anthropic.Anthropic(api_key="none").timeout.read


def questions(url):
    client = anthropic.Anthropic(base_url=url, api_key="none")
    # Since 2.0 the client has no word of its own for a temperature.
    certain = {**body("tiny-a", HELLO), "max_tokens": 6, "extra_body": {"temperature": 0}}

    def message(**more):
        return client.messages.create(**{**certain, **more})

    def helped():
        with client.messages.stream(**certain) as stream:
            return [list(stream.text_stream), stream.get_final_message()]

    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    tool = {"name": "weather", "description": "The weather of a town.", "input_schema": WEATHER}
    return {
        "a message": message,
        "a streamed message": lambda: list(message(stream=True)),
        "a streamed message by its helper": helped,
        "several turns under a system prompt": lambda: message(messages=TURNS[1:], system="You are brief."),
        "a system prompt in blocks": lambda: message(system=[{"type": "text", "text": "You are brief."}]),
        "a message with tools": lambda: message(tools=[tool]),
        "a message with an image": lambda: message(
            messages=[{"role": "user", "content": [{"type": "text", "text": HELLO}, picture]}]
        ),
        "words to stop at": lambda: message(stop_sequences=["e"]),
        "! an unknown model": lambda: message(model="nope"),
        "! a streamed message with an unknown model": lambda: list(message(model="nope", stream=True)),
        "! no tokens": lambda: message(max_tokens=0),
        "! no messages": lambda: message(messages=[]),
        "! a count of tokens": lambda: client.messages.count_tokens(
            model="tiny-a", messages=[{"role": "user", "content": HELLO}]
        ),
    }
