"""The same call on the Python package smallestai 5.14.0: one node talks, one listens."""

import os

from smallestai.atoms.crew.clients.openai import OpenAIClient
from smallestai.atoms.crew.events import (
    SDKAgentTranscriptUpdateEvent,
    SDKSystemUserJoinedEvent,
)
from smallestai.atoms.crew.nodes import BackgroundCrewNode, OutputCrewNode
from smallestai.atoms.crew.server import AtomsCrewApp

MODEL = "gpt-6-luna"


class Listener(BackgroundCrewNode):
    def __init__(self, llm):
        super().__init__(name="sentiment-analyzer")
        self.llm = llm
        self.current = "neutral"

    async def process_event(self, event):
        if isinstance(event, SDKAgentTranscriptUpdateEvent) and event.role == "user":
            verdict = await self.llm.chat(
                messages=[
                    {"role": "system", "content": "Judge the mood of a customer, in one word."},
                    {"role": "user", "content": event.content},
                ],
                max_tokens=5,
            )
            self.current = verdict.content or "neutral"


class Talker(OutputCrewNode):
    def __init__(self, llm, listener):
        super().__init__(name="support-agent")
        self.llm = llm
        self.listener = listener
        self.context.add_message({"role": "system", "content": "You are a support agent."})

    async def on_event(self, event):
        if isinstance(event, SDKSystemUserJoinedEvent):
            await self.speak("Hello! How can I help?")

    async def generate_response(self):
        async for chunk in await self.llm.chat(messages=self.context.messages, stream=True):
            if chunk.content:
                yield chunk.content


# One client for all calls, as this server has it; a client per node is slower still.
llm = OpenAIClient(model=MODEL, base_url=os.environ["OPENAI_BASE_URL"])


async def setup_session(session):
    listener = Listener(llm)
    session.add_node(listener)
    session.add_node(Talker(llm, listener))
    await session.start()
    await session.wait_until_complete()


if __name__ == "__main__":
    AtomsCrewApp(setup_handler=setup_session).run(host="127.0.0.1", port=int(os.environ["PORT"]))
