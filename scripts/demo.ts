import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Csi } from '../test/support/csi.ts';
import { type Daemon, startDaemon } from '../test/support/daemon.ts';
import { loopsBackedBelow, mountsBelow, releaseBelow } from '../test/support/scratch-fs.ts';
import { listSnapshots, listVolumes, type VolumeUser, volumeUser } from '../test/support/volumes.ts';
import { lacks, lookAtMachine, type Machine } from './lib/machine.ts';
import { ensureSystemPackages } from './system-packages.ts';

/**
 * `npm run demo`: the life of a volume, through CSI on a real server, without a cluster. Everything is below one
 * directory of the system's temporary directory and is removed at the end, whatever happens.
 */
const MIB = 1n << 20n;
const SIZE = 64n * MIB;
const GROWN = 128n * MIB;

ensureSystemPackages(lookAtMachine(), say);
const machine = lookAtMachine();
const directory = mkdtempSync(join(tmpdir(), 'convoy-demo-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.once('exit', () => {
  if (machine.mounts) releaseBelow(directory);
  rmSync(directory, { recursive: true, force: true });
});
await demo();

async function demo(): Promise<void> {
  const pools = machine.loops ? ['vfs', 'loop'] : ['vfs'];
  for (const sentence of lacks(machine).filter((text) => !text.startsWith('no Go'))) say(`This machine: ${sentence}.`);
  const daemon = await step('start', `convoy daemon, pools ${pools.join(' and ')}, below ${directory}`, () => start(pools));
  try {
    await step('ask', 'who it is', async () => {
      const info = await daemon.csi.call('GetPluginInfo', {});
      return `${info.name} ${info.vendorVersion}`;
    });
    for (const pool of pools) await lifeOfAVolume(daemon, pool, machine);
    await proveNothingIsLeft(daemon);
  } catch (error) {
    say(
      `\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n\nThe end of the server's log:\n${daemon.logTail()}`,
    );
    process.exitCode = 1;
    return;
  } finally {
    await daemon.stop();
  }
  say('\nDone. The server is stopped, its directory is removed.');
}

function start(pools: readonly string[]): Promise<Daemon> {
  const configured = pools.map((driver) => {
    const path = join(directory, `pool-${driver}`);
    mkdirSync(path);
    return { name: driver, driver, options: { [`${driver}.path`]: path } };
  });
  return startDaemon({ directory, pools: configured });
}

async function lifeOfAVolume({ csi }: Daemon, pool: string, { mounts }: Machine): Promise<void> {
  say(`\nPool ${pool}: ${pool === 'vfs' ? 'volumes are directories' : 'volumes are image files, with a file system of their own'}`);
  const user = volumeUser(csi, join(directory, `use-${pool}`));
  const volume = await step(
    'create',
    `volume "web-data" of ${SIZE / MIB} MiB`,
    () => user.create(`web-data-${pool}`, { pool, sizeBytes: SIZE }),
    (made) => made.volumeId,
  );
  const id = volume.volumeId;

  let before = '';
  if (mounts) {
    const target = await step(
      'mount',
      'stage and publish it, as the kubelet does',
      () => user.publish(id),
      (path) => `at ${path.slice(directory.length + 1)}`,
    );
    before = await step(
      'write',
      'a file of 8 MiB',
      async () => writeFile(join(target, 'data')),
      (hash) => `sha256 ${hash.slice(0, 12)}…`,
    );
  } else {
    say('  (mount, write: left out, mounting needs root)');
  }

  const snapshot = await step(
    'snapshot',
    mounts ? 'of the volume, while it is in use' : 'of the volume',
    () => user.snapshot(`monday-${pool}`, id),
    (made) => made.snapshotId,
  );
  if (mounts)
    await step(
      'write',
      'over the same file',
      async () => writeFile(join(user.targetPath(id), 'data')),
      (hash) => `sha256 ${hash.slice(0, 12)}…`,
    );
  const restored = await step(
    'restore',
    'the snapshot into a new volume',
    () => user.create(`restored-${pool}`, { pool, sizeBytes: SIZE, fromSnapshot: snapshot.snapshotId }),
    (made) => made.volumeId,
  );
  if (mounts) await compareRestored(user.publish(restored.volumeId), before);

  await step('grow', `to ${GROWN / MIB} MiB`, async () => {
    const { capacityBytes, nodeExpansionRequired } = await csi.call('ControllerExpandVolume', {
      volumeId: id,
      capacityRange: { requiredBytes: String(GROWN) },
    });
    if (BigInt(capacityBytes) < GROWN) throw new Error(`asked to grow to ${GROWN} bytes, got ${capacityBytes}`);
    return mounts && nodeExpansionRequired ? await growFileSystem(csi, user, id) : '';
  });

  await step('delete', 'both volumes and the snapshot', async () => {
    for (const volumeId of [id, restored.volumeId]) {
      if (mounts) await user.unpublish(volumeId);
      await csi.call('DeleteVolume', { volumeId });
    }
    await csi.call('DeleteSnapshot', { snapshotId: snapshot.snapshotId });
  });
}

async function growFileSystem(csi: Csi, user: VolumeUser, volumeId: string): Promise<string> {
  const volumePath = user.targetPath(volumeId);
  if (machine.growsMountedExt4) {
    await csi.call('NodeExpandVolume', { volumeId, volumePath, stagingTargetPath: user.stagingPath(volumeId) });
  } else {
    await user.unpublish(volumeId);
    await user.publish(volumeId);
  }
  const { usage } = await csi.call('NodeGetVolumeStats', { volumeId, volumePath });
  return `its file system now has ${BigInt(usage[0]?.total ?? 0) / MIB} MiB, ${machine.growsMountedExt4 ? 'grown in use' : 'grown at its next mount'}`;
}

async function compareRestored(published: Promise<string>, before: string): Promise<void> {
  await step('compare', 'the restored file with what was written first', async () => {
    const found = sha256(readFileSync(join(await published, 'data')));
    if (found !== before) throw new Error(`the restored file differs: sha256 ${found}, written was ${before}`);
    return 'the same';
  });
}

async function proveNothingIsLeft({ csi }: Daemon): Promise<void> {
  say('');
  await step('prove', 'that nothing is left', async () => {
    const volumes = await listVolumes(csi);
    const snapshots = await listSnapshots(csi);
    const mounted = mountsBelow(directory);
    const loops = machine.loops ? loopsBackedBelow(directory) : [];
    const counts = { volumes: volumes.length, snapshots: snapshots.length, mounts: mounted.length, 'loop devices': loops.length };
    const text = Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
    if (Object.values(counts).some((count) => count > 0)) throw new Error(`left over: ${text}`);
    return text;
  });
}

/** Runs one step and shows it on one line: what it does, what came of it, how long it took. */
async function step<T>(
  verb: string,
  what: string,
  work: () => Promise<T>,
  show: (result: T) => string = (result) => (typeof result === 'string' ? result : ''),
): Promise<T> {
  const started = performance.now();
  const result = await work();
  const ms = performance.now() - started;
  const found = show(result);
  say(`${ms.toFixed(1).padStart(9)} ms  ${verb.padEnd(9)} ${what}${found === '' ? '' : `: ${found}`}`);
  return result;
}

function writeFile(path: string): string {
  const bytes = randomBytes(8 << 20);
  writeFileSync(path, bytes);
  return sha256(bytes);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
