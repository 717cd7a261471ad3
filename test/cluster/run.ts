import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringUp, ClusterTakenError } from './rig/bring-up.ts';
import { keepPodLogs, showDiagnostics } from './rig/diagnostics.ts';
import { tearDownOnSignals } from './rig/on-signals.ts';
import { KUBECONFIG } from './rig/paths.ts';
import { trackRunning } from './rig/shell.ts';
import { leftovers, tearDown } from './rig/teardown.ts';

/**
 * `npm run test:cluster`: brings a cluster up, runs test/cluster/cases one file after the other, takes it down whatever
 * happened, and counts anything left on the machine as a failure. Arguments pick files by name; `--no-chart` is for the rig's
 * own tests. The last line is "N passed, N failed, N skipped".
 */
interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The pools and classes that the cases expect. */
const VALUES = join(import.meta.dirname, 'cases/lib/values.yaml');
const words = process.argv.slice(2);
const picked = words.filter((word) => !word.startsWith('--'));

tearDownOnSignals();
const counts = await runAll();
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

async function runAll(): Promise<Counts> {
  const problems: string[] = [];
  let ours = true;
  let counted: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    await bringUp({ purpose: 'tests', chart: words.includes('--no-chart') ? false : readFileSync(VALUES, 'utf8') });
    try {
      counted = await runTests();
      if (counted.failed > 0) await showDiagnostics(say);
    } finally {
      keepPodLogs();
      const started = performance.now();
      await tearDown();
      say(`The cluster is gone, after ${((performance.now() - started) / 1000).toFixed(1)} s`);
    }
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    ours = !(error instanceof ClusterTakenError);
  }
  if (ours) for (const what of await leftovers()) problems.push(`left over: ${what}`);
  for (const problem of problems) say(`FAILED ${problem}`);
  return { ...counted, failed: counted.failed + problems.length };
}

/** node:test, one process a file. A run that ends badly without a failed test counts as one failure. */
async function runTests(): Promise<Counts> {
  const files: string[] = [];
  for await (const file of glob('cases/**/*.test.ts', { cwd: import.meta.dirname })) files.push(file);
  const chosen = files.filter((file) => picked.length === 0 || picked.some((word) => file.includes(word))).sort();
  if (chosen.length === 0) throw new Error(`no test file of test/cluster/cases has ${picked.join(' or ')} in its name`);
  const directory = mkdtempSync(join(tmpdir(), 'convoy-cluster-'));
  const report = join(directory, 'report.tap');
  try {
    const code = await runNode([
      '--test',
      '--test-concurrency=1',
      '--test-force-exit',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${report}`,
      ...chosen.map((file) => join(import.meta.dirname, file)),
    ]);
    const tap = readFileSync(report, 'utf8');
    const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
    const failed = count('fail') + count('cancelled');
    return { passed: count('pass'), failed: code !== 0 && failed === 0 ? 1 : failed, skipped: count('skipped') + count('todo') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function runNode(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, KUBECONFIG },
      detached: true,
    });
    trackRunning(child);
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
