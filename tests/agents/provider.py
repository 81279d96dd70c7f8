#!/usr/bin/env python3
"""A scripted model provider for whole agents, on loopback: what it says, `script.py` knows; how it is put on the wire,
the provider of the clients' tests.

usage: provider.py [--port 0] [--log FILE]        prints its port on the first line

It speaks Anthropic messages, OpenAI chat completions and responses (over HTTP and over WebSocket, where a warm-up is
answered with nothing and `previous_response_id` continues what was said on that provider), and Gemini. One JSON line is
logged for each request, with its body.
"""

import asyncio
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients"))

import provider as clients_provider  # noqa: E402
import script  # noqa: E402
import speech  # noqa: E402


class Voice:
    """Says the script's next turn in the dialect that was asked for."""

    def __init__(self, log):
        self.log = log
        self.numbers = itertools.count(1)
        self.conversations = {}  # by the id of a response: what was said up to and with it
        self.failed = set()

    def turn(self, body, history, model):
        place = script.place_of(history)
        text, calls = script.next_turn(place, script.tools_of(body))
        turn = speech.Turn(self.new_id(), model, len(speech.dumps(body)) // 4)
        turn.text = text
        turn.calls = [speech.Call(self.new_id(), tool.name, values, tool.namespace) for tool, values in calls]
        turn.output_tokens = 40 if calls else 12
        # The first call of a conversation writes a cache, and those after it read that.
        turn.cached_tokens = turn.input_tokens * 3 // 4 if place.rounds else 0
        turn.written_tokens = 0 if place.rounds else turn.input_tokens // 2
        return turn

    def new_id(self):
        return speech.digest(str(next(self.numbers)).encode())[:24]

    def messages(self, body):
        history = script.blocks_history(body.get("messages", []))
        return speech.messages_reply(self.turn(body, history, body["model"]), body)

    def chat(self, body):
        history = script.blocks_history(body.get("messages", []))
        return speech.chat_reply(self.turn(body, history, body["model"]), body)

    def gemini(self, body, model, as_sse):
        history = script.parts_history(body.get("contents", []))
        return speech.gemini_reply(self.turn(body, history, model), as_sse)

    def responses(self, body):
        whole, events = self.respond(body)
        return whole, speech.named_frames(events)

    def responses_events(self, body):
        """A socket asks: its log line is written when it closes and knows frames only, so each message gets its own."""
        self.log.write(speech.dumps({"over": "socket", "body": body}) + "\n")
        self.log.flush()
        return self.respond(body)

    def respond(self, body):
        items = body.get("input") or []
        items = [{"role": "user", "content": items}] if isinstance(items, str) else items
        before = body.get("previous_response_id")
        if before:
            items = self.conversations[before] + items
        turn = self.turn(body, script.items_history(items), body["model"])
        if body.get("generate") is False:
            turn.text, turn.calls, turn.output_tokens = "", [], 0
        # The tools are not said again: they would be most of the bytes.
        whole, events = speech.responses_reply(turn, {})
        for event in events:
            if before and "response" in event:
                event["response"]["previous_response_id"] = before
        self.conversations[whole["id"]] = items + whole["output"]
        return whole, events

    def failure(self, path, body):
        """The status to fail with, once in a conversation whose script says so: where the tool's result comes."""
        if path.endswith("/messages"):
            history, status = script.blocks_history(body.get("messages", [])), 529
        elif path.endswith("/chat/completions"):
            history, status = script.blocks_history(body.get("messages", [])), 500
        elif path.endswith("/responses"):
            history, status = script.items_history(body.get("input") or []), 500
        else:
            return None
        place = script.place_of(history)
        # A conversation is told from others by the ids in it.
        key = speech.digest(speech.dumps(body.get("messages") or body.get("input")).encode())
        if place.marker != "SCN-RETRY" or not place.rounds or key in self.failed:
            return None
        self.failed.add(key)
        return status


class Provider(clients_provider.Provider):
    def __init__(self, log):
        super().__init__(log, Voice(log))

    async def answer(self, reader, request, reply):
        body = request.json()
        reply.record["body"] = body
        if status := self.voice.failure(request.path, body):
            return await reply.json(status, speech.error(status, request.path), [("retry-after", "0")])
        try:
            return await self.api(reader, request, reply)
        except LookupError as error:
            # An agent that offers other tools than the script knows: it is to give up at once and not to try again.
            reply.record["end"] = f"no such script: {error}"
            return await reply.json(400, speech.error(400, request.path))


if __name__ == "__main__":
    asyncio.run(clients_provider.serve(Provider, clients_provider.arguments_parser().parse_args()))
