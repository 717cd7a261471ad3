import { parseArgs } from 'node:util';
import { invalid } from '../convoy/errors.ts';

/** One command-line option of `convoy daemon`. The fast parser here, `convoy daemon --help` and docs/cli.md all read this table. */
export interface Flag {
  /** What stands for the value in help texts. */
  readonly value: string;
  readonly description: string;
  readonly repeatable: boolean;
}

export const DAEMON_FLAGS = {
  config: { value: 'FILE', description: 'YAML config file (docs/parameters.md)', repeatable: false },
  role: { value: 'ROLE', description: 'what to serve: all (default), controller or node', repeatable: false },
  endpoint: { value: 'URL', description: 'unix socket to serve on, such as unix:///run/convoy/csi.sock', repeatable: false },
  root: { value: 'DIR', description: 'where convoy keeps its own state', repeatable: false },
  'node-id': { value: 'NAME', description: "this node's name; default: the host name", repeatable: false },
  'driver-name': { value: 'NAME', description: 'CSI plugin name', repeatable: false },
  drivers: { value: 'NAME', description: 'make one pool of this driver, named after it (repeatable)', repeatable: true },
  'driver-opts': {
    value: 'KEY=VALUE',
    description: 'option of a driver given by --drivers, such as vfs.path=/srv/volumes (repeatable)',
    repeatable: true,
  },
  'default-pool': { value: 'POOL', description: 'pool of volumes that name none', repeatable: false },
  'http-listen': { value: 'HOST:PORT', description: "address of /healthz, /readyz and /metrics; '' = off", repeatable: false },
  'log-level': { value: 'LEVEL', description: 'trace, debug, info, warn or error', repeatable: false },
} as const satisfies Record<string, Flag>;
export type DaemonFlag = keyof typeof DAEMON_FLAGS;

/** Values by flag, in the order given; absent = not given. */
export type DaemonFlags = Partial<Record<DaemonFlag, readonly string[]>>;

/**
 * Parses the arguments after `daemon`, without loading a CLI library. InvalidArgument names an unknown option, an option
 * without its value, one given twice, or a stray argument.
 */
export function parseDaemonFlags(args: readonly string[]): DaemonFlags {
  const names = Object.keys(DAEMON_FLAGS) as DaemonFlag[];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const, multiple: true }]));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const flags: Partial<Record<DaemonFlag, string[]>> = {};
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional')
      throw invalid(`unexpected argument ${JSON.stringify(token.value)}: convoy daemon takes options only (convoy daemon --help)`);
    const flag = names.find((name) => name === token.name);
    if (flag === undefined || !token.rawName.startsWith('--')) throw invalid(unknownOption(token.rawName, names));
    addValue(flags, flag, token.value, token.inlineValue === true);
  }
  return flags;
}

function addValue(flags: Partial<Record<DaemonFlag, string[]>>, flag: DaemonFlag, value: string | undefined, inline: boolean): void {
  // "--root --drivers vfs" is a forgotten value, not a directory named "--drivers"; "--root=--x" says that it is meant.
  if (value === undefined || (!inline && value.startsWith('--')))
    throw invalid(`option --${flag} needs a value: --${flag} ${DAEMON_FLAGS[flag].value}`);
  const values = flags[flag] ?? [];
  if (values.length > 0 && !DAEMON_FLAGS[flag].repeatable) throw invalid(`option --${flag} is given twice`);
  flags[flag] = [...values, value];
}

function unknownOption(rawName: string, names: readonly string[]): string {
  return `unknown option ${rawName}; options of convoy daemon are ${names.map((name) => `--${name}`).join(', ')}`;
}
