import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Csi, connect } from '../support/csi.ts';
import type { PoolRig } from '../support/pool-rig.ts';
import { given, publishRequests, volumeUser } from '../support/volumes.ts';
import { interleaved, median, residentMiB, timesOf } from './measure.ts';
import { ms, type Row, ratioRow, valueRow } from './rows.ts';

const STARTS = 5;
const CALLS = 300;
const ROUNDS = 7;

/** Start, memory and the calls that a kubelet makes all the time. */
export async function benchCalls(rig: PoolRig): Promise<readonly Row[]> {
  const starts: number[] = [];
  for (let start = 0; start < STARTS; start += 1) {
    await rig.stop();
    await rig.start();
    starts.push(rig.daemon.readyMs);
  }
  const idle = residentMiB(rig.daemon.pid);
  const { volumeId } = await rig.user.create('bench', { sizeBytes: 64n << 20n });
  await rig.user.publish(volumeId);
  const rows = [await benchStats(rig, volumeId), ...(await benchPublish(rig, volumeId))];
  const loaded = residentMiB(rig.daemon.pid);
  await rig.clear();
  return [
    valueRow('start to ready', median(starts), 'ms', 300),
    valueRow('resident, idle', idle, 'MiB', 90),
    valueRow('resident, under load', loaded, 'MiB', 110),
    ...rows,
  ];
}

async function benchStats(rig: PoolRig, volumeId: string): Promise<Row> {
  const socket = join(rig.useDirectory, 'empty.sock');
  const floor = await startPeer(process.execPath, [join(import.meta.dirname, 'empty-server.ts'), socket], socket);
  try {
    const volumePath = rig.user.targetPath(volumeId);
    const request = { volumeId, volumePath };
    const [ours = 0, empty = 0] = await interleaved(
      ROUNDS,
      [rig.csi, floor.csi].map((csi) => async () => median(await timesOf(CALLS, () => csi.call('NodeGetVolumeStats', request)))),
    );
    return ratioRow(
      'NodeGetVolumeStats beside an empty grpc-js handler',
      ours,
      empty,
      { text: '≤ 1.5 ×', max: 1.5 },
      `${ms(ours)} beside ${ms(empty)}`,
    );
  } finally {
    floor.stop();
  }
}

/** Pairs of publish and unpublish of one staged volume, a second; beside csi-driver-host-path where its binary is named. */
async function benchPublish(rig: PoolRig, volumeId: string): Promise<readonly Row[]> {
  const what = 'publish + unpublish beside csi-driver-host-path';
  const ours = (): Promise<number> => pairMs(rig.csi, volumeId, rig.user.stagingPath(volumeId), rig.user.targetPath(volumeId, 'bench'));
  const binary = process.env['CONVOY_BENCH_HOSTPATH'];
  mkdirSync(join(rig.useDirectory, 'pods/bench'), { recursive: true });
  if (binary === undefined) {
    const [alone = 0] = await interleaved(ROUNDS, [ours]);
    return [
      {
        what,
        measured: `${(1000 / alone).toFixed(0)} a second; the peer was not measured (CONVOY_BENCH_HOSTPATH names its binary)`,
        budget: '≥ 2 ×',
      },
    ];
  }
  const directory = join(rig.useDirectory, 'hostpath');
  mkdirSync(directory);
  const socket = join(directory, 'csi.sock');
  const peer = await startPeer(
    binary,
    ['--drivername=hostpath.csi.k8s.io', `--endpoint=unix://${socket}`, '--nodeid=rig', `--statedir=${join(directory, 'state')}`],
    socket,
  );
  try {
    const user = volumeUser(peer.csi, directory);
    const { volumeId: peerId } = await user.create('bench', { sizeBytes: 64n << 20n });
    await user.publish(peerId);
    mkdirSync(join(directory, 'pods/bench'), { recursive: true });
    const theirs = (): Promise<number> => pairMs(peer.csi, peerId, user.stagingPath(peerId), user.targetPath(peerId, 'bench'));
    const [our = 0, their = 0] = await interleaved(ROUNDS, [ours, theirs]);
    await user.unpublish(peerId);
    await peer.csi.call('DeleteVolume', { volumeId: peerId });
    return [ratioRow(what, their, our, { text: '≥ 2 ×', min: 2 }, `${ms(our)} beside ${ms(their)} a pair`)];
  } finally {
    peer.stop();
  }
}

async function pairMs(csi: Csi, volumeId: string, stagingPath: string, targetPath: string): Promise<number> {
  const { publish } = publishRequests(volumeId, stagingPath, targetPath);
  const times = await timesOf(50, async () => {
    await csi.call('NodePublishVolume', publish);
    await csi.call('NodeUnpublishVolume', { volumeId: given(volumeId), targetPath });
  });
  return median(times);
}

async function startPeer(
  command: string,
  args: readonly string[],
  socket: string,
): Promise<{ readonly csi: Csi; readonly stop: () => void }> {
  const child: ChildProcess = spawn(command, args, { stdio: 'ignore' });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const csi = connect(socket);
  await csi.ready(30_000);
  return {
    csi,
    stop: () => {
      csi.close();
      kill();
      process.off('exit', kill);
    },
  };
}
