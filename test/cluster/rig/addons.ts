import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleDirectory } from '../build-tools.ts';
import { sidecarImage } from './images.ts';
import { apply, kubectl } from './kube.ts';

/** What a cluster's admin installs before us: the snapshot CRDs and their controller, from their own release. */
const CLIENT = 'github.com/kubernetes-csi/external-snapshotter/client/v8';
const SNAPSHOTTER = 'github.com/kubernetes-csi/external-snapshotter/v8';
const MANIFEST = join(import.meta.dirname, '../manifests/snapshot-controller.yaml');

export async function installSnapshotCrds(): Promise<void> {
  const directory = join(moduleDirectory('tools', CLIENT), 'config/crd');
  const files = readdirSync(directory).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  await kubectl(['apply', '--server-side', ...files.map((name) => `--filename=${join(directory, name)}`)]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...files.map((name) => `--filename=${join(directory, name)}`)]);
}

export async function installSnapshotController(): Promise<void> {
  const roles = join(moduleDirectory('tools', SNAPSHOTTER), 'deploy/kubernetes/snapshot-controller/rbac-snapshot-controller.yaml');
  await kubectl(['apply', '-f', roles]);
  await apply(readFileSync(MANIFEST, 'utf8').replace('SNAPSHOT_CONTROLLER_IMAGE', sidecarImage('snapshot-controller')));
}
