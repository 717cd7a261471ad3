import type { Command } from 'commander';
import type { Context, Runner } from './context.ts';
import { poolRows } from './pools.ts';
import { dateOf, infoShape } from './shapes.ts';
import { formatBytes, formatDuration } from './units.ts';

export function addInfo(program: Command, run: Runner): void {
  program.command('info').description('what the daemon is and has').action(run(info));
}

async function info({ client, out }: Context): Promise<void> {
  const answer = await client.call('Info', {});
  const started = dateOf(answer.startedAt);
  out.answer(infoShape(answer), (lines) => {
    lines.facts([
      ['Version', answer.version],
      ['CSI plugin', answer.driverName],
      ['Role', answer.role],
      ['Node', answer.nodeName === '' ? '' : `${answer.nodeName} (${answer.nodeKey} in ids)`],
      ['Root', answer.root],
      ['Endpoint', answer.endpoint],
      [
        'Process',
        `${answer.pid}, up ${started === undefined ? '?' : formatDuration(Date.now() - started.getTime())}, ${formatBytes(BigInt(answer.residentBytes))} resident`,
      ],
      ['Drivers', answer.drivers.join(', ')],
    ]);
    lines.line('');
    lines.table(...poolRows(answer.pools));
  });
}
