import { invalid } from '../../convoy/errors.ts';
import { type DirectoryOptions, describeDirectoryOptions, parseDirectoryOptions } from '../../directory/options.ts';
import { GlobalScope, LocalScope, type Scope } from '../../volume/contract.ts';

export interface VfsOptions extends DirectoryOptions {
  /** `global`: every node reaches the directory. */
  readonly scope: Scope;
}

const SCOPES: readonly Scope[] = [LocalScope, GlobalScope];

export function parseVfsOptions(driver: string, config: Readonly<Record<string, string>>): VfsOptions {
  const key = `${driver}.scope`;
  const asked = config[key] ?? LocalScope;
  const scope = SCOPES.find((each) => each === asked);
  if (scope === undefined) throw invalid(`${key} is ${JSON.stringify(asked.slice(0, 32))}; allowed are ${SCOPES.join(', ')}`);
  return { ...parseDirectoryOptions(driver, config, ['scope']), scope };
}

export function describeVfsOptions(driver: string): Readonly<Record<string, string>> {
  return {
    ...describeDirectoryOptions(driver),
    [`${driver}.scope`]:
      'local, or global: the directory is on a file system that every node has mounted at this path, such as NFS or CephFS, and each node publishes its volumes (default local).',
  };
}
