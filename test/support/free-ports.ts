import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const PER_PROCESS = 16;
const LOWEST = 10_000;
let asked = 0;

/**
 * Ports of 127.0.0.1 for servers that cannot be given port 0. They lie below the kernel's range for port 0 and for outgoing
 * connections (ip(7), ip_local_port_range): from that range, another process could have it before the server binds it. Each
 * test process looks in a part of its own.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const end = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
  const parts = Math.floor((end - LOWEST) / PER_PROCESS);
  if (parts < 1) throw new Error(`no ports between ${LOWEST} and the kernel's own range, which begins at ${end}`);
  const first = LOWEST + (process.pid % parts) * PER_PROCESS;
  const found: number[] = [];
  for (let tries = 0; found.length < count; tries += 1) {
    if (tries === PER_PROCESS) throw new Error(`no ${count} ports are free from ${first} to ${first + PER_PROCESS - 1}`);
    const port = first + (asked++ % PER_PROCESS);
    if (await isFree(port)) found.push(port);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
