/** The configuration file `spanwire.yaml`: every option, its type, its default and what it is for. Nothing else declares them. */
import { z } from "zod";
import { fixedLimits } from "../base/limits.ts";
import { logLevels } from "../base/log.ts";
import { limitsSchema } from "./schema-limits.ts";
import { defaultListeners, listenerSchema } from "./schema-listeners.ts";
import { realmsSchema } from "./schema-realms.ts";

const storeSchema = z
  .union(
    [
      z.literal("ephemeral"),
      z.strictObject({
        path: z.string().min(1).describe("Directory of the durable state; made where it does not exist."),
      }),
    ],
    { error: 'expected "ephemeral", or path: of a directory' },
  )
  .optional()
  .describe(
    "Where realms, users and grants are kept; `ephemeral`: in memory, gone when the router ends. Default: spanwire-data in the working directory.",
  );

const passwordSchema = z
  .strictObject({
    protocol: z
      .enum(["cra", "scram", "both"])
      .optional()
      .describe(
        "`cra` serves wampcra and password, `scram` wamp-scram and password, `both` all three. Default: what the realm's methods need.",
      ),
    kdf: z.enum(["pbkdf2", "argon2id13"]).default("pbkdf2").describe("How passwords are hashed."),
    iterations: z
      .int()
      .min(1)
      .max(fixedLimits.pbkdf2Iterations_max)
      .optional()
      .describe(
        "Rounds of the hash: 4,096 or more of pbkdf2 (default 10,000), 1 or more of argon2id13 (default 3).",
      ),
    memory: z
      .int()
      .min(8)
      .max(fixedLimits.argon2MemoryKiB_max)
      .default(65_536)
      .describe("Memory of argon2id13 in KiB."),
  })
  .prefault({})
  .describe("How new passwords are kept in realms that do not say so themselves (`password_opts`).");

const securitySchema = z
  .strictObject({
    file: z
      .union([z.string().min(1), z.array(z.string().min(1))], {
        error: "expected a path, or a list of paths",
      })
      .optional()
      .describe(
        "A security_config.json as Bondy has it, or several; variables are filled in where the name ends in .template.",
      ),
    automatically_create_realms: z
      .union([z.boolean(), z.looseObject({})], {
        error: "expected true, false, or what such a realm is like",
      })
      .default(false)
      .describe(
        "A HELLO to a realm that does not exist creates it, like this definition (one without `uri`; with `prototype_uri`, say). `true`: open to anonymous clients of this machine.",
      ),
    administrator: z
      .strictObject({
        passwordFile: z
          .string()
          .min(1)
          .optional()
          .describe("The first start takes the administrator's password from its first line."),
      })
      .prefault({}),
    password: passwordSchema,
  })
  .prefault({})
  .describe("Who may come in, and how passwords are kept.");

export const configSchema = z
  .strictObject({
    listeners: z
      .array(listenerSchema)
      .default(() => z.array(listenerSchema).parse(defaultListeners))
      .describe(
        "Where the router listens. Default: WebSocket on 127.0.0.1:18080, RawSocket on 127.0.0.1:18082.",
      ),
    store: storeSchema,
    security: securitySchema,
    realms: realmsSchema
      .optional()
      .describe(
        "Realms, as in security_config.json. Default, where no file has any either: `realm1`, open to anonymous clients of this machine.",
      ),
    workers: z
      .union([z.literal("auto"), z.int().min(1).max(fixedLimits.workers_max)], {
        error: `expected "auto", or a whole number from 1 to ${fixedLimits.workers_max}`,
      })
      .default(1)
      .describe("Threads that serve the same places; `auto`: one for each core."),
    limits: limitsSchema.prefault({}),
    log: z
      .strictObject({
        level: z.enum(logLevels).default("info").describe("How much is logged, on stderr."),
      })
      .prefault({}),
  })
  .describe("Spanwire's configuration. Flags and environment variables are stronger.");

export type FileConfig = z.output<typeof configSchema>;

/** The file's JSON Schema (draft 2020-12), for editors. */
export const configJsonSchema = (): Readonly<Record<string, unknown>> =>
  z.toJSONSchema(configSchema, { io: "input" });
