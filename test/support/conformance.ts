import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CASES, checkSkips, reasonToSkip, runCase } from '../../src/conformance/index.ts';
import { DriverRegistry } from '../../src/convoy/registry.ts';
import { registerAll } from '../../src/drivers/all.ts';
import { openScratchFs, type ScratchFs, type ScratchFsType } from './scratch-fs.ts';
import { openScratchRig, type ScratchRig, type ScratchRigOptions } from './scratch-rig.ts';

export interface ConformanceOptions {
  readonly fsType: ScratchFsType;
  readonly sizeBytes?: bigint;
  /** The driver's options beside its path. */
  readonly options?: Readonly<Record<string, string>>;
  readonly config?: ScratchRigOptions['config'];
  /** Only the cases whose title matches. */
  readonly only?: RegExp;
  /** Titles of cases that are left out, each with the reason. */
  readonly skip?: ReadonlyMap<string, string>;
}

/** Runs the whole suite against a built-in driver, with its `path` on a scratch file system. */
export function conformance(
  driver: string,
  { fsType, sizeBytes = 2n << 30n, options = {}, config, only = /^/, skip = new Map() }: ConformanceOptions,
): void {
  const extra = Object.entries(options)
    .map(([key, value]) => `, ${key}=${value}`)
    .join('');
  describe(`driver ${driver} on ${fsType}${extra}`, () => {
    let fs: ScratchFs | undefined;
    let directory: string | undefined;
    let rig: ScratchRig | undefined;

    before(async () => {
      checkSkips(skip);
      fs = openScratchFs(fsType, sizeBytes);
      directory = mkdtempSync(join(tmpdir(), 'convoy-conformance-'));
      const path = join(fs.path, 'pool');
      mkdirSync(path);
      const registry = new DriverRegistry();
      registerAll(registry);
      rig = await openScratchRig({
        registry,
        driver,
        options: { [`${driver}.path`]: path, ...options },
        fileSystem: fs.path,
        directory,
        ...(config === undefined ? {} : { config }),
      });
    });
    after(async () => {
      try {
        await rig?.close();
      } finally {
        fs?.close();
        if (directory !== undefined) rmSync(directory, { recursive: true });
      }
    });

    for (const each of CASES.filter(({ title }) => only.test(title)))
      it(each.title, async (t) => {
        if (rig === undefined) throw new Error('the rig could not be opened');
        const reason = skip.get(each.title) ?? (await reasonToSkip(rig, each));
        if (reason === undefined) await runCase(rig, each);
        else t.skip(reason);
      });
  });
}
