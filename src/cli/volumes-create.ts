import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { Request } from '../admin/definitions.ts';
import { ConvoyError, invalid } from '../convoy/errors.ts';
import type { OptionKey } from '../convoy/options.ts';
import { parseSize } from '../convoy/options.ts';
import type { Context, Runner } from './context.ts';
import { volumeShape } from './shapes.ts';
import { withProgress } from './wait.ts';

interface CreateOptions {
  readonly size?: string;
  readonly pool?: string;
  readonly driver?: string;
  readonly snapshot?: string;
  readonly volume?: string;
  readonly fs?: string;
  readonly format: boolean;
  readonly block?: boolean;
  readonly id?: string;
  readonly type?: string;
  readonly iops?: string;
  readonly backup?: string;
  readonly vm?: boolean;
  readonly consistency?: string;
  readonly opt?: readonly string[];
}

export function addVolumesCreate(parent: Command, run: Runner, hidden: { readonly hidden?: boolean } = {}): void {
  parent
    .command('create', hidden)
    .description('make a volume; prints its name')
    .argument('[name]', 'default: a new name')
    .option('--size <size>', "such as 10G or 10Gi; default: the pool's")
    .option('--pool <pool>', 'pool to make it in; default: the default one')
    .option('--driver <driver>', 'the same, by the driver of the pool, if only one has it')
    .option('--snapshot <snapshot>', 'restore this snapshot, by name or id')
    .option('--volume <volume>', 'clone this volume, by name or id')
    .option('--fs <type>', 'file system, such as ext4 or xfs')
    .option('--no-format', 'never make a file system on it')
    .option('--block', 'a raw block volume')
    .option('--id <id>', 'adopt this object of the storage (VolumeDriverID)')
    .option('--type <type>', "the storage's own class of volume (VolumeType)")
    .option('--iops <number>', 'provisioned I/O operations a second (VolumeIOPS)')
    .option('--backup <url>', 'restore this backup (BackupURL)')
    .option('--vm', 'put a disk image of its size into it for a virtual machine (PrepareForVM)')
    .option('--consistency <how>', 'of a copy: point-in-time or files')
    .option('--opt <key=value>', "the driver's own parameter (repeatable)", (value: string, all: readonly string[] = []) => [...all, value])
    .action(run(create));
}

async function create(context: Context, [given]: readonly [string | undefined], options: CreateOptions): Promise<void> {
  const name = given ?? `volume-${randomBytes(8).toString('hex')}`;
  const request = await toRequest(context, name, options);
  const { volume } = await withProgress(context, { kind: 'volume', name }, (signal) =>
    context.client.call('CreateVolume', request, { signal }),
  );
  if (volume !== null) context.out.answer(volumeShape(volume), (lines) => lines.line(volume.name));
}

async function toRequest(context: Context, name: string, options: CreateOptions): Promise<Request<'CreateVolume'>> {
  return {
    name,
    pool: await choosePool(context, options),
    options: wireOptions(options),
    parameters: Object.fromEntries((options.opt ?? []).map(parseParameter)),
    sourceSnapshot: options.snapshot ?? '',
    sourceVolume: options.volume ?? '',
    consistency: options.consistency ?? '',
    block: options.block === true,
  };
}

function wireOptions(options: CreateOptions): Record<string, string> {
  const wire: readonly (readonly [OptionKey, string | undefined])[] = [
    ['Size', options.size === undefined ? undefined : parseSize('--size', options.size).toString()],
    ['FileSystem', options.fs],
    ['Format', options.format ? undefined : 'false'],
    ['VolumeDriverID', options.id],
    ['VolumeType', options.type],
    ['VolumeIOPS', options.iops],
    ['BackupURL', options.backup],
    ['PrepareForVM', options.vm === true ? 'true' : undefined],
  ];
  return Object.fromEntries(wire.filter((entry): entry is readonly [OptionKey, string] => entry[1] !== undefined));
}

function parseParameter(text: string): readonly [string, string] {
  const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw invalid(`--opt ${JSON.stringify(text)} is malformed; allowed is KEY=VALUE`);
  return [key, value];
}

/** Convoy chose by driver; a driver may have several pools here. */
async function choosePool({ client }: Context, { pool, driver }: CreateOptions): Promise<string> {
  if (driver === undefined) return pool ?? '';
  const { pools } = await client.call('ListPools', {});
  const [only, ...others] = pools.filter((each) => each.driver === driver && (pool === undefined || each.name === pool));
  if (only === undefined)
    throw new ConvoyError(
      'NotFound',
      `no ${pool === undefined ? 'pool' : `pool ${pool}`} of driver ${JSON.stringify(driver)}; pools are ${pools.map((each) => `${each.name} (${each.driver})`).join(', ')}`,
    );
  if (others.length > 0)
    throw invalid(`driver ${driver} has several pools: choose one of ${[only, ...others].map((each) => each.name).join(', ')} by --pool`);
  return only.name;
}
