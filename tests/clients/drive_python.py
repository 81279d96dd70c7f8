#!/usr/bin/env python3
"""Drives the Python SDKs of OpenAI, Anthropic and Google, and plain HTTP, through every kind of call.

usage: drive_python.py BASE [--named] [--results FILE] [NAME…]      see scenarios.py
"""

import asyncio
import concurrent.futures
import http.client
import io
import json
import socket
import urllib.parse

import anthropic
import google.genai
import google.genai.errors
import openai

import scenarios
from scenarios import digest, expect, scenario

PROMPT = "What is the weather in Tromsø? 天気は? 🌦"
RESULT = "rain, 4 °C — 雨"
LARGE = "".join(f"line {i}: naïve 日本語 \\ \"quoted\" \u2028 🚀\n" for i in range(30_000))  # over 1 MB of UTF-8
PARALLEL = 16
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


def dump(value):
    return value.model_dump(mode="json", exclude_unset=True, warnings=False)


def marked(name, options):
    """The headers that tell the provider which scenario this is, and what to do in it."""
    return {"x-mock-scenario": name} | {f"x-mock-{key}": str(value) for key, value in options.items()}


def user(text=PROMPT):
    return [{"role": "user", "content": text}]


# --- OpenAI -----------------------------------------------------------------------------------------------------


def openai_client(place, name, kind=openai.OpenAI, retries=2, timeout=30, **options):
    return kind(
        base_url=place.of("openai", "/v1"),
        api_key="sk-fake-openai",
        default_headers=marked(name, options),
        max_retries=retries,
        timeout=timeout,
    )


CHAT_TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
RESPONSE_TOOLS = [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}]


@scenario
def openai_chat(place):
    client = openai_client(place, "openai_chat")
    return dump(client.chat.completions.create(model="gpt-mock", messages=user()))


@scenario
def openai_chat_stream(place):
    client = openai_client(place, "openai_chat_stream")
    stream = client.chat.completions.create(
        model="gpt-mock", messages=user(), stream=True, stream_options={"include_usage": True}
    )
    return [dump(chunk) for chunk in stream]


@scenario
def openai_chat_split_stream(place):
    client = openai_client(place, "openai_chat_split_stream", split=11)
    stream = client.chat.completions.create(model="gpt-mock", messages=user(), stream=True)
    return [dump(chunk) for chunk in stream]


@scenario
def openai_chat_tools(place):
    client = openai_client(place, "openai_chat_tools")
    messages = user()
    first = client.chat.completions.create(model="gpt-mock", messages=messages, tools=CHAT_TOOLS)
    call = first.choices[0].message.tool_calls[0]
    expect(json.loads(call.function.arguments)["city"] == "Tromsø", call)
    messages.append(first.choices[0].message)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})
    second = client.chat.completions.create(model="gpt-mock", messages=messages, tools=CHAT_TOOLS)
    expect(RESULT in second.choices[0].message.content, second)
    return [dump(first), dump(second)]


@scenario
def openai_chat_tools_stream(place):
    client = openai_client(place, "openai_chat_tools_stream")
    messages, answers = user(), []
    for _ in range(2):
        with client.chat.completions.stream(model="gpt-mock", messages=messages, tools=CHAT_TOOLS) as stream:
            stream.until_done()
            answer = stream.get_final_completion().choices[0].message
        answers.append(dump(answer))
        if answer.tool_calls:
            call = answer.tool_calls[0]
            function = {"name": call.function.name, "arguments": call.function.arguments}
            messages.append({"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": function}]})
            messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})
    expect(RESULT in answers[1]["content"], answers)
    return answers


@scenario
def openai_responses(place):
    client = openai_client(place, "openai_responses")
    return dump(client.responses.create(model="gpt-mock", input=PROMPT))


@scenario
def openai_responses_stream(place):
    client = openai_client(place, "openai_responses_stream")
    with client.responses.stream(model="gpt-mock", input=PROMPT) as stream:
        events = [dump(event) for event in stream]
        return [events, stream.get_final_response().output_text]


@scenario
def openai_responses_tools(place):
    client = openai_client(place, "openai_responses_tools")
    items = user()
    first = client.responses.create(model="gpt-mock", input=items, tools=RESPONSE_TOOLS)
    call = first.output[0]
    items += [call, {"type": "function_call_output", "call_id": call.call_id, "output": RESULT}]
    events = list(client.responses.create(model="gpt-mock", input=items, tools=RESPONSE_TOOLS, stream=True))
    expect(RESULT in events[-1].response.output_text, events[-1])
    return [dump(first), [dump(event) for event in events]]


@scenario
def openai_responses_socket(place):
    client = openai_client(place, "openai_responses_socket")
    events = []
    with client.responses.connect() as connection:
        for turn in ("one", "two"):
            connection.response.create(model="gpt-mock", input=f"{PROMPT} {turn}")
            for event in connection:
                events.append(dump(event))
                if event.type == "response.completed":
                    break
    return events


@scenario
def openai_realtime(place):
    async def talk():
        client = openai_client(place, "openai_realtime", openai.AsyncOpenAI)
        events = []
        async with client.realtime.connect(model="gpt-realtime-mock") as connection:
            content = [{"type": "input_text", "text": PROMPT}]
            events.append((await connection.recv()).type)
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()
            async for event in connection:
                events.append(getattr(event, "delta", event.type))
                if event.type == "response.done":
                    break
        await client.close()
        return events

    return asyncio.run(talk())


@scenario
def openai_embeddings(place):
    client = openai_client(place, "openai_embeddings")
    result = client.embeddings.create(model="embed-mock", input=["one", "två"])
    plain = client.embeddings.create(model="embed-mock", input="one", encoding_format="float")
    return [dump(result), dump(plain)]


@scenario
def openai_models(place):
    client = openai_client(place, "openai_models")
    return [dump(client.models.list()), dump(client.models.retrieve("ft:mock-model:team/one"))]


@scenario
def openai_audio(place):
    audio = bytes(range(256)) * 2000 + b"\r\n--not-a-boundary\r\n\r\n\0\r"
    client = openai_client(place, "openai_audio")
    result = client.audio.transcriptions.create(model="whisper-mock", file=("speech é.wav", io.BytesIO(audio)))
    file = json.loads(result.text)
    expect(file["sha256"] == digest(audio), file)
    return dump(result)


@scenario
def openai_large(place):
    client = openai_client(place, "openai_large")
    expect(len(LARGE.encode()) > 1_000_000, "the large input is not large")
    result = client.chat.completions.create(model="gpt-mock", messages=user(LARGE))
    expect(f"Heard {len(LARGE)} characters" in result.choices[0].message.content, "other input than was sent")
    return dump(result)


@scenario
def openai_retry(place):
    client = openai_client(place, "openai_retry", fail="429:1")
    return dump(client.chat.completions.create(model="gpt-mock", messages=user()))


@scenario
def openai_error(place):
    client = openai_client(place, "openai_error", fail="400")
    try:
        client.responses.create(model="gpt-mock", input=PROMPT)
    except openai.BadRequestError as error:
        expect("mock says 400: naïve 日本語" in str(error), error)
        return [error.status_code, error.code, error.body, error.request_id]
    raise AssertionError("no error was raised")


@scenario
def openai_overloaded(place):
    client = openai_client(place, "openai_overloaded", retries=1, fail="503")
    try:
        client.chat.completions.create(model="gpt-mock", messages=user(), stream=True)
    except openai.InternalServerError as error:
        return [error.status_code, error.body]
    raise AssertionError("no error was raised")


@scenario
def openai_cancel(place):
    client = openai_client(place, "openai_cancel", endless=1)
    stream = client.chat.completions.create(model="gpt-mock", messages=user(), stream=True)
    first = [dump(chunk) for chunk, _ in zip(stream, range(3))]
    stream.close()
    place.has_left("openai_cancel")
    return first


@scenario
def openai_cancel_before_the_answer(place):
    client = openai_client(place, "openai_cancel_before_the_answer", retries=0, timeout=0.5, hold=1)
    try:
        client.chat.completions.create(model="gpt-mock", messages=user())
    except openai.APITimeoutError:
        client.close()
        place.has_left("openai_cancel_before_the_answer")
        return "timed out"
    raise AssertionError("no timeout")


@scenario
def openai_lockstep(place):
    """Each event is sent only once the one before has been acknowledged: what holds back anything hangs here."""
    client = openai_client(place, "openai_lockstep", lockstep="python")
    chunks = []
    for chunk in client.chat.completions.create(model="gpt-mock", messages=user(), stream=True):
        chunks.append(dump(chunk))
        place.control("ack/python")
    return chunks


@scenario
def openai_parallel(place):
    client = openai_client(place, "openai_parallel")

    def call(number):
        messages = user(f"{PROMPT} {number}")
        if number % 2:
            return [dump(c) for c in client.chat.completions.create(model="gpt-mock", messages=messages, stream=True)]
        return dump(client.chat.completions.create(model="gpt-mock", messages=messages))

    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(call, range(PARALLEL)))


# --- Anthropic --------------------------------------------------------------------------------------------------


def anthropic_client(place, name, kind=anthropic.Anthropic, **options):
    return kind(
        base_url=place.of("anthropic"),
        api_key="sk-ant-fake",
        default_headers=marked(name, options),
        timeout=30,
    )


ANTHROPIC = {"model": "claude-mock", "max_tokens": 2048}
ANTHROPIC_TOOLS = [{"name": "get_weather", "description": "the weather", "input_schema": SCHEMA}]


@scenario
def anthropic_messages(place):
    return dump(anthropic_client(place, "anthropic_messages").messages.create(messages=user(), **ANTHROPIC))


@scenario
def anthropic_stream(place):
    client = anthropic_client(place, "anthropic_stream")
    thinking = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(messages=user(), thinking=thinking, **ANTHROPIC) as stream:
        text = "".join(stream.text_stream)
        return [text, dump(stream.get_final_message())]


@scenario
def anthropic_raw_events(place):
    client = anthropic_client(place, "anthropic_raw_events", split=13)
    return [dump(event) for event in client.messages.create(messages=user(), stream=True, **ANTHROPIC)]


@scenario
def anthropic_tools(place):
    client = anthropic_client(place, "anthropic_tools")
    messages = user()
    first = client.messages.create(messages=messages, tools=ANTHROPIC_TOOLS, **ANTHROPIC)
    call = next(block for block in first.content if block.type == "tool_use")
    messages.append({"role": "assistant", "content": first.content})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": RESULT}
    messages.append({"role": "user", "content": [result]})
    with client.messages.stream(messages=messages, tools=ANTHROPIC_TOOLS, **ANTHROPIC) as stream:
        second = stream.get_final_message()
    expect(RESULT in second.content[0].text, second)
    return [dump(first), dump(second)]


@scenario
def anthropic_large(place):
    client = anthropic_client(place, "anthropic_large")
    result = client.messages.create(messages=user(LARGE), **ANTHROPIC)
    expect(f"Heard {len(LARGE)} characters" in result.content[0].text, "other input than was sent")
    return dump(result)


@scenario
def anthropic_retry(place):
    client = anthropic_client(place, "anthropic_retry", fail="529:1")
    with client.messages.stream(messages=user(), **ANTHROPIC) as stream:
        return dump(stream.get_final_message())


@scenario
def anthropic_error(place):
    try:
        anthropic_client(place, "anthropic_error", fail="400").messages.create(messages=user(), **ANTHROPIC)
    except anthropic.BadRequestError as error:
        expect("mock says 400: naïve 日本語" in str(error), error)
        return [error.status_code, error.body, error.request_id]
    raise AssertionError("no error was raised")


@scenario
def anthropic_cancel(place):
    client = anthropic_client(place, "anthropic_cancel", endless=1)
    with client.messages.stream(messages=user(), **ANTHROPIC) as stream:
        first = [text for text, _ in zip(stream.text_stream, range(3))]
    place.has_left("anthropic_cancel")
    return first


@scenario
def anthropic_parallel(place):
    async def talk():
        async with anthropic_client(place, "anthropic_parallel", anthropic.AsyncAnthropic) as client:
            prompts = [user(f"{PROMPT} {number}") for number in range(PARALLEL)]
            calls = [client.messages.create(messages=messages, **ANTHROPIC) for messages in prompts]
            return [dump(message) for message in await asyncio.gather(*calls)]

    return asyncio.run(talk())


# --- Google -----------------------------------------------------------------------------------------------------


def genai_client(place, name, retry=None, **options):
    http_options = {"base_url": place.of("gemini"), "headers": marked(name, options), "timeout": 30_000}
    if retry:
        http_options["retry_options"] = retry
    return google.genai.Client(api_key="fake-google", vertexai=False, http_options=http_options)


GENAI_TOOLS = {
    "tools": [{"function_declarations": [{"name": "get_weather", "parameters_json_schema": SCHEMA}]}],
    "automatic_function_calling": {"disable": True},
}


def parts(response):
    """What the model said, without what the SDK itself adds about the transport."""
    found = response.model_dump(mode="json", exclude_none=True)
    found.pop("sdk_http_response", None)
    return found


@scenario
def genai_generate(place):
    client = genai_client(place, "genai_generate")
    return parts(client.models.generate_content(model="gemini-mock", contents=PROMPT))


@scenario
def genai_stream(place):
    client = genai_client(place, "genai_stream")
    stream = client.models.generate_content_stream(model="gemini-mock", contents=PROMPT)
    return [parts(chunk) for chunk in stream]


@scenario
def genai_tools(place):
    client = genai_client(place, "genai_tools")
    contents = [{"role": "user", "parts": [{"text": PROMPT}]}]
    first = client.models.generate_content(model="gemini-mock", contents=contents, config=GENAI_TOOLS)
    call = first.function_calls[0]
    contents.append(first.candidates[0].content)
    result = {"id": call.id, "name": call.name, "response": {"result": RESULT}}
    contents.append({"role": "user", "parts": [{"function_response": result}]})
    stream = client.models.generate_content_stream(model="gemini-mock", contents=contents, config=GENAI_TOOLS)
    second = [parts(chunk) for chunk in stream]
    expect(RESULT in "".join(c["candidates"][0]["content"]["parts"][0]["text"] for c in second), second)
    return [parts(first), second]


@scenario
def genai_large(place):
    client = genai_client(place, "genai_large")
    result = client.models.generate_content(model="gemini-mock", contents=LARGE)
    expect(f"Heard {len(LARGE)} characters" in result.text, "other input than was sent")
    return parts(result)


@scenario
def genai_retry(place):
    retry = {"attempts": 3, "initial_delay": 0.05, "max_delay": 0.1, "jitter": 0.01, "http_status_codes": [429]}
    client = genai_client(place, "genai_retry", retry, fail="429:1")
    return parts(client.models.generate_content(model="gemini-mock", contents=PROMPT))


@scenario
def genai_error(place):
    client = genai_client(place, "genai_error", fail="400")
    try:
        client.models.generate_content(model="gemini-mock", contents=PROMPT)
    except google.genai.errors.ClientError as error:
        expect("mock says 400: naïve 日本語" in error.message, error)
        return [error.code, error.status, error.message]
    raise AssertionError("no error was raised")


@scenario
def genai_cancel(place):
    async def talk():
        client = genai_client(place, "genai_cancel", endless=1, encoding="gzip")
        stream = await client.aio.models.generate_content_stream(model="gemini-mock", contents=PROMPT)
        first = []
        async for chunk in stream:
            first.append(parts(chunk))
            if len(first) == 3:
                break
        await stream.aclose()
        await client.aio.aclose()
        return first

    first = asyncio.run(talk())
    place.has_left("genai_cancel")
    return first


@scenario
def genai_parallel(place):
    async def talk():
        client = genai_client(place, "genai_parallel")
        prompts = [f"{PROMPT} {number}" for number in range(PARALLEL)]
        calls = [client.aio.models.generate_content(model="gemini-mock", contents=prompt) for prompt in prompts]
        answers = await asyncio.gather(*calls)
        await client.aio.aclose()
        return [parts(answer) for answer in answers]

    return asyncio.run(talk())


# --- Plain HTTP: what no SDK shows ------------------------------------------------------------------------------

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "trailer", "te", "upgrade"}


def seen(response, body):
    headers = [[name, value] for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
    return {"status": response.status, "headers": headers, "received": {"sha256": digest(body), "len": len(body)}}


def ask(place, name, path, method="GET", body=None, connection=None, headers=None, **options):
    own = connection or place.connect()
    own.request(method, place.target(path), body, marked(name, options) | (headers or {}))
    response = own.getresponse()
    result = seen(response, response.read())
    if not connection:
        own.close()
    return result


def encodings(place, name, stream):
    body = json.dumps({"model": "gpt-mock", "messages": user(), "stream": stream})
    headers = {"content-type": "application/json", "authorization": "Bearer sk-fake-openai"}
    results = []
    for encoding in ("gzip", "deflate", "br", "zstd"):
        accept = headers | {"accept-encoding": encoding}
        path = "/v1/chat/completions"
        results.append(ask(place, name, path, "POST", body, headers=accept, encoding=encoding))
        expect(["Content-Encoding", encoding] in results[-1]["headers"], results[-1])
    return results


@scenario
def raw_encodings(place):
    return encodings(place, "raw_encodings", False)


@scenario
def raw_stream_encodings(place):
    return encodings(place, "raw_stream_encodings", True)


@scenario
def raw_sizes(place):
    connection = place.connect()
    sizes = [0, 1, 16383, 65536, 1_000_003, 8_000_000]
    return [ask(place, "raw_sizes", f"/v1/mock/bytes/{size}", connection=connection) for size in sizes]


@scenario
def raw_echo(place):
    """Uploads of all sizes come back the same; the bytes are not UTF-8."""
    results = []
    for size in (0, 1, 70_000, 5_000_000):
        body = bytes(i % 251 for i in range(size))
        results.append(ask(place, "raw_echo", "/v1/mock/echo", "POST", body))
        expect(results[-1]["received"]["sha256"] == digest(body), f"{size} bytes came back as others")
    return results


@scenario
def raw_encoded_request(place):
    import gzip

    body = gzip.compress(json.dumps({"model": "gpt-mock", "input": PROMPT}).encode(), mtime=0)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return ask(place, "raw_encoded_request", "/v1/responses", "POST", body, headers=headers)


@scenario
def raw_methods(place):
    methods = ["GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH"]
    return [ask(place, "raw_methods", "/v1/mock/anything", method) for method in methods]


@scenario
def raw_statuses(place):
    codes = [201, 202, 204, 304, 307, 401, 418, 500, 529]
    return [ask(place, "raw_statuses", f"/v1/mock/status/{code}") for code in codes]


@scenario
def raw_response_headers(place):
    """Case, order, repeats, empty and non-ASCII values stay; nothing (no Date, no Server) is added."""
    connection = place.connect()
    connection.request("GET", place.target("/v1/mock/headers"), headers=marked("raw_response_headers", {}))
    response = connection.getresponse()
    result = seen(response, response.read()) | {"reason": response.reason}
    names = [name.lower() for name, _ in result["headers"]]
    expect(names.count("set-cookie") == 2 and "date" not in names, names)
    return result


@scenario
def raw_targets(place):
    """Targets are taken literally: no decoding, no merging of slashes, no dot segments resolved, the query as it is."""
    rest = ["a%3Ab/c:d", "a//b///c", "a/%2e%2e/b", "a/../b/./c", "a%2Fb%20c+d", "q?a=1&a=2&b=%7B%7D&c", "q?", "é?ü=%FF"]
    results = []
    for path in rest:
        answer = raw(place, "raw_targets", "GET", f"/v1/mock/{path}".encode("utf-8"))
        results.append(answer)
    return results


@scenario
def raw_request_headers(place):
    odd = b"X-MiXeD: kept\r\nx-twice: one\r\nX-Twice: two\r\nx-empty:\r\nx-latin: caf\xe9\r\nCookie: a=1; b=2\r\n"
    return raw(place, "raw_request_headers", "GET", b"/v1/mock/anything", odd)


@scenario
def raw_no_user_agent(place):
    """A client that sends next to nothing: nothing is added for it."""
    return raw(place, "raw_no_user_agent", "GET", b"/v1/mock/anything")


@scenario
def raw_chunked_upload(place):
    chunks = b"5\r\nhello\r\n1\r\n,\r\n8;ext=1\r\n wor\r\nld\r\n0\r\nX-Checksum: abc\r\nx-mood: calm\r\n\r\n"
    headers = b"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum, x-mood\r\n"
    return raw(place, "raw_chunked_upload", "POST", b"/v1/mock/echo", headers, chunks)


@scenario
def raw_response_trailers(place):
    whole = raw_bytes(place, "raw_response_trailers", "GET", b"/v1/mock/trailers", b"TE: trailers\r\n")
    body = whole.split(b"\r\n\r\n", 1)[1]
    expect(b"0\r\nx-checksum: abc123\r\nx-mood: calm\r\n\r\n" in body.lower(), f"no trailers in {body!r}")
    return "both trailers"


@scenario
def raw_ends_with_connection(place):
    result = ask(place, "raw_ends_with_connection", "/v1/mock/eof")
    expect(result["received"]["len"] == 34, result)
    return result


@scenario
def raw_cut(place):
    """What the provider breaks off must not look whole to the client."""
    lengths = []
    for kind in ("length", "chunked"):
        connection = place.connect()
        connection.request("GET", place.target(f"/v1/mock/cut-{kind}"), headers=marked("raw_cut", {}))
        response = connection.getresponse()
        try:
            body = response.read()
        except (http.client.IncompleteRead, ConnectionError) as error:
            lengths.append([kind, len(getattr(error, "partial", b""))])
        else:
            raise AssertionError(f"{kind}: {len(body)} bytes looked whole")
    return [kind for kind, _ in lengths]


@scenario
def raw_keep_alive(place):
    """Twenty requests on one connection."""
    connection = place.connect()
    results = [ask(place, "raw_keep_alive", f"/v1/mock/anything?{i}", connection=connection) for i in range(20)]
    return results


def raw_bytes(place, name, method, path, headers=b"", body=b""):
    """Sends exactly these bytes and returns all that comes until the other side closes."""
    address = urllib.parse.urlsplit(place.base)
    target = place.target("").encode() + path
    head = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method.encode(), target, address.netloc.encode())
    head += b"x-mock-scenario: %b\r\n%bConnection: close\r\n\r\n" % (name.encode(), headers)
    received = []
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head + body)
        while data := connection.recv(65536):
            received.append(data)
    return b"".join(received)


def raw(place, *request):
    whole = raw_bytes(place, *request)
    head, body = whole.split(b"\r\n\r\n", 1)
    expect(head.startswith(b"HTTP/1.1 200"), head)
    return body.decode() if b"chunked" not in head.lower() else "chunked"


if __name__ == "__main__":
    scenarios.main(__doc__)
