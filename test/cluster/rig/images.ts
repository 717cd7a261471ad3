import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { moduleVersion } from '../build-tools.ts';
import { makeScratchImage } from './image-archive.ts';
import { onNode } from './node.ts';
import { BIN, PAUSE_IMAGE, WORK_IMAGE } from './paths.ts';

/** Images without a registry: each of one Go program, under the name of the released one. */
const SIDECARS: Readonly<Record<string, string>> = {
  'csi-provisioner': 'github.com/kubernetes-csi/external-provisioner/v6',
  'csi-snapshotter': 'github.com/kubernetes-csi/external-snapshotter/v8',
  'snapshot-controller': 'github.com/kubernetes-csi/external-snapshotter/v8',
  'csi-resizer': 'github.com/kubernetes-csi/external-resizer/v2',
};

/** `registry.k8s.io/sig-storage/NAME:VERSION`, as released, for a sidecar that the rig builds. */
export function sidecarImage(name: string): string {
  const module = SIDECARS[name];
  if (module === undefined) throw new Error(`the test cluster builds no sidecar ${name}; it has ${Object.keys(SIDECARS).join(', ')}`);
  return `registry.k8s.io/sig-storage/${name}:${moduleVersion('tools', module)}`;
}

export const sidecarImages = (): readonly string[] => Object.keys(SIDECARS).map(sidecarImage);

/** Archives of all images that are not the project's own. */
export async function makeStockImages(): Promise<readonly string[]> {
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
  const images = [
    { reference: PAUSE_IMAGE, files: { '/busybox': busybox }, entrypoint: ['/busybox', 'sleep', 'infinity'] },
    {
      reference: WORK_IMAGE,
      files: { '/bin/busybox': busybox },
      links: Object.fromEntries(applets.map((name) => [`/bin/${name}`, 'busybox'])),
      directories: ['/tmp', '/etc', '/root', '/proc', '/sys', '/dev'],
      entrypoint: [],
    },
    ...Object.keys(SIDECARS).map((name) => ({
      reference: sidecarImage(name),
      files: { [`/${name}`]: join(BIN, name) },
      entrypoint: [`/${name}`],
    })),
  ];
  const archives: string[] = [];
  for (const image of images) archives.push(await makeScratchImage(image));
  return archives;
}

/** Imports archives into the containerd of each of these nodes; the nodes side by side. */
export async function loadArchives(archives: readonly string[], nodes: readonly number[]): Promise<void> {
  await Promise.all(
    nodes.map(async (number) => {
      for (const archive of archives) await onNode(number, [join(BIN, 'ctr'), '--namespace=k8s.io', 'images', 'import', archive]);
    }),
  );
}
