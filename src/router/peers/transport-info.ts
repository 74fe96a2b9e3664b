/** What a router knows of a client's transport, as text for another router: of its TLS connection, what is known by now. */
import type { TlsPeer, TransportInfo } from "../../ports.ts";

const channels = ["tls-exporter", "tls-unique"] as const;

interface Written extends Omit<TransportInfo, "tls"> {
  readonly tls?: Omit<TlsPeer, "channelId"> & { readonly channelIds: readonly (number[] | null)[] };
}

export function writtenTransportInfo({ tls, ...info }: TransportInfo): string {
  if (tls === undefined) return JSON.stringify(info);
  const { certificate } = tls;
  const channelIds = channels.map((type) => {
    const bytes = tls.channelId(type);
    return bytes === null ? null : [...bytes];
  });
  const written: Written = {
    ...info,
    tls: { ...(certificate === undefined ? {} : { certificate }), channelIds },
  };
  return JSON.stringify(written);
}

export function readTransportInfo(text: string): TransportInfo {
  const { tls, ...info } = JSON.parse(text) as Written;
  if (tls === undefined) return info;
  const { channelIds, ...known } = tls;
  return {
    ...info,
    tls: {
      ...known,
      channelId(type) {
        const bytes = channelIds[channels.indexOf(type)] ?? null;
        return bytes === null ? null : Uint8Array.from(bytes);
      },
    },
  };
}
