"""What the Python drivers share: where to talk to, how a scenario is run and reported, and HTTP without an SDK.

A driver is called as  drive_X.py BASE [--named] [--results FILE] [NAME…]
BASE is the provider's address or that of a relay before it; with --named, each provider's name is a path segment of
the relay's (`BASE/openai/v1/…` instead of `BASE/v1/…`). Each scenario prints `ok NAME` or `FAIL NAME: why`; what it
returned goes to the results file, one JSON line each, for `compare.py`.
"""

import argparse
import hashlib
import http.client
import json
import os
import signal
import sys
import traceback
import urllib.parse

TIMEOUT = 60  # seconds for one scenario; the slowest needs about one
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def digest(data):
    return hashlib.sha256(data).hexdigest()


def expect(condition, why):
    if not condition:
        raise AssertionError(why)


class Place:
    """Where the driver was told to talk to."""

    def __init__(self, base, named):
        self.base, self.named = base.rstrip("/"), named

    def of(self, provider, path=""):
        """The base URL of a provider: `path` is the part of it that its SDK expects there."""
        return self.base + (f"/{provider}" if self.named else "") + path

    def connect(self):
        address = urllib.parse.urlsplit(self.base)
        return http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT)

    def target(self, path, provider="openai"):
        return urllib.parse.urlsplit(self.of(provider)).path + path

    def control(self, path):
        """Asks the provider something about the test itself."""
        connection = self.connect()
        connection.request("GET", self.target(f"/v1/mock/{path}"))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        expect(response.status == 200, f"{path}: {response.status} {body[:200]}")

    def has_left(self, name):
        """Returns once the provider has seen the client of that scenario leave; fails if it never does."""
        self.control(f"left/{name}")


def fresh_environment():
    """No setting of the machine's own may lead a client elsewhere, and none may reach a real provider."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "AWS_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def overdue(_signal, _frame):
    raise TimeoutError(f"took more than {TIMEOUT} s")


def main(doc):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("base")
    parser.add_argument("--named", action="store_true", help="the provider's name is the first path segment")
    parser.add_argument("--results", default=os.devnull)
    parser.add_argument("names", nargs="*", help="only these scenarios")
    arguments = parser.parse_args()
    fresh_environment()
    place = Place(arguments.base, arguments.named)
    signal.signal(signal.SIGALRM, overdue)
    failed = 0
    with open(arguments.results, "w", encoding="utf-8") as results:
        for name in arguments.names or SCENARIOS:
            signal.alarm(TIMEOUT)
            try:
                result = SCENARIOS[name](place)
                results.write(json.dumps([name, result], ensure_ascii=False) + "\n")
                print(f"ok {name}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL {name}: {type(error).__name__}: {' '.join(str(error).split())[:400]}", flush=True)
                if os.environ.get("TRACEBACK"):
                    traceback.print_exc()
            finally:
                signal.alarm(0)
    sys.exit(1 if failed else 0)
