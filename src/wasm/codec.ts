/**
 * Frames in and out through one Core: `visit` reads one, the writers make the frames that follow from it. Bytes and numbers only.
 * Everything a visit reports, spans above all, is valid until the next visit; a written frame until the next write. Hot.
 */
import { assert } from "../base/assert.ts";
import { decodeDict, decodeValue } from "../protocol/encoding.ts";
import type { Serializer } from "../protocol/serializers.ts";
import { Address, FSlot, Option, Slot, Status, UriStatus, Violation } from "./abi.ts";
import type { Core } from "./core.ts";
import { violationText } from "./violation-text.ts";

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** TEXT is shared out so that the texts that writers take never overwrite each other. */
const authidAt = Address.text;
const authroleAt = Address.text + 2_048;
const uriAt = Address.text + 4_096;
const passthruAt = Address.text + 5_632;
const textEnd = Address.text + Address.textBytes;

/** enc_algo, enc_key, enc_serializer, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid: pairs from `Slot.opaque`, bits from here up. */
const passthruCount = 7;
const passthruShift = 25;

export class Codec {
  readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  /**
   * Copies the frame in, decodes and checks it, and (with a realm) looks its URI up. Anything but `Status.ok` ends the session:
   * `violation()` says why. Never throws.
   */
  visit(serializer: Serializer, frame: Uint8Array, realm: number, flags: number): Status {
    const core = this.core;
    const length = frame.length;
    if (length > core.frameBytes_max) return this.#tooLong();
    core.bytes.set(frame, core.frameIn);
    return core.exports.visit(serializer, length, realm, flags) as Status;
  }

  #tooLong(): Status {
    const u32 = this.core.u32;
    u32[Slot.type] = 0;
    u32[Slot.violation] = Violation.tooLong;
    u32[Slot.errorOffset] = this.core.frameBytes_max;
    u32[Slot.element] = 0;
    u32[Slot.optionLen] = 0;
    return Status.violation;
  }

  /** One of the U32 slots. */
  u(slot: number): number {
    return this.core.u32[slot]!;
  }

  /** One of the F64 slots. */
  f(slot: number): number {
    return this.core.f64[slot]!;
  }

  /** Patterns matched by the visit. */
  get matchCount(): number {
    return this.core.u32[Slot.matchCount]!;
  }

  /** Handle of match `i`, below `matchCount`. */
  matchAt(i: number): number {
    return this.core.matches[i]!;
  }

  /** What the visit stumbled over, in a sentence for ABORT and the log. */
  violation(): string {
    const optionLength = this.u(Slot.optionLen);
    return violationText({
      violation: this.u(Slot.violation) as Violation,
      offset: this.u(Slot.errorOffset),
      type: this.u(Slot.type),
      element: this.u(Slot.element),
      option: optionLength === 0 ? null : this.text(this.u(Slot.option), Math.min(optionLength, 64)),
    });
  }

  // ---- spans

  /** The text of a span. Makes a string: not for the hot path. */
  text(address: number, length: number): string {
    return utf8Decoder.decode(this.core.bytes.subarray(address, address + length));
  }

  /** A view of a span; dies with the visit, so whoever keeps it copies it. */
  span(address: number, length: number): Uint8Array {
    // Half the time of subarray(), which looks for another constructor first.
    return new Uint8Array(this.core.buffer, address, length);
  }

  // ---- values, decoded. Control path.

  /** Options or details of the visited message; empty when they are. */
  options(): Readonly<Record<string, unknown>> {
    return this.#dict(this.u(Slot.options), this.u(Slot.optionsLen));
  }

  /** Positional arguments of the visited message; empty when absent. An opaque payload is the only argument. */
  args(): readonly unknown[] {
    const length = this.u(Slot.argsLen);
    if (length === 0) return [];
    const value = decodeValue(this.u(Slot.format) as Serializer, this.span(this.u(Slot.args), length));
    return Array.isArray(value) ? value : [value];
  }

  /** Keyword arguments of the visited message; empty when absent. */
  kwargs(): Readonly<Record<string, unknown>> {
    return this.#dict(this.u(Slot.kwargs), this.u(Slot.kwargsLen));
  }

  #dict(address: number, length: number): Readonly<Record<string, unknown>> {
    return length === 0 ? {} : decodeDict(this.u(Slot.format) as Serializer, this.span(address, length));
  }

  /** The visited frame; a view that dies with the visit. */
  visited(): Uint8Array {
    return this.span(this.core.frameIn, this.u(Slot.length));
  }

  /** A copy of the visited frame. */
  frame(): Uint8Array {
    const { bytes, frameIn } = this.core;
    return bytes.slice(frameIn, frameIn + this.u(Slot.length));
  }

  /** Copies the visited frame to an address in memory that `Core.reserve` gave. */
  copyFrame(to: number): void {
    const { bytes, frameIn } = this.core;
    bytes.copyWithin(to, frameIn, frameIn + this.u(Slot.length));
  }

  // ---- what the writers take beside their arguments

  /** Takes the place of the visited message's request id. */
  putRequest(request: number): void {
    this.core.f64[FSlot.request] = request;
  }

  /** Whom `Detail.disclose` names in the frames written next. */
  putIdentity(session: number, authid: string, authrole: string): void {
    this.core.f64[FSlot.disclosed] = session;
    this.#putText(Slot.authid, authidAt, authroleAt, authid);
    this.#putText(Slot.authrole, authroleAt, uriAt, authrole);
  }

  /** `Detail.timeout` of the INVOCATION written next. */
  putTimeout(timeout_ms: number): void {
    this.core.f64[FSlot.timeoutOut] = timeout_ms;
  }

  /** `Detail.trustLevel` of the EVENT or INVOCATION written next. */
  putTrustLevel(level: number): void {
    this.core.f64[FSlot.trustLevel] = level;
  }

  /** Takes the place of the visited message's URI, in `Detail.uri` and in `writeError`. */
  putUri(uri: string): void {
    this.#putText(Slot.uri, uriAt, passthruAt, uri);
  }

  /** What the visited options say about an opaque payload, as text; null: not given. */
  passthru(): readonly (string | null)[] {
    const present = this.u(Slot.present);
    return Array.from({ length: passthruCount }, (_, i) => {
      if ((present & (1 << (passthruShift + i))) === 0) return null;
      return this.text(this.u(Slot.opaque + 2 * i), this.u(Slot.opaque + 2 * i + 1));
    });
  }

  /** Takes the place of what the visited options say about an opaque payload. False, and nothing taken: they are too long. */
  putPassthru(texts: readonly (string | null)[]): boolean {
    const { u32, bytes } = this.core;
    let at: number = passthruAt;
    let present = 0;
    for (const [i, text] of texts.entries()) {
      if (text === null) continue;
      const { read, written } = utf8Encoder.encodeInto(text, bytes.subarray(at, textEnd));
      if (read !== text.length) return false;
      u32[Slot.opaque + 2 * i] = at;
      u32[Slot.opaque + 2 * i + 1] = written;
      present |= 1 << (passthruShift + i);
      at += written;
    }
    u32[Slot.present] = (this.u(Slot.present) & ((1 << passthruShift) - 1)) | Option.opaque | present;
    return true;
  }

  #putText(slot: number, from: number, to: number, text: string): void {
    const { read, written } = utf8Encoder.encodeInto(text, this.core.bytes.subarray(from, to));
    assert(read === text.length, "a text for the writers fits its place");
    this.core.u32[slot] = from;
    this.core.u32[slot + 1] = written;
  }

  /** Checks a URI outside a frame; `match` is 0 exact, 1 prefix, 2 wildcard. Overwrites what `putUri` put. */
  checkUri(uri: string, match: number, flags: number): UriStatus {
    const { read, written } = utf8Encoder.encodeInto(uri, this.core.bytes.subarray(uriAt, passthruAt));
    if (read !== uri.length) return UriStatus.invalid;
    return this.core.exports.checkUri(uriAt, written, match, flags) as UriStatus;
  }

  // ---- writers. Each returns the length of the frame it wrote, or 0: `writeStatus` says why.

  /** EVENT with the visited PUBLISH's payload; `details` are `Detail` bits. */
  writeEvent(serializer: Serializer, subscription: number, publication: number, details: number): number {
    return this.core.exports.writeEvent(serializer, subscription, publication, details);
  }

  /** INVOCATION with the visited CALL's payload. */
  writeInvocation(serializer: Serializer, request: number, registration: number, details: number): number {
    return this.core.exports.writeInvocation(serializer, request, registration, details);
  }

  /** RESULT with the visited YIELD's payload. */
  writeResult(serializer: Serializer, request: number, details: number): number {
    return this.core.exports.writeResult(serializer, request, details);
  }

  /** ERROR with the visited ERROR's URI (or that of `putUri`) and, unless told otherwise, its payload. Its details stay behind. */
  writeError(serializer: Serializer, requestType: number, request: number, payload = true): number {
    const { u32, exports } = this.core;
    return exports.writeError(
      serializer,
      requestType,
      request,
      u32[Slot.uri]!,
      u32[Slot.uriLen]!,
      payload ? 1 : 0,
    );
  }

  /** SUBSCRIBED, REGISTERED or PUBLISHED; with a negative id UNSUBSCRIBED or UNREGISTERED. */
  writeAck(serializer: Serializer, type: number, request: number, id: number): number {
    return this.core.exports.writeAck(serializer, type, request, id);
  }

  /** INTERRUPT; `mode` as `CancelMode` has it, 0 for none. */
  writeInterrupt(serializer: Serializer, request: number, mode: number): number {
    return this.core.exports.writeInterrupt(serializer, request, mode);
  }

  /** A `WriteStatus`: why the last writer returned 0. */
  get writeStatus(): number {
    return this.core.u32[Slot.writeStatus]!;
  }

  /** The frame just written; a view that shows something else after the next write, unless `keep` comes before. */
  outFrame(length: number): Uint8Array {
    return this.span(this.core.frameOut + this.core.u32[Slot.out]!, length);
  }

  /**
   * Leaves the frame just written where it is until `releaseKept`. Returns its address, for views made anew after memory grew;
   * 0 when there is no more room, and the frame must be copied.
   */
  keep(length: number): number {
    const { u32, frameOut } = this.core;
    const at = u32[Slot.out]!;
    if (at + length > Address.keptBytes) return 0;
    u32[Slot.out] = at + length;
    return frameOut + at;
  }

  /** Gives the room of all kept frames back: nobody may look at them any more. */
  releaseKept(): void {
    this.core.u32[Slot.out] = 0;
  }
}
