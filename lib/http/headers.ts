import type { FastifyHelmetOptions } from "@fastify/helmet";

/**
 * Security headers for every answer. Pages may load scripts and styles from this origin alone, none inline, and
 * speak to it over HTTP and WebSocket.
 */
export const securityHeaders: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    // The defaults have upgrade-insecure-requests, which breaks a page served over plain http on a LAN.
    useDefaults: false,
    directives: {
      "default-src": ["'self'"],
      "script-src": ["'self'"],
      "style-src": ["'self'"],
      "img-src": ["'self'", "data:"],
      // Not every browser counts ws: among 'self'.
      "connect-src": ["'self'", "ws:", "wss:"],
      "object-src": ["'none'"],
      "base-uri": ["'none'"],
      "form-action": ["'self'"],
      "frame-ancestors": ["'none'"],
    },
  },
  // This server speaks plain HTTP; whether there is TLS in front of it, only the proxy knows and may promise.
  strictTransportSecurity: false,
};
