"""Holds the same three turns with LiveKit's and with Pipecat's OpenAI plug-in, and prints what each has heard as JSON."""

import asyncio
import json
import sys

from livekit.agents import function_tool, llm
from livekit.plugins import openai
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.llm import OpenAILLMService

SAID = ["where is my order", "I am frustrated", "I am really frustrated"]


@function_tool(name="transfer_call", description="Hands the caller over")
async def transfer_call(destination: str, reason: str) -> None:
    pass


async def livekit(url: str, key: str) -> list[dict]:
    model = openai.LLM(model="voice-agent", base_url=url, api_key=key, user="livekit-call")
    context = llm.ChatContext.empty()
    heard = []
    for words in SAID:
        context.add_message(role="user", content=words)
        text, calls = "", []
        async with model.chat(chat_ctx=context, tools=[transfer_call]) as stream:
            async for chunk in stream:
                if chunk.delta:
                    text += chunk.delta.content or ""
                    calls += [[call.name, json.loads(call.arguments)] for call in chunk.delta.tool_calls]
        context.add_message(role="assistant", content=text)
        heard.append({"text": text, "calls": calls})
    await model.aclose()
    return heard


async def pipecat(url: str, key: str) -> list[dict]:
    settings = OpenAILLMService.Settings(model="voice-agent", extra={"user": "pipecat-call"})
    service = OpenAILLMService(api_key=key, base_url=url, settings=settings)
    party = {"destination": {"type": "string"}, "reason": {"type": "string"}}
    transfer = FunctionSchema("transfer_call", "Hands the caller over", party, ["destination"])
    context = LLMContext(tools=ToolsSchema(standard_tools=[transfer]))
    heard = []
    for words in SAID:
        context.add_message({"role": "user", "content": words})
        text, name, arguments = "", "", ""
        async for chunk in await service.get_chat_completions(context):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for call in choice.delta.tool_calls or []:
                    name += call.function.name or ""
                    arguments += call.function.arguments or ""
        context.add_message({"role": "assistant", "content": text})
        heard.append({"text": text, "calls": [[name, json.loads(arguments)]] if name else []})
    return heard


async def main() -> None:
    url, key = sys.argv[1:]
    print(json.dumps({"livekit": await livekit(url, key), "pipecat": await pipecat(url, key)}))


asyncio.run(main())
