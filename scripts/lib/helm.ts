import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'charts/convoy-csi');

/** HELM, the one that the cluster rig built, or the machine's; undefined = there is none. */
export function findHelm(): string | undefined {
  const named = process.env['HELM'];
  if (named !== undefined && named !== '') return named;
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'helm'));
  return [join(ROOT, '.cache/cluster/bin/helm'), ...onPath].find((path) => existsSync(path));
}

export interface Render {
  readonly release: string;
  readonly namespace: string;
  /** As of --set. */
  readonly values?: readonly string[];
  readonly args?: readonly string[];
  /** Standard input of helm: values, with `--values -` among the args. */
  readonly input?: string;
}

/** What `helm template` prints. Throws what it complains of. */
export function template(helm: string, { release, namespace, values = [], args = [], input }: Render): string {
  const sets = values.flatMap((value) => ['--set', value]);
  return runHelm(helm, ['template', release, CHART, '--namespace', namespace, ...sets, ...args], input);
}

export function runHelm(helm: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(helm, args, { encoding: 'utf8', input, maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim());
  return stdout;
}
