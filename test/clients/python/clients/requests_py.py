"""How foreman is asked without any client, by `requests`."""

import requests


class Response(Exception):
    pass


def put(question):
    response = requests.put(f"{question.url}/api/chat", timeout=60)
    error = Response(response.text)
    error.status_code = response.status_code
    raise error


WAYS = {}
ASYNC_WAYS = {}
ACTS = {"put": put}
