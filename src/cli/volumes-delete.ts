import type { Command } from 'commander';
import { isConvoyError } from '../convoy/errors.ts';
import { parseId } from '../convoy/ids.ts';
import type { Context, Runner } from './context.ts';
import { eachOf } from './each.ts';
import { dateOf, snapshotShape, trashShape, volumeShape } from './shapes.ts';
import { formatBytes, formatTime } from './units.ts';
import { withProgress } from './wait.ts';

export function addVolumesDelete(parent: Command, run: Runner, hidden: { readonly hidden?: boolean } = {}): void {
  parent
    .command('delete', hidden)
    .description('delete volumes')
    .argument('<volumes...>')
    .option('-r, --reference', 'forget them, keep their data where --id adopts it')
    .action(run(remove));
}

async function remove(context: Context, [names]: readonly [readonly string[]], options: { readonly reference?: boolean }): Promise<void> {
  const { done, failure } = await eachOf(names, async (name) => {
    const { id, keptAs } = await removeOne(context, name, options.reference === true);
    if (keptAs !== '') context.out.note(`the data of ${name} is kept: ${adoptAgain(id, name, keptAs)}`);
    return { id, keptAs: keptAs === '' ? null : keptAs };
  });
  if (failure === undefined || done.length > 0) context.out.answer(done, () => {});
  if (failure !== undefined) throw failure;
}

/** What to type to have it back, in its pool; a volume that was named by its id needs a name. */
function adoptAgain(id: string, given: string, keptAs: string): string {
  const parsed = parseId(id, 'volume');
  return `convoy volumes create ${given === id ? 'NAME' : given}${parsed === undefined ? '' : ` --pool ${parsed.pool}`} --id ${keptAs}`;
}

function removeOne(context: Context, name: string, referenceOnly: boolean): Promise<{ readonly id: string; readonly keptAs: string }> {
  let tries = 0;
  return withProgress(context, { kind: 'volume', name }, async (signal) => {
    tries += 1;
    try {
      return await context.client.call('DeleteVolume', { volume: name, referenceOnly }, { signal });
    } catch (error) {
      // A name that was there when we first asked: the job that we waited for has deleted it.
      if (tries > 1 && isConvoyError(error, 'NotFound')) return { id: name, keptAs: '' };
      throw error;
    }
  });
}

export function addVolumesTrash(parent: Command, run: Runner): void {
  parent
    .command('trash')
    .description('deleted volumes and snapshots that can be brought back')
    .option('--pool <pool>', 'only those of this pool')
    .action(run(trash));
}

async function trash({ client, out }: Context, _args: readonly [], options: { readonly pool?: string }): Promise<void> {
  const { items } = await client.call('ListTrash', { pool: options.pool ?? '' });
  out.answer(items.map(trashShape), (lines) => {
    if (items.length === 0) return lines.line('the trash is empty');
    lines.table(
      ['NAME', 'KIND', 'POOL', 'SIZE', 'DELETED', 'KEPT UNTIL', 'ENTRY'],
      items.map((item) => [
        item.name,
        item.kind,
        item.pool,
        formatBytes(BigInt(item.sizeBytes)),
        time(item.discardedAt),
        item.expiresAt === null ? 'removed by hand' : time(item.expiresAt),
        item.entry,
      ]),
    );
  });
}

const time = (stamp: Parameters<typeof dateOf>[0]): string => {
  const date = dateOf(stamp);
  return date === undefined ? '' : formatTime(date);
};

export function addVolumesUndelete(parent: Command, run: Runner): void {
  parent
    .command('undelete')
    .description('bring back a deleted volume or snapshot')
    .argument('<item>', 'its name, its id, or its entry in the trash')
    .option('--pool <pool>', 'look in this pool only')
    .action(run(undelete));
}

async function undelete({ client, out }: Context, [item]: readonly [string], options: { readonly pool?: string }): Promise<void> {
  const { volume, snapshot } = await client.call('UndeleteVolume', { pool: options.pool ?? '', item });
  if (volume) out.answer(volumeShape(volume), (lines) => lines.line(volume.name));
  if (snapshot) out.answer(snapshotShape(snapshot), (lines) => lines.line(snapshot.name));
}
