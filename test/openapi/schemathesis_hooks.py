"""Hooks of Schemathesis: most submitted jobs are for a model that the scripted target has, or every job would be a 404."""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    if context.operation.label == "POST /jobs" and isinstance(body, dict) and isinstance(body.get("model"), str) and body["model"]:
        return {"messages": [{"role": "user", "content": "hi"}], **body, "model": "tiny-a"}
    return body
