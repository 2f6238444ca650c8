import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { FastifyInstance, FastifyReply } from "fastify";

/** Shorter texts are not smaller for being compressed, once they are in a packet. */
export const MIN_COMPRESSED = 600;
/** For what is made for one reader: as fast as gzip, and smaller. */
const BROTLI_AT_ONCE = 4;

export type Encoding = "br" | "gzip" | "identity";

/** The best encoding that the client takes. */
export function chooseEncoding(accepted: string | undefined): Encoding {
  const names = new Set(
    (accepted ?? "")
      .split(",")
      .map((part) => part.trim().toLowerCase())
      .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
      .map((part) => part.split(";")[0]?.trim()),
  );
  if (names.has("br")) return "br";
  return names.has("gzip") ? "gzip" : "identity";
}

/** @param quality of Brotli, 0…11. */
export async function compress(text: string, encoding: Encoding, quality: number): Promise<Buffer> {
  if (encoding === "gzip") return promisify(gzip)(text);
  if (encoding === "identity") return Buffer.from(text);
  return promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}

/** Says that the answer depends on this header of the request, too. */
export function varyBy(reply: FastifyReply, header: string): void {
  reply.header("vary", [reply.getHeader("vary"), header].filter(Boolean).join(", "));
}

/** Compresses what routes answer, where the client takes it: the picture of 500 live calls is half a megabyte. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook("onSend", async (request, reply, payload) => {
    // What is no text is a stream, or has been compressed already.
    if (typeof payload !== "string" || payload.length < MIN_COMPRESSED) return payload;
    varyBy(reply, "accept-encoding");
    const encoding = chooseEncoding(request.headers["accept-encoding"]);
    if (encoding === "identity") return payload;
    reply.header("content-encoding", encoding).removeHeader("content-length");
    return compress(payload, encoding, BROTLI_AT_ONCE);
  });
}
