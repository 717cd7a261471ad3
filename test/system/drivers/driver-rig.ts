import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CallContext, ConvoyDriver, DriverDeps, Operations } from '../../../src/convoy/contract.ts';
import { type ErrorCode, isConvoyError } from '../../../src/convoy/errors.ts';
import { localId } from '../../../src/convoy/ids.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';
import { register as registerLoop } from '../../../src/drivers/loop/index.ts';
import { register as registerVfs } from '../../../src/drivers/vfs/index.ts';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, type ScratchFs, type ScratchFsType } from '../../support/scratch-fs.ts';

export const MIB = 1n << 20n;
export const volumeId = (name: string) => localId('volume', name);
export const snapshotId = (name: string) => localId('snapshot', name);

/** A driver on a pool of its own, on a scratch file system of its own. */
export interface DriverRig {
  readonly system: System;
  readonly fs: ScratchFs;
  /** The pool's directory. */
  readonly path: string;
  readonly driver: ConvoyDriver;
  readonly operations: Required<Omit<Operations, 'backup' | 'stats'>>;
  close(): Promise<void>;
}

export async function openRig(name: 'vfs' | 'loop', type: ScratchFsType, sizeBytes?: bigint): Promise<DriverRig> {
  const fs = openScratchFs(type, sizeBytes);
  const system = openSystem();
  const path = join(fs.path, 'pool');
  mkdirSync(path);
  const driver = await makeDriver(name, { [`${name}.path`]: path }, system);
  const { storage } = driver.operations;
  await storage.writeMarker('marker', false);
  await storage.lock();
  const close = async (): Promise<void> => {
    await driver.close();
    await system.close();
    fs.close();
  };
  return { system, fs, path, driver, operations: driver.operations as DriverRig['operations'], close };
}

export async function makeDriver(name: 'vfs' | 'loop', config: Readonly<Record<string, string>>, system: System): Promise<ConvoyDriver> {
  const registry = new DriverRegistry();
  registerLoop(registry);
  registerVfs(registry);
  return await registry.get(name).init('/nowhere', config, depsOf(system));
}

/** A call; `signal` defaults to one that never aborts. */
export const callWith = (signal: AbortSignal = new AbortController().signal): CallContext => ({ signal, secrets: {}, progress: () => {} });

export async function rejects(work: Promise<unknown>, code: ErrorCode, text = /./): Promise<void> {
  await assert.rejects(work, (error) => {
    if (isConvoyError(error, code) && text.test(error.message)) return true;
    throw error;
  });
}

/** These drivers mount nothing by themselves; a call of the mounter would be a defect. */
const depsOf = (system: System): DriverDeps => ({
  system,
  mounter: {
    mount: () => Promise.reject(new Error('mounted')),
    unmount: () => Promise.reject(new Error('unmounted')),
    targets: () => Promise.reject(new Error('looked')),
  },
  log: { info: () => {}, warn: () => {} },
});
