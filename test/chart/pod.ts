import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DaemonConfig } from '../../src/config/config.ts';
import { parseDaemonFlags } from '../../src/config/flags.ts';
import { loadDaemonConfig } from '../../src/config/load.ts';
import { DriverRegistry } from '../../src/convoy/registry.ts';
import { registerAll } from '../../src/drivers/all.ts';
import { Doc, find } from './render.ts';

export const node = (docs: readonly Doc[], name = 'convoy-csi-node'): Doc => spec(find(docs, `DaemonSet/${name}`));
export const controller = (docs: readonly Doc[]): Doc => spec(find(docs, 'Deployment/convoy-csi-controller'));
const spec = (doc: Doc): Doc => new Doc(doc.at('spec', 'template', 'spec') ?? null);
export const container = (pod: Doc): Doc => pod.named('convoy', 'containers');

/** What its hostPath volumes are mounted as: `path propagation type`. */
export function hostPaths(pod: Doc): readonly string[] {
  return pod.list('volumes').flatMap((volume) => {
    if (volume.at('hostPath') === undefined) return [];
    const path = volume.text('hostPath', 'path');
    const mount = container(pod).named(volume.text('name'), 'volumeMounts');
    assert.equal(mount.at('mountPath'), path, 'at the same path as on the host');
    const propagation = mount.at('mountPropagation') === undefined ? 'None' : mount.text('mountPropagation');
    return [`${path} ${propagation} ${volume.text('hostPath', 'type')}`];
  });
}

/** What the daemon makes of a config file that the chart renders. */
export async function load(role: string, text: string, env: { readonly CONVOY_TOPOLOGY?: string } = {}): Promise<DaemonConfig> {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-chart-'));
  try {
    const path = join(directory, 'config.yaml');
    writeFileSync(path, text);
    const drivers = new DriverRegistry();
    registerAll(drivers);
    return await loadDaemonConfig({ flags: parseDaemonFlags(['--role', role, '--config', path]), env, drivers });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
