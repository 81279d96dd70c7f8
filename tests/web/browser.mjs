// A browser, and what must hold of every page in it: nothing on the console, no request outside, nothing that runs.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const LIMIT = 20_000;

export class Browser {
  #browser;
  #axe;

  static async start(packages) {
    const require = createRequire(join(packages, "package.json"));
    const { chromium } = require("playwright-core");
    const own = new Browser();
    own.#axe = require.resolve("axe-core/axe.min.js");
    own.#browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    return own;
  }

  // A page of its own, without cookies and storage of others. `complaints` fills with whatever is wrong.
  async page(base, options = {}) {
    const { width = 1440, height = 900, dark = false, scripts = true } = options;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      javaScriptEnabled: scripts,
      bypassCSP: false,
    });
    context.setDefaultTimeout(LIMIT);
    const page = await context.newPage();
    const complaints = [];
    const origin = new URL(base).origin;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
    page.on("dialog", (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("popup", () => complaints.push("a window opened"));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) complaints.push(`a request outside: ${url.slice(0, 200)}`);
    });
    const open = async (path) => {
      const answer = await page.goto(base + path, { waitUntil: "load" });
      return answer;
    };
    return { page, open, complaints, close: () => context.close() };
  }

  // What axe finds that is serious. It is put into the page by the debugger, which no policy of the page's forbids.
  async accessible(page) {
    await page.evaluate(await readFile(this.#axe, "utf8"));
    const result = await page.evaluate(() =>
      window.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }),
    );
    const serious = result.violations.filter((one) => ["serious", "critical"].includes(one.impact));
    if (result.testEngine?.name !== "axe-core" || result.violations === undefined) throw new Error("axe did not run");
    return serious.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`).join(" | ")}`);
  }

  close() {
    return this.#browser.close();
  }
}
