import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { mountsBelow } from '../../support/scratch-fs.ts';
import { fileName, removeOlder } from './image-archive.ts';
import { loadArchives } from './images.ts';
import { CACHE, IMAGES, REPOSITORY } from './paths.ts';
import { run, tryRun } from './shell.ts';
import { requireState } from './state.ts';

/** The project's image from its Dockerfile, by buildah without a daemon, on a base made by mmdebstrap. */
export interface ImageBuild {
  readonly reference: string;
  /** Directory with the Dockerfile; default: this checkout. */
  readonly context?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
}

const BASE_MAX_AGE_MS = 7 * 24 * 3_600_000;

/** Builds an image (steps that did not change are kept from the last time); path of its archive. */
export async function buildProjectImage({ reference, context = REPOSITORY, buildArgs = {} }: ImageBuild): Promise<string> {
  const dockerfile = join(context, 'Dockerfile');
  for (const base of basesOf(dockerfile)) await ensureBase(base);
  const args = [...Object.entries(buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`), ...buildSecrets()];
  const flags = ['--isolation=chroot', '--pull-never', '--layers', '--format=docker'];
  // What a build that was killed left of its steps.
  await buildah(['rm', '--all']);
  try {
    await buildah(['bud', ...flags, ...args, '-f', dockerfile, '-t', reference, context]);
  } catch (error) {
    // A step that failed stays mounted, for a person to look at.
    await buildah(['rm', '--all']);
    for (const target of [...mountsBelow(STORE)].reverse()) await run('umount', [target]);
    throw error;
  }
  const id = (await buildah(['inspect', '--type=image', '--format={{.FromImageID}}', reference])).trim();
  const archive = join(IMAGES, `${fileName(reference)}-${id.slice(0, 16)}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(IMAGES, { recursive: true });
  removeOlder(fileName(reference));
  await buildah(['push', reference, `docker-archive:${archive}.new:${reference}`]);
  renameSync(`${archive}.new`, archive);
  return archive;
}

/** Builds it and loads it on all nodes that are up. */
export async function buildAndLoad(build: ImageBuild): Promise<void> {
  const archive = await buildProjectImage(build);
  const running = requireState().nodes.filter(({ init }) => init !== undefined);
  await loadArchives(
    [archive],
    running.map(({ number }) => number),
  );
}

/** How this machine reaches its package registry: mounted while npm runs, never part of the image. */
function buildSecrets(): readonly string[] {
  const secrets = { npmrc: join(homedir(), '.npmrc'), ca: process.env['NODE_EXTRA_CA_CERTS'] ?? '' };
  return Object.entries(secrets)
    .filter(([, path]) => path !== '' && existsSync(path))
    .map(([id, path]) => `--secret=id=${id},src=${path}`);
}

/** Public images that a Dockerfile starts from, by its FROM lines and the defaults of the ARGs that these name. */
function basesOf(dockerfile: string): readonly string[] {
  const text = readFileSync(dockerfile, 'utf8');
  const args = [...text.matchAll(/^ARG\s+(\w+)=["']?([^\s"']+)["']?\s*$/gm)];
  const defaults = new Map(args.map(([, name = '', value = '']) => [name, value]));
  const stages = [...text.matchAll(/^FROM\s+.*\sAS\s+(\S+)\s*$/gim)].map(([, name = '']) => name);
  const froms = [...text.matchAll(/^FROM\s+(?:--\S+\s+)*(\S+)/gim)].map(([, image = '']) => image);
  const images = froms.map((image) => image.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => defaults.get(name) ?? ''));
  return [...new Set(images)].filter((image) => image !== 'scratch' && !stages.includes(image));
}

/** A Debian of our own under the public image's name, which cannot be pulled where tests run. */
async function ensureBase(reference: string): Promise<void> {
  const suite = /^docker\.io\/library\/debian:([a-z]+)(?:-\d+)?(?:-slim)?(?:@.*)?$/.exec(reference)?.[1];
  if (suite === undefined)
    throw new Error(
      `the Dockerfile starts from ${reference}; the test cluster can only stand in for docker.io/library/debian:SUITE[-slim]`,
    );
  const tarball = join(IMAGES, `debian-${suite}.tar`);
  const age = Date.now() - (statSync(tarball, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const known = await tryRun('buildah', [...STORAGE, 'inspect', '--type=image', reference]);
  if (known !== undefined && age < BASE_MAX_AGE_MS) return;
  mkdirSync(IMAGES, { recursive: true });
  const excluded = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];
  const slim = excluded.map((path) => `--dpkgopt=path-exclude=${path}`);
  await run('mmdebstrap', ['--variant=minbase', '--format=tar', ...slim, suite, `${tarball}.new`]);
  renameSync(`${tarball}.new`, tarball);
  const dockerfile = join(IMAGES, `debian-${suite}.Dockerfile`);
  writeFileSync(dockerfile, `FROM scratch\nADD debian-${suite}.tar /\nCMD ["bash"]\n`);
  await buildah(['bud', '--isolation=chroot', '-f', dockerfile, '-t', reference, IMAGES]);
}

async function buildah(args: readonly string[]): Promise<string> {
  // Leads a group: what a step runs ends with it.
  return await run('setsid', ['buildah', ...STORAGE, ...args], { timeoutMs: 15 * 60_000 });
}

/** A store of our own: layers are kept from run to run, and the machine's own store is left alone. */
const STORE = join(CACHE, 'buildah');
const STORAGE = [`--root=${STORE}`, `--runroot=${join(CACHE, 'buildah-run')}`, '--storage-driver=overlay'];
