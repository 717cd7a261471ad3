/**
 * The thread that makes the fast system calls, one at a time (started by syscall-client.ts).
 * Kept free of state: whatever a call opens and keeps is a descriptor number in its answer.
 */
import { parentPort } from 'node:worker_threads';
import { toWire } from './errno.ts';
import { blockSize, lockFile, renameNoReplace } from './kernel/file.ts';
import { canClone, cloneFile, createImage, growImage } from './kernel/images.ts';
import { attachLoop, detachLoop, findLoops, holdLoop, refreshLoop } from './kernel/loop.ts';
import { bind, umount } from './kernel/mount.ts';
import { closeFd } from './libc.ts';
import type { CallMessage, CallName, CallReply, Calls } from './syscall-protocol.ts';

const EXECUTORS: { readonly [K in CallName]: (request: Calls[K]['request']) => Calls[K]['response'] } = {
  bind,
  umount,
  attachLoop,
  findLoops,
  holdLoop,
  refreshLoop,
  detachLoop,
  blockSize,
  lockFile,
  closeFd: ({ fd }) => closeFd(fd),
  renameNoReplace,
  cloneFile,
  canClone,
  createImage,
  growImage,
};

parentPort?.on('message', (message: CallMessage) => parentPort?.postMessage(answer(message)));

function answer(message: CallMessage): CallReply {
  try {
    return { id: message.id, value: execute(message.call, message.request) };
  } catch (error) {
    return { id: message.id, error: toWire(error) };
  }
}

function execute<K extends CallName>(call: K, request: Calls[K]['request']): Calls[K]['response'] {
  return EXECUTORS[call](request);
}
