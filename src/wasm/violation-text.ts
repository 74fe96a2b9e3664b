/** Violations in words: for ABORT.Details.message and the log. Cold. */
import { unreachable } from "../base/assert.ts";
import { Message } from "../protocol/messages.ts";
import { Violation } from "./abi.ts";

export interface ViolationReport {
  readonly violation: Violation;
  /** Byte of the frame. */
  readonly offset: number;
  /** Message code; 0 when the frame did not get that far. */
  readonly type: number;
  /** Index in the message array. */
  readonly element: number;
  /** Name of the option that was being read, if one was. */
  readonly option: string | null;
}

const messageNames: ReadonlyMap<number, string> = new Map(
  Object.entries(Message).map(([name, code]) => [code, name.toUpperCase()]),
);

export function violationText(report: ViolationReport): string {
  const { offset, type, element, option } = report;
  if (type === 0) return `${problem(report.violation)} at byte ${offset}`;
  const name = messageNames.get(type) ?? `message ${type}`;
  const place =
    option === null ? `element ${element} of ${name}` : `${name} option ${JSON.stringify(option)}`;
  return `${place}: ${problem(report.violation)} at byte ${offset}`;
}

function problem(violation: Violation): string {
  switch (violation) {
    case Violation.none:
      return "no problem";
    case Violation.tooLong:
      return "the frame is longer than this router accepts";
    case Violation.malformed:
      return "the bytes are not well-formed in this serializer";
    case Violation.utf8:
      return "the text is not valid UTF-8";
    case Violation.depth:
      return "the values are nested too deep";
    case Violation.trailing:
      return "there is more behind the message";
    case Violation.notArray:
      return "the message is not an array";
    case Violation.type:
      return "the message type is not one of WAMP";
    case Violation.elementCount:
      return "the message has too few or too many elements";
    case Violation.elementType:
      return "the element has the wrong type";
    case Violation.idRange:
      return "the id is not an integer from 1 to 2^53";
    case Violation.optionType:
      return "the value has the wrong type";
    case Violation.optionValue:
      return "the value is not one of those allowed";
    case Violation.optionTwice:
      return "the option is given twice";
    case Violation.format:
      return "there is no such serializer";
    default:
      return unreachable(violation);
  }
}
