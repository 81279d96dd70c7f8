#!/usr/bin/env python3
"""A scripted model provider on loopback: HTTP/1.1 with keep-alive, and WebSocket. Standard library only.

usage: provider.py [--port 0] [--log FILE] [--tls CERTIFICATE KEY]        prints its port on the first line

It speaks OpenAI (chat completions, responses, embeddings, models, audio transcription), Anthropic (messages) and
Gemini (generateContent, streamGenerateContent); `speech.py` holds what it says, `sockets.py` the WebSocket side.
Beside those, below /v1/mock/:

  bytes/N      N deterministic bytes                     echo         the request's body, as it came
  headers      odd header names, two cookies, no Date    trailers     a chunked body with trailers
  eof          a body that ends with the connection      cut-length   breaks off before Content-Length is reached
  cut-chunked  breaks off between two chunks             status/CODE  that status, without a body where HTTP says so
  ack/ID       lets a lockstep stream go on              left/NAME    waits until a client of that scenario has left
  anything     says which request target it saw

A request header steers what happens to any of these:

  x-mock-scenario: NAME        groups requests in the log
  x-mock-encoding: gzip        (deflate, br, zstd) encodes the body, flushed at each event
  x-mock-fail: STATUS[:TIMES]  fails, the first TIMES times this body comes in this scenario
  x-mock-hold: 1               says nothing until the client leaves
  x-mock-endless: 1            streams the events and then spaces out more until the client leaves
  x-mock-lockstep: ID          sends each event only when the one before was acknowledged at ack/ID
  x-mock-split: N              writes the stream N bytes at a time, across events and characters
  x-mock-ws: echo|plain|refuse:STATUS   no greeting; no compression; no upgrade

One JSON line is logged for each request, when it is over: the request as it came (target, headers in order and as
written, hash of the body's bytes) and the hash of the bytes sent back, before chunk framing.
"""

import argparse
import asyncio
import collections
import json
import re
import signal
import ssl
import sys
import zlib

import sockets
import speech

PATIENCE = 20.0  # seconds: for any wait on a client, so that nothing hangs a test run
EVENT_GAP = 0.002
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}
FIXED_HEADERS = [
    ("Date", "Sat, 21 Nov 2026 00:00:00 GMT"),
    ("Server", "mock/1.0"),
    ("X-Request-Id", "req_mock"),
    ("request-id", "req_mock"),
    ("openai-processing-ms", "7"),
    ("Anthropic-Organization-ID", "org-mock"),
]


class ClientLeft(Exception):
    pass


class Request:
    def __init__(self, method, target, version, headers):
        self.method, self.target, self.version, self.headers = method, target, version, headers
        self.lowered = {name.lower(): value for name, value in headers}
        self.path = target.split("?")[0]
        self.scenario = self.lowered.get("x-mock-scenario", "")
        self.body, self.trailers = b"", []

    def option(self, name):
        return self.lowered.get(f"x-mock-{name}", "")

    def json(self):
        """The body as an object; {} where it is not one."""
        encoding = self.lowered.get("content-encoding")
        body = zlib.decompress(self.body, 47) if encoding in ("gzip", "deflate") else self.body
        try:
            value = json.loads(body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


async def read_request(reader):
    """The next request's line and headers; None where the client has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    headers = [line.split(":", 1) for line in lines if line]
    return Request(method, target, version, [[name, value.strip()] for name, value in headers])


async def read_body(reader, writer, request):
    if request.lowered.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in request.lowered.get("transfer-encoding", "").lower():
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        while (line := await reader.readline()).strip():
            name, value = line.decode("latin-1").split(":", 1)
            request.trailers.append([name, value.strip()])
        request.body = b"".join(parts)
    elif length := int(request.lowered.get("content-length", 0)):
        request.body = await reader.readexactly(length)


class Encoder:
    """A content encoding that is flushed after each piece, as providers do for streams."""

    def __init__(self, name):
        self.name = name
        if name in ("gzip", "deflate"):
            self.codec = zlib.compressobj(6, zlib.DEFLATED, 31 if name == "gzip" else 15)
        elif name == "br":
            import brotli

            self.codec = brotli.Compressor()
        elif name == "zstd":
            import zstandard

            self.codec = zstandard.ZstdCompressor().compressobj()
            self.flush_block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        else:
            raise ValueError(f"unknown encoding {name!r}")

    def piece(self, data):
        if self.name == "br":
            return self.codec.process(data) + self.codec.flush()
        if self.name == "zstd":
            return self.codec.compress(data) + self.codec.flush(self.flush_block)
        return self.codec.compress(data) + self.codec.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        return self.codec.finish() if self.name == "br" else self.codec.flush()


class Reply:
    """Writes one response and keeps account of the bytes of its body."""

    def __init__(self, writer, request, record):
        self.writer, self.request, self.record = writer, request, record
        self.sent, self.chunked = [], False

    def head(self, status, headers, fixed=True, reason=None):
        lines = [f"HTTP/1.1 {status} {reason or REASONS.get(status, 'Mock')}"]
        lines += [f"{name}: {value}" for name, value in (FIXED_HEADERS if fixed else []) + headers]
        self.chunked = ("Transfer-Encoding", "chunked") in headers
        self.record["status"] = status
        self.writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    async def send(self, data, last=False):
        """Writes a piece of the body. The last one leaves in one write with the body's end: clients go once they have
        read the event that says so, and a reply must not count as broken off because its end came too late."""
        end = b"0\r\n\r\n" if last and self.chunked else b""
        if not data + end:
            return
        self.sent.append(data)
        self.writer.write(b"%x\r\n%b\r\n%b" % (len(data), data, end) if self.chunked and data else data + end)
        await self.writer.drain()
        if self.writer.is_closing() and not last:
            raise ClientLeft

    async def end(self, trailers=()):
        if self.chunked:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
            self.writer.write(b"0\r\n" + lines.encode() + b"\r\n")
        await self.writer.drain()

    async def whole(self, status, kind, body, headers=()):
        encoder = Encoder(encoding) if (encoding := self.request.option("encoding")) else None
        extra = [("Content-Type", kind), *headers]
        if encoder:
            body = encoder.piece(body) + encoder.end()
            extra.append(("Content-Encoding", encoding))
        self.head(status, extra + [("Content-Length", str(len(body)))])
        await self.send(b"" if self.request.method == "HEAD" else body)
        await self.end()

    async def json(self, status, value, headers=()):
        await self.whole(status, "application/json", speech.dumps(value).encode(), headers)

    def cut(self):
        self.record["end"] = "cut"
        self.writer.transport.abort()

    def account(self):
        whole = b"".join(self.sent)
        self.record |= {"sent_sha256": speech.digest(whole), "sent_len": len(whole)}


class Provider:
    def __init__(self, log, voice=speech):
        self.log, self.voice = log, voice
        self.count = 0
        self.attempts = collections.Counter()
        self.gates = collections.defaultdict(asyncio.Semaphore)
        self.left = collections.defaultdict(asyncio.Event)

    async def connection(self, reader, writer):
        try:
            while (request := await read_request(reader)) is not None:
                if not await self.exchange(reader, writer, request):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader, writer, request):
        """Answers one request; False where the connection does not outlive it."""
        self.count += 1
        record = {"n": self.count, "scenario": request.scenario, "method": request.method}
        record |= {"target": request.target, "version": request.version, "headers": request.headers}
        reply = Reply(writer, request, record)
        try:
            if sockets.wants(request.lowered):
                await sockets.serve(reader, writer, request, record, self.voice.responses_events)
                record["end"] = "socket"
                return False
            await read_body(reader, writer, request)
            await self.answer(reader, request, reply)
            record.setdefault("end", "complete")
            return record["end"] == "complete" and request.lowered.get("connection", "").lower() != "close"
        except (ClientLeft, ConnectionError, asyncio.IncompleteReadError):
            record["end"] = "client_left"
            return False
        except asyncio.TimeoutError:
            record["end"] = "patience ran out"
            return False
        except Exception as error:
            record["end"] = f"mock failed: {error!r}"
            raise
        finally:
            if "frames_in" not in record:
                reply.account()
            record |= {"body_sha256": speech.digest(request.body), "body_len": len(request.body)}
            record |= {"trailers": request.trailers, "parts": multipart_digests(request)}
            self.log.write(speech.dumps(record) + "\n")
            self.log.flush()
            if record.get("end") in ("client_left", "socket"):
                self.left[request.scenario].set()

    async def answer(self, reader, request, reply):
        if fail := request.option("fail"):
            status, _, times = fail.partition(":")
            self.attempts[request.scenario, request.body] += 1
            if not times or self.attempts[request.scenario, request.body] <= int(times):
                error = speech.error(int(status), request.path)
                return await reply.json(int(status), error, [("retry-after-ms", "20"), ("retry-after", "0.02")])
        if request.option("hold"):
            return await until_left(reader)
        if match := re.match(r"/v1/mock/(.*)", request.path):
            return await self.mock(match[1], request, reply)
        return await self.api(reader, request, reply)

    async def api(self, reader, request, reply):
        path, body = request.path, request.json()
        if match := re.search(r"/models/([^/]+):(generateContent|streamGenerateContent)$", path):
            sse = "alt=sse" in request.target
            whole, events = self.voice.gemini(body, match[1], sse)
            streamed = match[2] == "streamGenerateContent"
            kind = "text/event-stream" if sse else "application/json"
        elif path.endswith(("/chat/completions", "/responses", "/messages")):
            voice = self.voice
            speak = {"completions": voice.chat, "responses": voice.responses, "messages": voice.messages}
            whole, events = speak[path.rsplit("/", 1)[1]](body)
            streamed, kind = body.get("stream"), "text/event-stream; charset=utf-8"
        elif path.endswith("/embeddings"):
            return await reply.json(200, speech.embeddings(body))
        elif path.endswith("/audio/transcriptions"):
            file = next(part for part in multipart_digests(request) if part["filename"])
            return await reply.json(200, {"text": speech.dumps(file)})
        elif path.endswith("/models"):
            return await reply.json(200, speech.models())
        elif match := re.search(r"/models/(.+)$", path):
            return await reply.json(200, speech.models()["data"][0] | {"id": match[1]})
        else:
            return await reply.json(404, speech.error(404, path))
        if not streamed:
            return await reply.json(200, whole)
        return await self.stream(reader, request, reply, kind, events)

    async def stream(self, reader, request, reply, kind, events):
        encoder = Encoder(encoding) if (encoding := request.option("encoding")) else None
        headers = [("Content-Type", kind), ("Cache-Control", "no-cache")]
        if encoder:
            headers.append(("Content-Encoding", encoding))
        reply.head(200, headers + [("Transfer-Encoding", "chunked")])
        await reply.writer.drain()
        if size := int(request.option("split") or 0):
            whole = b"".join(events)
            events = [whole[i : i + size] for i in range(0, len(whole), size)]
        gate = self.gates[request.option("lockstep")] if request.option("lockstep") else None
        for index, event in enumerate(events):
            if gate and index:
                await asyncio.wait_for(gate.acquire(), PATIENCE)
            if request.option("endless") and index == len(events) // 2:
                await self.endless(reader, reply)
            last = index == len(events) - 1
            if encoder:
                event = encoder.piece(event) + (encoder.end() if last else b"")
            await reply.send(event, last)
            await asyncio.sleep(EVENT_GAP)

    async def endless(self, reader, reply):
        leaving = asyncio.ensure_future(until_left(reader))
        try:
            while not leaving.done():
                await reply.send(b": still here\n\n")
                await asyncio.sleep(0.02)
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        raise leaving.exception()

    async def mock(self, name, request, reply):
        match name.split("/"):
            case ["bytes", count]:
                await reply.whole(200, "application/octet-stream", sockets.deterministic(int(count)))
            case ["echo"]:
                kind = request.lowered.get("content-type", "application/octet-stream")
                await reply.whole(200, kind, request.body)
            case ["headers"]:
                odd = [("X-MiXeD-CaSe", "kept"), ("x-empty", ""), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/")]
                odd += [("x-latin", "caf\xe9"), ("X-Twice", "one, two"), ("x-twice", "three"), ("Content-Length", "2")]
                reply.head(200, odd, fixed=False, reason="Quite Fine")
                await reply.send(b"ok")
            case ["trailers"]:
                headers = [("Content-Type", "text/plain"), ("Trailer", "X-Checksum, X-Mood")]
                reply.head(200, headers + [("Transfer-Encoding", "chunked")])
                for part in (b"first ", b"second ", b"third\n"):
                    await reply.send(part)
                await reply.end([("X-Checksum", "abc123"), ("X-Mood", "calm")])
            case ["eof"]:
                reply.head(200, [("Content-Type", "text/plain"), ("Connection", "close")])
                await reply.send(b"this body ends ")
                await reply.send(b"with the connection")
                reply.record["end"] = "eof"
            case ["cut-length"]:
                reply.head(200, [("Content-Type", "text/plain"), ("Content-Length", "1000")])
                await reply.send(b"x" * 400)
                await asyncio.sleep(0.05)
                reply.cut()
            case ["cut-chunked"]:
                reply.head(200, [("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")])
                await reply.send(b"data: one\n\n")
                await asyncio.sleep(0.05)
                reply.cut()
            case ["status", code]:
                await self.bare_status(int(code), reply)
            case ["ack", gate]:
                self.gates[gate].release()
                await reply.json(200, {"acknowledged": gate})
            case ["left", scenario]:
                await asyncio.wait_for(self.left[scenario].wait(), PATIENCE)
                await reply.json(200, {"left": scenario})
            case _:
                await reply.json(200, {"target": request.target, "method": request.method})

    async def bare_status(self, status, reply):
        if status in (204, 304):
            reply.head(status, [("ETag", '"mock"')])
        elif 300 <= status < 400:
            reply.head(status, [("Location", "/v1/mock/elsewhere?x=%2F"), ("Content-Length", "0")])
        else:
            reply.head(status, [("Content-Length", "0")])
        await reply.end()


async def until_left(reader):
    if await asyncio.wait_for(reader.read(1), PATIENCE) == b"":
        raise ClientLeft
    raise ValueError("the client sent more than one request at a time")


def multipart_digests(request):
    """The parts of a form, without the boundary, which is another one each time."""
    kind = request.lowered.get("content-type", "")
    if not kind.startswith("multipart/"):
        return []
    boundary = re.search(r'boundary="?([^";]+)', kind)[1].encode()
    digests = []
    for part in (b"\r\n" + request.body).split(b"\r\n--" + boundary)[1:-1]:
        head, content = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        names = {"filename": None} | dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode()))
        digests.append(names | {"len": len(content), "sha256": speech.digest(content)})
    return digests


async def serve(make_provider, arguments, tls=None):
    """Serves until it is told to end; prints the port first."""
    log = sys.stderr if arguments.log == "-" else open(arguments.log, "a", encoding="utf-8")
    listening = {"host": "127.0.0.1", "port": arguments.port, "limit": 1 << 26, "ssl": tls}
    server = await asyncio.start_server(make_provider(log).connection, **listening)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()


def arguments_parser():
    parser = argparse.ArgumentParser(description="A scripted model provider on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", default="-", help="where the JSON lines go; default: stderr")
    return parser


def main():
    parser = arguments_parser()
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="speak TLS, with these files")
    arguments = parser.parse_args()
    tls = None
    if arguments.tls:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*arguments.tls)
    asyncio.run(serve(Provider, arguments, tls))


if __name__ == "__main__":
    main()
