import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODES, exitCodeTable } from '../src/cli/exit-codes.ts';
import { DAEMON_FLAGS } from '../src/config/flags.ts';
import { configReference } from '../src/config/reference.ts';
import type { Operations } from '../src/convoy/contract.ts';
import type { ErrorCode } from '../src/convoy/errors.ts';
import type { PARAMETER } from '../src/convoy/names.ts';
import { OPTION, type OptionKey, STORAGE_CLASS_OPTIONS } from '../src/convoy/options.ts';
import { CAPABILITIES } from '../src/csi/capabilities.ts';
import { csiDefinitions, type RpcName } from '../src/csi/definitions.ts';
import { statusName, statusOf } from '../src/csi/status.ts';
import { METRICS } from '../src/observe/metric-catalogue.ts';
import { alertTable, chartImages, rbacTable, valuesTable } from './docs-chart.ts';
import { commandReference } from './docs-commands.ts';
import { type KnownDriver, knownDrivers, takesFilesConsistency, takesOption } from './docs-drivers.ts';
import { code, table } from './lib/markdown.ts';

/** The generated tables by the name that marks their place in a page: `<!-- generated:NAME -->`. */
export const TABLES: Readonly<Record<string, () => Promise<string>>> = {
  'driver-matrix': driverMatrix,
  'csi-capabilities': async () => csiCapabilities(),
  'error-codes': async () => errorCodes(),
  'error-exceptions': async () => errorExceptions(),
  'exit-codes': async () => exitCodes(),
  commands: async () => commandReference(),
  metrics: async () => metrics(),
  'config-file': async () => configReference().trimEnd(),
  'daemon-options': async () => daemonOptions(),
  'driver-options': driverOptions,
  'driver-parameters': driverParameters,
  'storage-class': async () => storageClass(),
  'convoy-options': convoyOptions,
  values: async () => valuesTable(),
  rbac: async () => rbacTable(),
  images: async () => chartImages(),
  alerts: async () => alertTable(),
};

const yesNo = (yes: boolean): string => (yes ? 'yes' : 'no');

async function driverMatrix(): Promise<string> {
  const drivers = await knownDrivers();
  const has =
    (...groups: (keyof Operations)[]) =>
    (driver: KnownDriver): string =>
      yesNo(groups.every((group) => driver.instance.operations[group] !== undefined));
  const properties =
    (show: (of: KnownDriver['instance']['properties']) => string) =>
    (driver: KnownDriver): string =>
      show(driver.instance.properties);
  const rows: readonly (readonly [string, (driver: KnownDriver) => string | Promise<string>])[] = [
    ['a volume is', properties(({ access }) => (access === 'directory' ? 'a directory' : 'a block device'))],
    ['reachable from', properties(({ scope }) => (scope === 'local' ? 'its node' : 'every node'))],
    ['size is enforced', properties(({ sizeEnforced }) => yesNo(sizeEnforced))],
    ['raw block volumes', properties(({ access }) => yesNo(access === 'device'))],
    ['file systems made', properties(({ fileSystems }) => (fileSystems.length === 0 ? 'none' : fileSystems.join(', ')))],
    ['grow', has('expand')],
    ['snapshots', has('snapshot')],
    ['restore and clone', has('clone')],
    ['`consistency: files`', async (driver) => yesNo(await takesFilesConsistency(driver))],
    ['undelete', has('trash')],
    ['adopt existing data', async (driver) => yesNo((await takesOption(driver, { volumeDriverId: 'data' })) === undefined)],
    ['capacity', has('capacity')],
    ['health', has('health')],
    ['backups', has('backup')],
  ];
  const cells = await Promise.all(
    rows.map(async ([what, show]) => [what, ...(await Promise.all(drivers.map(async (driver) => await show(driver))))]),
  );
  return table(['', ...drivers.map(({ name }) => code(name))], cells);
}

function csiCapabilities(): string {
  const list = (types: readonly string[] | undefined): string => (types ?? []).map(code).join(', ');
  const rows = Object.entries(CAPABILITIES).map(
    ([group, gives]: [string, { controller?: readonly string[]; node?: readonly string[]; needs?: string }]) => [
      code(group) + (gives.needs === undefined ? '' : ` with ${code(gives.needs)}`),
      list(gives.controller),
      list(gives.node),
    ],
  );
  return table(['group', 'Controller', 'Node'], rows);
}

const ERROR_CODES = Object.keys(EXIT_CODES) as ErrorCode[];

function errorCodes(): string {
  const meaning = new Map(exitCodeTable().map((row) => [row.code, row.meaning]));
  return table(
    ['code', 'gRPC status', 'exit code', 'in short'],
    ERROR_CODES.map((name) => {
      const status = statusOf(name);
      return [
        `[${code(name)}](#${name.toLowerCase()})`,
        `${status} ${statusName(status)}`,
        String(EXIT_CODES[name]),
        meaning.get(name) ?? '',
      ];
    }),
  );
}

/** Where one RPC answers with another status than all others do. */
function errorExceptions(): string {
  const services: readonly object[] = Object.values(csiDefinitions);
  const rpcs = services.flatMap((service) => Object.keys(service)) as RpcName[];
  const rows = rpcs.flatMap((rpc) =>
    ERROR_CODES.filter((name) => statusOf(name, rpc) !== statusOf(name)).map((name) => [
      code(rpc),
      code(name),
      `${statusOf(name, rpc)} ${statusName(statusOf(name, rpc))}`,
      `${statusOf(name)} ${statusName(statusOf(name))}`,
    ]),
  );
  return table(['call', 'code', 'status', 'elsewhere'], rows);
}

function exitCodes(): string {
  return table(
    ['exit code', 'error code', 'meaning'],
    exitCodeTable().map((row) => [String(row.exit), row.code === '' ? '' : code(row.code), row.meaning]),
  );
}

function metrics(): string {
  return table(
    ['metric', 'type', 'labels', 'meaning'],
    Object.entries(METRICS).map(([name, { type, labels, help }]) => [code(name), type, labels.map(code).join(', '), help]),
  );
}

function daemonOptions(): string {
  return table(
    ['option', 'meaning'],
    Object.entries(DAEMON_FLAGS).map(([name, { value, description }]) => [code(`--${name} ${value}`), description]),
  );
}

async function driverOptions(): Promise<string> {
  const sections = (await knownDrivers()).map(({ name, description }) => {
    const rows = Object.entries(description.options).map(([key, text]) => [code(key), text]);
    return `**${name}**: ${description.summary}\n\n${table(['option', 'meaning'], rows)}`;
  });
  return sections.join('\n\n');
}

async function driverParameters(): Promise<string> {
  const rows = (await knownDrivers()).flatMap(({ name, instance }) =>
    Object.entries(instance.properties.parameters).map(([key, text]) => [code(name), code(key), text]),
  );
  return table(['driver', 'parameter', 'meaning'], rows);
}

const PARAMETER_MEANING: Readonly<Record<keyof typeof PARAMETER, { readonly where: string; readonly meaning: string }>> = {
  pool: {
    where: 'StorageClass',
    meaning: 'Name of the pool. Not needed with a single pool or a `defaultPool`. A restore or clone goes to the pool of its source.',
  },
  consistency: {
    where: 'StorageClass, VolumeSnapshotClass',
    meaning:
      '`point-in-time` (default) or `files`. See [point in time](architecture.md#point-in-time). In a StorageClass it is for clones.',
  },
};

function storageClass(): string {
  const own = Object.entries(PARAMETER_MEANING).map(([key, { where, meaning }]) => [code(key), where, meaning]);
  const options = STORAGE_CLASS_OPTIONS.map((key) => [code(key), 'StorageClass', 'See [Convoy option keys](#convoy-option-keys).']);
  return table(['key', 'where', 'meaning'], [...own, ...options]);
}

type Probe = Parameters<typeof takesOption>[1];

/** How each key is found out: by asking the drivers for it, or known, where no driver has a say. */
const TAKEN: Readonly<Record<OptionKey, Probe | 'honoured' | 'output'>> = {
  MountPoint: 'honoured',
  Size: 'honoured',
  Format: { format: true },
  VolumeUUID: 'output',
  VolumeName: 'honoured',
  VolumeDriverID: { volumeDriverId: 'data' },
  VolumeType: { volumeType: 'fast' },
  VolumeIOPS: { volumeIops: 100 },
  VolumeCreatedAt: 'output',
  SnapshotName: 'honoured',
  SnapshotCreatedAt: 'output',
  FileSystem: { fileSystem: 'ext4' },
  BackupURL: { backupUrl: 'file:///backup' },
  ReferenceOnly: { referenceOnly: true },
  PrepareForVM: { prepareForVm: true },
};

async function convoyOptions(): Promise<string> {
  const drivers = await knownDrivers();
  const meanings = optionMeanings();
  const take = async (driver: KnownDriver, how: Probe | 'honoured' | 'output'): Promise<string> => {
    if (typeof how === 'string') return how;
    return (await takesOption(driver, how)) === undefined ? 'honoured' : 'refused';
  };
  const rows = await Promise.all(
    (Object.keys(OPTION) as OptionKey[]).map(async (key) => [
      code(key),
      meanings.get(key) ?? '',
      yesNo(STORAGE_CLASS_OPTIONS.includes(key)),
      ...(await Promise.all(drivers.map(async (driver) => await take(driver, TAKEN[key])))),
    ]),
  );
  return table(['key', 'meaning', 'in a StorageClass', ...drivers.map(({ name }) => code(name))], rows);
}

/** The comments of OPTION are its documentation: a key without one is a defect. */
function optionMeanings(): ReadonlyMap<string, string> {
  const source = readFileSync(join(import.meta.dirname, '../src/convoy/options.ts'), 'utf8');
  const found = new Map<string, string>();
  for (const [, meaning = '', key = ''] of source.matchAll(/\/\*\* (.+?) \*\/\n {2}(\w+): '\2',/g)) found.set(key, linked(meaning));
  const missing = Object.keys(OPTION).filter((key) => !found.has(key));
  if (missing.length > 0) throw new Error(`src/convoy/options.ts: no comment above ${missing.join(', ')}`);
  return found;
}

/** A page and a heading that a comment names become a link. */
function linked(comment: string): string {
  return comment.replace(/\(docs\/(\S+)\.md, "([^"]+)"\)/, (_, page: string, heading: string) => {
    const anchor = heading.toLowerCase().replaceAll(' ', '-');
    return `([${heading}](${page === 'parameters' ? '' : `${page}.md`}#${anchor}))`;
  });
}
