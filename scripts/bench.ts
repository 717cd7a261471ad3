import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { benchCalls } from '../test/bench/calls.ts';
import { type Row, toMarkdown } from '../test/bench/rows.ts';
import { benchManyVolumes, benchSnapshots } from '../test/bench/scale.ts';
import { PoolRig } from '../test/support/pool-rig.ts';
import type { ScratchFsType } from '../test/support/scratch-fs.ts';
import { lacks, lookAtMachine } from './lib/machine.ts';
import { ensureSystemPackages } from './system-packages.ts';

/**
 * `npm run bench`: the budgets of docs/architecture.md, measured in one run as ratios beside peers, since seconds say more
 * of the machine than of the program. `--write` puts the table into docs/benchmarks.md.
 * Measures dist/convoy.mjs where that was built, else the sources. CONVOY_BENCH_HOSTPATH names csi-driver-host-path's binary.
 */
const DOCUMENT = join(import.meta.dirname, '../docs/benchmarks.md');
const BUILT = join(import.meta.dirname, '../dist/convoy.mjs');
const BEGIN = '<!-- table: npm run bench -- --write -->';
const END = '<!-- end of table -->';

const unknown = process.argv.slice(2).filter((argument) => argument !== '--write');
if (unknown.length > 0) {
  say('usage: npm run bench [-- --write]: measures for some minutes and prints a table; --write puts it into docs/benchmarks.md');
  process.exit(unknown.includes('--help') ? 0 : 2);
}

ensureSystemPackages(lookAtMachine(), say);
const machine = lookAtMachine();
if (machine.loops) {
  await bench();
} else {
  for (const sentence of lacks(machine)) say(`This machine: ${sentence}.`);
  say('The benchmarks need root with mounts and loop devices; nothing was measured.');
  process.exitCode = 1;
}

async function bench(): Promise<void> {
  const rows = [
    ...(await withRig('vfs', 'xfs', benchCalls)),
    ...(await withRig('vfs', 'xfs', (few) =>
      withRig(
        'vfs',
        'xfs',
        (many) => benchManyVolumes(few, many),
        () => {},
      ),
    )),
    ...(await withRig('vfs', 'xfs', benchSnapshots)),
    ...(await withRig('loop', 'xfs', benchSnapshots)),
  ];
  const what = existsSync(BUILT) ? 'the bundle (`npm run build`)' : 'the sources (the bundle is not built)';
  const text = `Measured: ${what}, Node ${process.version}, ${cpus().length} cores, medians, everything in one run.\n\n${toMarkdown(rows)}`;
  say(`\n${text}`);
  if (process.argv.includes('--write')) writeTable(text);
}

async function withRig(
  driver: string,
  fsType: ScratchFsType,
  measure: (rig: PoolRig) => Promise<readonly Row[]>,
  tell: (line: string) => void = say,
): Promise<readonly Row[]> {
  const main = existsSync(BUILT) ? { main: BUILT } : {};
  const rig = new PoolRig(driver, fsType, { fsBytes: 64n << 30n, ...main });
  try {
    await rig.reset();
    const rows = await measure(rig);
    for (const { what, measured } of rows) tell(`${what}: ${measured}`);
    return rows;
  } finally {
    await rig.end();
  }
}

function writeTable(text: string): void {
  const old = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : `# Benchmarks\n\n${BEGIN}\n${END}\n`;
  const [before, rest] = old.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${DOCUMENT} has no lines "${BEGIN}" and "${END}" to put the table between`);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n${text}\n${END}${after}`);
  say(`\nWritten to ${DOCUMENT}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
