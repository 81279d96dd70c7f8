"""Applications that are instrumented, one for each SDK: each sends its spans to wiretape, and its calls through it.

usage: apps.py opentelemetry|openllmetry|langfuse PROXY WEB
"""

import os
import sys

MESSAGES = [{"role": "user", "content": "When is high water?"}]


def client(proxy, label):
    from openai import OpenAI

    return OpenAI(base_url=f"{proxy}/~tag={label}/v1", api_key="none", max_retries=0)


def opentelemetry(proxy, web):
    """The application's own spans, and the trace's context sent along with the call."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.propagate import inject
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{web}/v1/traces")))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("shop", "1.0")
    with tracer.start_as_current_span("handle request", attributes={"session.id": "otel-1", "user.id": "eve"}):
        with tracer.start_as_current_span("look up documents", attributes={
                "gen_ai.operation.name": "retrieval", "input.value": "tides"}):
            pass
        headers = {}
        inject(headers)
        client(proxy, "otel").chat.completions.create(model="gpt-4.1", messages=MESSAGES, extra_headers=headers)
        with tracer.start_as_current_span("approve"):
            pass
    provider.shutdown()


def openllmetry(proxy, web):
    """Traceloop's SDK sees the call itself; nothing of the trace goes along with it."""
    os.environ["TRACELOOP_TELEMETRY"] = "false"
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import task, workflow

    Traceloop.init(app_name="shop", api_endpoint=web, api_key="none", disable_batch=True,
                   resource_attributes={"service.name": "shop"})
    Traceloop.set_association_properties({"session_id": "llmetry-1", "user_id": "eve"})
    openai = client(proxy, "llmetry")

    @task(name="answer")
    def answer():
        return openai.chat.completions.create(model="gpt-4.1", messages=MESSAGES).choices[0].message.content

    @workflow(name="tides")
    def tides():
        return answer()

    tides()


def langfuse(proxy, web):
    """Langfuse's SDK, with its wrapper of OpenAI's client."""
    os.environ.update(LANGFUSE_PUBLIC_KEY="pk-none", LANGFUSE_SECRET_KEY="sk-none", LANGFUSE_HOST=web,
                      LANGFUSE_BASE_URL=web)
    from langfuse import get_client, propagate_attributes
    from langfuse.openai import OpenAI

    langfuse = get_client()
    openai = OpenAI(base_url=f"{proxy}/~tag=langfuse/v1", api_key="none", max_retries=0)
    with langfuse.start_as_current_observation(name="handle request", as_type="span"):
        with propagate_attributes(session_id="langfuse-1", user_id="eve", tags=["sea"]):
            with langfuse.start_as_current_observation(name="check", as_type="guardrail", input="tides"):
                pass
            openai.chat.completions.create(model="gpt-4.1", messages=MESSAGES)
    langfuse.flush()
    langfuse.shutdown()


if __name__ == "__main__":
    {"opentelemetry": opentelemetry, "openllmetry": openllmetry, "langfuse": langfuse}[sys.argv[1]](*sys.argv[2:])
