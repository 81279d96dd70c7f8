#!/usr/bin/env python3
"""Agents made with Python frameworks, one run each, with tools that really run in the folder the program is started in.

usage: frameworks.py NAME QUESTION…        the answers go to stdout, one line each

Where to call, the SDKs' own variables say (OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL). Several
questions are turns of one conversation, where an agent knows how to go on with one.
"""

import asyncio
import os
import subprocess
import sys

AGENTS = {}
CHAT_MODEL, CLAUDE_MODEL, GEMINI_MODEL = "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash"


def agent(function):
    AGENTS[function.__name__] = function
    return function


def run_command(command: str) -> str:
    """Runs a shell command and returns what it printed."""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


# --- pydantic-ai ------------------------------------------------------------------------------------------------


def pydantic_agent(model, *tools):
    from pydantic_ai import Agent

    return Agent(model, tools=[run_command, *tools], instructions="Be brief.")


def pydantic_chat_model():
    from pydantic_ai.models.openai import OpenAIChatModel

    return OpenAIChatModel(CHAT_MODEL)


@agent
def pydantic_chat(questions):
    """Chat completions in one piece. A later question brings what was said before."""
    agent, history = pydantic_agent(pydantic_chat_model()), []
    for question in questions:
        result = agent.run_sync(question, message_history=history)
        history = result.all_messages()
        yield result.output


@agent
def pydantic_gemini(questions):
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(api_key=os.environ["GEMINI_API_KEY"], base_url=os.environ["GOOGLE_GEMINI_BASE_URL"])
    for question in questions:
        yield pydantic_agent(GoogleModel(GEMINI_MODEL, provider=provider)).run_sync(question).output


@agent
def pydantic_helper(questions):
    """A tool that runs another agent."""
    helper = pydantic_agent(pydantic_chat_model())

    async def ask_helper(prompt: str) -> str:
        """Gives a part of the work to the helper."""
        return (await helper.run(prompt)).output

    for question in questions:
        yield pydantic_agent(pydantic_chat_model(), ask_helper).run_sync(question).output


# --- OpenAI Agents ----------------------------------------------------------------------------------------------


def openai_agent(name, *tools, model=CHAT_MODEL):
    import agents

    agents.set_tracing_disabled(True)
    return agents.Agent(
        name=name, instructions="Be brief.", tools=[agents.function_tool(run_command), *tools], model=model
    )


@agent
def openai_agents(questions):
    """Responses in one piece. A later question brings what was said before."""
    from agents import Runner

    history = []
    for question in questions:
        result = Runner.run_sync(openai_agent("main"), [*history, {"role": "user", "content": question}])
        history = result.to_input_list()
        yield result.final_output


@agent
def openai_agents_chat(questions):
    """Chat completions, streamed."""
    import agents
    import openai

    model = agents.OpenAIChatCompletionsModel(CHAT_MODEL, openai.AsyncOpenAI())

    async def run(question):
        result = agents.Runner.run_streamed(openai_agent("main", model=model), question)
        async for _event in result.stream_events():
            pass
        return result.final_output

    for question in questions:
        yield asyncio.run(run(question))


@agent
def openai_agents_helper(questions):
    """An agent used as a tool; its helper may have one, too."""
    from agents import Runner

    described = {"tool_name": "ask_helper", "tool_description": "Gives a part of the work to the helper."}
    last = openai_agent("last").as_tool(**described)
    helper = openai_agent("helper", last).as_tool(**described)
    for question in questions:
        yield Runner.run_sync(openai_agent("main", helper), question).final_output


# --- LangGraph --------------------------------------------------------------------------------------------------


def langgraph_run(model, questions):
    import warnings

    warnings.filterwarnings("ignore", message=".*create_react_agent.*")
    from langgraph.prebuilt import create_react_agent

    graph, messages = create_react_agent(model, [run_command]), []
    for question in questions:
        messages = graph.invoke({"messages": [*messages, ("user", question)]})["messages"]
        yield messages[-1].text


@agent
def langgraph_chat(questions):
    """Chat completions, streamed."""
    from langchain_openai import ChatOpenAI

    return langgraph_run(ChatOpenAI(model=CHAT_MODEL, streaming=True), questions)


@agent
def langgraph_anthropic(questions):
    from langchain_anthropic import ChatAnthropic

    return langgraph_run(ChatAnthropic(model=CLAUDE_MODEL), questions)


if __name__ == "__main__":
    for answer in AGENTS[sys.argv[1]](sys.argv[2:]):
        print(answer, flush=True)
