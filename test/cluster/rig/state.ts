import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { CACHE, STATE_FILE } from './paths.ts';
import type { ProcessRecord } from './processes.ts';
import type { Sysctls } from './sysctls.ts';

/** What another process needs to use the cluster or to take it down. Written before what it tells of is relied upon. */
export interface State {
  /** Who brought it up: a test run that is gone leaves a cluster that the next one may remove, a person's stays. */
  readonly owner: ProcessRecord & { readonly purpose: 'tests' | 'person' };
  readonly processes: readonly ProcessRecord[];
  readonly nodes: readonly NodeState[];
  /** The machine had no /run/netns before. */
  readonly madeNetnsDirectory: boolean;
  /** As they were before. */
  readonly sysctls: Sysctls;
}

export interface NodeState {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  /** Process 1 of the node, as the machine sees it; undefined = the node is stopped. */
  readonly init?: ProcessRecord;
  readonly token: string;
}

export function readState(): State | undefined {
  if (!existsSync(STATE_FILE)) return undefined;
  // Written whole by ourselves below, renamed into place.
  return JSON.parse(readFileSync(STATE_FILE, 'utf8')) as State;
}

export function requireState(): State {
  const state = readState();
  if (state === undefined) throw new Error('no test cluster is up: npm run cluster');
  return state;
}

export function writeState(state: State): void {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(`${STATE_FILE}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

/** Read, changed, written back in one go: no other code of this process runs in between. */
export function changeState(change: (state: State) => State): void {
  writeState(change(requireState()));
}

export function changeNode(number: number, change: (node: NodeState) => NodeState): void {
  changeState((state) => ({ ...state, nodes: state.nodes.map((node) => (node.number === number ? change(node) : node)) }));
}

export function removeState(): void {
  rmSync(STATE_FILE, { force: true });
}
