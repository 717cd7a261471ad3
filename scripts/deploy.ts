/**
 * `deploy/`: the plain manifests, rendered from the chart for who does not use helm. Without an argument they are written;
 * `--check` changes nothing and ends with 1 when they are out of step with the chart.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHelm, template } from './lib/helm.ts';

const ROOT = join(import.meta.dirname, '..');
const NAMESPACE = 'convoy-csi';

interface Manifest {
  readonly file: string;
  readonly comment: string;
  readonly values: readonly string[];
}
const MANIFESTS: readonly Manifest[] = [
  {
    file: 'deploy/convoy-csi.yaml',
    comment: 'Everything but VolumeSnapshots.',
    values: ['snapshots=never'],
  },
  {
    file: 'deploy/convoy-csi-with-snapshots.yaml',
    comment: 'Everything, with VolumeSnapshots: the cluster must have the snapshot CRDs and the snapshot-controller.',
    values: ['snapshots=always'],
  },
];

/** Text of each manifest by its path in the repository. */
export function renderManifests(helm: string): ReadonlyMap<string, string> {
  return new Map(MANIFESTS.map((manifest) => [manifest.file, render(helm, manifest)]));
}

/** The paths whose file is not what the chart renders now. */
export function outOfStep(helm: string): readonly string[] {
  return [...renderManifests(helm)].filter(([file, text]) => readIfThere(join(ROOT, file)) !== text).map(([file]) => file);
}

function render(helm: string, { comment, values }: Manifest): string {
  // Hooks are helm's: the test, and the look for volumes before an uninstall.
  const rendered = template(helm, { release: NAMESPACE, namespace: NAMESPACE, values, args: ['--no-hooks'] });
  const plain = rendered
    .split('\n')
    .filter((line) => !/^\s*(?:# Source: |app\.kubernetes\.io\/managed-by: |helm\.sh\/chart: )/.test(line))
    .join('\n');
  return `# ${comment} Made from charts/convoy-csi by scripts/deploy.ts: change the chart, not this.
#
# Before you delete it, delete every claim and snapshot of the driver: nothing stops you, and nothing could unmount or delete them then.
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    # The node pods are privileged: Kubernetes gives Bidirectional mount propagation to no others.
    pod-security.kubernetes.io/enforce: privileged
${plain}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function main(args: readonly string[]): number {
  const helm = findHelm();
  if (helm === undefined) {
    console.error('helm is neither named by HELM, nor in .cache/cluster/bin (npm run cluster makes it), nor on PATH');
    return 2;
  }
  if (args.length === 0) {
    for (const [file, text] of renderManifests(helm)) {
      mkdirSync(join(ROOT, 'deploy'), { recursive: true });
      writeFileSync(join(ROOT, file), text);
      console.log(file);
    }
    return 0;
  }
  if (args.length > 1 || args[0] !== '--check') {
    console.error(`usage: scripts/deploy.ts [--check], not ${args.join(' ')}`);
    return 2;
  }
  const stale = outOfStep(helm);
  for (const file of stale) console.error(`${file} is not what charts/convoy-csi renders: run npm run deploy`);
  return stale.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
