/**
 * Realms in a configuration: in the shape of Bondy's `security_config.json`, which the security model checks, and with `options`,
 * the router's own rules, which are checked here. The options are those of RealmOptions in src/router/realm.ts; a test compares.
 */
import { z } from "zod";

const trustLevel = z.int().min(0);

export const realmOptionsSchema = z
  .strictObject({
    profile: z
      .enum(["strict", "compat"])
      .optional()
      .describe(
        "`strict`: the specification to the letter. `compat` (default): what existing clients need tolerated.",
      ),
    strictUris: z
      .boolean()
      .optional()
      .describe("Only lower case letters, digits and `_` in URI components. Default false."),
    allowDisclosure: z.boolean().optional().describe("False refuses `disclose_me` and `disclose_caller`."),
    allowKill: z
      .boolean()
      .optional()
      .describe("True lets anonymous sessions end others and revoke what they have. Default false."),
    trustLevels: z
      .record(z.string(), trustLevel)
      .optional()
      .describe("Trust levels by authrole, from 0 (lowest); EVENTs and INVOCATIONs then say `trustlevel`."),
    retainedTtl_s: z
      .number()
      .min(0)
      .optional()
      .describe("Seconds that an event is retained if its publisher does not say; 0 (default): for ever."),
    history: z
      .array(
        z.strictObject({
          topic: z.string().describe("Topic, or pattern of topics."),
          match: z.enum(["exact", "prefix", "wildcard"]).optional().describe("Default `exact`."),
          limit: z.int().min(1).describe("Events kept."),
        }),
      )
      .optional()
      .describe("Topics whose events are kept for `wamp.subscription.get_events`."),
    forceReregister: z.boolean().optional().describe("False refuses `force_reregister`."),
    repeatedRegistration: z
      .boolean()
      .optional()
      .describe("True lets a session register a shared procedure several times. Default false."),
    callReroute: z
      .boolean()
      .optional()
      .describe("False: a callee's `wamp.error.unavailable` goes to the caller, not to the next callee."),
    resumption: z.boolean().optional().describe("False: no session outlives its transport."),
  })
  .describe("The router's rules for sessions of this realm.");

/** The security model knows the other keys, and checks them. */
const realmSchema = z
  .looseObject({
    uri: z.string().min(1).describe("The realm's name."),
    options: realmOptionsSchema.optional(),
  })
  .describe("One realm, with the keys of Bondy's security_config.json, and `options`.");

export const realmsSchema = z.array(realmSchema);
