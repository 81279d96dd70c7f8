#!/usr/bin/env node
// The pages, in a browser: with what the demo records, with a recording that is hostile, and with long ones.
//
// usage: tests/web/run.mjs --wiretape FILE --packages FOLDER --work FOLDER [--only WORD] [--images FOLDER]
//
// --packages has node_modules with playwright-core and axe-core. Screenshots go to --work, three for the documentation to
// --images. Prints `ok …` or `FAIL …` for each test.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { Browser } from "./browser.mjs";
import * as demo from "./demo.mjs";
import * as big from "./long.mjs";
import { records } from "./hostile.mjs";
import * as hostile from "./safe.mjs";
import { killAll, run, start, stop } from "./recorder.mjs";

const { values } = parseArgs({
  options: { wiretape: { type: "string" }, packages: { type: "string" }, work: { type: "string" }, only: { type: "string" }, images: { type: "string" } },
});
const wiretape = resolve(values.wiretape ?? "target/debug/wiretape");
const work = resolve(values.work ?? "target/clients/logs/web");
const packages = resolve(values.packages ?? "target/clients/web");
let failed = 0;

function shown(error) {
  return String(error.message ?? error).split("\n").slice(0, 6).join(" ⏎ ");
}

// Runs the tests of a suite, each with what the suite needs.
async function suite(name, tests, context) {
  for (const [what, test] of Object.entries(tests)) {
    const label = `${name}: ${what.replaceAll("_", " ")}`;
    if (values.only && !label.includes(values.only)) continue;
    try {
      await test(context);
      console.log(`ok ${label}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${label}: ${shown(error)}`);
    }
  }
}

function wanted(name, tests) {
  return !values.only || Object.keys(tests).some((what) => `${name}: ${what.replaceAll("_", " ")}`.includes(values.only));
}

async function withDemo(browser) {
  const own = await start(wiretape, ["demo", "--pace", "3", "--home", join(work, "demo")], join(work, "demo"));
  try {
    await demo.isFull(own);
    await suite("demo", demo.tests, { own, browser, work, images: values.images && resolve(values.images) });
  } finally {
    await stop(own);
  }
}

async function withHostile(browser) {
  const home = join(work, "hostile");
  await mkdir(home, { recursive: true });
  await writeFile(join(home, "records.jsonl"), records().map((record) => `${JSON.stringify(record)}\n`).join(""));
  await run(wiretape, ["import", join(home, "records.jsonl")], home);
  const own = await start(wiretape, ["serve"], home);
  try {
    await suite("hostile", hostile.tests, { own, browser, work });
  } finally {
    await stop(own);
  }
}

async function withLong(browser) {
  const home = join(work, "long");
  await run(wiretape, ["demo", "--once", "--big", String(big.STEPS), "--pace", "0", "--home", home, "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"], home);
  const own = await start(wiretape, ["serve"], home);
  try {
    await suite("long", big.tests, { own, browser, work });
  } finally {
    await stop(own);
  }
}

await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
const browser = await Browser.start(packages);
try {
  if (wanted("demo", demo.tests)) await withDemo(browser);
  if (wanted("hostile", hostile.tests)) await withHostile(browser);
  if (wanted("long", big.tests)) await withLong(browser);
} catch (error) {
  failed += 1;
  console.log(`FAIL ${shown(error)}`);
} finally {
  await browser.close();
  killAll();
}
process.exit(failed > 0 ? 1 : 0);
