import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { ConvoyError, invalid, isErrno } from '../convoy/errors.ts';
import type { CsiServer } from './server.ts';

export interface ListenOptions {
  /** 0o600: the same user only. 0o660: also the group of the process. */
  readonly mode?: 0o600 | 0o660;
}

export interface Listening {
  readonly path: string;
  /**
   * Stops accepting, lets running calls end for up to `graceMs`, then cancels them and waits as long again (at least 1 s) for their
   * handlers. Resolves to whether all of them ended. The socket is gone afterwards.
   */
  stop(graceMs: number): Promise<boolean>;
}

/** sun_path of sockaddr_un, with its closing NUL (unix(7)). A longer one would be cut, and bound somewhere else. */
const SOCKET_PATH_BYTES = 107;
/** The only folder that we make ourselves; any other is the admin's, or the kubelet's. */
const OWN_FOLDER = '/run/convoy';

/**
 * Serves on a unix socket: nothing of CSI is ever offered on a network. Throws InvalidArgument for an endpoint that is
 * none, InUse when another process serves there, Unavailable when the folder is missing.
 */
export async function listen(
  { server, idle }: Pick<CsiServer, 'server' | 'idle'>,
  endpoint: string,
  { mode = 0o600 }: ListenOptions = {},
): Promise<Listening> {
  const path = socketPath(endpoint);
  await ensureFolder(path);
  await removeStale(path);
  await bind(server, path);
  // Until here only the owner could connect: a socket needs write permission, which the usual umask denies to others.
  await chmod(path, mode);
  return { path, stop: (graceMs) => stop(server, idle, path, graceMs) };
}

/** The path of `unix:///run/convoy/csi.sock`, `unix:/…` or a bare absolute path. */
export function socketPath(endpoint: string): string {
  const path = endpoint.replace(/^unix:(\/\/)?/, '');
  const wanted = 'allowed is unix:// and an absolute path that ends in .sock, such as unix:///run/convoy/csi.sock';
  if (!path.startsWith('/') || !path.endsWith('.sock') || path.includes('\0'))
    throw invalid(`endpoint is ${JSON.stringify(endpoint)}; ${wanted}`);
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES)
    throw invalid(`endpoint is ${JSON.stringify(endpoint)}, ${bytes} bytes of path; a unix socket's has at most ${SOCKET_PATH_BYTES}`);
  return path;
}

async function ensureFolder(path: string): Promise<void> {
  const folder = dirname(path);
  if (folder === OWN_FOLDER || folder.startsWith(`${OWN_FOLDER}/`)) {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    return;
  }
  const stats = await lstatOf(folder);
  if (stats === undefined)
    throw new ConvoyError('Unavailable', `folder ${folder} of the socket does not exist: make it, or mount it into the container`);
}

/** A socket that nobody answers on is left over from a process that was killed. Anything else in its place stays. */
async function removeStale(path: string): Promise<void> {
  const stats = await lstatOf(path);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new ConvoyError('Precondition', `${path} exists and is no socket: remove it, or choose another endpoint`);
  if (await answers(path)) throw new ConvoyError('InUse', `another process serves on ${path}: stop it, or choose another endpoint`);
  await unlink(path).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (isErrno(error, 'ECONNREFUSED', 'ENOENT')) resolve(false);
      // EAGAIN: its queue is full, so that somebody is there.
      else if (isErrno(error, 'EAGAIN')) resolve(true);
      else
        reject(new ConvoyError('Unavailable', `cannot tell whether another process serves on ${path}: ${error.message}`, { cause: error }));
    });
  });
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(new ConvoyError('Unavailable', `cannot listen on ${path}: ${error.message}`, { cause: error }));
    });
  });
}

async function stop(server: Server, idle: () => Promise<void>, path: string, graceMs: number): Promise<boolean> {
  // Connections that are still open after the grace are cut. forceShutdown would be for that, but without channelz
  // grpc-js (1.14) knows of no connection to cut there; drain has to come first, or it forgets those that are closing.
  server.drain(`unix:${path}`, graceMs);
  const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const ended = (await within(Promise.all([closed, idle()]), graceMs)) || (await within(idle(), Math.max(graceMs, 1000)));
  // Closing a listening socket unlinks it; this is for when it did not come to that.
  await unlink(path).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
  return ended;
}

async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function lstatOf(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
