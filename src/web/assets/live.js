// The live page: calls as they happen, and their text as it arrives.

const list = document.querySelector("[data-live-list]");
const now = document.querySelector("[data-live-now]");
const state = document.querySelector("[data-live-state]");
const pause = document.querySelector("[data-live-pause]");
const MOST_ROWS = 200;
const MOST_CARDS = 24;
const LONGEST = 4000;

const cards = new Map();
let paused = false;
let held = [];

function tell(text, on) {
  state.textContent = text;
  state.classList.toggle("on", on);
  state.classList.toggle("off", !on);
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function card(progress) {
  let own = cards.get(progress.id);
  if (own) return own;
  if (cards.size >= MOST_CARDS) return null;
  const box = element("article", "under-way");
  const head = document.createElement("header");
  const name = element("b", "", progress.model || progress.name || "call");
  const provider = element("span", "quiet", progress.provider ?? "");
  const time = element("span", "quiet");
  head.append(name, provider, time);
  const reasoning = element("pre", "reasoning");
  const text = element("pre", "text");
  const tools = element("p", "quiet");
  box.append(head, reasoning, text, tools);
  now.prepend(box);
  own = { box, time, reasoning, text, tools, said: "", thought: "", started: Date.parse(progress.started) || Date.now() };
  cards.set(progress.id, own);
  return own;
}

function put(place, text) {
  // Inside, so that the end of it is what is seen.
  const inner = place.firstElementChild ?? place.appendChild(document.createElement("span"));
  inner.textContent = text.length > LONGEST ? `…${text.slice(-LONGEST)}` : text;
}

function progressed(progress) {
  const own = card(progress);
  if (!own) return;
  own.said = progress.append !== undefined ? own.said + progress.append : (progress.text ?? own.said);
  own.thought = progress.append_reasoning !== undefined ? own.thought + progress.append_reasoning : (progress.reasoning ?? own.thought);
  if (own.said) put(own.text, own.said);
  if (own.thought) put(own.reasoning, own.thought);
  const tools = (progress.tool_calls ?? []).map((tool) => (typeof tool === "string" ? tool : tool.name)).filter(Boolean);
  if (tools.length) own.tools.textContent = `▸ ${tools.join(", ")}`;
  if (progress.done) setTimeout(() => forget(progress.id), 4000);
}

function forget(id) {
  cards.get(id)?.box.remove();
  cards.delete(id);
}

function arrived(call) {
  if (call.exchange_id) forget(call.exchange_id);
  forget(call.id);
  if (!call.html) return;
  const holder = document.createElement("template");
  // The server made this markup and escaped what was recorded.
  holder.innerHTML = call.html;
  const row = holder.content.querySelector("tr");
  if (!row) return;
  const body = list.tBodies[0];
  const old = body.querySelector(`tr[data-row="${CSS.escape(call.id)}"]`);
  row.classList.add("new");
  if (old) old.replaceWith(row);
  else body.prepend(row);
  while (body.rows.length > MOST_ROWS) body.rows[body.rows.length - 1].remove();
  list.hidden = false;
  document.querySelector("[data-live-empty]")?.remove();
  row.dispatchEvent(new CustomEvent("wiretape:added", { bubbles: true }));
}

// Many may come at once: they are shown together, once a frame.
let due = [];
let isDue = false;

function soon(work) {
  if (paused) {
    if (held.length < 1000) held.push(work);
    return;
  }
  // Nothing is painted behind other windows: then the oldest go.
  if (due.length > 2000) due.splice(0, 1000);
  due.push(work);
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    const all = due;
    due = [];
    isDue = false;
    for (const one of all) one();
  });
}

function listen() {
  const feed = new EventSource("/live/events");
  feed.addEventListener("open", () => tell("recording", true));
  feed.addEventListener("error", () => tell("the connection is lost; trying again", false));
  feed.addEventListener("call", (event) => soon(() => arrived(JSON.parse(event.data))));
  feed.addEventListener("progress", (event) => soon(() => progressed(JSON.parse(event.data))));
  addEventListener("pagehide", () => feed.close());
}

if (list) {
  tell("connecting", false);
  listen();
  setInterval(() => {
    for (const own of cards.values()) own.time.textContent = `${((Date.now() - own.started) / 1000).toFixed(1)} s`;
  }, 250);
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    tell(paused ? "paused" : "recording", !paused);
    const all = held;
    held = [];
    for (const work of all) soon(work);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) listen();
  });
}
