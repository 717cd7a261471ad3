import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operations } from '../../../src/convoy/contract.ts';
import { ConvoyError, type ErrorCode } from '../../../src/convoy/errors.ts';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import type { CsiLog } from '../../../src/csi/call-log.ts';
import { CsiCallError, type CsiClient, openCsiClient } from '../../../src/csi/client.ts';
import { listen } from '../../../src/csi/listen.ts';
import { createCsiServer } from '../../../src/csi/server.ts';
import type { PoolStatus, Pools, Snapshot, Volume } from '../../../src/pool/api.ts';
import type { NodeService } from '../../../src/publish/api.ts';

/** The real server on a real socket, over use cases that answer what a test wants: for the edge itself, nothing below it. */

export const DRIVER = 'csi.example.org';
export const NODE = 'node-1';
export const volumeId = (name: string): string => formatId('fast', nodeKey(NODE), localId('volume', name));
export const snapshotId = (name: string): string => formatId('fast', nodeKey(NODE), localId('snapshot', name));

export const ALL_GROUPS: readonly (keyof Operations)[] = [
  'volume',
  'access',
  'storage',
  'records',
  'trash',
  'snapshot',
  'clone',
  'expand',
  'stats',
  'capacity',
  'health',
];

export const aVolume = (changes: Partial<Volume> = {}): Volume => ({
  id: volumeId('a'),
  name: 'a',
  pool: 'fast',
  driver: 'loop',
  state: 'ready',
  sizeBytes: 1n << 30n,
  createdAt: new Date(0),
  use: { mount: true, block: false },
  sizeEnforced: true,
  node: NODE,
  ...changes,
});

export const aSnapshot = (changes: Partial<Snapshot> = {}): Snapshot => ({
  id: snapshotId('s'),
  name: 's',
  pool: 'fast',
  driver: 'loop',
  sourceVolumeId: volumeId('a'),
  sizeBytes: 1n << 30n,
  createdAt: new Date(1_700_000_000_123),
  readyToUse: true,
  node: NODE,
  ...changes,
});

export const aPool = (name: string, access: 'directory' | 'device', changes: Partial<PoolStatus> = {}): PoolStatus =>
  ({ config: { name }, state: { kind: 'open' }, isDefault: true, scope: 'local', properties: { access }, ...changes }) as PoolStatus;

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface Edge extends AsyncDisposable {
  readonly endpoint: string;
  readonly client: CsiClient;
  readonly lines: LogLine[];
  readonly observed: { method: string; code: string; seconds: number }[];
  readonly idle: () => Promise<void>;
}

export interface EdgeParts {
  readonly pools?: Partial<Pools>;
  readonly node?: Partial<NodeService>;
  readonly topology?: Readonly<Record<string, string>>;
  readonly withController?: boolean;
  readonly ready?: boolean;
  readonly debugEnabled?: boolean;
  readonly log?: CsiLog;
}

export async function openEdge(parts: EdgeParts = {}): Promise<Edge> {
  const folder = await mkdtemp(join(tmpdir(), 'convoy-csi-edge-'));
  const lines: LogLine[] = [];
  const observed: Edge['observed'] = [];
  const csi = createCsiServer({
    pools: fakePools(parts.pools ?? {}),
    node: onlyWhatIsGiven<NodeService>('node', parts.node ?? {}),
    driverName: DRIVER,
    topology: parts.topology ?? {},
    ...(parts.withController === undefined ? {} : { withController: parts.withController }),
    version: '1.2.3',
    ready: () => ({ ready: parts.ready ?? true }),
    log: parts.log ?? recordingLog(lines, parts.debugEnabled ?? true),
    metrics: { observe: (method, code, seconds) => void observed.push({ method, code, seconds }) },
  });
  const endpoint = `unix://${folder}/csi.sock`;
  const listening = await listen(csi, endpoint);
  const client = openCsiClient(endpoint);
  return {
    endpoint,
    client,
    lines,
    observed,
    idle: csi.idle,
    async [Symbol.asyncDispose]() {
      client.close();
      await listening.stop(5_000);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function fakePools(given: Partial<Pools>): Pools {
  const facts = { nodeName: NODE, implemented: new Set(ALL_GROUPS), hasTopology: true, servesBlock: true };
  return onlyWhatIsGiven<Pools>('pools', { ...facts, status: async () => [aPool('fast', 'device')], ...given });
}

/** What a call came to: its code, and the server's message. */
export async function outcome(call: Promise<unknown>): Promise<{ code: string; details: string }> {
  try {
    await call;
    return { code: 'OK', details: '' };
  } catch (error) {
    if (error instanceof CsiCallError) return { code: error.code, details: error.details };
    throw error;
  }
}

export const failing =
  (code: ErrorCode, message = `it failed with ${code}`) =>
  async (): Promise<never> => {
    throw new ConvoyError(code, message);
  };

/** A promise and the means to settle it: how tests wait for each other without sleeping. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

function onlyWhatIsGiven<T extends object>(what: string, given: Partial<T>): T {
  return new Proxy(given, {
    get(target, name) {
      if (Object.hasOwn(target, name)) return target[name as keyof T];
      return () => {
        throw new Error(`the edge called ${what}.${String(name)}, which this test does not expect`);
      };
    },
  }) as T;
}

function recordingLog(lines: LogLine[], debugEnabled: boolean): CsiLog {
  const at =
    (level: LogLine['level']) =>
    (fields: LogLine['fields'], message: string): void =>
      void lines.push({ level, fields, message });
  return { debugEnabled, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
