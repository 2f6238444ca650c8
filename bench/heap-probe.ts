import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/*
 * Loaded into a server that is measured, ahead of its own code: tells the size of the heap after a collection.
 */

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

process.on("message", () => {
  collect();
  collect();
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
// The channel must not keep the server alive when it has drained.
process.channel?.unref();
