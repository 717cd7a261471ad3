import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { isErrno } from '../convoy/errors.ts';

/**
 * The callers (Docker's mount ids) that use one volume, in a small file, so that a restart of the program does not forget
 * them. What the mount table says beats it: the file of a volume that should be mounted and is not counts for nothing, and
 * so does one from before the last boot. It need not survive a power cut, so it is renamed into place but never synced.
 */
export class VolumeUses {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** `mounted`: what the mount table says; undefined for a volume that has no mount of its own. */
  async callers(mounted: boolean | undefined): Promise<readonly string[]> {
    if (mounted === false) return [];
    const stored = await this.#read();
    return stored !== undefined && stored.boot === (await bootId()) ? stored.callers : [];
  }

  async write(callers: readonly string[]): Promise<void> {
    const hidden = `${this.#file}.new`;
    await writeFile(hidden, `${JSON.stringify({ boot: await bootId(), callers })}\n`, { mode: 0o600 });
    await rename(hidden, this.#file);
  }

  /** For a volume that is gone. */
  async remove(): Promise<void> {
    try {
      await unlink(this.#file);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  async #read(): Promise<Stored | undefined> {
    try {
      const parsed: unknown = JSON.parse(await readFile(this.#file, 'utf8'));
      return isStored(parsed) ? parsed : undefined;
    } catch (error) {
      // A file that a power cut tore is one from before the last boot.
      if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}

interface Stored {
  readonly boot: string;
  readonly callers: readonly string[];
}

function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null) return false;
  const { boot, callers } = value as Partial<Record<keyof Stored, unknown>>;
  return typeof boot === 'string' && Array.isArray(callers) && callers.every((caller) => typeof caller === 'string');
}

const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
