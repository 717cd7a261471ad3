import type { Command } from 'commander';
import type { Context, Runner } from './context.ts';
import { toJson } from './output.ts';
import { describe } from './progress.ts';
import { dateOf, jobShape } from './shapes.ts';
import { formatDuration } from './units.ts';

export function addJobs(program: Command, run: Runner): void {
  program
    .command('jobs')
    .description('long work: copies, restores, removals')
    .option('--watch', 'then every change, until Ctrl-C; with --json one object a line')
    .action(run(jobs));
}

async function jobs(context: Context, _args: readonly [], options: { readonly watch?: boolean }): Promise<void> {
  if (options.watch === true) return watch(context);
  const { jobs: all } = await context.client.call('ListJobs', {});
  context.out.answer(all.map(jobShape), (lines) => {
    if (all.length === 0) return lines.line('no jobs');
    lines.table(
      ['JOB', 'OBJECT', 'SINCE', 'PROGRESS'],
      all.map((job) => {
        const started = dateOf(job.startedAt);
        const since = started === undefined ? '' : formatDuration(Date.now() - started.getTime());
        return [job.id, job.objectId, since, describe(job) + (job.error === '' ? '' : `: ${job.error}`)];
      }),
    );
  });
}

async function watch({ client, out, signal }: Context): Promise<void> {
  for await (const job of client.stream('WatchJobs', {}, signal)) {
    // One value a line, so that a script can read it as it comes.
    if (out.json) process.stdout.write(`${toJson(jobShape(job)).replaceAll(/\n\s*/g, ' ')}\n`);
    else out.answer(null, (lines) => lines.line(`${job.objectId}  ${describe(job)}${job.error === '' ? '' : `: ${job.error}`}`));
  }
}
