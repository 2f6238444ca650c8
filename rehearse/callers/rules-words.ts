/*
 * What the caller by rules says besides its goal and its facts.
 */

export const OPENINGS = ["Hi, ", "Hello. ", "Yes, hello, ", "Good morning. ", "Um, hi, "] as const;
export const FILLERS = [
  "so, what happened is this: ",
  "I don't know whether I am right with you, but ",
  "it's a bit of a long story, but ",
  "my neighbour told me to call, so: ",
  "well, you see, ",
] as const;
export const AGAIN = ["As I said: ", "Once more: ", "Like I told you: ", "Again: "] as const;
export const CUT_IN = ["Sorry, let me say it again: ", "Hold on. ", "Wait, wait. "] as const;
/** From annoyed to furious: one step each time the agent says the same again. */
export const UPSET = [
  "You have asked me that already. Nobody listens to me!",
  "This is ridiculous! You keep saying the same thing!",
  "I can't believe how terrible this service is!",
] as const;
export const UNHELPED = [
  "That doesn't help me.",
  "I'm not sure what you mean.",
  "Hm. And what now?",
  "Is there anything else you can do?",
] as const;
export const GIVES_UP = "Never mind, I'll try somewhere else. Goodbye.";
export const THANKS = [
  "Great, thank you. Goodbye.",
  "Thanks, that's all I needed. Bye.",
  "Perfect, thank you very much. Goodbye.",
] as const;
