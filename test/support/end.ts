import { after } from "node:test";

/** How long what a file of tests has opened may take to close when its last test is over, ms. */
const GRACE_MS = 10_000;

// Loaded into the process of every test file. Node waits for all that is open, so a failed test that leaves its server
// behind would hold up the run for ever; and a passing one should leave nothing.
if (process.env.NODE_TEST_CONTEXT) {
  after(() => {
    setTimeout(() => {
      console.error(`Ended after ${GRACE_MS} ms by force: still open ${process.getActiveResourcesInfo()}`);
      process.exit(1);
    }, GRACE_MS).unref();
  });
}
