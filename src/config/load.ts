import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isAbsolute, normalize } from 'node:path';
import { invalid, isErrno } from '../convoy/errors.ts';
import { DEFAULT_DRIVER_NAME, DEFAULT_ENDPOINT, DEFAULT_ROOT } from '../convoy/names.ts';
import type { PoolConfig } from '../pool/api.ts';
import type { DaemonConfig, KnownDrivers, LogLevel, Role } from './config.ts';
import { LOG_LEVELS, ROLES } from './config.ts';
import { parseEndpoint, parseListenAddress } from './endpoint.ts';
import type { DaemonFlag, DaemonFlags } from './flags.ts';
import { checkPools, poolsOfDrivers, poolsOfFile, quickStartPool } from './pools.ts';
import { parseAgent, parseController, parseKubelet } from './roles.ts';
import type { ConfigFile } from './schema.ts';
import { parseTopology } from './topology.ts';

export interface ConfigSources {
  readonly flags: DaemonFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly drivers: KnownDrivers;
}

/**
 * Settings from flags, then the environment (CSI_ENDPOINT), then the config file, then defaults; CONVOY_TOPOLOGY is merged with
 * the file's. Reads the config file and nothing else; makes nothing. InvalidArgument says which key or option is wrong, what it is and what is allowed.
 */
export async function loadDaemonConfig(sources: ConfigSources): Promise<DaemonConfig> {
  const { flags, env, drivers } = sources;
  const file = await readConfigFile(one(flags, 'config'));
  const role = parseRole(one(flags, 'role') ?? 'all');
  const driverName = parseDriverName(...setting(flags, 'driver-name', 'driverName', file.driverName, DEFAULT_DRIVER_NAME));
  const kubeletDirectory = parseKubelet(file);
  const root = parseRoot(...setting(flags, 'root', 'root', file.root, DEFAULT_ROOT));
  const { pools, makeDirectories } = choosePools(flags, file, { root, driverName }, drivers);
  // A controller's pools are on nodes that may each have their own.
  checkPools(pools, root, drivers, { overlap: role !== 'controller' });
  return {
    role,
    driverName,
    nodeName: parseNodeName(...setting(flags, 'node-id', 'nodeId', file.nodeId, hostname())),
    root,
    socketPath: chooseEndpoint(flags, env, file, defaultEndpoint(role, kubeletDirectory, driverName)),
    http: parseListenAddress(...setting(flags, 'http-listen', 'http.listen', file.http?.listen, '127.0.0.1:9808')),
    logLevel: parseLogLevel(...setting(flags, 'log-level', 'log.level', file.log?.level, 'info')),
    pools,
    defaultPool: parseDefaultPool(setting(flags, 'default-pool', 'defaultPool', file.defaultPool, ''), pools),
    topology: parseTopology(role, file.topology, env['CONVOY_TOPOLOGY'], driverName),
    makeDirectories,
    kubeletDirectory,
    agent: parseAgent(role, file),
    controller: parseController(role, file),
  };
}

/** `{}` without a file. YAML and the checker are loaded only when there is one: they cost memory and start time. */
async function readConfigFile(path: string | undefined): Promise<ConfigFile> {
  if (path === undefined) return {};
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw invalid(`config file ${path} does not exist`);
    if (isErrno(error, 'EACCES', 'EPERM')) throw invalid(`config file ${path} cannot be read by this user: run convoy daemon as root`);
    if (isErrno(error, 'EISDIR')) throw invalid(`config file ${path} is a directory; allowed is a YAML file`);
    throw invalid(`config file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { parseConfigFile } = await import('./file.ts');
  return parseConfigFile(path, text);
}

/** [what to call it in messages, value]: the flag if given, else the file's key, else the default. */
function setting(
  flags: DaemonFlags,
  flag: DaemonFlag,
  key: string,
  inFile: string | undefined,
  fallback: string,
): readonly [string, string] {
  const given = one(flags, flag);
  return given === undefined ? [key, inFile ?? fallback] : [`--${flag}`, given];
}

const one = (flags: DaemonFlags, flag: DaemonFlag): string | undefined => flags[flag]?.at(-1);

function choosePools(
  flags: DaemonFlags,
  file: ConfigFile,
  { root, driverName }: { readonly root: string; readonly driverName: string },
  drivers: KnownDrivers,
): { pools: readonly PoolConfig[]; makeDirectories: readonly string[] } {
  const names = flags.drivers ?? [];
  const options = flags['driver-opts'] ?? [];
  if (names.length > 0 && file.pools !== undefined) throw invalid('--drivers and the config file\'s "pools" are both given: choose one');
  if (names.length === 0 && options.length > 0) throw invalid(`--driver-opts ${options[0]} is given without --drivers`);
  if (names.length > 0) return { pools: poolsOfDrivers(names, options, drivers), makeDirectories: [] };
  if (file.pools !== undefined) return { pools: poolsOfFile(file.pools, driverName), makeDirectories: [] };
  const { pool, directory } = quickStartPool(root);
  return { pools: [pool], makeDirectories: [directory] };
}

/** A plugin's own folder below the kubelet's, where its socket is looked for; elsewhere ours. */
function defaultEndpoint(role: Role, kubeletDirectory: string | undefined, driverName: string): string {
  return role === 'node' && kubeletDirectory !== undefined ? `unix://${kubeletDirectory}/plugins/${driverName}/csi.sock` : DEFAULT_ENDPOINT;
}

function chooseEndpoint(flags: DaemonFlags, env: ConfigSources['env'], file: ConfigFile, fallback: string): string {
  const flag = one(flags, 'endpoint');
  if (flag !== undefined) return parseEndpoint('--endpoint', flag);
  const fromEnv = env['CSI_ENDPOINT'];
  if (fromEnv !== undefined && fromEnv !== '') return parseEndpoint('CSI_ENDPOINT', fromEnv);
  return parseEndpoint('endpoint', file.endpoint ?? fallback);
}

function parseRole(role: string): Role {
  const found = ROLES.find((known) => known === role);
  if (found === undefined) throw invalid(`--role is ${JSON.stringify(role)}; allowed are ${ROLES.join(', ')}`);
  return found;
}

function parseRoot(field: string, root: string): string {
  if (!isAbsolute(root) || root.includes('\0')) throw invalid(`${field} is ${JSON.stringify(root)}; allowed is an absolute path`);
  const clean = normalize(root);
  if (clean === '/') throw invalid(`${field} is "/"; allowed is a directory of its own, such as ${DEFAULT_ROOT}`);
  return clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** CSI spec, GetPluginInfoResponse.name: domain name notation, 63 characters or less. */
function parseDriverName(field: string, name: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/.test(name))
    throw invalid(
      `${field} is ${JSON.stringify(name)}; allowed are 1 to 63 letters, digits, - and ., beginning and ending with a letter or digit`,
    );
  return name;
}

/** A Kubernetes node name is a DNS subdomain of up to 253 characters; host names elsewhere may have capitals and _. */
function parseNodeName(field: string, name: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name))
    throw invalid(
      `${field} is ${JSON.stringify(name)}; allowed are 1 to 253 letters, digits, -, _ and ., beginning and ending with a letter or digit`,
    );
  return name;
}

function parseLogLevel(field: string, level: string): LogLevel {
  const found = LOG_LEVELS.find((known) => known === level);
  if (found === undefined) throw invalid(`${field} is ${JSON.stringify(level)}; allowed are ${LOG_LEVELS.join(', ')}`);
  return found;
}

function parseDefaultPool([field, name]: readonly [string, string], pools: readonly PoolConfig[]): string | undefined {
  if (name === '') return undefined;
  if (!pools.some((pool) => pool.name === name))
    throw invalid(`${field} is ${JSON.stringify(name)}; configured pools are ${pools.map((pool) => pool.name).join(', ')}`);
  return name;
}
