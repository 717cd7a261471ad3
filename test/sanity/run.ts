import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCsiSanity } from '../../scripts/lib/go-tools.ts';
import { runCommand } from '../../scripts/lib/run-command.ts';
import { type Daemon, startDaemon } from '../support/daemon.ts';
import { loopsBackedBelow, mountsBelow, openScratchFs, type ScratchFsType } from '../support/scratch-fs.ts';
import { listSnapshots, listVolumes } from '../support/volumes.ts';
import { EXPECTED_SKIPS } from './expected-skips.ts';
import { parseReport, type Spec } from './report.ts';

/**
 * csi-sanity against a real daemon, each driver on the file systems and access types that it serves. Arguments pick runs by
 * name. The last line is "N passed, N failed, N skipped".
 */
interface Run {
  readonly driver: 'vfs' | 'loop';
  readonly fs: ScratchFsType;
  readonly access: 'mount' | 'block';
}
const RUNS: readonly Run[] = [
  { driver: 'vfs', fs: 'ext4', access: 'mount' },
  { driver: 'vfs', fs: 'xfs', access: 'mount' },
  { driver: 'loop', fs: 'ext4', access: 'mount' },
  { driver: 'loop', fs: 'ext4', access: 'block' },
  { driver: 'loop', fs: 'xfs', access: 'mount' },
];
const VOLUME_SIZE = 64 << 20;
/** csi-sanity sets no deadline on its calls: a call that hangs would hang it. */
const TIMEOUT = '5m';

const binary = await buildCsiSanity();
const picked = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const run of RUNS) {
  const name = `${run.driver} on ${run.fs}, ${run.access}`;
  if (picked.length > 0 && !picked.some((word) => name.includes(word))) continue;
  process.stdout.write(`\n# csi-sanity: ${name}\n`);
  const { specs, problems } = await runSanity(run);
  const count = (state: Spec['state']): number => specs.filter((spec) => spec.state === state).length;
  showFailures(specs, problems);
  showSkips(specs);
  process.stdout.write(
    `${name}: ${specs.length} specs, ${count('passed')} passed, ${count('failed')} failed, ${count('skipped') + count('pending')} skipped\n`,
  );
  totals.passed += count('passed');
  totals.failed += count('failed') + problems.length;
  totals.skipped += count('skipped') + count('pending');
}
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 ? 0 : 1;

async function runSanity(run: Run): Promise<{ readonly specs: readonly Spec[]; readonly problems: readonly string[] }> {
  const fs = openScratchFs(run.fs, 8n << 30n);
  const directory = mkdtempSync(join(tmpdir(), 'convoy-sanity-'));
  try {
    const pool = join(fs.path, 'pool');
    mkdirSync(pool);
    const daemon = await startDaemon({
      directory,
      pools: [{ name: run.driver, driver: run.driver, options: { [`${run.driver}.path`]: pool } }],
    });
    try {
      const specs = await runBinary(run, daemon, directory);
      return { specs, problems: [...(await findLeftovers(daemon, directory, pool)), ...findUnexpectedSkips(specs)] };
    } finally {
      await daemon.stop();
    }
  } finally {
    fs.close();
    rmSync(directory, { recursive: true });
  }
}

async function runBinary({ access }: Run, { socketPath, logTail }: Daemon, directory: string): Promise<readonly Spec[]> {
  const report = join(directory, 'report.json');
  const { code, stdout } = await runCommand(
    binary,
    [
      `-csi.endpoint=unix://${socketPath}`,
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
  const specs = parseReport(readFileSync(report, 'utf8'));
  if (code !== 0 && !specs.some(({ state }) => state === 'failed'))
    throw new Error(`csi-sanity ended with ${code}:\n${stdout.slice(-2000)}\n${logTail()}`);
  return specs;
}

/** A pass that leaves volumes, mounts or loop devices behind is no pass. */
async function findLeftovers({ csi }: Daemon, directory: string, pool: string): Promise<readonly string[]> {
  const volumes = (await listVolumes(csi)).map(({ volumeId }) => `volume ${volumeId}`);
  const snapshots = (await listSnapshots(csi)).map(({ snapshotId }) => `snapshot ${snapshotId}`);
  const mounts = mountsBelow(directory).map((target) => `mount ${target}`);
  const loops = loopsBackedBelow(pool).map(({ device, backing }) => `loop device ${device} of ${backing}`);
  return [...volumes, ...snapshots, ...mounts, ...loops].map((what) => `left over: ${what}`);
}

function findUnexpectedSkips(specs: readonly Spec[]): readonly string[] {
  return specs
    .filter(({ state }) => state === 'skipped' || state === 'pending')
    .filter((spec) => reasonOf(spec) === undefined)
    .map(({ title, message }) => `skipped, but not listed in test/sanity/expected-skips.ts: ${title}: ${message}`);
}

function showFailures(specs: readonly Spec[], problems: readonly string[]): void {
  for (const { title, message } of specs.filter(({ state }) => state === 'failed'))
    process.stdout.write(`  FAILED ${title}\n    ${message.replaceAll('\n', '\n    ')}\n`);
  for (const problem of problems) process.stdout.write(`  FAILED ${problem}\n`);
}

function showSkips(specs: readonly Spec[]): void {
  const byReason = Map.groupBy(
    specs.filter(({ state }) => state === 'skipped' || state === 'pending'),
    (spec) => reasonOf(spec) ?? 'not expected',
  );
  for (const [reason, skipped] of byReason) {
    process.stdout.write(`  skipped, ${reason}: ${skipped.length}\n`);
    for (const { title } of skipped) process.stdout.write(`    ${title}\n`);
  }
}

function reasonOf({ title, message }: Spec): string | undefined {
  return EXPECTED_SKIPS.find((expected) => expected.title.test(title) || expected.title.test(message))?.reason;
}
