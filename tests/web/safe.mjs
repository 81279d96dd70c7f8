// A hostile recording does nothing, and can be read.

import assert from "node:assert/strict";
import { join } from "node:path";

import { LONG } from "./hostile.mjs";
import { api } from "./recorder.mjs";

async function everyPage(own) {
  const calls = (await api(own, "/calls?limit=50")).items;
  const trace = calls[0].trace_id;
  const session = encodeURIComponent(calls[0].session_id);
  const prompts = (await api(own, "/prompts")).items.map((one) => `/prompts/${encodeURIComponent(`${one.prompt_version}/${one.tools_version ?? "-"}`)}`);
  return [
    "/live", "/sessions", "/traces", "/calls", "/prompts", "/dashboard", "/calls?search=hacked", "/dashboard?by=user",
    `/traces/${trace}`, `/traces/${trace}/conversation`, `/sessions/${session}`, `/sessions/${session}/conversation`,
    ...calls.map((call) => `/calls/${call.id}`), ...calls.map((call) => `/calls/${call.id}?part=1`), ...prompts,
    `/compare?a=${calls[0].id}&b=${calls.at(-1).id}`, `/calls?user=${encodeURIComponent("<script>window.hacked=16</script>")}`,
    `/calls/000000000000000a/text?at=${encodeURIComponent("/output_text")}`,
  ];
}

export const tests = {
  async nothing_of_it_runs_or_is_fetched({ own, browser, work }) {
    const tab = await browser.page(own.web);
    for (const path of await everyPage(own)) {
      const answer = await tab.open(path);
      assert.ok(answer.status() < 500, `${path}: ${answer.status()}`);
      // What was imported has no exchange, so that there may be nothing to show of a prompt; that is said.
      if (!path.startsWith("/prompts/") && !path.startsWith("/compare")) assert.equal(answer.status(), 200, path);
      await tab.page.evaluate(() => {
        for (const fold of [...document.querySelectorAll("details")].slice(0, 200)) fold.open = true;
      });
      await tab.page.mouse.move(700, 400);
      const found = await tab.page.evaluate(() => ({
        hacked: window.hacked,
        scripts: [...document.scripts].filter((script) => !script.src.startsWith(`${location.origin}/assets/`)).length,
        foreign: document.querySelectorAll("iframe, object, embed, base, main style, main link, main script").length,
        handlers: [...document.querySelectorAll("*")].filter((one) => one.getAttributeNames().some((name) => name.startsWith("on"))).length,
        images: [...document.images].filter((image) => !/^data:image\/(png|jpeg|gif|webp);base64,/.test(image.src)).length,
        links: [...document.querySelectorAll("a[href]")].filter((link) => !["http:", "https:"].includes(link.protocol)).length,
        forms: [...document.forms].filter((form) => !form.action.startsWith(location.origin) && form.method !== "dialog").length,
      }));
      assert.deepEqual(found, { hacked: undefined, scripts: 0, foreign: 0, handlers: 0, images: 0, links: 0, forms: 0 }, path);
      assert.ok(await tab.page.locator("main").isVisible().catch(() => false) || path.includes("part=1"), path);
    }
    await tab.open("/calls/000000000000000a");
    await tab.page.screenshot({ path: join(work, "hostile.png"), fullPage: true });
    assert.deepEqual(tab.complaints.filter((one) => !one.includes("404")), []);
    await tab.close();
  },

  async what_cannot_be_seen_is_shown({ own, browser }) {
    const tab = await browser.page(own.web);
    await tab.open("/calls/000000000000000a");
    const odd = await tab.page.locator("#said .odd").allTextContents();
    for (const name of ["⟨U+202E⟩", "⟨U+2066⟩", "⟨U+200B⟩", "⟨U+FEFF⟩", "⟨U+E0041⟩", "␀", "␛"]) {
      assert.ok(odd.includes(name), `${name} is not among ${[...new Set(odd)].join(" ")}`);
    }
    await tab.close();
  },

  async a_message_of_five_megabytes_is_read_piece_by_piece({ own, browser }) {
    const tab = await browser.page(own.web);
    await tab.open("/calls/000000000000000c");
    const size = () => tab.page.evaluate(() => document.documentElement.innerHTML.length);
    assert.ok((await size()) < 1_000_000, `the page begins with ${await size()} characters`);
    const place = tab.page.locator(".answer");
    const length = () => place.evaluate((own) => own.textContent.length);
    const before = await length();
    await place.locator("a[data-more]").first().click();
    await tab.page.waitForFunction(([before]) => document.querySelector(".answer").textContent.length > before + 50_000, [before]);
    const left = await place.locator(".more .quiet").first().textContent();
    assert.match(left, /MB left/);
    // And to its end.
    await place.locator("a[data-more]:has-text('Show all')").first().click();
    await tab.page.waitForFunction(([length]) => document.querySelector(".answer").textContent.length > length, [LONG]);
    assert.ok(LONG > 1_000_000);
    assert.deepEqual(tab.complaints, []);
    await tab.close();
  },
};
