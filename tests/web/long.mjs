// A trace of many steps and a session of many turns: they open with their first part, and go on as one scrolls. The times
// are printed and decide nothing.

import assert from "node:assert/strict";
import { join } from "node:path";

import { api } from "./recorder.mjs";

export const STEPS = 10_000;

// The session of many turns, or the one that is a trace of many steps.
async function longest(own, isTrace) {
  const sessions = (await api(own, "/sessions?limit=100")).items;
  const fitting = sessions.filter((session) => (session.traces === 1) === isTrace);
  return fitting.toSorted((a, b) => b.observations - a.observations)[0];
}

// Opens a page; how long the server took, and until something was painted.
async function opened(tab, path, name) {
  await tab.open(path);
  const times = await tab.page.evaluate(() => {
    const [own] = performance.getEntriesByType("navigation");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return { server: own.responseStart - own.requestStart, loaded: own.loadEventEnd, paint: paint?.startTime };
  });
  const ms = (time) => (time === undefined ? "?" : `${Math.round(time)} ms`);
  console.log(`${name}: server ${ms(times.server)}, painted after ${ms(times.paint)}, loaded after ${ms(times.loaded)}`);
}

export const tests = {
  async a_long_trace_goes_on_as_one_scrolls({ own, browser, work }) {
    const session = await longest(own, true);
    const [trace] = (await api(own, `/traces?session=${encodeURIComponent(session.id)}`)).items;
    assert.ok(trace.observations >= STEPS, `the longest has ${trace.observations} steps`);
    const tab = await browser.page(own.web);
    const { page } = tab;
    await opened(tab, `/traces/${trace.id}`, `a trace of ${trace.observations} steps`);
    const rows = () => page.locator("a[data-step]").count();
    const first = await rows();
    assert.ok(first > 100 && first < 1_000, `${first} rows to begin with`);
    await page.screenshot({ path: join(work, "long-trace.png") });
    for (let part = 0; part < 3; part += 1) {
      const before = await rows();
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await page.waitForFunction(([before]) => document.querySelectorAll("a[data-step]").length > before, [before]);
    }
    // Without scripts the link leads to the next part.
    const plain = await browser.page(own.web, { scripts: false });
    await plain.open(`/traces/${trace.id}`);
    await plain.page.locator("a[data-more]").click();
    await plain.page.waitForURL(/from=/);
    assert.ok((await plain.page.locator("a[data-step]").count()) > 100);
    await plain.close();
    assert.deepEqual(tab.complaints, []);
    await tab.close();
  },

  async a_long_session_goes_on_as_one_scrolls({ own, browser, work }) {
    const session = await longest(own, false);
    const tab = await browser.page(own.web);
    const { page } = tab;
    await opened(tab, `/sessions/${encodeURIComponent(session.id)}`, `a session of ${session.observations} steps`);
    await opened(tab, `/sessions/${encodeURIComponent(session.id)}/conversation`, "its conversation");
    const messages = () => page.locator(".message").count();
    const first = await messages();
    assert.ok(first > 10 && first < 1_000, `${first} messages to begin with`);
    await page.screenshot({ path: join(work, "long-conversation.png") });
    const before = await messages();
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await page.waitForFunction(([before]) => document.querySelectorAll(".message").length > before, [before]);
    assert.deepEqual(tab.complaints, []);
    await tab.close();
  },
};
