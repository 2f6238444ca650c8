import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { WebSocket } from "ws";

/** Where a hostile caller attacks, and how hard. Everything goes to this machine, and ends by itself. */
export type Target = {
  /** `127.0.0.1:PORT` */
  host: string;
  /** Largest frame of the server, bytes. */
  frameBytes: number;
  /** How often it repeats what it does, at most. */
  rounds: number;
};

/** One way of being a nuisance. Resolves with what the server has closed it with: a code and the reason. */
export type Hostile = (target: Target) => Promise<string>;

const init = (context: object = {}) => ({
  type: "system.init",
  version: "1",
  session_context: { initial_variables: {}, conversation_type: "telephonyInbound", ...context },
});
const says = (content: string) => ({ type: "agent.transcript.update", role: "user", content });
const asks = (messages: object[] | null = null) => ({ type: "system.llm.request", messages });

async function dial({ host }: Target, path = "/ws"): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${host}${path}`);
  socket.on("error", () => {}); // the close says it
  await once(socket, "open");
  return socket;
}

async function closeOf(socket: WebSocket): Promise<string> {
  const [code, reason] = await once(socket, "close");
  return `${code} ${reason}`.trim();
}

/** Opens a call and sends what `frame` makes, again and again, until the server has had enough. */
function floods(frame: (target: Target, round: number) => object | string): Hostile {
  return async (target) => {
    const socket = await dial(target);
    const closed = closeOf(socket);
    socket.send(JSON.stringify(init()));
    for (let round = 0; round < target.rounds && socket.readyState === socket.OPEN; round += 1) {
      const made = frame(target, round);
      const text = typeof made === "string" ? made : JSON.stringify(made);
      // What it sends should be on its way before there is more of it, or this process is the one that suffers.
      await new Promise<void>((sent) => {
        socket.send(text, () => sent());
      });
    }
    return await closed;
  };
}

/** Sends one thing that is too much by itself. */
function sends(frame: (target: Target) => object | string, first: object | null = init()): Hostile {
  return async (target) => {
    const socket = await dial(target);
    const closed = closeOf(socket);
    if (first) socket.send(JSON.stringify(first));
    const made = frame(target);
    socket.send(typeof made === "string" ? made : JSON.stringify(made));
    return await closed;
  };
}

function controls(control: (socket: WebSocket) => void): Hostile {
  return async (target) => {
    const socket = await dial(target);
    const closed = closeOf(socket);
    for (let round = 0; round < target.rounds && socket.readyState === socket.OPEN; round += 1) {
      control(socket);
      if (round % 50 === 49) await turn();
    }
    return await closed;
  };
}

/** Writes bytes to a connection and waits for the server to end it. Resolves with the first line of its answer. */
async function raw({ host }: Target, ...pieces: string[]): Promise<string> {
  const [name = "", port = ""] = host.split(":");
  const socket: Socket = connect(Number(port), name);
  socket.on("error", () => {}); // a reset is an end like any other
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  for (const piece of pieces) socket.write(piece);
  // Not by `once`, which rejects over the reset.
  await new Promise((resolve) => socket.once("close", resolve));
  return answer.split("\r\n")[0] || "closed without a word";
}

/** The same over many connections; what the last one was told. */
function fromMany(attack: Hostile, connections: number): Hostile {
  return async (target) => {
    const ends = await Promise.all(Array.from({ length: connections }, () => attack(target)));
    return ends.at(-1) ?? "";
  };
}

async function upgrade({ host }: Target, path: string): Promise<string> {
  const socket = new WebSocket(`ws://${host}${path}`);
  socket.on("error", () => {});
  const outcome = await Promise.race([
    once(socket, "unexpected-response").then(([, response]) => `HTTP ${response.statusCode}`),
    once(socket, "open").then(() => "taken"),
  ]);
  socket.terminate();
  return outcome;
}

/** Fields of many names, as many as fit a frame. */
function manyKeys(bytes: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: Math.floor(bytes / 14) }, (_, index) => [`k${index}`, 1]));
}

const head = (target: Target, line: string, ...more: string[]) =>
  [`${line} HTTP/1.1`, `Host: ${target.host}`, ...more, "", ""].join("\r\n");

/** Every kind of hostile caller, and what each is closed with. */
export const HOSTILE: Readonly<Record<string, { attack: Hostile; closedWith: RegExp }>> = {
  "words that are one long run": {
    attack: floods(() => says(`${"1".repeat(1_999)}!`)),
    closedWith: /^1008 more than \d+ utterances a second/,
  },
  "words as fast as they go": {
    attack: floods((_target, round) => says(`I want number ${round} now!`)),
    closedWith: /^1008 more than \d+ utterances a second/,
  },
  "transcripts as long as a frame, of two bytes a character": {
    attack: floods(({ frameBytes }) => says(`я${"x".repeat(frameBytes - 200)}`)),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "transcripts as long as they may be": {
    attack: floods(() => says(`я${"x".repeat(32_000)}`)),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "reports of speech that never was": {
    attack: floods(() => ({ ...says("я".repeat(8_000)), role: "assistant" })),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "requests as fast as they go": {
    attack: floods(() => asks()),
    closedWith: /^1008 more than \d+ requests a second/,
  },
  "requests that carry two thousand messages": {
    attack: floods(() => asks(Array<object>(2_000).fill({ role: "user", content: "and then he said so" }))),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "settings of as many keys as a frame holds": {
    attack: floods(({ frameBytes }) => ({
      type: "system.output_agent.update_settings",
      settings: manyKeys(frameBytes - 200),
    })),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "events of as many keys as a frame holds": {
    attack: floods(({ frameBytes }) => ({ type: "system.user.joined", ...manyKeys(frameBytes - 200) })),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "brackets in brackets": {
    attack: floods(({ frameBytes }) => "[".repeat(frameBytes)),
    closedWith: /^1008 more than \d+ bytes a second/,
  },
  "frames that are none": {
    attack: floods(() => "{"),
    closedWith: /^1008 more than \d+ events a second/,
  },
  interrupts: {
    attack: floods(() => ({ type: "system.control.interrupt" })),
    closedWith: /^1008 more than \d+ events a second/,
  },
  "handshakes again and again": {
    attack: floods(() => init()),
    closedWith: /^1008 more than \d+ events a second/,
  },
  pings: {
    attack: controls((socket) => socket.ping("x".repeat(125))),
    closedWith: /^1008 more than \d+ (events|bytes) a second/,
  },
  "pongs nobody asked for": {
    attack: controls((socket) => socket.pong("x".repeat(125))),
    closedWith: /^1008 more than \d+ (events|bytes) a second/,
  },
  "a frame that is too large": {
    attack: sends(({ frameBytes }) => "x".repeat(frameBytes + 1)),
    closedWith: /^1009/,
  },
  "a frame in pieces that never ends": {
    attack: controls((socket) => socket.send("x", { fin: false })),
    closedWith: /^1008/,
  },
  "a call id of a hundred kilobytes": {
    attack: sends(() => init({ caller: { call_id: "x".repeat(100_000), direction: "inbound" } }), null),
    closedWith: /^1008 .*call_id/,
  },
  "facts nobody has a name for": {
    attack: sends(() => init({ caller: { more: "x".repeat(100_000) } }), null),
    closedWith: /^1008 .*caller: may hold at most/,
  },
  "variables without end": {
    attack: sends(() => init({ initial_variables: manyKeys(100_000) }), null),
    closedWith: /^1008 .*initial_variables: may hold at most/,
  },
  "upgrades of addresses that take none": {
    attack: async (target) => {
      let last = "";
      for (let round = 0; round < Math.min(target.rounds, 70); round += 1) {
        const path = ["/health", "/ready", "/console", "/", "/live", "/calls", "/assets/style.css"][
          round % 7
        ];
        last = await upgrade(target, path ?? "/");
        if (!/^HTTP 4/.test(last)) return last;
      }
      return last;
    },
    closedWith: /^HTTP 4\d\d/,
  },
  "bodies that never end": {
    attack: fromMany(
      (target) => raw(target, head(target, "POST /live/x/say", "Content-Length: 1000000"), '{"text":"'),
      20,
    ),
    closedWith: /^HTTP\/1.1 (403|408)|closed without a word/,
  },
  "headers that never end": {
    attack: fromMany((target) => raw(target, `GET / HTTP/1.1\r\nHost: ${target.host}\r\nX-A: `), 20),
    closedWith: /^HTTP\/1.1 408/,
  },
  "connections that say nothing": {
    attack: fromMany((target) => raw(target), 20),
    closedWith: /^HTTP\/1.1 408|closed without a word/,
  },
  "headers of a megabyte": {
    attack: (target) => raw(target, head(target, "GET /", `X-A: ${"x".repeat(1_000_000)}`)),
    // What is still on its way when the server has closed resets the connection, and may take the answer along.
    closedWith: /^HTTP\/1.1 431|closed without a word/,
  },
  "bytes that are no HTTP": {
    attack: fromMany((target) => raw(target, "\x16\x03\x01 hello\r\n\r\n"), 20),
    closedWith: /^HTTP\/1.1 400/,
  },
};

/** How a request that carries a wrong token is answered at last, when there have been many. */
export async function guesses({ host, rounds }: Target): Promise<string> {
  let last = "";
  for (let round = 0; round < Math.min(rounds, 200); round += 1) {
    const request = httpRequest(`http://${host}/calls`, {
      headers: { authorization: `Bearer guess-${round}` },
    });
    request.end();
    const [response] = await once(request, "response");
    response.resume();
    last = `HTTP ${response.statusCode}`;
  }
  return last;
}
