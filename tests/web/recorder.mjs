// Starts recorders and demos, and stops them again.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { mkdir } from "node:fs/promises";

const START_LIMIT = 20_000;
const STOP_LIMIT = 10_000;
const running = new Set();

export async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// Runs a command to its end; what it printed.
export async function run(wiretape, words, home) {
  await mkdir(home, { recursive: true });
  const child = spawn(wiretape, words, { env: environment(home), cwd: home, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let printed = "";
  child.stdout.on("data", (text) => (printed += text));
  child.stderr.on("data", (text) => (printed += text));
  const [code] = await once(child, "exit");
  running.delete(child);
  if (code !== 0) throw new Error(`wiretape ${words.join(" ")} ended with ${code}: ${printed.slice(-600)}`);
  return printed;
}

function environment(home) {
  return { PATH: process.env.PATH, HOME: home, WIRETAPE_HOME: home, NO_PROXY: "127.0.0.1,localhost" };
}

// Starts something that goes on; `web` and `proxy` are where it listens.
export async function start(wiretape, words, home) {
  await mkdir(home, { recursive: true });
  const [proxyPort, webPort] = [await freePort(), await freePort()];
  const [proxy, web] = [`http://127.0.0.1:${proxyPort}`, `http://127.0.0.1:${webPort}`];
  const all = [...words, "--listen", `127.0.0.1:${proxyPort}`, "--web-listen", `127.0.0.1:${webPort}`];
  const child = spawn(wiretape, all, { env: environment(home), cwd: home, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const own = { proxy, web, child, printed: "" };
  child.stdout.on("data", (text) => (own.printed += text));
  child.stderr.on("data", (text) => (own.printed += text));
  child.on("exit", () => running.delete(child));
  await until(`wiretape ${words.join(" ")} to listen`, START_LIMIT, async () => {
    if (child.exitCode !== null) throw new Error(`wiretape ended: ${own.printed.slice(-600)}`);
    return (await fetch(`${web}/readyz`)).ok;
  });
  return own;
}

export async function stop(own) {
  if (own.child.exitCode !== null) return;
  own.child.kill("SIGTERM");
  const timer = setTimeout(() => own.child.kill("SIGKILL"), STOP_LIMIT);
  await once(own.child, "exit");
  clearTimeout(timer);
}

export function killAll() {
  for (const child of running) child.kill("SIGKILL");
}

// Asks again until the answer is true.
export async function until(what, limit, asks) {
  const end = Date.now() + limit;
  let last = "";
  while (Date.now() < end) {
    try {
      const answer = await asks();
      if (answer) return answer;
    } catch (error) {
      if (String(error.message).startsWith("wiretape ended")) throw error;
      last = `: ${error.message}`;
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`waited ${limit} ms for ${what}${last}`);
}

export async function api(own, path) {
  const answer = await fetch(`${own.web}/api${path}`);
  if (!answer.ok) throw new Error(`/api${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return answer.json();
}
