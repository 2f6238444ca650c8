import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type FormFields, isSignedByTwilio } from "../lines/twilio-signature.ts";
import type { Guard } from "./lines.ts";

export const formFields = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

/**
 * Guards that answer 403 to what Twilio has not signed. The URL is the public one of the configuration: what a
 * request's own headers say of host and scheme is a stranger's word.
 */
export function signedByTwilio(token: string, publicUrl: string): { onUpgrade: Guard; onForm: Guard } {
  const check = (scheme: (url: string) => string, fields: FormFields): Guard => {
    return (request, reply, done) => {
      const signature = request.headers["x-twilio-signature"];
      const url = scheme(`${publicUrl.replace(/\/$/, "")}${request.url}`);
      const isSigned = typeof signature === "string" && isSignedByTwilio(token, signature, url, fields);
      if (isSigned) done();
      else refuse(request, reply, "Not signed by Twilio: see TWILIO_AUTH_TOKEN and PUBLIC_URL");
    };
  };
  return {
    onUpgrade: check((url) => url.replace(/^http/, "ws"), {}),
    onForm: (request, reply, done) => {
      const fields = formFields.safeParse(request.body ?? {});
      check((url) => url, fields.data ?? {})(request, reply, done);
    },
  };
}

/** A guard that answers 403 unless the path has this secret in it. */
export function hasSecret(secret: string): Guard {
  const expected = digest(secret);
  const parameters = z.object({ secret: z.string() });
  return (request, reply, done) => {
    const given = parameters.safeParse(request.params).data?.secret ?? "";
    // Digests have one length, and comparing them takes the same time wherever the secrets differ.
    if (timingSafeEqual(digest(given), expected)) done();
    else refuse(request, reply, "The secret in the path is not the right one");
  };
}

function refuse(request: FastifyRequest, reply: FastifyReply, message: string): void {
  // Without the URL, which may have a secret in it.
  request.log.warn(
    { route: request.routeOptions.url },
    "Refused a request whose sender could not be verified",
  );
  reply.code(403).send({ statusCode: 403, error: "Forbidden", message });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
