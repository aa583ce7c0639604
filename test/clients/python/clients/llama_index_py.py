"""How `llama-index-llms-ollama` is asked. It gives up after 30 s of silence."""

import asyncio
import base64

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.ollama import Ollama
from pydantic import BaseModel

from clients.question import wished
from clients.things import HELLO, OPTIONS, TURNS


def asking(question):
    """With a context of its own, as its documentation advises: else it asks first how long the model's is. It never asks
    again."""
    wishes = wished(headers=question.headers, request_timeout=question.patience)
    return Ollama(model=question.model, base_url=question.url, context_window=8000, **wishes)


def turn(question):
    blocks = [TextBlock(text=question.prompt)]
    if question.image is not None:
        blocks.append(ImageBlock(image=base64.b64decode(question.image), image_mimetype="image/png"))
    return [ChatMessage(role="user", blocks=blocks)]


def streamed(question):
    for part in asking(question).stream_chat(turn(question)):
        yield part.delta


def whole(question):
    return asking(question).chat(turn(question)).message.content


async def streamed_async(question):
    text = ""
    async for part in await asking(question).astream_chat(turn(question)):
        text += part.delta or ""
    return text


async def whole_async(question):
    return (await asking(question).achat(turn(question))).message.content


WAYS = {"streamed": streamed, "whole": whole}
ASYNC_WAYS = {"streamed": streamed_async, "whole": whole_async}


def patience():
    return Ollama(model="tiny-a").request_timeout


class Answer(BaseModel):
    ok: bool


def weather(town: str) -> str:
    """The weather of a town."""
    return town


def questions(url):
    def model(**more):
        return Ollama(**{"model": "tiny-a", "base_url": url, "additional_kwargs": OPTIONS, **more})

    turns = [ChatMessage(**turn) for turn in TURNS]
    tools = [FunctionTool.from_defaults(weather)]
    # Of an answer of `complete` and `chat` `raw` is all that Ollama has said.
    return {
        "a chat": lambda: model().chat(turns[1:2]).raw,
        "a streamed chat": lambda: [part.raw for part in model().stream_chat(turns[1:2])],
        "an asynchronous chat": lambda: asyncio.run(model().achat(turns[1:2])).raw,
        "several turns under a system prompt": lambda: model().chat(turns).raw,
        "a completion": lambda: model().complete(HELLO).text,
        "a streamed completion": lambda: [part.delta for part in model().stream_complete(HELLO)],
        "a chat with tools": lambda: model().chat_with_tools(tools, user_msg=HELLO).raw,
        "a chat that wants JSON": lambda: model(json_mode=True).chat(turns[1:2]).raw,
        "an object of a schema": lambda: model(additional_kwargs={**OPTIONS, "num_predict": 100})
        .as_structured_llm(Answer)
        .complete(HELLO)
        .text,
        "a chat that keeps the model": lambda: model(keep_alive="10m").chat(turns[1:2]).raw,
        "a chat with a context of its own": lambda: model(context_window=1024).chat(turns[1:2]).raw,
        "how long a context is": lambda: model().metadata.context_window,
        "! an unknown model": lambda: model(model="nope").chat(turns[1:2]),
        "! an unknown model with a context of its own": lambda: model(model="nope", context_window=1024).chat(turns),
        "! a chat that is to think": lambda: model(thinking=True).chat(turns[1:2]),
        "! a streamed chat with an unknown model": lambda: list(
            model(model="nope", context_window=1024).stream_chat(turns)
        ),
    }
