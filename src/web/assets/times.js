// Times in the viewer's own zone, and buttons that copy. Both also in what is added to the page later.

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { month: "short", day: "2-digit" });

function shown(moment) {
  const now = new Date();
  if (moment.toDateString() === now.toDateString()) return clock.format(moment);
  const year = moment.getFullYear() === now.getFullYear() ? "" : `${moment.getFullYear()} `;
  return `${year}${day.format(moment)} ${clock.format(moment)}`;
}

function prepare(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) time.textContent = shown(moment);
  }
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

function say(text) {
  const place = document.querySelector(".said[role=status]");
  if (!place) return;
  place.textContent = text;
  setTimeout(() => (place.textContent = ""), 1500);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not allow it");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) copy(button.dataset.copy);
});
document.addEventListener("wiretape:copy", (event) => copy(event.detail));
document.addEventListener("wiretape:said", (event) => say(event.detail));
document.addEventListener("wiretape:added", (event) => prepare(event.target));
prepare(document);
