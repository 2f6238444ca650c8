import type { z } from "zod";
import { FrameError } from "../errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

export type PlatformFrame = {
  /** What the field that tells frames apart says; an empty string where it is missing. */
  readonly type: string;
  /** The frame by its schema. Throws {@link FrameError}. */
  wire<T>(schema: z.ZodType<T>): T;
};

/** Reads a frame of one JSON object. Throws {@link FrameError}, and nothing else. */
export function readFrame(data: Uint8Array, typeField = "type"): PlatformFrame {
  const value = parse(data);
  const type = value[typeField];
  if (typeof type !== "string") throw new FrameError("bad_field", `${typeField}: a frame needs it, a string`);
  return {
    type,
    wire: (schema) => {
      const result = schema.safeParse(value);
      if (result.success) return result.data;
      const [issue] = result.error.issues;
      throw new FrameError("bad_field", `${issue?.path.join(".")}: ${issue?.message ?? "not valid"}`);
    },
  };
}

function parse(data: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(data));
  } catch (error) {
    if (error instanceof SyntaxError) throw new FrameError("bad_json", "a frame must be one JSON object");
    throw new FrameError("bad_utf8", "a frame must be UTF-8 text");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameError("not_an_object", "a frame must be one JSON object");
  }
  return { ...value };
}
