/** What `WEBHOOK_EVENTS` chooses among. */
export const WEBHOOK_EVENTS = [
  "call.started",
  "verdict",
  "alert",
  "escalation",
  "transfer.ended",
  "call.ended",
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];
