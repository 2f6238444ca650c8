import { setPriority } from "node:os";
import { HOSTILE, type Target } from "../test/support/hostile.ts";

/*
 * One hostile caller of bench/hostile.ts in a process of its own, so that what it costs to build its frames is not
 * counted as the server's: KIND and the target as JSON are its arguments. Sends its parent what it was closed with.
 */

const [kind = "", json = "", returns = "1"] = process.argv.slice(2);
const target: Target = JSON.parse(json);
const attack = HOSTILE[kind]?.attack;
if (!attack) throw new Error(`no kind of hostile caller is called "${kind}"`);
// A caller has a machine of its own; here it gets the processor when the server and the honest ones leave it.
setPriority(19);
// The parent says when; start-up is not part of the attack.
process.once("message", async () => {
  for (let round = 0; round < Number(returns); round += 1) process.send?.(await attack(target));
  process.disconnect();
});
process.send?.("ready");
