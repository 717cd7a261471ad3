import type { Command } from 'commander';
import { parseSize } from '../convoy/options.ts';
import type { Context, Runner } from './context.ts';
import { allPages } from './pages.ts';
import type { VolumeMessage } from './shapes.ts';
import { dateOf, problemShape, snapshotShape, volumeShape } from './shapes.ts';
import { formatBytes, formatTime } from './units.ts';
import { addVolumesCreate } from './volumes-create.ts';
import { addVolumesDelete, addVolumesTrash, addVolumesUndelete } from './volumes-delete.ts';
import { withProgress } from './wait.ts';

export function addVolumes(program: Command, run: Runner): void {
  const volumes = program.command('volumes').alias('volume').description('volumes, by name or id');
  addVolumesCreate(volumes, run);
  addList(volumes, run);
  addInspect(volumes, run);
  addMount(volumes, run);
  addUmount(volumes, run);
  volumes
    .command('expand')
    .description('make a volume larger')
    .argument('<volume>')
    .requiredOption('--size <size>', 'its new size, such as 20G; required')
    .action(run(expand));
  addVolumesDelete(volumes, run);
  addVolumesUndelete(volumes, run);
  addVolumesTrash(volumes, run);
}

/** Convoy's own verbs, without a noun: what its users type. Not in the help. */
export function addConvoyVerbs(program: Command, run: Runner): void {
  for (const add of [addVolumesCreate, addList, addInspect, addMount, addUmount, addVolumesDelete]) add(program, run, { hidden: true });
}

type Hidden = { readonly hidden?: boolean };

function addList(parent: Command, run: Runner, hidden: Hidden = {}): void {
  parent
    .command('list', hidden)
    .description('all volumes')
    .option('--pool <pool>', 'only those of this pool')
    .option('--ids', 'show their ids')
    .action(run(list));
}

async function list(
  { client, out }: Context,
  _args: readonly [],
  options: { readonly pool?: string; readonly ids?: boolean },
): Promise<void> {
  const volumes = await allPages(async (page) => {
    const { volumes: entries, nextToken } = await client.call('ListVolumes', { pool: options.pool ?? '', ...page });
    return { entries, nextToken };
  });
  const sorted = [...volumes].sort((a, b) => (a.name < b.name ? -1 : 1));
  out.answer(sorted.map(volumeShape), (lines) => {
    if (sorted.length === 0) return lines.line('no volumes');
    const ids = options.ids === true;
    lines.table(
      ['NAME', 'POOL', 'SIZE', 'FILE SYSTEM', 'STATE', 'CREATED', ...(ids ? ['ID'] : [])],
      sorted.map((volume) => [
        volume.name,
        volume.pool,
        sizeOf(volume),
        kindOf(volume),
        volume.state,
        createdAt(volume),
        ...(ids ? [volume.id] : []),
      ]),
    );
  });
}

function addInspect(parent: Command, run: Runner, hidden: Hidden = {}): void {
  parent.command('inspect', hidden).description('everything about one volume').argument('<volume>').action(run(inspect));
}

async function inspect({ client, out }: Context, [name]: readonly [string]): Promise<void> {
  const answer = await client.call('InspectVolume', { volume: name });
  const { volume, uses, problems, snapshots, details } = answer;
  if (volume === null) return;
  const allocated = answer.allocatedBytes === '0' ? null : BigInt(answer.allocatedBytes);
  const value = {
    ...volumeShape(volume),
    allocatedBytes: allocated,
    details,
    uses: uses.map(({ kind, path, readOnly }) => ({ kind, path, readOnly })),
    problems: problems.map(problemShape),
    snapshots: snapshots.map(snapshotShape),
  };
  out.answer(value, (lines) => {
    lines.facts([...volumeFacts(volume), ['Takes', allocated === null ? '' : formatBytes(allocated)], ...Object.entries(details)]);
    for (const { kind, path, readOnly } of uses) lines.facts([[kind, `${path}${readOnly ? ' (read-only)' : ''}`]]);
    for (const { status, reason, message } of problems) lines.facts([[`${status} ${reason}`, message]]);
    if (snapshots.length === 0) return;
    lines.line('');
    lines.table(
      ['SNAPSHOT', 'SIZE', 'CREATED'],
      snapshots.map((snapshot) => [snapshot.name, formatBytes(BigInt(snapshot.sizeBytes)), createdAt(snapshot)]),
    );
  });
}

function addMount(parent: Command, run: Runner, hidden: Hidden = {}): void {
  parent
    .command('mount', hidden)
    .description('mount a volume on this machine; prints where')
    .argument('<volume>')
    .option('--mountpoint <dir>', 'an existing empty directory; default: one below the root')
    .option('--read-only', 'mount it read-only')
    .action(run(mount));
}

async function mount(
  { client, out }: Context,
  [volume]: readonly [string],
  options: { readonly mountpoint?: string; readonly readOnly?: boolean },
): Promise<void> {
  const { path } = await client.call('MountVolume', { volume, mountPoint: options.mountpoint ?? '', readOnly: options.readOnly === true });
  out.answer({ path }, (lines) => lines.line(path));
}

function addUmount(parent: Command, run: Runner, hidden: Hidden = {}): void {
  parent
    .command('umount', hidden)
    .description('undo convoy volumes mount')
    .argument('<volume>')
    .option('--mountpoint <dir>', 'only there; default: everywhere')
    .action(run(umount));
}

async function umount({ client, out }: Context, [volume]: readonly [string], options: { readonly mountpoint?: string }): Promise<void> {
  await client.call('UmountVolume', { volume, mountPoint: options.mountpoint ?? '' });
  out.answer({}, () => {});
}

async function expand(context: Context, [name]: readonly [string], options: { readonly size: string }): Promise<void> {
  const sizeBytes = parseSize('--size', options.size).toString();
  const { volume } = await withProgress(context, { kind: 'volume', name }, (signal) =>
    context.client.call('ExpandVolume', { volume: name, sizeBytes }, { signal }),
  );
  if (volume !== null) context.out.answer(volumeShape(volume), (lines) => lines.line(`${formatBytes(BigInt(volume.sizeBytes))}`));
}

/** What people want to know of a volume, for `inspect`. */
function volumeFacts(volume: VolumeMessage): readonly (readonly [string, string])[] {
  return [
    ['Name', volume.name],
    ['Id', volume.id],
    ['Pool', volume.pool],
    ['Driver', volume.driver],
    ['State', volume.state],
    ['Size', sizeOf(volume)],
    ['File system', kindOf(volume)],
    ['Created', createdAt(volume)],
    ['Node', volume.node],
    ['From snapshot', volume.sourceSnapshotId],
    ['From volume', volume.sourceVolumeId],
  ];
}

const sizeOf = (volume: VolumeMessage): string => `${formatBytes(BigInt(volume.sizeBytes))}${volume.sizeEnforced ? '' : ' (not enforced)'}`;
const kindOf = (volume: VolumeMessage): string => (volume.block ? 'raw block' : volume.fileSystem === '' ? '-' : volume.fileSystem);

function createdAt(object: Pick<VolumeMessage, 'createdAt'>): string {
  const date = dateOf(object.createdAt);
  return date === undefined ? '' : formatTime(date);
}
