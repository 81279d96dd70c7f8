#!/usr/bin/env node
// Drives the Node SDKs of OpenAI and Anthropic, and the AI SDK, through every kind of call.
//
// usage: node drive_node.mjs BASE [--named] [--h2c] [--results FILE] [NAME…]
//
// BASE is the provider's address or that of a relay before it; with --named, each provider's name is a path segment of
// the relay's; with --h2c the base speaks HTTP/2 in clear, and the scenarios named h2_… use it. Prints `ok NAME` or `FAIL NAME: why`; what each scenario returned goes to the results file, one JSON
// line each, for compare.py. The SDKs are taken from $CLIENTS_DIR/npm, where tests/all puts them.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

// No setting of the machine's own may lead a client elsewhere, and none may reach a real provider.
for (const name of Object.keys(process.env)) {
  if (/^(OPENAI|ANTHROPIC|GOOGLE|GEMINI|AWS)_|_proxy$/i.test(name)) delete process.env[name];
}
process.env.NO_PROXY = process.env.no_proxy = "127.0.0.1,localhost";

const installed = process.env.CLIENTS_DIR ?? fileURLToPath(new URL("../../target/clients", import.meta.url));
const require = createRequire(`${installed}/npm/package.json`);
const OpenAI = require("openai").default;
const Anthropic = require("@anthropic-ai/sdk").default;
const { embedMany, generateText, stepCountIs, streamText, tool } = require("ai");
const { createOpenAI } = require("@ai-sdk/openai");
const { z } = require("zod");

const TIMEOUT = 60_000; // milliseconds for one scenario; the slowest needs about one second
const PARALLEL = 16;
const PROMPT = "What is the weather in Tromsø? 天気は? 🌦";
const RESULT = "rain, 4 °C — 雨";
const LARGE = Array.from({ length: 30_000 }, (_, i) => `line ${i}: naïve 日本語 \\ "quoted" \u2028 🚀\n`).join("");
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    named: { type: "boolean", default: false },
    h2c: { type: "boolean", default: false },
    results: { type: "string", default: "/dev/null" },
  },
});
const [base, ...only] = positionals;
if (!base) {
  console.error("usage: drive_node.mjs BASE [--named] [--h2c] [--results FILE] [NAME…]");
  process.exit(2);
}

const of = (provider, path = "") => base.replace(/\/$/, "") + (options.named ? `/${provider}` : "") + path;
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const plain = (value) => JSON.parse(JSON.stringify(value));
const user = (text = PROMPT) => [{ role: "user", content: text }];
const range = (count) => Array.from({ length: count }, (_, i) => i);

function expect(condition, why) {
  if (!condition) throw new Error(typeof why === "string" ? why : JSON.stringify(why));
}

async function raised(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("no error was raised");
}

async function collect(stream) {
  const all = [];
  for await (const item of stream) all.push(plain(item));
  return all;
}

async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** The headers that tell the provider which scenario this is, and what to do in it. */
function marked(name, steering) {
  const steers = Object.entries(steering).map(([key, value]) => [`x-mock-${key}`, String(value)]);
  return Object.fromEntries([["x-mock-scenario", name], ...steers]);
}

/** Asks the provider something about the test itself. */
async function control(path) {
  const response = await fetch(of("openai", `/v1/mock/${path}`));
  expect(response.status === 200, `${path}: ${response.status}`);
  await response.text();
}

const hasLeft = (name) => control(`left/${name}`);

const openai = (name, steering = {}, more = {}) =>
  new OpenAI({
    baseURL: of("openai", "/v1"),
    apiKey: "sk-fake-openai",
    defaultHeaders: marked(name, steering),
    timeout: 30_000,
    ...more,
  });

const anthropic = (name, steering = {}, more = {}) =>
  new Anthropic({
    baseURL: of("anthropic"),
    apiKey: "sk-ant-fake",
    defaultHeaders: marked(name, steering),
    timeout: 30_000,
    ...more,
  });

const aiSdk = (name, steering = {}) =>
  createOpenAI({ baseURL: of("openai", "/v1"), apiKey: "sk-fake-openai", headers: marked(name, steering) });

/** A client without an SDK: many calls at once on one HTTP/2 connection, or each on its own where there is none. */
class Plain {
  constructor() {
    this.session = options.h2c ? http2.connect(new URL(base).origin) : undefined;
    this.session?.on("error", () => {}); // each request on it fails by itself
  }

  close() {
    this.session?.close();
  }

  /** A POST that has begun, as a readable stream of the answer, with its status. */
  async begin(path, headers, body) {
    const url = new URL(of("openai", path));
    const all = { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = this.session
      ? this.session.request({ ":method": "POST", ":path": url.pathname + url.search, ...all })
      : http.request(url, { method: "POST", headers: all });
    request.end(body);
    return await new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (answer) => {
        const stream = this.session ? request : answer;
        stream.on("error", () => {});
        resolve({ status: this.session ? answer[":status"] : answer.statusCode, stream });
      });
    });
  }

  async call(path, headers, body) {
    const { status, stream } = await this.begin(path, headers, body);
    const bytes = Buffer.concat(await chunksOf(stream));
    return { status, received: { sha256: digest(bytes), len: bytes.length } };
  }
}

const CHAT = { model: "gpt-mock", messages: user() };
const CLAUDE = { model: "claude-mock", max_tokens: 2048 };
const CHAT_TOOLS = [{ type: "function", function: { name: "get_weather", parameters: SCHEMA } }];
const RESPONSE_TOOLS = [{ type: "function", name: "get_weather", parameters: SCHEMA, strict: false }];
const CLAUDE_TOOLS = [{ name: "get_weather", description: "the weather", input_schema: SCHEMA }];

const scenarios = {
  async node_openai_chat(name) {
    return await openai(name).chat.completions.create(CHAT);
  },

  async node_openai_chat_stream(name) {
    const call = { ...CHAT, stream: true, stream_options: { include_usage: true } };
    return await collect(await openai(name, { split: 11 }).chat.completions.create(call));
  },

  async node_openai_chat_tools(name) {
    const client = openai(name);
    const messages = user();
    const first = await client.chat.completions.create({ ...CHAT, messages, tools: CHAT_TOOLS });
    const [call] = first.choices[0].message.tool_calls;
    messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: RESULT });
    const runner = client.chat.completions.stream({ ...CHAT, messages, tools: CHAT_TOOLS });
    const second = await runner.finalChatCompletion();
    expect(second.choices[0].message.content.includes(RESULT), second);
    return [first, second];
  },

  async node_openai_responses(name) {
    return await openai(name).responses.create({ model: "gpt-mock", input: PROMPT });
  },

  async node_openai_responses_stream(name) {
    const client = openai(name, { encoding: "gzip" });
    return await collect(await client.responses.create({ model: "gpt-mock", input: PROMPT, stream: true }));
  },

  async node_openai_responses_tools(name) {
    const client = openai(name);
    const input = user();
    const first = await client.responses.create({ model: "gpt-mock", input, tools: RESPONSE_TOOLS });
    const [call] = first.output;
    input.push(call, { type: "function_call_output", call_id: call.call_id, output: RESULT });
    const stream = await client.responses.create({ model: "gpt-mock", input, tools: RESPONSE_TOOLS, stream: true });
    const events = await collect(stream);
    expect(events.at(-1).response.output[0].content[0].text.includes(RESULT), events.at(-1));
    return [first, events];
  },

  async node_openai_embeddings(name) {
    return await openai(name).embeddings.create({ model: "embed-mock", input: ["one", "två"] });
  },

  async node_openai_models(name) {
    return await collect(await openai(name).models.list());
  },

  async node_openai_audio(name) {
    const audio = Buffer.alloc(512_000, "\r\n--not-a-boundary\r\n\0\xff", "latin1");
    const file = await OpenAI.toFile(audio, "speech é.wav");
    const result = await openai(name).audio.transcriptions.create({ model: "whisper-mock", file });
    expect(JSON.parse(result.text).sha256 === digest(audio), result.text);
    return result;
  },

  async node_openai_large(name) {
    expect(Buffer.byteLength(LARGE) > 1_000_000, "the large input is not large");
    const result = await openai(name).chat.completions.create({ ...CHAT, messages: user(LARGE) });
    expect(result.choices[0].message.content.includes(`Heard ${[...LARGE].length} characters`), result);
    return result;
  },

  async node_openai_retry(name) {
    return await openai(name, { fail: "429:1" }).chat.completions.create(CHAT);
  },

  async node_openai_error(name) {
    const call = openai(name, { fail: 400 }).responses.create({ model: "gpt-mock", input: PROMPT });
    const error = await raised(call);
    expect(error instanceof OpenAI.BadRequestError, error);
    expect(error.message.includes("mock says 400: naïve 日本語"), error.message);
    return [error.status, error.code, error.error, error.requestID];
  },

  async node_openai_cancel(name) {
    const stream = await openai(name, { endless: 1 }).chat.completions.create({ ...CHAT, stream: true });
    const first = [];
    for await (const chunk of stream) if (first.push(plain(chunk)) === 3) break;
    await hasLeft(name);
    return first;
  },

  async node_openai_cancel_before_the_answer(name) {
    const abort = new AbortController();
    const call = openai(name, { hold: 1 }).chat.completions.create(CHAT, { signal: abort.signal });
    setTimeout(() => abort.abort(), 300);
    expect((await raised(call)) instanceof OpenAI.APIUserAbortError, "another error");
    await hasLeft(name);
    return "aborted";
  },

  // Each event is sent only once the one before has been acknowledged: what holds back anything hangs here.
  async node_openai_lockstep(name) {
    const call = { model: "gpt-mock", input: PROMPT, stream: true };
    const events = [];
    for await (const event of await openai(name, { lockstep: "node" }).responses.create(call)) {
      events.push(plain(event));
      await control("ack/node");
    }
    return events;
  },

  async node_openai_parallel(name) {
    const client = openai(name);
    const call = async (number) => {
      const messages = user(`${PROMPT} ${number}`);
      if (number % 2) return await collect(await client.chat.completions.create({ ...CHAT, messages, stream: true }));
      return await client.chat.completions.create({ ...CHAT, messages });
    };
    return await Promise.all(range(PARALLEL).map(call));
  },

  async node_anthropic_messages(name) {
    return await anthropic(name).messages.create({ ...CLAUDE, messages: user() });
  },

  async node_anthropic_stream(name) {
    const thinking = { type: "enabled", budget_tokens: 1024 };
    const stream = anthropic(name).messages.stream({ ...CLAUDE, messages: user(), thinking });
    const events = await collect(stream);
    return [events, await stream.finalMessage()];
  },

  async node_anthropic_tools(name) {
    const client = anthropic(name);
    const messages = user();
    const first = await client.messages.create({ ...CLAUDE, messages, tools: CLAUDE_TOOLS });
    const call = first.content.find((block) => block.type === "tool_use");
    const result = { type: "tool_result", tool_use_id: call.id, content: RESULT };
    messages.push({ role: "assistant", content: first.content }, { role: "user", content: [result] });
    const second = await client.messages.stream({ ...CLAUDE, messages, tools: CLAUDE_TOOLS }).finalMessage();
    expect(second.content[0].text.includes(RESULT), second);
    return [first, second];
  },

  async node_anthropic_large(name) {
    return await anthropic(name).messages.create({ ...CLAUDE, messages: user(LARGE) });
  },

  async node_anthropic_retry(name) {
    return await anthropic(name, { fail: "529:1" }).messages.create({ ...CLAUDE, messages: user() });
  },

  async node_anthropic_error(name) {
    const error = await raised(anthropic(name, { fail: 400 }).messages.create({ ...CLAUDE, messages: user() }));
    expect(error instanceof Anthropic.BadRequestError, error);
    expect(error.message.includes("mock says 400: naïve 日本語"), error.message);
    return [error.status, error.error, error.requestID];
  },

  async node_anthropic_cancel(name) {
    const client = anthropic(name, { endless: 1 });
    const stream = await client.messages.create({ ...CLAUDE, messages: user(), stream: true });
    const first = [];
    for await (const event of stream) if (first.push(plain(event)) === 3) break;
    await hasLeft(name);
    return first;
  },

  async node_anthropic_parallel(name) {
    const client = anthropic(name);
    const calls = range(PARALLEL).map((i) => client.messages.create({ ...CLAUDE, messages: user(`${PROMPT} ${i}`) }));
    return await Promise.all(calls);
  },

  async h2_multiplexed(name) {
    const client = new Plain();
    const call = (i) => {
      const body = JSON.stringify({ ...CHAT, messages: user(`${PROMPT} ${i}`), stream: i % 2 === 1 });
      return client.call("/v1/chat/completions", marked(name, {}), body);
    };
    const large = (i) => client.call("/v1/mock/echo", marked(name, {}), LARGE.slice(i));
    const results = await Promise.all([...range(30).map(call), ...range(4).map(large)]);
    client.close();
    return results;
  },

  // One stream that is broken off takes nothing of the others on its connection with it.
  async h2_one_of_many_leaves(name) {
    const client = new Plain();
    const body = JSON.stringify({ ...CHAT, stream: true });
    const left = await client.begin("/v1/chat/completions", marked(name, { endless: 1 }), body);
    await new Promise((resolve) => left.stream.once("data", resolve));
    const others = range(5).map(() => client.call("/v1/chat/completions", marked(`${name}_but_others`, {}), body));
    left.stream.destroy();
    await hasLeft(name);
    const results = await Promise.all(others);
    client.close();
    return results.map((result) => [result.status, result.received.sha256, result.received.len]);
  },

  async ai_generate(name) {
    const provider = aiSdk(name);
    const result = await generateText({ model: provider("gpt-mock"), prompt: PROMPT });
    const chat = await generateText({ model: provider.chat("gpt-mock"), prompt: PROMPT });
    return [result.text, result.usage, result.finishReason, chat.text, chat.usage];
  },

  async ai_stream(name) {
    const provider = aiSdk(name);
    const results = [];
    for (const model of [provider("gpt-mock"), provider.chat("gpt-mock")]) {
      const result = streamText({ model, prompt: PROMPT });
      results.push(await collect(result.textStream), await result.usage, await result.finishReason);
    }
    return results;
  },

  async ai_tools(name) {
    const inputSchema = z.object({ city: z.string(), days: z.number().optional() });
    const asked = [];
    const execute = async (input) => (asked.push(input), RESULT);
    const tools = { get_weather: tool({ description: "the weather", inputSchema, execute }) };
    const provider = aiSdk(name);
    const texts = [];
    for (const model of [provider("gpt-mock"), provider.chat("gpt-mock")]) {
      const whole = await generateText({ model, prompt: PROMPT, tools, stopWhen: stepCountIs(3) });
      const streamed = streamText({ model, prompt: PROMPT, tools, stopWhen: stepCountIs(3) });
      texts.push(whole.text, (await collect(streamed.textStream)).join(""));
    }
    expect(asked.length === 4 && texts.every((text) => text.includes(RESULT)), { asked, texts });
    return { asked, texts };
  },

  async ai_embed(name) {
    const model = aiSdk(name).embedding("embed-mock");
    return (await embedMany({ model, values: ["one", "två"] })).embeddings;
  },

  async ai_large(name) {
    return (await generateText({ model: aiSdk(name)("gpt-mock"), prompt: LARGE })).text;
  },

  async ai_retry(name) {
    return (await generateText({ model: aiSdk(name, { fail: "429:1" })("gpt-mock"), prompt: PROMPT })).text;
  },

  async ai_error(name) {
    const error = await raised(generateText({ model: aiSdk(name, { fail: 400 })("gpt-mock"), prompt: PROMPT }));
    expect(error.name === "AI_APICallError" && error.message.includes("naïve 日本語"), error.message);
    return [error.statusCode, error.message, error.data];
  },

  async ai_cancel(name) {
    const abort = new AbortController();
    const model = aiSdk(name, { endless: 1 })("gpt-mock");
    const result = streamText({ model, prompt: PROMPT, abortSignal: abort.signal, onError: () => {} });
    const first = [];
    for await (const text of result.textStream) {
      if (first.push(text) === 2) abort.abort();
    }
    await hasLeft(name);
    return first.slice(0, 2);
  },

  async ai_parallel(name) {
    const provider = aiSdk(name);
    const call = (i) => generateText({ model: provider("gpt-mock"), prompt: `${PROMPT} ${i}` });
    return (await Promise.all(range(PARALLEL).map(call))).map((result) => result.text);
  },
};

function inTime(promise) {
  let timer;
  const overdue = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${TIMEOUT} ms`)), TIMEOUT);
  });
  return Promise.race([promise, overdue]).finally(() => clearTimeout(timer));
}

let failed = 0;
let results = "";
for (const name of only.length ? only : Object.keys(scenarios)) {
  try {
    const result = await inTime(scenarios[name](name));
    results += JSON.stringify([name, result]) + "\n";
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error?.stack ?? error).replaceAll(/\s+/g, " ").slice(0, 400)}`);
  }
}
writeFileSync(options.results, results);
process.exit(failed ? 1 : 0);
