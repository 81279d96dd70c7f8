"""The scripted provider's WebSocket side, from the frame up, so that a test sees each frame as it came over the wire.

Text messages that begin with `/` are commands:
  /close CODE [REASON]   close from this side            /drop           break the connection off
  /ping PAYLOAD          ping, say what came back        /bytes N        send N deterministic bytes
  /fragments N TEXT      send TEXT in N frames           /headers        say the handshake's header names
JSON of type `response.create` is answered in events, as the provider's endpoint would; all else is echoed.
"""

import asyncio
import base64
import hashlib
import json
import struct
import zlib

import speech

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
TAIL = b"\0\0\xff\xff"


def deterministic(length):
    """`length` bytes that look random, are the same every time and do not compress."""
    block = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(2048))
    return (block * (length // len(block) + 1))[:length]


def accept_key(key):
    magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(key.encode() + magic).digest()).decode()


class Connection:
    def __init__(self, reader, writer, record, respond, deflate, head):
        self.reader, self.writer, self.record, self.respond = reader, writer, record, respond
        self.unsent = head
        self.deflater = zlib.compressobj(6, zlib.DEFLATED, -15) if deflate else None
        self.inflater = zlib.decompressobj(-15) if deflate else None
        record["frames_in"], record["frames_out"] = [], []

    async def frame(self):
        first, second = await self.reader.readexactly(2)
        length = second & 127
        if length == 126:
            (length,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self.reader.readexactly(8))
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(length)
        if length:
            key = (mask * (length // 4 + 1))[:length]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
        self.note("frames_in", first, payload)
        return first, payload

    def note(self, direction, first, payload):
        fin, compressed, opcode = bool(first & 128), bool(first & 64), first & 15
        self.record[direction].append([opcode, fin, compressed, len(payload), speech.digest(payload)[:16]])

    def frame_bytes(self, opcode, payload, fin=True, compressed=False):
        first = opcode | (128 if fin else 0) | (64 if compressed else 0)
        self.note("frames_out", first, payload)
        length = len(payload)
        if length < 126:
            head = bytes([first, length])
        elif length < 65536:
            head = bytes([first, 126]) + struct.pack(">H", length)
        else:
            head = bytes([first, 127]) + struct.pack(">Q", length)
        return head + payload

    async def send(self, opcode, payload, frames=1):
        compressed = self.deflater is not None and opcode in (TEXT, BINARY)
        if compressed:
            payload = self.deflater.compress(payload) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
            payload = payload.removesuffix(TAIL)
        size = max(1, -(-len(payload) // frames))
        parts = [payload[i : i + size] for i in range(0, len(payload), size)] or [b""]
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            code = opcode if index == 0 else CONTINUATION
            await self.flush(self.frame_bytes(code, part, last, compressed and index == 0))

    async def flush(self, data=b""):
        self.writer.write(self.unsent + data)
        self.unsent = b""
        await self.writer.drain()

    async def message(self):
        """The next whole data message, or None once the connection has ended. Answers control frames on the way."""
        opcode, compressed, parts = None, False, []
        while True:
            first, payload = await self.frame()
            code = first & 15
            if code == PING:
                await self.send(PONG, payload)
            elif code == PONG:
                return PONG, payload
            elif code == CLOSE:
                await self.closed_by_client(payload)
                return None
            else:
                if code != CONTINUATION:
                    opcode, compressed = code, bool(first & 64)
                parts.append(payload)
                if first & 128:
                    whole = b"".join(parts)
                    return opcode, self.inflater.decompress(whole + TAIL) if compressed else whole

    async def closed_by_client(self, payload):
        code = struct.unpack(">H", payload[:2])[0] if payload else None
        self.record["closed"] = {"by": "client", "code": code, "reason": payload[2:].decode()}
        await self.send(CLOSE, payload)

    async def close(self, code, reason):
        self.record["closed"] = {"by": "provider", "code": code, "reason": reason}
        await self.send(CLOSE, struct.pack(">H", code) + reason.encode())
        while True:
            first, payload = await self.frame()
            if first & 15 == CLOSE:
                answer = struct.unpack(">H", payload[:2])[0] if payload else None
                self.record["closed"]["answered"] = answer
                return

    async def command(self, words):
        """Carries out one command; False once the connection is over."""
        match words:
            case ["/close", code, *reason]:
                await self.close(int(code), " ".join(reason))
                return False
            case ["/drop"]:
                self.record["closed"] = {"by": "provider", "code": 1006, "reason": "dropped"}
                self.writer.transport.abort()
                return False
            case ["/ping", payload]:
                await self.send(PING, payload.encode())
                answer = await self.message()
                await self.send(TEXT, f"{answer[0]} {answer[1].decode()}".encode())
            case ["/bytes", count]:
                await self.send(BINARY, deterministic(int(count)))
            case ["/fragments", count, *text]:
                await self.send(TEXT, " ".join(text).encode(), frames=int(count))
            case ["/headers"]:
                await self.send(TEXT, speech.dumps([name for name, _ in self.record["headers"]]).encode())
            case _:
                await self.send(TEXT, b"unknown command")
        return True

    async def serve(self, greet):
        if greet:
            session = {"id": "sess_mock", "object": "realtime.session", "type": "realtime"}
            await self.event({"type": "session.created", "event_id": "event_mock", "session": session})
        else:
            await self.flush()
        while (message := await self.message()) is not None:
            opcode, payload = message
            if opcode == PONG:
                continue
            if opcode == TEXT and payload.startswith(b"/"):
                if not await self.command(payload.decode().split(" ")):
                    return
            elif opcode == TEXT and payload.startswith(b"{") and "type" in (body := json.loads(payload)):
                await self.answer(body, realtime=greet)
            else:
                await self.send(opcode, payload)

    async def event(self, event):
        await self.send(TEXT, speech.dumps(event).encode())

    async def answer(self, body, realtime):
        if body["type"] != "response.create":
            return
        if realtime:
            done = {"id": "resp_mock", "object": "realtime.response", "status": "completed", "output": []}
            for delta in speech.pieces("Hello, 日本語 🚀."):
                common = {"response_id": "resp_mock", "item_id": "item_mock", "output_index": 0, "content_index": 0}
                await self.event({"type": "response.output_text.delta", "event_id": "e", "delta": delta} | common)
            await self.event({"type": "response.done", "event_id": "event_mock", "response": done})
            return
        for event in self.respond(body)[1]:
            await self.event(event)
            await asyncio.sleep(0.002)


def wants(headers):
    return headers.get("upgrade", "").lower() == "websocket"


async def serve(reader, writer, request, record, respond=speech.responses_events):
    """Upgrades the connection and talks until it ends; fills in the record. `respond` says what a `response.create`
    is answered with."""
    headers = request.lowered
    mode = headers.get("x-mock-ws", "")
    if mode.startswith("refuse:"):
        status = int(mode.removeprefix("refuse:"))
        body = speech.dumps(speech.error(status, request.path)).encode()
        record |= {"status": status, "sent_sha256": speech.digest(body), "sent_len": len(body)}
        head = f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return
    deflate = "permessage-deflate" in headers.get("sec-websocket-extensions", "") and mode != "plain"
    answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    answer.append(f"Sec-WebSocket-Accept: {accept_key(headers['sec-websocket-key'])}")
    answer.append("X-Request-Id: req_mock_socket")
    if deflate:
        answer.append("Sec-WebSocket-Extensions: permessage-deflate")
    if "sec-websocket-protocol" in headers:
        chosen = headers["sec-websocket-protocol"].split(",")[0].strip()
        answer.append(f"Sec-WebSocket-Protocol: {chosen}")
    record["status"] = 101
    head = "\r\n".join(answer).encode() + b"\r\n\r\n"
    connection = Connection(reader, writer, record, respond, deflate, head)
    try:
        # A greeting leaves in the same write as the answer: a relay must not lose what it read past the head.
        await connection.serve(greet=request.path.endswith("/realtime") and not mode)
    except (asyncio.IncompleteReadError, ConnectionError):
        record.setdefault("closed", {"by": "nobody", "code": 1006, "reason": "dropped"})
