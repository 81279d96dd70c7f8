// Every page with what the demo records.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { api, until } from "./recorder.mjs";

const FULL = 60_000;
const SOON = 20_000;

// The sample is in the store.
export async function isFull(own) {
  await until("the sample to be recorded", FULL, async () => (await api(own, "/calls?limit=200")).items.length >= 110);
}

// Addresses of every page, with something on it.
async function pages(own) {
  const traces = (await api(own, "/traces?limit=100")).items;
  const trace = traces.toSorted((a, b) => b.observations - a.observations)[0].id;
  const session = (await api(own, "/sessions?limit=100")).items.toSorted((a, b) => b.observations - a.observations)[0].id;
  const calls = (await api(own, "/calls?type=generation&limit=200")).items;
  const tool = (await api(own, "/calls?type=tool&limit=5")).items[0].id;
  const wrong = (await api(own, "/calls?status=error&type=generation")).items[0].id;
  const cached = (calls.find((call) => call.usage?.cache_read > 0) ?? calls[0]).id;
  const [prompt, other] = (await api(own, "/prompts")).items.map((one) => `${one.prompt_version}/${one.tools_version ?? "-"}`);
  const at = encodeURIComponent;
  return {
    live: "/live", sessions: "/sessions", traces: "/traces", calls: "/calls", prompts: "/prompts", dashboard: "/dashboard", health: "/health",
    trace: `/traces/${trace}`, session: `/sessions/${at(session)}`, conversation: `/sessions/${at(session)}/conversation`,
    call: `/calls/${cached}`, tool: `/calls/${tool}`, error: `/calls/${wrong}`, compare: `/compare?a=${calls[0].id}&b=${calls[1].id}`,
    prompt: `/prompts/${at(prompt)}?other=${at(other)}`, search: "/calls?search=invoices", filtered: "/calls?status=error", empty: "/calls?user=nobody",
    text: `/calls/${cached}/text?at=/output`,
  };
}

async function well(tab, name) {
  assert.deepEqual(tab.complaints, [], `${name}: ${tab.complaints.join("; ").slice(0, 400)}`);
}

async function overflows(page) {
  return page.evaluate(() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth);
}

export const tests = {
  async every_page_is_sound({ own, browser, work }) {
    for (const dark of [false, true]) {
      const tab = await browser.page(own.web, { dark });
      for (const [name, path] of Object.entries(await pages(own))) {
        const answer = await tab.open(path);
        assert.equal(answer.status(), 200, `${name}: ${path}`);
        assert.equal(await tab.page.locator("main").count(), 1, name);
        if (name !== "text") assert.equal(await tab.page.locator("h1").count(), 1, `${name}: one h1`);
        assert.ok((await tab.page.title()).endsWith("· wiretape"), name);
        await tab.page.screenshot({ path: join(work, `${name}-${dark ? "dark" : "light"}.png`) });
        const found = await browser.accessible(tab.page);
        assert.deepEqual(found, [], `${name}, ${dark ? "dark" : "light"}: ${found.join("; ")}`);
      }
      await well(tab, "pages");
      await tab.close();
    }
  },

  async what_is_not_accessible_is_found({ own, browser }) {
    const tab = await browser.page(own.web);
    await tab.open("/calls");
    await tab.page.evaluate(() => {
      const main = document.querySelector("main");
      main.appendChild(document.createElement("img")).src = "data:image/png;base64,iVBORw0KGgo=";
      main.appendChild(document.createElement("button"));
    });
    const found = await browser.accessible(tab.page);
    assert.ok(found.some((one) => one.startsWith("image-alt")) && found.some((one) => one.startsWith("button-name")), found.join("; "));
    await tab.close();
  },

  async a_missing_page_says_so({ own, browser }) {
    const tab = await browser.page(own.web);
    for (const path of ["/calls/0000000000000000", "/traces/nonsense", "/nowhere", "/calls?status=fine"]) {
      const answer = await tab.open(path);
      assert.ok(answer.status() >= 400 && answer.status() < 500, path);
      assert.equal(await tab.page.locator("main h1").count(), 1, path);
    }
    await tab.close();
  },

  async a_phone_shows_every_page({ own, browser, work }) {
    const tab = await browser.page(own.web, { width: 390, height: 844 });
    for (const [name, path] of Object.entries(await pages(own))) {
      await tab.open(path);
      assert.ok((await overflows(tab.page)) <= 0, `${name} is wider than a phone by ${await overflows(tab.page)}`);
      await tab.page.screenshot({ path: join(work, `${name}-phone.png`) });
    }
    await well(tab, "phone");
    await tab.close();
  },

  async live_shows_text_as_it_is_said({ own, browser, work }) {
    const tab = await browser.page(own.web);
    await tab.open("/live");
    await tab.page.waitForSelector("[data-live-state].on");
    const before = await tab.page.locator("[data-live-list] tbody tr").count();
    const first = await tab.page.locator("[data-live-list] tbody tr").first().getAttribute("data-row");
    await tab.page.waitForSelector(".under-way .text span", { timeout: SOON });
    const place = tab.page.locator(".under-way .text span").first();
    const begun = (await place.textContent()) ?? "";
    await tab.page.screenshot({ path: join(work, "live-under-way.png") });
    await tab.page.waitForFunction(
      ([begun]) => [...document.querySelectorAll(".under-way .text span")].some((place) => place.textContent.startsWith(begun) && place.textContent.length > begun.length),
      [begun],
      { timeout: SOON },
    );
    await tab.page.waitForFunction(([first]) => document.querySelector("[data-live-list] tbody tr")?.dataset.row !== first, [first], { timeout: SOON });
    assert.ok((await tab.page.locator("[data-live-list] tbody tr").count()) >= Math.min(before, 50));
    // Paused, the list stays as it is.
    await tab.page.click("[data-live-pause]");
    await well(tab, "live");
    await tab.close();
  },

  async search_finds_what_was_said({ own, browser }) {
    const tab = await browser.page(own.web);
    await tab.open("/calls");
    await tab.page.keyboard.press("/");
    await tab.page.keyboard.type("invoices");
    await Promise.all([tab.page.waitForURL(/search=invoices/), tab.page.keyboard.press("Enter")]);
    assert.ok((await tab.page.locator("tbody tr").count()) > 0);
    assert.equal((await tab.page.locator("tbody mark").first().textContent()).toLowerCase(), "invoices");
    await tab.page.click(".held a");
    assert.equal(new URL(tab.page.url()).search, "");
    await well(tab, "search");
    await tab.close();
  },

  async filters_are_in_the_address({ own, browser }) {
    const tab = await browser.page(own.web);
    await tab.open("/calls");
    await tab.page.click(".filters a:has-text('error')");
    await tab.page.waitForURL(/status=error/);
    const states = await tab.page.locator("tbody .status").allTextContents();
    assert.ok(states.length > 0 && states.every((state) => state.startsWith("error")), states.join(","));
    await tab.page.click(".filters a[aria-current]:has-text('error')");
    await tab.page.waitForURL(/\/calls$/);
    await tab.open("/calls?limit=20");
    const first = await tab.page.locator("tbody tr").first().getAttribute("data-row");
    await tab.page.keyboard.press("n");
    await tab.page.waitForURL(/after=/);
    assert.notEqual(await tab.page.locator("tbody tr").first().getAttribute("data-row"), first);
    await well(tab, "filters");
    await tab.close();
  },

  async what_is_seen_can_be_taken_away({ own, browser }) {
    const tab = await browser.page(own.web);
    for (const path of ["/calls?status=error", (await pages(own)).trace]) {
      await tab.open(path);
      await tab.page.locator(".menu summary").click();
      const links = await tab.page.locator(".menu a").evaluateAll((all) => all.map((one) => one.href));
      assert.ok(links.length > 5, path);
      for (const link of links) {
        const answer = await fetch(link);
        assert.equal(answer.status, 200, link);
        // A form may have nothing to say of what failed.
        const length = (await answer.arrayBuffer()).byteLength;
        assert.ok(length > 0 || link.includes("finetune") || link.includes("sharegpt"), link);
      }
    }
    await well(tab, "export");
    await tab.close();
  },

  async the_keyboard_is_enough({ own, browser }) {
    const tab = await browser.page(own.web);
    const { page } = tab;
    await tab.open("/traces");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const id = await page.locator("tr.at").getAttribute("data-row");
    assert.equal(id, await page.locator("tbody tr").nth(1).getAttribute("data-row"));
    await Promise.all([page.waitForURL(`**/traces/${id}**`), page.keyboard.press("Enter")]);
    await page.keyboard.press("j");
    await page.waitForSelector("[data-step-panel].open header");
    const step = await page.locator(".row.at").getAttribute("data-step");
    assert.ok(page.url().endsWith(`#s${step}`), page.url());
    await Promise.all([page.waitForURL(`**/calls/${step}`), page.keyboard.press("Enter")]);
    await Promise.all([page.waitForURL(/\/traces\/.*#s/), page.keyboard.press("u")]);
    assert.equal(await page.locator(".row.at").getAttribute("data-step"), step);
    await page.keyboard.press("g");
    await Promise.all([page.waitForURL("**/sessions"), page.keyboard.press("s")]);
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog#keys").isVisible());
    await page.keyboard.press("Escape");
    assert.ok(!(await page.locator("dialog#keys").isVisible()));
    await page.keyboard.press("d");
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await page.reload();
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await well(tab, "keyboard");
    await tab.close();
  },

  async a_step_is_read_beside_its_trace({ own, browser }) {
    const tab = await browser.page(own.web);
    const { page } = tab;
    await tab.open((await pages(own)).trace);
    await page.waitForSelector("[data-step-panel] header");
    const step = await page.locator("a[data-step]").nth(3).getAttribute("data-step");
    await page.locator("a[data-step]").nth(3).click();
    await page.waitForSelector(`[data-step-panel][data-shown="${step}"] header`);
    const shown = await page.locator("[data-step-panel] h2").textContent();
    await page.reload();
    await page.waitForSelector(`[data-step-panel][data-shown="${step}"] header`);
    assert.equal(await page.locator("[data-step-panel] h2").textContent(), shown);
    const found = await browser.accessible(page);
    assert.deepEqual(found, []);
    await well(tab, "step");
    await tab.close();
  },

  async a_note_is_kept_and_taken_back({ own, browser }) {
    const tab = await browser.page(own.web);
    const { page } = tab;
    const path = (await pages(own)).trace;
    await tab.open(path);
    const forms = page.locator("main > .annotate");
    await forms.locator("summary").click();
    await forms.locator("textarea").fill("Looks <b>right</b>");
    await forms.locator("button:has-text('Add note')").click();
    await page.waitForSelector("main > .annotate li .comment");
    assert.equal(await page.locator("main > .annotate li .comment").textContent(), "Looks <b>right</b>");
    await page.locator("main > .annotate summary").click();
    await page.locator("main > .annotate input[name=name]").fill("helpful");
    await page.locator("main > .annotate input[placeholder^='0.8']").fill("0.8");
    await page.locator("main > .annotate button:has-text('Add score')").click();
    await page.waitForSelector("main > .annotate .chip.score");
    assert.equal((await api(own, path)).annotations.length, 2);
    for (const left of [1, 0]) {
      await page.locator("main > .annotate li button").first().click();
      await until("it to be taken back", SOON, async () => (await api(own, path)).annotations.length === left);
    }
    await well(tab, "note");
    await tab.close();
  },

  async without_scripts_everything_is_there({ own, browser, work }) {
    const tab = await browser.page(own.web, { scripts: false });
    const { page } = tab;
    for (const [name, path] of Object.entries(await pages(own))) {
      const answer = await tab.open(path);
      assert.equal(answer.status(), 200, name);
      assert.ok((await page.locator("main").innerText()).length > 20, name);
    }
    await tab.open((await pages(own)).trace);
    await page.screenshot({ path: join(work, "trace-without-scripts.png") });
    const step = await page.locator("a[data-step]").first().getAttribute("data-step");
    await page.locator("a[data-step]").first().click();
    await page.waitForURL(`**/calls/${step}`);
    await tab.open("/calls?limit=10");
    await page.locator("a[rel=next]").click();
    await page.waitForURL(/after=/);
    await page.locator("input[type=search]").fill("invoices");
    await page.locator("input[type=search]").press("Enter");
    await page.waitForURL(/search=invoices/);
    assert.ok((await page.locator("tbody tr").count()) > 0);
    await tab.close();
  },

  async three_pictures_for_the_documentation({ own, browser, work, images }) {
    const folder = images ?? work;
    await mkdir(folder, { recursive: true });
    const all = await pages(own);
    const ready = {
      live: (page) => page.waitForFunction(() => [...document.querySelectorAll(".under-way .text")].some((text) => text.textContent.length > 150), [], { timeout: SOON }),
      trace: async (page) => {
        const step = await page.locator("a[data-step]").nth(1).getAttribute("data-step");
        await page.locator("a[data-step]").nth(1).click();
        await page.waitForSelector(`[data-step-panel][data-shown="${step}"] header`);
        await page.mouse.move(0, 0);
      },
      conversation: () => {},
    };
    for (const [name, path, dark] of [["live", "/live", false], ["trace", all.trace, false], ["conversation", all.conversation, true]]) {
      const tab = await browser.page(own.web, { dark, width: 1180, height: 680 });
      await tab.open(path);
      await ready[name](tab.page);
      await tab.page.screenshot({ path: join(folder, `${name}.png`) });
      await well(tab, name);
      await tab.close();
    }
  },
};
