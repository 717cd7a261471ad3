import type { Command } from 'commander';
import type { Answer } from '../admin/definitions.ts';
import type { Context, Runner } from './context.ts';
import { EXIT_DOCTOR_FAILED } from './exit-codes.ts';
import type { JsonValue } from './output.ts';
import { printable } from './units.ts';

export function addDoctor(program: Command, run: Runner): void {
  program
    .command('doctor')
    .description('prove that a pool keeps its promises, on volumes and snapshots made for it and removed again')
    .requiredOption('--pool <pool>', 'pool to examine; required')
    .action(run(doctor));
}

async function doctor({ client, out, signal }: Context, _args: readonly [], options: { readonly pool: string }): Promise<number> {
  const findings: JsonValue[] = [];
  const counts = { PASSED: 0, FAILED: 0, SKIPPED: 0 };
  for await (const event of client.stream('RunDoctor', { pool: options.pool }, signal)) {
    if (event.state !== 'PASSED' && event.state !== 'FAILED' && event.state !== 'SKIPPED') continue;
    counts[event.state] += 1;
    findings.push({
      title: event.title,
      state: event.state.toLowerCase(),
      detail: event.detail === '' ? null : event.detail,
      durationMs: BigInt(event.durationMs),
    });
    if (!out.json) out.answer(null, (lines) => lines.line(describe(event)));
  }
  const summary = { pool: options.pool, passed: counts.PASSED, failed: counts.FAILED, skipped: counts.SKIPPED };
  out.answer({ ...summary, findings }, (lines) =>
    lines.line(`\n${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`),
  );
  return counts.FAILED === 0 ? 0 : EXIT_DOCTOR_FAILED;
}

const MARKS = { PASSED: 'ok     ', FAILED: 'FAILED ', SKIPPED: 'skipped', RUNNING: '…', STATE_UNSPECIFIED: '?' } as const;

function describe(event: Answer<'RunDoctor'>): string {
  return `${MARKS[event.state]}  ${printable(event.title)}${event.detail === '' ? '' : `: ${printable(event.detail)}`}`;
}
