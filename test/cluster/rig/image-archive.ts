import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { IMAGES } from './paths.ts';
import { run } from './shell.ts';

/** An image FROM scratch: a few files, and what it runs. */
export interface ScratchImage {
  readonly reference: string;
  /** Path in the image to path here. */
  readonly files: Readonly<Record<string, string>>;
  /** Path in the image to what it points at. */
  readonly links?: Readonly<Record<string, string>>;
  readonly directories?: readonly string[];
  readonly entrypoint: readonly string[];
}

/** Makes it in the format of `docker save`, which containerd imports; path of the archive. Made again when a file of it changed. */
export async function makeScratchImage(image: ScratchImage): Promise<string> {
  mkdirSync(IMAGES, { recursive: true });
  const archive = join(IMAGES, `${nameOf(image)}.tar`);
  if (existsSync(archive)) return archive;
  const work = mkdtempSync(join(IMAGES, 'work-'));
  try {
    const root = join(work, 'root');
    fill(root, image);
    const layer = join(work, 'layer.tar');
    await run('tar', ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@0', '-C', root, '-cf', layer, '.']);
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: image.entrypoint, Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await sha256(layer)}`] },
    };
    writeFileSync(join(work, 'config.json'), JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [image.reference], Layers: ['layer.tar'] }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-C', work, '-cf', join(work, 'image.tar'), 'manifest.json', 'config.json', 'layer.tar']);
    removeOlder(fileName(image.reference));
    renameSync(join(work, 'image.tar'), archive);
  } finally {
    rmSync(work, { recursive: true });
  }
  return archive;
}

function fill(root: string, { files, links = {}, directories = [] }: ScratchImage): void {
  for (const directory of ['', ...directories]) mkdirSync(join(root, directory), { recursive: true });
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(source, join(root, path));
    chmodSync(join(root, path), 0o755);
  }
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root, path));
}

/** By what it is made of: a rebuilt binary gives another name. */
function nameOf(image: ScratchImage): string {
  const files = Object.values(image.files).map((path) => [path, statSync(path).size, statSync(path).mtimeMs]);
  const key = createHash('sha256')
    .update(JSON.stringify([image, files]))
    .digest('hex')
    .slice(0, 16);
  return `${fileName(image.reference)}-${key}`;
}

export const fileName = (reference: string): string => reference.replaceAll(/[^a-z0-9.-]+/gi, '-');

/** Archives of what an image was before: `name` and a key of 16 digits. */
export function removeOlder(name: string): void {
  for (const file of readdirSync(IMAGES)) {
    if (file.startsWith(`${name}-`) && /^[0-9a-f]{16}\.tar$/.test(file.slice(name.length + 1))) rmSync(join(IMAGES, file));
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
