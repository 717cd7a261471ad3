import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sidecarImages } from './images.ts';
import { helm, kubectl } from './kube.ts';
import { KUBERNETES_NAMESPACE, PAUSE_IMAGE, RELEASE, REPOSITORY, WORK_IMAGE } from './paths.ts';
import { buildAndLoad } from './project-image.ts';
import { waitFor } from './shell.ts';

const IN_NAMESPACE = `--namespace=${KUBERNETES_NAMESPACE}`;
export const CHART = join(REPOSITORY, 'charts/convoy-csi');

export const chartExists = (): boolean => existsSync(join(CHART, 'Chart.yaml')) && existsSync(join(REPOSITORY, 'Dockerfile'));

/** The project's own image as the chart names it with these values (YAML); throws for an image that the test cluster has not. */
export async function ownImage(values = ''): Promise<string> {
  const rendered = await withValues(values, (flags) => helm(['template', RELEASE, CHART, '--namespace', KUBERNETES_NAMESPACE, ...flags]));
  // Scripts within ConfigMaps have lines that begin alike: only a whole reference counts.
  const named = [...rendered.matchAll(/^\s*(?:- )?image:\s*["']?([\w.-]+\/[\w./-]+:[\w.-]+)["']?\s*$/gm)].map(([, image]) => image ?? '');
  const stock = [...sidecarImages(), WORK_IMAGE, PAUSE_IMAGE];
  const others = [...new Set(named)].filter((image) => !stock.includes(image));
  const [own] = others;
  if (own === undefined || others.length > 1)
    throw new Error(
      `beside images that the test cluster builds (${stock.join(', ')}) the chart shall name one, the project's; it names ${others.join(', ') || 'none'}`,
    );
  return own;
}

/**
 * Installs the chart, or upgrades to it, and waits until all of it is ready. Its images are loaded already. helm itself does not
 * wait: no pod is ready before an admin has made the global pools.
 */
export async function installOwnChart(values = '', args: readonly string[] = []): Promise<void> {
  await withValues(values, async (flags) => {
    const where = ['--namespace', KUBERNETES_NAMESPACE, '--create-namespace'];
    await helm(['upgrade', '--install', RELEASE, CHART, ...where, '--timeout=3m', ...flags, ...args]);
  });
  await makeGlobalPools();
  await rolledOut();
}

/** Builds the image from this checkout and has every pod of the chart run it, with the values that it was installed with. */
export async function reloadOwnImage(): Promise<void> {
  const values = await helm(['get', 'values', RELEASE, '--namespace', KUBERNETES_NAMESPACE, '--output', 'yaml']);
  const given = values.trim() === 'null' ? '' : values;
  await buildAndLoad({ reference: await ownImage(given) });
  await withValues(given, (flags) => helm(['upgrade', RELEASE, CHART, '--namespace', KUBERNETES_NAMESPACE, ...flags]));
  // The name is the same, so nothing changed that Kubernetes would see.
  await kubectl(['rollout', 'restart', 'daemonset,deployment', IN_NAMESPACE]);
  await makeGlobalPools();
  await rolledOut();
}

/**
 * What an admin does once for each global pool: `convoy pools init` in the controller's container. It needs no readiness, but
 * the controller must have taken over. A pool that is there is left alone.
 */
async function makeGlobalPools(): Promise<void> {
  await waitFor(
    'the global pools to be made',
    async () => {
      const pools = JSON.parse(await inController('pools', 'list')) as readonly Readonly<Record<'name' | 'scope' | 'open', unknown>>[];
      const missing = pools.filter(({ scope, open }) => scope === 'global' && open !== true);
      for (const { name } of missing) await inController('pools', 'init', String(name));
      return true;
    },
    120_000,
  );
}

async function inController(...words: readonly string[]): Promise<string> {
  const container = [`deployment/${RELEASE}-controller`, '--container=convoy', '--pod-running-timeout=5s'];
  return await kubectl(['exec', IN_NAMESPACE, ...container, '--', 'convoy', '--json', ...words], { timeoutMs: 30_000 });
}

async function rolledOut(): Promise<void> {
  const objects = await kubectl(['get', 'daemonset,deployment', IN_NAMESPACE, '--output=name']);
  for (const object of objects.trim().split('\n')) await kubectl(['rollout', 'status', object, IN_NAMESPACE, '--timeout=3m']);
}

async function withValues<T>(values: string, work: (flags: readonly string[]) => Promise<T>): Promise<T> {
  if (values === '') return await work([]);
  const directory = mkdtempSync(join(tmpdir(), 'convoy-values-'));
  try {
    writeFileSync(join(directory, 'values.yaml'), values);
    return await work(['--values', join(directory, 'values.yaml')]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
