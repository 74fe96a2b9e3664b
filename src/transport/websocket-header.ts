/** Headers of the frames that a WebSocket server sends (RFC 6455 section 5.2): whole messages, not masked. Pure, hot. */
import type { HeaderFormat } from "./batch-writer.ts";

const finalText = 0x81;
const finalBinary = 0x82;

function headerFormat(firstByte: number): HeaderFormat {
  return {
    bytesFor: (frameBytes) => (frameBytes < 126 ? 2 : frameBytes < 65_536 ? 4 : 10),
    write(target, at, frameBytes) {
      target[at] = firstByte;
      if (frameBytes < 126) {
        target[at + 1] = frameBytes;
        return at + 2;
      }
      if (frameBytes < 65_536) {
        target[at + 1] = 126;
        target[at + 2] = frameBytes >> 8;
        target[at + 3] = frameBytes & 255;
        return at + 4;
      }
      target[at + 1] = 127;
      // A frame has less than 2^32 bytes.
      target.fill(0, at + 2, at + 6);
      target[at + 6] = frameBytes >>> 24;
      target[at + 7] = (frameBytes >>> 16) & 255;
      target[at + 8] = (frameBytes >>> 8) & 255;
      target[at + 9] = frameBytes & 255;
      return at + 10;
    },
  };
}

export const textHeaders: HeaderFormat = headerFormat(finalText);
export const binaryHeaders: HeaderFormat = headerFormat(finalBinary);
/** An empty ping. */
export const pingFrame: Uint8Array = Uint8Array.of(0x89, 0);
