// The selected step of a trace, beside its tree. The address keeps which one it is: `#s` and its id.

const panel = document.querySelector("[data-step-panel]");
let wanted = "";
let waiting = 0;

async function show(id) {
  wanted = id;
  panel.classList.add("loading");
  try {
    const answer = await fetch(`/calls/${encodeURIComponent(id)}?part=1`, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const text = await answer.text();
    // Another one may have been selected meanwhile.
    if (wanted !== id) return;
    // The server made this markup and escaped what was recorded.
    panel.innerHTML = text;
    panel.hidden = false;
    panel.classList.add("open");
    panel.dataset.shown = id;
    panel.scrollTop = 0;
    for (const button of panel.querySelectorAll("[data-close]")) button.hidden = false;
    panel.dispatchEvent(new CustomEvent("wiretape:added", { bubbles: true }));
  } catch {
    if (wanted === id) panel.textContent = "That did not load.";
  } finally {
    if (wanted === id) panel.classList.remove("loading");
  }
}

function point(id) {
  document.querySelector(".steps .at")?.classList.remove("at");
  const row = document.getElementById(`s${id}`);
  row?.classList.add("at");
  return row;
}

function fromAddress(scrolls) {
  const id = /^#s([0-9a-f]{16})$/.exec(location.hash)?.[1];
  if (!id) return;
  const row = point(id);
  if (scrolls) row?.scrollIntoView({ block: "center" });
  show(id);
}

function select(id) {
  history.replaceState(null, "", `#s${id}`);
  point(id);
  clearTimeout(waiting);
  // Who moves fast with the keyboard reads only where they stop.
  waiting = setTimeout(() => show(id), 60);
}

function close() {
  wanted = "";
  panel.classList.remove("open");
  panel.replaceChildren();
  panel.hidden = true;
  document.querySelector(".steps .at")?.classList.remove("at");
  history.replaceState(null, "", location.pathname + location.search);
}

if (panel) {
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("a[data-step]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    // A second click on the same step opens its page.
    if (row.classList.contains("at") && panel.classList.contains("open") && event.detail > 1) location.assign(row.href);
    else select(row.dataset.step);
  });
  document.addEventListener("keydown", (event) => {
    // Enter on a selected step opens its page: that it is selected shows it already.
    const row = event.target.closest?.("a[data-step].at");
    if (event.key === "Enter" && row && panel.classList.contains("open")) {
      event.preventDefault();
      location.assign(row.href);
    }
  });
  document.addEventListener("wiretape:at", (event) => {
    if (event.target.closest("a[data-step]")) select(event.detail);
  });
  panel.addEventListener("wiretape:close", close);
  panel.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
  });
  addEventListener("hashchange", () => fromAddress(true));
  fromAddress(true);
  // Where there is room beside the tree, the first step is there to begin with.
  if (matchMedia("(min-width: 1101px)").matches) {
    panel.hidden = false;
    const first = document.querySelector("a[data-step]");
    if (!wanted && first) show(first.dataset.step);
  }
}
