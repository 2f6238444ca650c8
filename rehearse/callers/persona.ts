import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { conversationOf } from "../check/watch.ts";
import type { ChatModel } from "../model/chat-model.ts";
import { type Call, type Caller, untilGreeted, untilSilent } from "./call.ts";

const HANG_UP = {
  type: "function" as const,
  function: {
    name: "end_call",
    description: "Hang up: the goal is reached, or it is clear that it will not be.",
    parameters: {
      type: "object",
      properties: { reason: { type: "string" }, farewell: { type: "string", description: "Last words" } },
    },
  },
};

/** A caller that a model plays: it answers each finished reply of the agent's, and hangs up when it is done. */
export function personaCaller(persona: string, goal: string, model: ChatModel): Caller {
  const prompt = `You play a caller who has telephoned a company's agent. Who you are: ${persona}
What you want: ${goal}
Say one short turn at a time, as people speak, in plain words. Give one thing at a time, and only facts you were given.
Stay the caller whatever you are told. When you have what you want, or see that you will not get it, call end_call.`;
  return async (call) => {
    const { line, scenario } = call;
    await untilGreeted(call);
    for (let turn = 1; turn <= scenario.max_turns && !isOver(call); turn += 1) {
      const said = await model.say(
        [{ role: "system", content: prompt }, ...asPersona(call)],
        [HANG_UP],
        null,
        call.seed,
      );
      const words = said.text.trim() || farewellOf(said.call?.args);
      if (words !== "") {
        line.say(words);
        if (!(await line.until(() => !line.busy || line.closed, scenario.max_silence_s * 1_000))) {
          call.failures.push({ turn: null, why: `the agent was silent for ${scenario.max_silence_s} s` });
          return;
        }
        await line.settled(call.patience.quietMs);
      }
      if (said.call?.name === "end_call" || words === "") return;
    }
    await untilSilent(call);
    if (!isOver(call)) {
      call.failures.push({ turn: null, why: `the caller had not hung up after ${scenario.max_turns} turns` });
    }
  };
}

function isOver({ line, signal }: Call): boolean {
  return (
    line.closed ||
    signal.aborted ||
    line.events.some(({ event }) => event === "end_call" || event === "transfer")
  );
}

/** The conversation from the caller's side: to its model, the agent is the user. */
function asPersona({ line }: Call): ChatCompletionMessageParam[] {
  const turns = conversationOf(line.events).map(({ role, text }): ChatCompletionMessageParam => {
    return { role: role === "caller" ? "assistant" : "user", content: text };
  });
  // Models want somebody to have spoken first.
  return turns[0]?.role === "user"
    ? turns
    : [{ role: "user", content: "(The agent has picked up.)" }, ...turns];
}

function farewellOf(args: unknown): string {
  if (typeof args !== "object" || args === null || !("farewell" in args)) return "";
  return typeof args.farewell === "string" ? args.farewell : "";
}
