import { isAbsolute, normalize } from 'node:path';
import { invalid } from '../convoy/errors.ts';

/** Longest path of a unix socket: sun_path of sockaddr_un without its final zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * The socket's path from `unix:///run/convoy/csi.sock` (the form of the CSI specification, "CSI_ENDPOINT"),
 * `unix:/run/…` or a bare absolute path, with the same rules as csi/listen.ts. InvalidArgument names `field`.
 */
export function parseEndpoint(field: string, text: string): string {
  const path = text.startsWith('unix://') ? text.slice('unix://'.length) : text.startsWith('unix:') ? text.slice('unix:'.length) : text;
  if (!isAbsolute(path) || !path.endsWith('.sock') || path.includes('\0'))
    throw invalid(
      `${field} is ${JSON.stringify(text)}; allowed is unix:// and an absolute path that ends in .sock, such as unix:///run/convoy/csi.sock`,
    );
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw invalid(`${field} is ${JSON.stringify(text)}; the path of a unix socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  return normalize(path);
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9808`, `[::1]:9808`, `:9808` (every address); '' = undefined, off. InvalidArgument names `field`. */
export function parseListenAddress(field: string, text: string): ListenAddress | undefined {
  if (text === '') return undefined;
  const [, six, four, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535)
    throw invalid(`${field} is ${JSON.stringify(text)}; allowed are HOST:PORT, such as 127.0.0.1:9808, or '' for none`);
  const host = six ?? four ?? '';
  return { host: host === '' ? '::' : host, port };
}
