"""What one short chat is asked with. Nothing here knows a client; what is not wished for keeps the client's own default."""

from dataclasses import dataclass


@dataclass
class Question:
    url: str
    model: str
    prompt: str = "hi"
    # A PNG in base64 to go with it.
    image: str | None = None
    headers: dict[str, str] | None = None
    # How often a client that asks again may do so.
    retries: int | None = None
    # Seconds of silence.
    patience: float | None = None


def wished(**wishes):
    return {name: value for name, value in wishes.items() if value is not None}


def url_of(image):
    return f"data:image/png;base64,{image}"


def turns(question):
    """In OpenAI's form, which LiteLLM and LangChain read too."""
    content = question.prompt
    if question.image is not None:
        picture = {"type": "image_url", "image_url": {"url": url_of(question.image)}}
        content = [{"type": "text", "text": question.prompt}, picture]
    return [{"role": "user", "content": content}]
