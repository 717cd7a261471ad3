import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { isConvoyError } from '../convoy/errors.ts';
import type { Context, Runner } from './context.ts';
import { eachOf } from './each.ts';
import { allPages } from './pages.ts';
import type { SnapshotMessage } from './shapes.ts';
import { dateOf, snapshotShape } from './shapes.ts';
import { formatBytes, formatTime } from './units.ts';
import { withProgress } from './wait.ts';

export function addSnapshots(program: Command, run: Runner): void {
  const snapshots = program.command('snapshots').alias('snapshot').description('snapshots, by name or id');
  snapshots
    .command('create')
    .description('take a snapshot; prints its name')
    .argument('<volume>')
    .option('--name <name>', 'default: a new name')
    .option('--consistency <how>', 'point-in-time or files')
    .action(run(create));
  snapshots
    .command('list')
    .description('all snapshots')
    .argument('[volume]', 'only those of this volume')
    .option('--ids', 'show their ids')
    .action(run(list));
  snapshots.command('inspect').description('everything about one snapshot').argument('<snapshot>').action(run(inspect));
  snapshots.command('delete').description('delete snapshots').argument('<snapshots...>').action(run(remove));
}

async function create(
  context: Context,
  [volume]: readonly [string],
  options: { readonly name?: string; readonly consistency?: string },
): Promise<void> {
  const name = options.name ?? `snapshot-${randomBytes(8).toString('hex')}`;
  const request = { volume, name, consistency: options.consistency ?? '' };
  const { snapshot } = await withProgress(context, { kind: 'snapshot', name }, (signal) =>
    context.client.call('CreateSnapshot', request, { signal }),
  );
  if (snapshot !== null) context.out.answer(snapshotShape(snapshot), (lines) => lines.line(snapshot.name));
}

async function list({ client, out }: Context, [volume]: readonly [string | undefined], options: { readonly ids?: boolean }): Promise<void> {
  const snapshots = await allPages(async (page) => {
    const { snapshots: entries, nextToken } = await client.call('ListSnapshots', { volume: volume ?? '', ...page });
    return { entries, nextToken };
  });
  const sorted = [...snapshots].sort((a, b) => (a.name < b.name ? -1 : 1));
  out.answer(sorted.map(snapshotShape), (lines) => {
    if (sorted.length === 0) return lines.line('no snapshots');
    const ids = options.ids === true;
    lines.table(
      ['NAME', 'POOL', 'SIZE', 'READY', 'CREATED', 'VOLUME', ...(ids ? ['ID'] : [])],
      sorted.map((each) => [
        each.name,
        each.pool,
        formatBytes(BigInt(each.sizeBytes)),
        ready(each),
        created(each),
        each.sourceVolumeId,
        ...(ids ? [each.id] : []),
      ]),
    );
  });
}

async function inspect({ client, out }: Context, [name]: readonly [string]): Promise<void> {
  const { snapshot } = await client.call('InspectSnapshot', { snapshot: name });
  if (snapshot === null) return;
  out.answer(snapshotShape(snapshot), (lines) =>
    lines.facts([
      ['Name', snapshot.name],
      ['Id', snapshot.id],
      ['Pool', snapshot.pool],
      ['Driver', snapshot.driver],
      ['Of volume', snapshot.sourceVolumeId],
      ['Size', formatBytes(BigInt(snapshot.sizeBytes))],
      ['Ready', ready(snapshot)],
      ['Created', created(snapshot)],
      ['Node', snapshot.node],
    ]),
  );
}

async function remove(context: Context, [names]: readonly [readonly string[]]): Promise<void> {
  const { done, failure } = await eachOf(names, async (name) => ({ id: await removeOne(context, name) }));
  if (failure === undefined || done.length > 0) context.out.answer(done, () => {});
  if (failure !== undefined) throw failure;
}

async function removeOne(context: Context, name: string): Promise<string> {
  let tries = 0;
  return withProgress(context, { kind: 'snapshot', name }, async (signal) => {
    tries += 1;
    try {
      return (await context.client.call('DeleteSnapshot', { snapshot: name }, { signal })).id;
    } catch (error) {
      // A name that was there when we first asked: the job that we waited for has deleted it.
      if (tries > 1 && isConvoyError(error, 'NotFound')) return name;
      throw error;
    }
  });
}

const ready = (snapshot: SnapshotMessage): string => (snapshot.readyToUse ? 'yes' : 'no');

function created(snapshot: SnapshotMessage): string {
  const date = dateOf(snapshot.createdAt);
  return date === undefined ? '' : formatTime(date);
}
