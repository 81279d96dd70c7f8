// A recording of the worst kind: each text tries to run, to fetch, to deceive, or is too long.

export const LONG = 5_000_000;

const ATTACKS = [
  "<script>window.hacked = 1</script>",
  "<img src=x onerror=\"window.hacked = 2\">",
  "<svg onload=\"window.hacked = 3\"><script>window.hacked = 3</script></svg>",
  "\"><script>window.hacked = 4</script>",
  "' onmouseover='window.hacked = 5' x='",
  "</pre></code></div></main><script>window.hacked = 6</script>",
  "[click](javascript:window.hacked=7) [data](data:text/html,<script>parent.hacked=7</script>)",
  "![image](http://127.0.0.1:9/tracked.png) <img src=http://127.0.0.1:9/tracked.png>",
  "<style>*{display:none!important}</style><link rel=stylesheet href=http://127.0.0.1:9/x.css>",
  "<iframe src=http://127.0.0.1:9/></iframe><object data=x></object><embed src=x>",
  "<form action=http://127.0.0.1:9/><input name=token autofocus></form><base href=http://127.0.0.1:9/>",
  "{{constructor.constructor('window.hacked=8')()}} ${window.hacked=9}",
  "a\u202egnp.exe\u202c b\u2066hidden\u2069 c\u0000\u001b[31m d\u200b\ufeff e\u{e0041}",
  "```html\n<script>window.hacked = 10</script>\n```\n| <b>a</b> | b |\n|---|---|\n| <script>window.hacked=11</script> | x |",
];

// Something evil in every place that a record has.
export function records() {
  const evil = ATTACKS.join("\n\n");
  const line = ATTACKS.slice(0, 5).join(" ");
  const svg = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked=12'><script>window.hacked=13</script></svg>").toString("base64");
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const trace = "0123456789abcdef0123456789abcdef";
  const session = "<script>window.hacked=14</script>/../%2e%2e?x#y";
  const head = (id, start, more) => ({
    id, trace_id: trace, session_id: session, type: "generation", name: line,
    start_time: `2026-01-02T03:04:${start}.000000Z`, first_token_time: `2026-01-02T03:04:${start}.200000Z`, end_time: `2026-01-02T03:04:${start}.900000Z`,
    duration_ms: 900, ttft_ms: 200, status: "ok", provider: line, dialect: line, operation: line, request_model: line, response_model: line,
    usage: { input: 1, output: 1, source: line, raw: { [line]: line }, anomalies: [line] },
    cost: { total: 0.1, source: line, missing: [line], details: [{ unit: line, count: 1, price: 1, amount: 1 }] },
    links: [{ to: line, reason: line, confidence: 0.5 }], losses: [line], problems: [line], redactions: [line],
    user: line, tags: [line, "<b>tag</b>"], labels: { [line]: line }, client: { name: line, version: line },
    finish_reason: line, prompt_version: line, tools_version: line, title: line, side: undefined, ...more,
  });
  const text = (content) => ({ type: "text", content });
  return [
    head("000000000000000a", "05", {
      system: [text(evil)],
      tools: [{ name: line, description: evil, input_schema: { [line]: evil } }],
      input: [
        { role: "user", name: line, parts: [text(evil), { type: "blob", modality: "image", mime_type: "image/svg+xml", content: svg }] },
        { role: line, parts: [{ type: "blob", modality: "image", mime_type: "image/png", content: svg }, { type: "blob", modality: "image", mime_type: line, content: png }] },
        { role: "tool", parts: [{ type: "tool_call_response", id: line, name: line, response: [{ type: "text", text: evil }, { type: line, [line]: evil }] }] },
      ],
      output: [{ role: "assistant", finish_reason: line, parts: [
        { type: "reasoning", content: evil }, text(evil), { type: "refusal", content: evil },
        { type: "tool_call", id: line, name: line, arguments: { [line]: evil } },
        { type: "uri", modality: line, uri: "javascript:window.hacked=15" }, { type: "uri", modality: "image", uri: "http://127.0.0.1:9/tracked.png" },
        { type: "file", file_id: line }, { type: line, content: { [line]: evil } },
      ] }],
      output_text: evil,
    }),
    head("000000000000000b", "06", {
      type: "tool", name: line, parent_id: "000000000000000a", status: "error", error: { type: line, code: line, message: evil, http_status: 500 },
      tool: { call_id: line, name: line, arguments: { [line]: evil }, result: evil, is_error: true, duration_source: "gap" }, usage: undefined, cost: undefined,
    }),
    head("000000000000000c", "07", {
      input: [{ role: "user", parts: [text("<b>".repeat(LONG / 3))] }],
      output: [{ role: "assistant", parts: [text("x".repeat(LONG)), { type: "tool_call", name: "t", arguments: { long: `${"<i>y</i> ".repeat(LONG / 9)}` } }] }],
    }),
  ];
}
