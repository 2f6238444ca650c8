/*
 * What the embedded model answers to what. Patterns run on lower-case text with plain apostrophes and have bounded
 * gaps only. Of several wordings, the first that was not said yet is taken.
 */

/** What can be asked for besides an answer; each is a tool, if the request offers it. */
export const wishes = {
  person: {
    tool: "transfer_to_supervisor",
    patterns: [
      /\b(?:speak|talk|chat|connect|transfer|put|get|give|need|want|prefer|pass)\b.{0,30}\b(?:person|people|human|manager|supervisor|agent|representative|operator|someone (?:else|real|in charge))\b/,
      /\b(?:speak|talk|chat) (?:to|with) (?:someone|somebody|anyone|your boss)\b/,
      /\bthere (?:an?|any|some)\b.{0,20}\b(?:person|human|manager|supervisor|someone|somebody)\b.{0,20}\b(?:speak|talk) (?:to|with)\b/,
      /^(?:agent|human|person|representative|operator|supervisor|manager)\b.{0,15}$/,
      /\b(?:human|real person|manager|supervisor),? (?:please|now)\b|\bescalate (?:this|it|my)\b/,
    ],
    refused:
      /(?:n't|\bnot|\bno need to|\bnever)\b.{0,20}\b(?:speak|talk|connect|transfer|need|want|escalate)\b/,
    withoutTool:
      "I'm sorry, I can't put you through to a person from here. I'm happy to go on myself as well as I can.",
  },
  mood: {
    tool: "get_customer_sentiment",
    patterns: [
      /\bhow (?:do|am|did) i (?:feel|feeling|sound|sounding|seem|come across)\b/,
      /\bmy (?:current |overall |customer )?(?:sentiment|mood|emotions?)\b/,
    ],
    refused: null,
    withoutTool: null,
  },
  escalation: {
    tool: "check_escalation_needed",
    patterns: [
      /\b(?:is|are|do|does|should|would|check|whether|if)\b.{0,40}\bescalat\w+\b/,
      /\bescalat\w+ (?:is |be )?(?:needed|necessary|required)\b/,
    ],
    refused: null,
    withoutTool: null,
  },
  goodbye: {
    tool: "end_call",
    patterns: [
      /\b(?:good ?bye|bye|bye-bye)\b|\bhang up\b(?! on)|\bend (?:the|this) (?:call|chat|conversation)\b/,
      /\b(?:that's all|that is all|that'll be all|that will be all|that was all|nothing else)\b.{0,30}$/,
      /\b(?:have a (?:nice|good|great) (?:day|evening|weekend|one)|see you)\W{0,3}$/,
    ],
    refused:
      /(?:n't|\bnot|\bbefore (?:you|we|i)|\bnever)\b.{0,20}\b(?:hang up|end|bye)\b|\bthat's all (?:i|you|we|the)\b/,
    withoutTool: "Thank you for calling. Goodbye!",
  },
} as const;

export const identity = {
  patterns: [
    /\b(?:are you|is this|talking to|speaking to|speaking with|talking with|chatting with) (?:(?:just|really|actually|even|an?|the|some|real|live|ai) ){0,3}(?:robot|bot|chatbot|machine|human|person|ai|computer|recording|real|language model)\b/,
    /\b(?:who|what) are you\b|\bwhat(?:'s| is) your name\b|\b(?:which|what) (?:[a-z]+ )?(?:model|llm)\b/,
  ],
  replies: [
    "I'm the offline demo of this agent: simple rules, with no language model connected. To connect one, set OPENAI_API_KEY and start the server again.",
    "You are talking to a program, the rule-based offline demo. With OPENAI_API_KEY set, a language model answers in my place.",
  ],
} as const;

export type Topic = {
  pattern: RegExp;
  replies: readonly string[];
  /** What is said in place of `replies` once the caller has given a number; {number} stands for it. */
  withNumber: string | null;
};

const noted = "I've noted number {number}, but as the offline demo I can't look it up.";

/** The first one that matches answers. */
export const topics: readonly Topic[] = [
  {
    pattern: /\b(?:password|passcode|log ?in|logged out|sign in|locked out|reset link|two-factor)\b/,
    replies: [
      "You can usually set a new password with the reset link on the sign-in page. Have you tried that?",
      "Please look in the spam folder for the reset e-mail as well. I can't reset a password from here.",
    ],
    withNumber: null,
  },
  {
    pattern:
      /\b(?:opening (?:hours|times)|what time|business hours|when (?:do|are) you (?:open|close)|(?:do|are) you open)\b/,
    replies: [
      "I don't have the opening hours in this offline demo. You'll find them on the website.",
      "I'm sorry, the opening hours aren't known to me. The website has them.",
    ],
    withNumber: null,
  },
  {
    pattern:
      /\b(?:refund|money back|return|returns|exchange|send (?:it|this|them) back|broken|faulty|damaged)\b/,
    replies: [
      "I can take down the details of a return or a refund. What is the order number?",
      "To note your return I need the order number, please. What went wrong with the item?",
    ],
    withNumber: `${noted} What went wrong with the item?`,
  },
  {
    pattern: /\b(?:bill|billing|billed|invoice|charge|charged|charges|payment|fee|overcharged)\b/,
    replies: [
      "Let's go through it. Which amount on the bill do you mean, and what is the invoice or order number?",
      "I can note a question about a bill. What is the invoice number, please?",
    ],
    withNumber: `${noted} Which amount do you mean?`,
  },
  {
    pattern: /\b(?:cancel|cancels|cancelling|cancellation|terminate|close my account|unsubscribe)\b/,
    replies: [
      "What would you like to cancel, and is there an order or customer number for it?",
      "I can note that you want to cancel, but not carry it out in this demo. Which number is it under?",
    ],
    withNumber: `${noted} Nothing has been cancelled by me.`,
  },
  {
    pattern:
      /\b(?:order|orders|ordered|package|parcel|delivery|delivered|deliver|shipping|shipment|shipped|tracking|courier|where is (?:it|my))\b/,
    replies: [
      "Could you give me the order number, please?",
      "I'd need the order number for that. It's in the confirmation e-mail.",
    ],
    withNumber: `${noted} What would you like to know about it?`,
  },
  {
    pattern: /\b(?:what can you do|can you help|help me|i need (?:some )?help|how does this work)\b/,
    replies: [
      "I can talk about orders, returns, bills and passwords, in a simple way. What is it about?",
      "Gladly. Is it about an order, a return, a bill or your account?",
    ],
    withNumber: null,
  },
  {
    pattern: /^(?:no|nope|nothing|no thanks)\b.{0,20}$/,
    replies: [
      "All right. Just say goodbye when you'd like to end the call.",
      "Fine. I'm here if something comes up.",
    ],
    withNumber: null,
  },
  {
    pattern: /\b(?:thank|thanks|thank you|cheers|appreciate)\b/,
    replies: [
      "You're welcome. Is there anything else I can do for you?",
      "My pleasure. Is there anything more you'd like to ask?",
    ],
    withNumber: null,
  },
  {
    pattern: /^(?:hi|hello|hey|good (?:morning|afternoon|evening|day))\b/,
    replies: ["Hello! How can I help you today?", "Hello again. What can I do for you?"],
    withNumber: null,
  },
];

/** For a number that belongs to nothing the caller spoke of. */
export const numberNoted = [
  "Thank you, I've noted {number}, but as the offline demo I can't look it up. What is it about?",
  "Got it, {number}. What would you like me to note with it?",
] as const;

/** For one more question about a number that was noted before. */
export const numberAgain = [
  "I'm sorry, I can't find out more about {number} in this offline demo.",
  "There is nothing I can look up about {number}, as no system is connected. Is there anything you'd like me to note?",
] as const;

export const fallbacks = [
  "Could you tell me a little more about that?",
  "I want to be sure I understand. Is it about an order, a bill or your account?",
  "I'm the offline demo and know only simple answers, I'm afraid. Could you put it another way?",
  "I don't have an answer to that. Is there something about an order, a return or a bill I can note for you?",
] as const;

export const notHeard = [
  "Sorry, I didn't catch that. Could you say it again?",
  "I couldn't hear you. Once more, please?",
] as const;

/** Said before an answer, by the caller's mood. */
export const empathy = {
  positive: [],
  neutral: [],
  negative: ["I'm sorry about that.", "I'm sorry to hear that.", "I see, that isn't how it should be."],
  frustrated: [
    "I'm really sorry, I can hear how frustrating this is.",
    "I understand that you're upset, and I'm sorry.",
    "You have every reason to be annoyed, and I'm sorry.",
  ],
} as const;
