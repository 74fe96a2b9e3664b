/** Bounds that cannot be set, and what a peer sees when it meets one. Units as in limits.ts; the first are built into the kernels. */
export const fixedLimits = Object.freeze({
  /** Nesting of arrays and maps in one frame. Beyond: ABORT wamp.error.protocol_violation. */
  depth_max: 64,
  /** Length of one URI. Beyond: ERROR wamp.error.invalid_uri. */
  uriBytes_max: 1_024,
  /** Components of one URI. Beyond: ERROR wamp.error.invalid_uri. */
  uriComponents_max: 64,
  /**
   * Sets of places at which the wildcard patterns of one realm, of one number of components, have their wildcards; topics and procedures
   * apart. Beyond: ERROR wamp.error.unavailable for a pattern with another set. So no client makes events slow.
   */
  wildcardShapes_max: 256,
  /** Patterns of up to so many components are not counted: there are 1,024 sets at most. */
  wildcardShapeComponents_free: 10,
  /** Between two samples of a router's load. */
  loadSample_ms: 100,
  /** A socket that takes nothing for so long is stalled; see `socketBytes_max`. */
  stalledSocket_ms: 2_000,
  /** Bytes of one outbound batch, unless its only message is larger. Beyond: the peer receives a further batch. */
  batchBytes_max: 64 << 10,
  /** Bytes of HELLO and of AUTHENTICATE. Beyond: ABORT wamp.error.payload_size_exceeded. */
  handshakeBytes_max: 64 << 10,
  /** Kinds of WELCOME (serializer, realm, role, method) of which all but id and authid is kept. Beyond: they are encoded anew. */
  welcomeTemplates_max: 256,
  /** Kinds of ERROR (serializer, request, URI, text) of which all but the request's id is kept. Beyond: the oldest is encoded anew. */
  errorTemplates_max: 8,
  /** Length of an authid or authrole in characters. Beyond: ABORT wamp.error.protocol_violation. */
  authText_max: 512,
  /** Length of the message that wamp.session.kill sends, in characters. Beyond: ERROR wamp.error.invalid_argument. */
  killMessage_max: 1_024,
  /** Patterns of each kind that nearly match, in one answer of bondy.explain.match. Beyond: the answer has as many. */
  nearMisses_max: 10,
  /** Length of SUBSCRIBE.Options.nkey in characters. Beyond: ERROR wamp.error.invalid_argument. */
  nodeKey_max: 256,
  /** Body of a request that opens an HTTP transport. Beyond: HTTP 413. */
  httpOpenBytes_max: 8 << 10,
  /** Rules of one session that match one URI or pattern. Beyond: what it asks is refused, ERROR wamp.error.not_authorized. */
  rulesPerUri_max: 4_096,
  /** Decisions that are remembered by the pattern of their URI, a power of two. Beyond: a later one takes an earlier one's place. */
  recentDecisions_max: 1 << 16,
  /** Registrations whose callee is remembered, a power of two. Beyond: a later one takes an earlier one's place. */
  callRoutes_max: 1_024,
  /** Registrations whose turns are remembered, a power of two. Beyond: a later one takes an earlier one's place. */
  turnOrders_max: 256,
  /** Histories of one realm's options. Beyond: wamp.error.invalid_argument, or a problem of the configuration. */
  realmHistories_max: 1_000,
  /** Ended HTTP transports that are remembered, and answered 410. Those that ended earlier: HTTP 404. */
  httpEnded_max: 4_096,
  /** Bytes of a secret that can be hashed, one at least. Otherwise: wamp.error.invalid_argument; at a login it is a wrong one. */
  hashedSecretBytes_max: 1_024,
  /** Parameters of password hashes. Beyond: wamp.error.invalid_argument. */
  pbkdf2Iterations_max: 10_000_000,
  argon2Iterations_max: 1_024,
  argon2MemoryKiB_max: 1 << 20,
  /** Characters of a WAMP-CRA signature. A longer one is wrong. */
  craSignature_max: 44,
  /** Characters of a WAMP-SCRAM nonce, proof, or channel binding. A longer nonce: ABORT wamp.error.invalid_argument; else it is wrong. */
  scramText_max: 256,
  /** Random octets of a client's WAMP-SCRAM nonce. Fewer: ABORT wamp.error.invalid_argument. */
  scramNonceBytes_min: 8,
  /** Methods of HELLO.Details.authmethods that are looked at. Those behind them are not. */
  authmethods_max: 32,
  /** Characters of a token (JWT) that a client logs in with. A longer one is a wrong one. */
  tokenText_max: 16 << 10,
  /** Seconds by which the clocks of those who issue tokens may differ from the router's. Beyond: the token is not valid yet, or no more. */
  tokenSkew_s: 60,
  /** Groups that are read from one token. Those behind them are not. */
  tokenRoles_max: 256,
  /** Keys of an issuer that are tried for a token that does not say which one has signed it. Those behind them are not. */
  tokenKeys_max: 8,
  /** Bytes of an issuer's set of keys (JWKS). Beyond: it counts as not fetched. */
  jwksBytes_max: 256 << 10,
  /** Time to fetch one. Beyond: it counts as not fetched; logins that need it fail, unless an older one is there. */
  jwksFetch_ms: 5_000,
  /** For how long a set of keys is used without asking again. */
  jwksFresh_ms: 600_000,
  /** For how long it is used where asking again fails. Beyond: logins that need it fail. */
  jwksStale_ms: 86_400_000,
  /** Time between two requests for one set, whatever tokens name keys that it has not, and whether it could be fetched or not. */
  jwksPause_ms: 30_000,
  /** Sets of keys that are kept. Beyond: the one that was fetched first is fetched again when it is needed. */
  jwksSets_max: 1_024,
  /** Characters of a ticket's client_id and device_id. Beyond: ERROR wamp.error.invalid_argument. */
  ticketText_max: 256,
  /** How long a ticket lives where nobody says, and at most; seconds. A longer time is shortened to it. */
  ticketExpiry_s: 30 * 86_400,
  // Of the security model. Beyond each, unless it says else: ERROR wamp.error.invalid_argument, or a problem of the configuration.
  /** Problems told about one input. The others are told when these are gone. */
  problems_max: 100,
  /** Changes of the security model that wait. Beyond: ERROR wamp.error.unavailable. */
  securityQueue_max: 4_096,
  /** Name of a user, group or alias. */
  nameBytes_max: 254,
  /** URI of a realm. */
  realmUriBytes_max: 255,
  /** Text that describes a realm. */
  descriptionBytes_max: 512,
  /** A password. */
  passwordBytes_min: 6,
  passwordBytes_max: 254,
  /** `meta`, `info` and `options` of one record, as JSON, and their nesting. */
  metaBytes_max: 64 << 10,
  metaDepth_max: 32,
  /** Aliases of one user. Beyond: ERROR bondy.error.property_range_limit. */
  aliases_max: 5,
  /** Names in one list: groups of a user, roles of a grant, users of a source. */
  namesPerList_max: 1_024,
  /** Public keys of one user, trust roots, and issuers of one realm. */
  keysPerList_max: 64,
  /** Permissions of one grant, and its resources. */
  permissionsPerGrant_max: 64,
  resourcesPerGrant_max: 1_024,
  /** Realms of one definition, and users, groups, sources or grants of one realm in it. */
  definitions_max: 100_000,
  /** Signing keys of one realm, with those that verify only. Beyond: the oldest of these goes. */
  signingKeys_max: 16,
  /** Tickets of one user. Beyond: the one that expires first goes. */
  ticketsPerUser_max: 256,
  /** Realms made because somebody asked for them. Beyond: as if there were no such realm. */
  automaticRealms_max: 10_000,
  /** Key of durable state, in bytes. What is behind it refuses longer ones before. */
  storeKeyBytes_max: 1_024,
  /** Key of a durable record: the names that make it, together. Beyond: ERROR wamp.error.invalid_argument, nothing is changed. */
  recordKeyBytes_max: 1_000,
  /** How far ahead of this machine's clock another node's may be. Beyond: its record is not merged, wamp.error.invalid_argument. */
  clockDrift_ms: 60_000,
  /** Size of a configuration file. Beyond: the router does not start, and says so. */
  configBytes_max: 8 << 20,
  /** Length of a command line on the control socket, in characters. Beyond: connection closed. */
  controlLine_max: 16 << 10,
  /** Commands that a router carries out at one time. Beyond: connection closed. */
  controlConnections_max: 8,
  /** Questions of one worker to others that wait for their answers. Beyond: ERROR wamp.error.unavailable for what asks them. */
  openQuestions_max: 4_096,
  /** Topics whose retained event was deleted just now, kept while publications may be on their way. Beyond: the oldest is not. */
  forgottenTopics_max: 10_000,
  /**
   * Steps through tables – an entry looked at is one – that the router's own procedures take in one loop turn, over all calls. Beyond:
   * the calls are answered in a later turn.
   */
  stepsPerTurn_max: 1 << 12,
  /**
   * Rows, a power of two, of one table in which all workers count logins: half as many addresses, or names, are remembered at least.
   * Beyond, however large `failedLogins_max` and `logins_max` are: counts that are older are forgotten.
   */
  sharedLoginRows_max: 1 << 22,
  /**
   * Bytes of one call of the router's own procedures, which are decoded in one go; or as many as a session may keep with one such call,
   * where that is more (`testamentBytes_max`, `definitionBytes_max`). Beyond: ERROR wamp.error.payload_size_exceeded.
   */
  procedureCallBytes_max: 256 << 10,
  /**
   * Bytes of the lists of receivers of one PUBLISH together, which are read in one go. Beyond: ERROR wamp.error.payload_size_exceeded, or
   * nothing where no acknowledgement was asked for; the event goes to nobody.
   */
  receiverListBytes_max: 128 << 10,
  /** Threads of one router. Beyond: the router does not start, and says so. */
  workers_max: 30,
  /** Time for a worker to make its router, or to listen. Beyond: it could not be started. */
  workerStart_ms: 30_000,
  /** Time for a worker to answer a question of the first. Beyond: it is left out. */
  workerAnswer_ms: 10_000,
  /** Time for the first to answer a worker, which may have to wait for the store or for a hash. Beyond: wamp.error.timeout. */
  workerHome_ms: 60_000,
  /** Time for a worker to end behind the goodbyes of its sessions. Beyond: it is stopped by force. */
  workerEnd_ms: 5_000,
  /** Time for a worker to let go of its sockets when it has failed, or the process ends. Beyond: they go with it. */
  workerExit_ms: 1_000,
  /** Time before a worker that has ended gets a successor: at first, and at most when it happens again and again. */
  workerRestart_ms: 100,
  workerRestartLongest_ms: 10_000,
  /** A worker that lived as long was well: its successor comes as fast as the first. */
  workerWell_ms: 60_000,
  /** Resume tokens of one session that hold beside the newest, until its client is heard. Beyond: the oldest are wrong. */
  earlierTokens_max: 4,
  /**
   * Bytes that one worker has sent another of one connection, or of one HTTP answer, that belongs there, and that are not taken yet; a
   * frame of any size alone. Beyond: the sender waits, as for a socket that is full. A client that does not wait has, in frames, as many
   * as its inbox may (`inboxBytes_max`), or as these. Beyond: connection closed.
   */
  carriedBytes_max: 256 << 10,
  /** Header of the PROXY protocol before a connection. Beyond: closed. */
  proxyHeaderBytes_max: 2_048,
  /**
   * Sessions of one worker whose load as callees all workers see. Beyond: a worker goes by the calls of its own callers to them.
   */
  sharedLoads_max: 1 << 14,
  /** Registrations in which all workers take turns together. Beyond: each worker has its own round. */
  sharedTurns_max: 1 << 14,
});
