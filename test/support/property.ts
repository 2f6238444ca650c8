import fc from "fast-check";

// The same cases in each run, so that a red run is one about the change: PROPERTY_SEED=7 npm test looks elsewhere.
fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });

export { fc };
