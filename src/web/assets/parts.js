// Parts of a page that are loaded when they are wanted: the rest of a long text, further steps and messages. Without this
// script the same links lead to pages of their own.

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) load(entry.target);
  },
  { rootMargin: "1200px" },
);

async function load(link) {
  const place = link.closest(".more") ?? link;
  if (place.classList.contains("loading")) return;
  place.classList.add("loading");
  seen.unobserve(link);
  const address = new URL(link.href);
  address.searchParams.set("part", "1");
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const holder = document.createElement("template");
    // The server made this markup and escaped what was recorded.
    holder.innerHTML = await answer.text();
    const added = [...holder.content.children];
    const had = document.activeElement === link;
    place.replaceWith(holder.content);
    for (const one of added) announce(one);
    if (had) added[0]?.querySelector("a[href]")?.focus({ preventScroll: true });
  } catch {
    place.classList.remove("loading");
    delete link.dataset.scroll;
    link.textContent = "That did not load: try again";
  }
}

function announce(element) {
  element.dispatchEvent(new CustomEvent("wiretape:added", { bubbles: true }));
}

function watch(root) {
  for (const link of root.querySelectorAll("a[data-scroll]")) seen.observe(link);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-more]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  load(link);
});
document.addEventListener("wiretape:added", (event) => watch(event.target.parentElement ?? event.target));
watch(document);
