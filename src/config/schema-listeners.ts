/** The section `listeners` of a configuration file: where the router listens, and with what. */
import { z } from "zod";

const port = z.int().min(0).max(65_535);

/** `https://app.example.com`, `https://*.example.com`, `*`. */
const origin = z
  .string()
  .regex(/^(\*|https?:\/\/[^\s/?#]+)$/, 'expected an origin such as "https://app.example.com", or "*"');

const httpPath = z
  .string()
  .regex(
    /^(\/[A-Za-z0-9._~-]+)+$/,
    'expected a path that starts with "/", does not end with it, and holds letters, digits and ._~/- only',
  );

const onOrPath = z.union([z.boolean(), httpPath], { error: "expected true, false or a path" });

const certificate = {
  certFile: z
    .string()
    .min(1)
    .describe("PEM file of the certificate, with those between it and its authority."),
  keyFile: z.string().min(1).describe("PEM file of its private key."),
};

const tlsSchema = z
  .strictObject({
    ...certificate,
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe("PEM file of the authorities whose client certificates are taken."),
    clientCertificate: z
      .enum(["none", "request", "require"])
      .default("none")
      .describe("Whether clients are asked for a certificate, and whether they must have one of `caFile`."),
    minVersion: z.enum(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2").describe("Oldest version that is spoken."),
    servers: z
      .record(z.string(), z.strictObject(certificate))
      .default({})
      .describe("Other certificates, by the name that the client asks for (SNI); `*.example.com` is a name."),
  })
  .describe("TLS. The files are read again when they change; sessions that are there stay.");

const reachable = {
  host: z.string().min(1).default("127.0.0.1").describe("Address to listen on."),
  tls: tlsSchema.optional(),
  trustedProxies: z
    .array(z.string())
    .default([])
    .describe("Addresses (CIDR) of proxies that are believed when they say who the client is."),
  allowAnonymous: z
    .boolean()
    .default(false)
    .describe(
      "Lets it listen beyond loopback although a realm takes clients that nobody vouches for from other machines.",
    ),
};

const webSocket = {
  ...reachable,
  port: port.default(18_080).describe("0 takes a free one."),
  path: z.string().startsWith("/").default("/ws").describe("URL path of WebSocket."),
  transport: z
    .enum(["uws", "bun", "ws"])
    .optional()
    .describe("The adapter; left out: the fastest that loads and can do what the listener asks for."),
  deflate: z.boolean().default(false).describe("Compress messages (permessage-deflate)."),
  http: z
    .union(
      [
        z.boolean(),
        z.strictObject({
          longpoll: onOrPath.default(true).describe("Long-poll; a text is its path, else /wamp/longpoll."),
          sse: onOrPath.default(true).describe("Event streams; a text is their path, else /wamp/sse."),
          health: z.boolean().default(true).describe("Whether it is well, at /ping, /ready and /health."),
          origins: z
            .array(origin)
            .default([])
            .describe(
              "Origins, beside its own, whose pages may use them; `*` for all of them, then without credentials.",
            ),
        }),
      ],
      { error: "expected true, false, or options of the HTTP transports" },
    )
    .default(true)
    .describe("WAMP over plain HTTP on the same port."),
};

export const listenerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("websocket").describe("WebSocket, and WAMP over HTTP."), ...webSocket }),
  z.strictObject({
    kind: z
      .literal("universal")
      .describe("WebSocket, HTTP and RawSocket on one port; takes the `ws` adapter, which is not for Bun."),
    ...webSocket,
  }),
  z.strictObject({
    kind: z.literal("rawsocket").describe("RawSocket, over TCP or on a Unix socket."),
    ...reachable,
    port: port
      .optional()
      .describe("TCP port, 18082 where neither it nor `unix` is given; 0 takes a free one."),
    unix: z.string().min(1).optional().describe("Path of a Unix socket, in place of host and port."),
  }),
]);

export type ListenerConfig = z.output<typeof listenerSchema>;
export type TlsConfig = z.output<typeof tlsSchema>;

export const defaultListeners: readonly z.input<typeof listenerSchema>[] = [
  { kind: "websocket", port: 18_080 },
  { kind: "rawsocket", port: 18_082 },
];
