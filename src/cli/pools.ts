import type { Command } from 'commander';
import { ConvoyError } from '../convoy/errors.ts';
import type { Context, Runner } from './context.ts';
import type { PoolMessage } from './shapes.ts';
import { poolShape } from './shapes.ts';
import { formatBytes, formatDuration } from './units.ts';

export function addPools(program: Command, run: Runner): void {
  const pools = program.command('pools').alias('pool').description('the storage that is served');
  pools.command('list').alias('ls').description('all configured pools').action(run(list));
  pools.command('inspect').description('everything about one pool').argument('<pool>').action(run(inspect));
  pools
    .command('init')
    .description('make a pool of an empty place')
    .argument('<pool>')
    .option('--replace', 'the old data is gone: make a new pool of whatever is there now')
    .action(run(init));
  pools.command('adopt').description("make another node's pool, whose disk is now here, this node's").argument('<pool>').action(run(adopt));
}

async function list({ client, out }: Context): Promise<void> {
  const { pools } = await client.call('ListPools', {});
  out.answer(pools.map(poolShape), (lines) => {
    lines.table(...poolRows(pools));
    for (const { name, open, reason } of pools) if (!open) lines.line(`\n${name} is unavailable: ${reason}`);
  });
}

/** Head and rows of the table of pools. */
export function poolRows(pools: readonly PoolMessage[]): [readonly string[], readonly (readonly string[])[]] {
  const ifOpen = (pool: PoolMessage, text: string): string => (pool.open ? text : '-');
  return [
    ['POOL', 'DRIVER', 'STATE', 'SIZE', 'AVAILABLE', 'PROMISED', 'VOLUMES', 'SNAPSHOTS'],
    pools.map((pool) => [
      `${pool.name}${pool.isDefault ? ' (default)' : ''}`,
      pool.driver,
      pool.open ? 'open' : 'unavailable',
      ifOpen(pool, formatBytes(BigInt(pool.totalBytes))),
      ifOpen(pool, formatBytes(BigInt(pool.availableBytes))),
      ifOpen(pool, formatBytes(BigInt(pool.promisedBytes))),
      ifOpen(pool, pool.volumes),
      ifOpen(pool, pool.snapshots),
    ]),
  ];
}

async function inspect({ client, out }: Context, [name]: readonly [string]): Promise<void> {
  const { pools } = await client.call('ListPools', {});
  const pool = pools.find((each) => each.name === name);
  if (pool === undefined)
    throw new ConvoyError(
      'NotFound',
      `pool ${JSON.stringify(name)} is not configured; pools are ${pools.map((each) => each.name).join(', ')}`,
    );
  showPool({ out }, pool);
}

async function init({ client, out }: Context, [pool]: readonly [string], options: { readonly replace?: boolean }): Promise<void> {
  const answer = await client.call('InitPool', { pool, how: options.replace === true ? 'REPLACE' : 'INIT' });
  if (answer.pool !== null) showPool({ out }, answer.pool);
}

async function adopt({ client, out }: Context, [pool]: readonly [string]): Promise<void> {
  const answer = await client.call('InitPool', { pool, how: 'ADOPT' });
  if (answer.pool !== null) showPool({ out }, answer.pool);
}

function showPool({ out }: Pick<Context, 'out'>, pool: PoolMessage): void {
  out.answer(poolShape(pool), (lines) => {
    lines.facts([...stateFacts(pool), ...settingFacts(pool), ...Object.entries(pool.options), ...Object.entries(pool.info)]);
    for (const { status, reason, message } of pool.problems) lines.line(`${status} ${reason}: ${message}`);
  });
}

type Facts = readonly (readonly [string, string])[];

function stateFacts(pool: PoolMessage): Facts {
  const facts: Facts = [
    ['Name', `${pool.name}${pool.isDefault ? ' (default)' : ''}`],
    ['Driver', pool.driver],
    ['State', pool.open ? 'open' : `unavailable: ${pool.reason}`],
    ['Scope', pool.scope],
    ['Offers', pool.access],
    ['Operations', pool.operations.join(', ')],
  ];
  if (!pool.open) return facts;
  return [
    ...facts,
    ['Sizes', pool.sizeEnforced ? 'enforced' : 'promised, not enforced'],
    ['Size', size(pool.totalBytes)],
    ['Available', formatBytes(BigInt(pool.availableBytes))],
    ['Promised', formatBytes(BigInt(pool.promisedBytes))],
    ['Holds', `${pool.volumes} volumes, ${pool.snapshots} snapshots, ${pool.trashed} in the trash`],
  ];
}

function settingFacts({ settings }: PoolMessage): Facts {
  if (settings === null) return [];
  return [
    ['Made', settings.init === 'auto' ? 'by itself' : 'by convoy pools init'],
    ['Overcommit', String(settings.overcommit)],
    ['Thin', String(settings.thin)],
    ['On delete', settings.onDelete],
    ['Trash kept', settings.trashRetentionMs === '0' ? '' : formatDuration(Number(settings.trashRetentionMs))],
    ['Default size', size(settings.defaultVolumeSize)],
    ['Jobs at once', settings.maxJobs],
    ['Bandwidth', settings.bandwidth === '0' ? '' : `${formatBytes(BigInt(settings.bandwidth))}/s`],
  ];
}

/** 0 = not known or not set. */
const size = (bytes: string): string => (bytes === '0' ? '' : formatBytes(BigInt(bytes)));
