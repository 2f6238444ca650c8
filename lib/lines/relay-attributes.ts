import { z } from "zod";
import { element, type Twiml } from "./twiml.ts";

const interruptible = z.union([z.boolean(), z.enum(["any", "speech", "dtmf", "none"])]);
const text = z.string().min(1);

/** How a language is spoken and heard: a `<Language>` of its own. */
const language = z.strictObject({
  code: text,
  ttsProvider: text.optional(),
  voice: text.optional(),
  transcriptionProvider: text.optional(),
  speechModel: text.optional(),
});

/** What `<ConversationRelay>` can be told, in the platform's own words. */
export const relayAttributes = z.strictObject({
  welcomeGreeting: text.optional(),
  welcomeGreetingInterruptible: interruptible.optional(),
  interruptible: interruptible.optional(),
  interruptSensitivity: z.enum(["high", "medium", "low"]).optional(),
  ignoreBackchannel: z.boolean().optional(),
  dtmfDetection: z.boolean().default(true),
  // Without it a caller who speaks over a voice that may not be interrupted is not heard at all.
  reportInputDuringAgentSpeech: z.enum(["none", "any", "speech", "dtmf"]).default("speech"),
  preemptible: z.boolean().optional(),
  partialPrompts: z.boolean().optional(),
  hints: text.optional(),
  language: text.optional(),
  ttsLanguage: text.optional(),
  transcriptionLanguage: text.optional(),
  transcriptionProvider: text.optional(),
  speechModel: text.optional(),
  ttsProvider: text.optional(),
  voice: text.optional(),
  languages: z.array(language).default([]),
  /** Reach the agent as the call's variables. */
  parameters: z.record(text, z.string()).default({}),
});
export type RelayAttributes = z.output<typeof relayAttributes>;

/** The element that connects a call to our socket. @param isReturn the agent goes on and greets nobody again. */
export function relayElement(url: string, attributes: RelayAttributes, isReturn: boolean): Twiml {
  const { languages, parameters, welcomeGreeting, welcomeGreetingInterruptible, ...rest } = attributes;
  const greeting = isReturn ? {} : { welcomeGreeting, welcomeGreetingInterruptible };
  return element(
    "ConversationRelay",
    { url, ...greeting, ...rest },
    ...languages.map((each) => element("Language", each)),
    ...Object.entries(parameters).map(([name, value]) => element("Parameter", { name, value })),
  );
}
