#!/usr/bin/env python3
"""Drives WebSockets: every kind of frame, both compressions, every way for a connection to end, from either side.

usage: drive_websocket.py BASE [--named] [--results FILE] [NAME…]      see scenarios.py
"""

import asyncio
import contextlib

import websockets
import websockets.asyncio.client
import websockets.exceptions

import scenarios
from scenarios import digest, expect, scenario

PATIENCE = 20
SIZES = [0, 1, 125, 126, 65535, 65536, 2_000_000]
TEXT = "naïve 日本語 🚀"


def socket(place, name, path="/v1/responses", mode="echo", compression=None, **options):
    """An open connection to the provider; `mode` is what its WebSocket side is asked to do."""
    headers = {"x-mock-scenario": name, "Authorization": "Bearer sk-fake-openai", "OpenAI-Beta": "responses_websockets"}
    if mode:
        headers["x-mock-ws"] = mode
    url = place.of("openai", path).replace("http://", "ws://", 1)
    settings = {"max_size": None, "open_timeout": PATIENCE, "close_timeout": PATIENCE, "ping_interval": None}
    settings |= {"proxy": None, "compression": compression, "additional_headers": headers}
    return websockets.asyncio.client.connect(url, **settings | options)


def talk(coroutine):
    async def bounded():
        async with asyncio.timeout(PATIENCE * 2):
            return await coroutine

    return asyncio.run(bounded())


def random_bytes(size):
    return bytes((i * 7919 >> 3) % 256 for i in range(size))


async def closed(connection):
    with contextlib.suppress(websockets.exceptions.ConnectionClosed):
        while True:
            await connection.recv()
    received, sent = connection.protocol.close_rcvd, connection.protocol.close_sent
    return {
        "code": connection.close_code,
        "reason": connection.close_reason,
        "frame": received is not None,
        "sent": sent and sent.code,
    }


async def echoes(place, name, compression, mode="echo"):
    async with socket(place, name, compression=compression, mode=mode) as connection:
        for size in SIZES:
            text = (TEXT * (size // len(TEXT) + 1))[:size]
            for message in (text, random_bytes(size)):
                await connection.send(message)
                answer = await connection.recv()
                expect(answer == message, f"{size} of {type(message).__name__} came back as another message")
        return [str(extension.name) for extension in connection.protocol.extensions]


@scenario
def websocket_plain(place):
    return talk(echoes(place, "websocket_plain", None))


@scenario
def websocket_deflate(place):
    extensions = talk(echoes(place, "websocket_deflate", "deflate"))
    expect(extensions == ["permessage-deflate"], f"negotiated {extensions}")
    return extensions


@scenario
def websocket_deflate_declined(place):
    extensions = talk(echoes(place, "websocket_deflate_declined", "deflate", mode="plain"))
    expect(extensions == [], f"negotiated {extensions}")
    return extensions


@scenario
def websocket_fragments(place):
    async def run():
        async with socket(place, "websocket_fragments") as connection:
            await connection.send([TEXT, "", "ä" * 70_000, "end"])
            first = await connection.recv()
            await connection.send([b"\x00", b"\xff" * 3, b""])
            second = await connection.recv()
            await connection.send(f"/fragments 5 {TEXT * 3}")
            third = [part async for part in connection.recv_streaming(decode=False)]
        expect(first == TEXT + "ä" * 70_000 + "end" and second == b"\x00\xff\xff\xff", "fragments were lost")
        expect(b"".join(third).decode() == TEXT * 3, third)
        return [len(part) for part in third]

    return talk(run())


@scenario
def websocket_ping(place):
    async def run():
        async with socket(place, "websocket_ping") as connection:
            for payload in ("", "ours", "x" * 125):
                await (await connection.ping(payload))
            await connection.send("/ping theirs")
            return await connection.recv()

    answer = talk(run())
    expect(answer == "10 theirs", answer)
    return answer


@scenario
def websocket_binary_from_provider(place):
    async def run():
        async with socket(place, "websocket_binary_from_provider", compression="deflate") as connection:
            answers = []
            for size in (1, 2_000_000):
                await connection.send(f"/bytes {size}")
                answer = await connection.recv()
                answers.append([len(answer), digest(answer)])
            return answers

    answers = talk(run())
    expect([size for size, _ in answers] == [1, 2_000_000], answers)
    return answers


@scenario
def websocket_pipelined(place):
    """Many messages are under way in both directions at once."""

    async def run():
        async with socket(place, "websocket_pipelined", compression="deflate") as connection:
            messages = [f"{TEXT} {number}" * (number % 50 + 1) for number in range(500)]

            async def send():
                for message in messages:
                    await connection.send(message)

            sending = asyncio.ensure_future(send())
            answers = [await connection.recv() for _ in messages]
            await sending
            return answers == messages

    expect(talk(run()), "the messages came back in another order or as others")


@scenario
def websocket_close_from_client(place):
    async def run():
        seen = []
        for code, reason in ((1000, ""), (1000, "done"), (1001, "going away"), (4000, "naïve 日本語")):
            connection = await socket(place, "websocket_close_from_client")
            await connection.send(f"before {code}")
            await connection.recv()
            await connection.close(code, reason)
            seen.append(await closed(connection))
        return seen

    seen = talk(run())
    place.has_left("websocket_close_from_client")
    expect([each["code"] for each in seen] == [1000, 1000, 1001, 4000], seen)
    return seen


@scenario
def websocket_close_from_provider(place):
    async def run():
        seen = []
        for code, reason in ((1000, "done"), (1001, "going away"), (1011, "broken"), (4000, "naïve 日本語")):
            connection = await socket(place, "websocket_close_from_provider")
            await connection.send(f"/close {code} {reason}")
            seen.append(await closed(connection))
        return seen

    seen = talk(run())
    expect([each["code"] for each in seen] == [1000, 1001, 1011, 4000], seen)
    expect(seen[3]["reason"] == "naïve 日本語", seen)
    return seen


@scenario
def websocket_drop_from_client(place):
    async def run():
        connection = await socket(place, "websocket_drop_from_client")
        await connection.send("before")
        await connection.recv()
        connection.transport.abort()

    talk(run())
    place.has_left("websocket_drop_from_client")


@scenario
def websocket_drop_from_provider(place):
    async def run():
        connection = await socket(place, "websocket_drop_from_provider")
        await connection.send("/drop")
        return await closed(connection)

    seen = talk(run())
    expect(seen["code"] == 1006 and not seen["frame"], seen)
    return seen


@scenario
def websocket_subprotocol(place):
    """Browsers can set no header: the key travels as a sub-protocol, and must arrive."""

    async def run():
        offered = ["realtime", "openai-insecure-api-key.sk-fake-openai", "openai-beta.realtime-v1"]
        async with socket(place, "websocket_subprotocol", subprotocols=offered) as connection:
            await connection.send("hello")
            return [connection.subprotocol, await connection.recv()]

    answer = talk(run())
    expect(answer == ["realtime", "hello"], answer)
    return answer


@scenario
def websocket_greeting(place):
    """The provider's first frame comes in the same packet as its answer to the upgrade."""

    async def run():
        path = "/v1/realtime?model=gpt-realtime-mock&x=%2F"
        async with socket(place, "websocket_greeting", path, mode=None) as connection:
            return [await connection.recv(), sorted(connection.response.headers.raw_items())]

    answer, headers = talk(run())
    expect("session.created" in answer, answer)
    return [answer, [[name, value] for name, value in headers if name.lower() != "sec-websocket-accept"]]


@scenario
def websocket_events(place):
    async def run():
        events = []
        async with socket(place, "websocket_events", mode=None, compression="deflate") as connection:
            for number in range(3):
                await connection.send('{"type":"response.create","model":"gpt-mock","input":"turn %d"}' % number)
                while "response.completed" not in (event := await connection.recv()):
                    events.append(event)
        return events

    return talk(run())


@scenario
def websocket_refused(place):
    """An upgrade that is refused is an answer like any other: status and body arrive."""

    async def run():
        seen = []
        for status in (401, 426, 503):
            try:
                await socket(place, "websocket_refused", mode=f"refuse:{status}")
            except websockets.exceptions.InvalidStatus as error:
                seen.append([error.response.status_code, error.response.body.decode()])
        return seen

    seen = talk(run())
    expect([status for status, _ in seen] == [401, 426, 503], seen)
    return seen


@scenario
def websocket_parallel(place):
    async def one(number):
        async with socket(place, "websocket_parallel", compression="deflate") as connection:
            for _ in range(5):
                await connection.send(f"{number} {TEXT}" * 100)
                await connection.recv()

    async def run():
        await asyncio.gather(*(one(number) for number in range(20)))

    talk(run())


if __name__ == "__main__":
    scenarios.main(__doc__)
