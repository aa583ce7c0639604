"""What the questions of all clients are about. Nothing here knows a client or foreman."""

HELLO = "hello there"
OPTIONS = {"seed": 7, "temperature": 0, "num_predict": 6}
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
TURNS = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": HELLO},
    {"role": "assistant", "content": "hi"},
    {"role": "user", "content": "and now?"},
]
WEATHER = {
    "type": "object",
    "properties": {"town": {"type": "string", "description": "its name"}},
    "required": ["town"],
}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather of a town.", "parameters": WEATHER},
}
# One red pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
