import type { Mounter } from '../convoy/contract.ts';
import type { Pools } from '../pool/api.ts';
import type { System } from '../system/api.ts';
import type { NodeRecords } from './records.ts';

/** What publishing is handed. */
export interface PublishDeps {
  readonly system: System;
  readonly pools: Pick<Pools, 'withVolume' | 'lockPublish' | 'peekVolume' | 'held' | 'letGo' | 'implemented'>;
  readonly mounter: Mounter;
  readonly records: NodeRecords;
  readonly log: PublishLog;
  /** Our own directory: nothing is published inside it but mounts of the CLI. */
  readonly root: string;
  /** Real paths of the pools on this host; nothing is published inside or over them. Asked on every publish: cheap. */
  readonly protectedPaths: () => readonly string[];
}

export interface PublishLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}
