// The keyboard: move, open, search, back. Rows are whatever has data-row.

const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
const dialog = document.getElementById("keys");
let behind = "";

function tell(name, detail, target = document) {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}

function current() {
  return document.querySelector("[data-row].at");
}

function select(row) {
  current()?.classList.remove("at");
  row.classList.add("at");
  row.scrollIntoView({ block: "nearest" });
  const focusable = row.matches("a") ? row : row.querySelector("a[href]");
  focusable?.focus({ preventScroll: true });
  tell("wiretape:at", row.dataset.row, row);
}

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(current());
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  select(all[next]);
  // What is loaded as one scrolls is loaded as one moves, too.
  if (next > all.length - 10) document.querySelector("a[data-scroll]")?.click();
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
  return Boolean(link);
}

function open() {
  const row = current();
  (row?.matches("a") ? row : row?.querySelector("a[href]"))?.click();
}

function back() {
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    return;
  }
  const panel = document.querySelector("[data-step-panel].open");
  if (panel) tell("wiretape:close", null, panel);
  else if (!follow("[data-up]") && history.length > 1) history.back();
}

function foldAll() {
  const folds = [...document.querySelectorAll("main details.fold")].filter((fold) => fold.offsetParent !== null).slice(0, 500);
  const open = !folds.some((fold) => fold.open);
  for (const fold of folds) fold.open = open;
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // It holds for this page.
  }
}

// The first marked is kept until a second one is there.
function mark() {
  const id = current()?.dataset.row ?? document.querySelector("[data-compare]")?.dataset.compare;
  if (!id || !/^[0-9a-f]{16}$/.test(id)) return;
  const first = sessionStorage.getItem("marked");
  if (first && first !== id) {
    sessionStorage.removeItem("marked");
    location.assign(`/compare?a=${first}&b=${id}`);
  } else {
    sessionStorage.setItem("marked", id);
    current()?.classList.add("marked");
    tell("wiretape:said", "Marked. Press x on another call to compare the two");
  }
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  u: back,
  Escape: back,
  "/": () => document.querySelector("input[type=search]")?.select(),
  n: () => follow("a[rel=next]"),
  p: () => follow("a[rel=prev], a[rel=first]"),
  x: mark,
  c: () => {
    const id = current()?.dataset.row ?? document.querySelector("[data-id]")?.textContent;
    if (id) tell("wiretape:copy", id);
  },
  o: foldAll,
  d: theme,
  "?": () => dialog?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog?.open) return;
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  // Arrows scroll where nothing is selected.
  if (event.key.startsWith("Arrow") && !current()) return;
  if (behind === "g") {
    behind = "";
    if (follow(`[data-go="${CSS.escape(event.key)}"]`)) event.preventDefault();
    return;
  }
  if (event.key === "g") {
    behind = "g";
    setTimeout(() => (behind = ""), 1200);
    return;
  }
  if (event.key === "Enter" && current() && (event.target === document.body || event.target.closest("main") === event.target)) {
    open();
    return;
  }
  const does = KEYS[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
});

// A menu closes when something else is clicked.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// A click anywhere on a row of a table opens it, as its link would.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("tr[data-row]");
  if (!row || event.target.closest("a, button, input, summary, label") || String(getSelection())) return;
  const link = row.querySelector("a[href]");
  if (!link) return;
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noreferrer");
  else link.click();
});

// On a phone the list comes first.
if (matchMedia("(max-width: 800px)").matches) document.querySelector(".filters > details")?.removeAttribute("open");
for (const button of document.querySelectorAll("[data-theme-switch], [data-help], button[data-compare]")) button.hidden = false;
document.querySelector("button[data-compare]")?.addEventListener("click", mark);
document.querySelector("[data-theme-switch]")?.addEventListener("click", theme);
document.querySelector("[data-help]")?.addEventListener("click", () => dialog?.showModal());
