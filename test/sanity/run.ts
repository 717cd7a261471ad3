import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCsiSanity } from '../../scripts/lib/go-tools.ts';
import { runCommand } from '../../scripts/lib/run-command.ts';
import { ClusterRig } from '../support/cluster-rig.ts';
import type { Csi } from '../support/csi.ts';
import { startDaemon } from '../support/daemon.ts';
import { loopsBackedBelow, mountsBelow, openScratchFs, type ScratchFsType } from '../support/scratch-fs.ts';
import { listSnapshots, listVolumes } from '../support/volumes.ts';
import { EXPECTED_SKIPS } from './expected-skips.ts';
import { parseReport, type Spec } from './report.ts';

/**
 * csi-sanity against real daemons, each driver on the file systems and access types that it serves: role `all` on one socket,
 * then a controller whose calls go to a node agent, which has the Node service on a socket of its own; the Controller service
 * over two nodes as well, but without the Node specs, which ask for no topology and so need one node. Arguments pick runs by
 * name. The last line is "N passed, N failed, N skipped".
 */
interface Run {
  readonly driver: 'vfs' | 'loop';
  readonly fs: ScratchFsType;
  readonly access: 'mount' | 'block';
  /** Of a controller with agents; left out: role `all`. csi-sanity is given the socket of the first. */
  readonly nodes?: readonly string[];
  /** One global pool instead of a local one on each node: then any node will do for the Node specs. */
  readonly global?: true;
}
const RUNS: readonly Run[] = [
  { driver: 'vfs', fs: 'ext4', access: 'mount' },
  { driver: 'vfs', fs: 'xfs', access: 'mount' },
  { driver: 'loop', fs: 'ext4', access: 'mount' },
  { driver: 'loop', fs: 'ext4', access: 'block' },
  { driver: 'loop', fs: 'xfs', access: 'mount' },
  { driver: 'vfs', fs: 'ext4', access: 'mount', nodes: ['one'] },
  { driver: 'loop', fs: 'xfs', access: 'mount', nodes: ['one'] },
  { driver: 'loop', fs: 'ext4', access: 'block', nodes: ['one'] },
  { driver: 'vfs', fs: 'ext4', access: 'mount', nodes: ['one', 'two'] },
  { driver: 'vfs', fs: 'ext4', access: 'mount', global: true },
  { driver: 'vfs', fs: 'xfs', access: 'mount', global: true, nodes: ['one', 'two'] },
];
const NODE_SPECS = 'Node Service';

/** Where csi-sanity calls, and what it may leave nothing in. */
interface Target {
  /** Of the Node service, and of the Controller service where that is not on a socket of its own. */
  readonly socketPath: string;
  readonly controllerSocketPath?: string;
  /** Lists what there is. */
  readonly csi: Csi;
  /** Where the pools are. */
  readonly pools: readonly string[];
  readonly directory: string;
  readonly logTail: () => string;
}
const FS_BYTES = 8n << 30n;
const VOLUME_SIZE = 64 << 20;
/** csi-sanity sets no deadline on its calls: a call that hangs would hang it. */
const TIMEOUT = '5m';

const binary = await buildCsiSanity();
const picked = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const run of RUNS) {
  const name = nameOf(run);
  if (picked.length > 0 && !picked.some((word) => name.includes(word))) continue;
  process.stdout.write(`\n# csi-sanity: ${name}\n`);
  const { specs, problems } = await runSanity(run);
  const count = (state: Spec['state']): number => specs.filter((spec) => spec.state === state).length;
  showFailures(specs, problems);
  showSkips(run, specs);
  process.stdout.write(
    `${name}: ${specs.length} specs, ${count('passed')} passed, ${count('failed')} failed, ${count('skipped') + count('pending')} skipped\n`,
  );
  totals.passed += count('passed');
  totals.failed += count('failed') + problems.length;
  totals.skipped += count('skipped') + count('pending');
}
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 ? 0 : 1;

function nameOf({ driver, fs, access, global, nodes }: Run): string {
  const where = nodes === undefined ? '' : `, controller and nodes ${nodes.join(' and ')}`;
  return `${driver} on ${fs}, ${access}${global === true ? ', global' : ''}${where}`;
}

async function runSanity(run: Run): Promise<{ readonly specs: readonly Spec[]; readonly problems: readonly string[] }> {
  return await (run.nodes === undefined ? withDaemon : withCluster)(run, async (target) => {
    const specs = await runBinary(run, target);
    return { specs, problems: [...(await findLeftovers(target)), ...findUnexpectedSkips(run, specs)] };
  });
}

async function withDaemon<T>({ driver, fs: fsType, global }: Run, work: (target: Target) => Promise<T>): Promise<T> {
  const fs = openScratchFs(fsType, FS_BYTES);
  const directory = mkdtempSync(join(tmpdir(), 'convoy-sanity-'));
  try {
    const pool = join(fs.path, 'pool');
    mkdirSync(pool);
    const scope = global === true ? { [`${driver}.scope`]: 'global' } : {};
    const daemon = await startDaemon({ directory, pools: [{ name: driver, driver, options: { [`${driver}.path`]: pool, ...scope } }] });
    try {
      return await work({ ...daemon, pools: [pool], directory });
    } finally {
      await daemon.stop();
    }
  } finally {
    fs.close();
    rmSync(directory, { recursive: true });
  }
}

async function withCluster<T>({ driver, fs, nodes = [], global }: Run, work: (target: Target) => Promise<T>): Promise<T> {
  const pools = global === true ? { drivers: [], shared: {} } : { drivers: [driver] };
  const rig = await ClusterRig.start({ nodes, ...pools, fs, fsBytes: Object.fromEntries(nodes.map((name) => [name, FS_BYTES])) });
  try {
    const node = rig.node(nodes[0] ?? '');
    return await work({
      socketPath: node.socketPath,
      controllerSocketPath: rig.controller.socketPath,
      csi: rig.csi,
      pools: [...rig.nodes.values()].map((each) => each.fs.path),
      directory: node.directory,
      logTail: () => [rig.controller, node].map((each) => each.logTail()).join('\n'),
    });
  } finally {
    await rig.end();
  }
}

async function runBinary(
  { access, global, nodes = [] }: Run,
  { socketPath, controllerSocketPath, directory, logTail }: Target,
): Promise<readonly Spec[]> {
  const report = join(directory, 'report.json');
  // What is left out is no skip: the run with one node has it.
  const leftOut = nodes.length > 1 && global !== true ? NODE_SPECS : undefined;
  const { code, stdout } = await runCommand(
    binary,
    [
      `-csi.endpoint=unix://${socketPath}`,
      ...(leftOut === undefined ? [] : [`-ginkgo.skip=${leftOut}`]),
      ...(controllerSocketPath === undefined ? [] : [`-csi.controllerendpoint=unix://${controllerSocketPath}`]),
      `-csi.mountdir=${join(directory, 'mount')}`,
      `-csi.stagingdir=${join(directory, 'staging')}`,
      `-csi.testvolumeaccesstype=${access}`,
      `-csi.testvolumesize=${VOLUME_SIZE}`,
      `-csi.testvolumeexpandsize=${2 * VOLUME_SIZE}`,
      `-ginkgo.json-report=${report}`,
      `-ginkgo.timeout=${TIMEOUT}`,
      '-ginkgo.no-color',
      '-ginkgo.succinct',
    ],
    { capture: true, quiet: true },
  );
  const specs = parseReport(readFileSync(report, 'utf8')).filter(({ title }) => leftOut === undefined || !title.startsWith(leftOut));
  if (code !== 0 && !specs.some(({ state }) => state === 'failed'))
    throw new Error(`csi-sanity ended with ${code}:\n${stdout.slice(-2000)}\n${logTail()}`);
  return specs;
}

/** A pass that leaves volumes, mounts or loop devices behind is no pass. */
async function findLeftovers({ csi, directory, pools }: Target): Promise<readonly string[]> {
  const volumes = (await listVolumes(csi)).map(({ volumeId }) => `volume ${volumeId}`);
  const snapshots = (await listSnapshots(csi)).map(({ snapshotId }) => `snapshot ${snapshotId}`);
  const mounts = mountsBelow(directory).map((target) => `mount ${target}`);
  const loops = pools.flatMap(loopsBackedBelow).map(({ device, backing }) => `loop device ${device} of ${backing}`);
  return [...volumes, ...snapshots, ...mounts, ...loops].map((what) => `left over: ${what}`);
}

function findUnexpectedSkips(run: Run, specs: readonly Spec[]): readonly string[] {
  return specs
    .filter(({ state }) => state === 'skipped' || state === 'pending')
    .filter((spec) => reasonOf(run, spec) === undefined)
    .map(({ title, message }) => `skipped, but not listed in test/sanity/expected-skips.ts: ${title}: ${message}`);
}

function showFailures(specs: readonly Spec[], problems: readonly string[]): void {
  for (const { title, message } of specs.filter(({ state }) => state === 'failed'))
    process.stdout.write(`  FAILED ${title}\n    ${message.replaceAll('\n', '\n    ')}\n`);
  for (const problem of problems) process.stdout.write(`  FAILED ${problem}\n`);
}

function showSkips(run: Run, specs: readonly Spec[]): void {
  const byReason = Map.groupBy(
    specs.filter(({ state }) => state === 'skipped' || state === 'pending'),
    (spec) => reasonOf(run, spec) ?? 'not expected',
  );
  for (const [reason, skipped] of byReason) {
    process.stdout.write(`  skipped, ${reason}: ${skipped.length}\n`);
    for (const { title } of skipped) process.stdout.write(`    ${title}\n`);
  }
}

function reasonOf({ global }: Run, { title, message }: Spec): string | undefined {
  const possible = EXPECTED_SKIPS.filter(({ onlyGlobal }) => onlyGlobal === undefined || global === true);
  return possible.find((expected) => expected.title.test(title) || expected.title.test(message))?.reason;
}
