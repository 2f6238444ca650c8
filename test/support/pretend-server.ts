import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

export type Frame = { type: string; [field: string]: unknown };
export type LiveFrame = { type: string; [field: string]: unknown };

/** What the server does; a test makes one thing of it wrong. */
export type Manners = {
  greeting: Frame[];
  /** What follows a request for an answer. `null` pauses for 30 ms. */
  answer: (Frame | null)[];
  /** Whether the first pause of all lasts until the caller interrupts, however slow the machine is; nothing of that answer follows. */
  waitsForInterrupt: boolean;
  /** Whether an interrupt ends the answer that is being given. */
  heedsInterrupt: boolean;
  /** Whether words of the caller's end the answer, as a bad agent lets them. */
  cutsAtBackchannel: boolean;
  obeysSupervisor: boolean;
  /** What the live stream tells when the caller has spoken. */
  live: LiveFrame[];
  report: unknown;
  closesAfterAnswer: boolean;
};

const log = (name: string, payload: object): Frame => ({ type: "agent.log", name, payload });
export const chunk = (text: string): Frame => ({ type: "agent.llm.response.chunk", text });

/** A server that does everything a scenario can expect, in one answer. */
export const GOOD: Manners = {
  greeting: [{ type: "agent.speak", text: "Hello." }],
  answer: [
    { type: "agent.llm.response.start", request_id: "r1" },
    log("sentiment", {
      sentiment: "frustrated",
      score: -5,
      source: "model",
      utterance: 1,
      frustration_count: 1,
      analysis_ms: 3,
    }),
    log("coaching", { rule: "human_request", severity: "alert", message: "A person.", evidence: {} }),
    log("tool_call_start", {
      turn_id: "t",
      tool_call_id: "c1",
      function_name: "order_status",
      context: { arguments: { order: "B7", express: true } },
    }),
    log("tool_call_end", {
      turn_id: "t",
      tool_call_id: "c1",
      function_name: "order_status",
      context: { arguments: { order: "B7", express: true }, response: "on its way" },
      latency: 4,
      success: true,
    }),
    log("escalation.triggered", {
      reason: "human_request",
      frustration_count: 1,
      threshold: 3,
      same_turn: true,
      action: "warm_transfer",
      outcome: "requested",
    }),
    { type: "agent.control.mute_user" },
    chunk("Your order "),
    null,
    chunk("is on "),
    null,
    chunk("its way."),
    { type: "agent.control.unmute_user" },
    { type: "agent.error", message: "A tool was slow.", severity: "warning", payload: {} },
    { type: "agent.llm.response.end" },
    {
      type: "agent.transfer_call",
      transfer_call_number: "+15550123",
      transfer_options: {
        type: "warm_transfer",
        private_handoff_option: { type: "prompt", prompt: "The caller waits for order B7." },
        public_handoff_option: null,
      },
      on_hold_music: null,
    },
    { type: "agent.end_call" },
  ],
  waitsForInterrupt: false,
  heedsInterrupt: true,
  cutsAtBackchannel: false,
  obeysSupervisor: true,
  live: [{ type: "turn", number: 1, role: "user", text: "Where is B7?", offset_ms: 1 }],
  report: { sentiment: { label: "negative", score: -5 }, escalation: { triggered: true } },
  closesAfterAnswer: false,
};

const initSchema = z.looseObject({
  session_context: z.looseObject({ caller: z.looseObject({ call_id: z.string() }) }),
});

/** A server with these manners on a port of its own, until the test ends. Returns its `ws://` address. */
export async function pretendServer(t: TestContext, change: Partial<Manners> = {}): Promise<string> {
  const manners = { ...GOOD, ...change };
  const viewers = new Set<ServerResponse>();
  const tell = ({ type, ...fields }: LiveFrame, sessionId: string) => {
    const data = JSON.stringify({ at: new Date().toISOString(), session_id: sessionId, ...fields });
    for (const viewer of viewers) viewer.write(`event: ${type}\ndata: ${data}\n\n`);
  };
  const server = createServer((request, response) => void serve(request, response));
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    if (url === "/live") {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("retry: 1000\n\n");
      viewers.add(response);
      response.once("close", () => viewers.delete(response));
    } else if (method === "POST") {
      await readText(request);
      const [, , sessionId = "", action = ""] = url.split("/");
      if (manners.obeysSupervisor) {
        tell({ type: "supervisor", action, text: null }, decodeURIComponent(sessionId));
      }
      response.end("{}");
    } else if (url.endsWith("/report")) {
      response.end(JSON.stringify(manners.report));
    } else {
      response.end(JSON.stringify({ ended_at: "2026-11-20T10:15:42.500Z", usage: [] }));
    }
  }
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => takeCall(socket, manners, tell));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `ws://127.0.0.1:${address.port}/ws`;
}

function takeCall(
  socket: WebSocket,
  manners: Manners,
  tell: (news: LiveFrame, sessionId: string) => void,
): void {
  const send = (frame: Frame) =>
    socket.send(JSON.stringify({ timestamp: new Date().toISOString(), ...frame }));
  let sessionId = "";
  let turn = 0;
  let answering = false;
  const answer = async () => {
    turn += 1;
    const mine = turn;
    answering = true;
    for (const frame of manners.answer) {
      if (mine !== turn) return;
      if (frame !== null) send(frame);
      else if (manners.waitsForInterrupt && mine === 1) return;
      else await new Promise((resolve) => setTimeout(resolve, 30));
    }
    answering = false;
    if (manners.closesAfterAnswer) socket.close(1011, "broken");
  };
  const endsAnswer = (type: string) =>
    (type === "system.control.interrupt" && manners.heedsInterrupt) ||
    (type === "agent.transcript.update" && manners.cutsAtBackchannel);
  socket.on("message", (data) => {
    const frame: unknown = JSON.parse(data.toString());
    const { type } = z.looseObject({ type: z.string() }).parse(frame);
    if (type === "system.init") {
      const callId = initSchema.parse(frame).session_context.caller.call_id;
      sessionId = `session of ${callId}`;
      send({ type: "agent.ready" });
      tell({ type: "call.started", call_id: callId }, sessionId);
    } else if (type === "system.user.joined") {
      for (const each of manners.greeting) send(each);
    } else if (endsAnswer(type) && answering) {
      turn += 1;
      answering = false;
      send({ type: "agent.llm.response.end" });
    } else if (type === "system.llm.request") {
      for (const news of manners.live) tell(news, sessionId);
      void answer();
    }
  });
  socket.on("close", () => tell({ type: "call.ended", reason: "client_closed", duration_ms: 1 }, sessionId));
}
