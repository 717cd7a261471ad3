import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTools } from '../test/cluster/build-tools.ts';
import { clusterBlocked } from '../test/cluster/rig/packages.ts';
import { lacks, lookAtMachine, type Machine } from './lib/machine.ts';
import { passSignalsOn, runCommand } from './lib/run-command.ts';
import { ensureSystemPackages } from './system-packages.ts';

/**
 * The tests, cheap parts first: `npm test`, or `npm run test:PART`. What needs a Kubernetes is by itself, `npm run
 * test:cluster`: its programs take minutes to build. A part that this machine cannot run is skipped loudly, and the end then
 * says NOT COMPLETE. The last line is "N passed, N failed, N skipped".
 */
interface Part {
  readonly name: string;
  readonly what: string;
  /** Why it cannot run here; undefined = it can. */
  readonly blocked: (machine: Machine) => string | undefined;
  readonly run: () => Promise<Counts>;
  /** Runs only when it is named. */
  readonly apart?: true;
}
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}
type Outcome = Counts & { readonly part: string; readonly ms: number; readonly note: string };

const needsGo = ({ go }: Machine): string | undefined => (go === undefined ? 'needs Go, to build it' : undefined);
const always = (): undefined => undefined;
const needsMounts = ({ mounts, loops }: Machine): string | undefined =>
  mounts && loops ? undefined : 'needs root with mounts and loop devices';

/** One process for each file, one after the other; a handle that a failed test left open does not keep it from ending. */
const SERIAL = ['--test-concurrency=1', '--test-force-exit'];
/** Each file on scratch file systems of its own: two wait for the disk side by side. */
const PAIRWISE = ['--test-concurrency=2', '--test-force-exit'];

const PARTS: readonly Part[] = [
  { name: 'check', what: 'format, lint, import boundaries, types', blocked: always, run: () => runScript('scripts/check.ts') },
  {
    name: 'unit',
    what: 'logic, no privileges',
    blocked: always,
    run: () => runNodeTests(['test/unit/**/*.test.ts'], ['--test-isolation=none']),
  },
  {
    name: 'drivers',
    what: 'kernel calls and every driver on real file systems',
    blocked: needsMounts,
    run: () => runNodeTests(['test/system/**/*.test.ts', 'test/drivers/**/*.test.ts'], PAIRWISE),
  },
  {
    name: 'sanity',
    what: 'csi-sanity against a real server',
    blocked: (machine) => (machine.go === undefined ? 'needs Go, to build csi-sanity' : needsMounts(machine)),
    run: () => runScript('test/sanity/run.ts'),
  },
  {
    name: 'crash',
    what: 'killed at every step, restarted, compared',
    blocked: needsMounts,
    run: () => runNodeTests(['test/crash/**/*.test.ts'], SERIAL),
  },
  {
    name: 'concurrency',
    what: 'many callers against a model',
    blocked: needsMounts,
    run: () => runNodeTests(['test/concurrency/**/*.test.ts'], SERIAL),
  },
  {
    name: 'roles',
    what: 'a controller and node agents as processes of this machine',
    blocked: needsMounts,
    run: () => runNodeTests(['test/roles/**/*.test.ts'], PAIRWISE),
  },
  {
    name: 'chart',
    what: 'the Helm chart and the plain manifests',
    blocked: needsGo,
    run: async () => {
      await buildTools(['helm'], say);
      return await runNodeTests(['test/chart/**/*.test.ts'], PAIRWISE);
    },
    apart: true,
  },
  {
    name: 'kube',
    what: 'what the controller asks of Kubernetes, against a real API server',
    blocked: needsGo,
    run: async () => {
      await buildTools(['etcd', 'kube-apiserver', 'kubectl', 'helm', 'check-rules'], say);
      return await runNodeTests(['test/kube/**/*.test.ts'], PAIRWISE);
    },
    apart: true,
  },
  {
    name: 'cluster',
    what: 'a real cluster of three nodes, with the image and the chart',
    blocked: () => clusterBlocked(),
    run: () => runScript('test/cluster/run.ts'),
    apart: true,
  },
];

passSignalsOn();
await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    say(`no test part is called ${unknown.join(', ')}; there are ${PARTS.map((part) => part.name).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const machine = lookAtMachine();
  ensureSystemPackages(machine, say);
  for (const sentence of lacks(lookAtMachine())) say(`This machine: ${sentence}.`);

  const outcomes: Outcome[] = [];
  for (const part of PARTS.filter(({ name, apart }) => (names.length === 0 ? apart !== true : names.includes(name)))) {
    if (process.exitCode !== undefined) break; // interrupted
    outcomes.push(await runPart(part, lookAtMachine()));
  }
  summarize(outcomes);
}

async function runPart(part: Part, machine: Machine): Promise<Outcome> {
  const reason = part.blocked(machine);
  if (reason !== undefined) {
    say(`\n==== ${part.name}: SKIPPED, ${reason} ====`);
    return { part: part.name, passed: 0, failed: 0, skipped: 1, ms: 0, note: `SKIPPED: ${reason}` };
  }
  say(`\n==== ${part.name}: ${part.what} ====`);
  const started = performance.now();
  const counts = await part.run();
  const note = counts.failed > 0 ? 'FAILED' : counts.passed === 0 ? 'EMPTY: nothing ran' : '';
  return { part: part.name, ...counts, ms: performance.now() - started, note };
}

function summarize(outcomes: readonly Outcome[]): void {
  const sum = (key: keyof Counts): number => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  say('\n==== summary ====');
  for (const { part, ms, passed, failed, skipped, note } of outcomes) {
    const numbers = `${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${String(skipped).padStart(4)} skipped`;
    say(`${part.padEnd(12)} ${(ms / 1000).toFixed(1).padStart(7)} s ${numbers}  ${note}`.trimEnd());
  }
  const incomplete = outcomes.filter(({ note }) => note.startsWith('SKIPPED') || note.startsWith('EMPTY'));
  if (incomplete.length > 0) say(`\nNOT COMPLETE: ${incomplete.map(({ part, note }) => `${part} (${note})`).join('; ')}`);
  say(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  if (sum('failed') > 0 || outcomes.some(({ note }) => note.startsWith('EMPTY'))) process.exitCode = 1;
}

/** node:test over the files that match. A run that ends badly without a failed test (a crash at load) counts as one failure. */
async function runNodeTests(patterns: readonly string[], flags: readonly string[]): Promise<Counts> {
  const files: string[] = [];
  for await (const file of glob(patterns)) files.push(file);
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  const directory = mkdtempSync(join(tmpdir(), 'convoy-test-'));
  const report = join(directory, 'report.tap');
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${report}`,
  ];
  try {
    const { code } = await runCommand(process.execPath, ['--test', ...flags, ...reporters, ...files.sort()]);
    return withExitCode(countTap(readFileSync(report, 'utf8')), code);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function countTap(tap: string): Counts {
  const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail') + count('cancelled'), skipped: count('skipped') + count('todo') };
}

/** A script of ours, which ends with a line "N passed, N failed, N skipped". */
async function runScript(file: string): Promise<Counts> {
  const { code, stdout } = await runCommand(process.execPath, [file], { capture: true });
  const last = [...stdout.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  const [passed = 0, failed = 0, skipped = 0] = last?.slice(1).map(Number) ?? [];
  return withExitCode({ passed, failed, skipped }, code);
}

/** A run that ended badly without a failed test counts as one. */
function withExitCode(counts: Counts, code: number): Counts {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
