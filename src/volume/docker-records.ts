import type { FormatGate, RecordOperations } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { type LocalVolumeId, parseLocalId } from '../convoy/ids.ts';

/** What is kept of a volume that a Docker engine made through a ConvoyDriver. */
export interface DockerVolumeRecord {
  readonly version: 1;
  readonly id: LocalVolumeId;
  readonly name: string;
  /** As given, by their wire names. */
  readonly options: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly state: 'pending' | 'ready' | 'deleting';
  readonly format: FormatGate['state'];
}
const KIND = 'docker-volume';

/** The records of volumes offered to Docker, in the driver's own record store. */
export class DockerRecords {
  readonly #store: RecordOperations;

  constructor(store: RecordOperations) {
    this.#store = store;
  }

  /** DataLoss for a damaged record, Precondition for one of another kind. */
  async find(id: LocalVolumeId): Promise<DockerVolumeRecord | undefined> {
    const text = await this.#store.readRecord('volume', id);
    return text === undefined ? undefined : decode(id, text);
  }

  /** All that can be read: one damaged record takes one volume from the list, and `get` says why. */
  async list(): Promise<readonly DockerVolumeRecord[]> {
    const ids = (await this.#store.listRecords('volume')).map((id) => parseLocalId(id, 'volume')).filter((id) => id !== undefined);
    const found = await Promise.all(ids.map((id) => this.find(id).catch(onlyOneVolume)));
    return found.filter((record) => record !== undefined);
  }

  async write(record: DockerVolumeRecord): Promise<void> {
    await this.#store.writeRecord('volume', record.id, `${JSON.stringify({ kind: KIND, ...record })}\n`);
  }

  remove(id: LocalVolumeId): Promise<void> {
    return this.#store.removeRecord('volume', id);
  }

  /** Lets the shared mounter format the volume's device once. */
  formatGate(record: DockerVolumeRecord): FormatGate {
    let state = record.format;
    const move = async (next: FormatGate['state']): Promise<void> => {
      await this.write({ ...record, format: next });
      state = next;
    };
    return {
      get state() {
        return state;
      },
      begin: () => move('formatting'),
      done: () => move('formatted'),
    };
  }
}

function decode(id: LocalVolumeId, text: string): DockerVolumeRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw damaged(id, error);
  }
  if (typeof parsed !== 'object' || parsed === null) throw damaged(id);
  const { kind, ...record } = parsed as { kind?: unknown } & Partial<DockerVolumeRecord>;
  if (kind !== KIND)
    throw new ConvoyError(
      'Precondition',
      `volume ${id} was not made by a Docker engine: use the pool that made it, and give Docker a storage of its own`,
    );
  if (record.version !== 1)
    throw new ConvoyError(
      'Unavailable',
      `the record of volume ${id} has version ${String(record.version)}, this program knows 1: use the newer convoy that wrote it`,
    );
  if (record.id !== id || typeof record.name !== 'string' || typeof record.options !== 'object') throw damaged(id);
  return record as DockerVolumeRecord;
}

const damaged = (id: string, cause?: unknown): ConvoyError =>
  new ConvoyError(
    'DataLoss',
    `the record of volume ${id} is damaged: its data is untouched; see docs/troubleshooting.md, "record is damaged"`,
    { cause },
  );

function onlyOneVolume(error: unknown): undefined {
  if (isConvoyError(error, 'DataLoss') || isConvoyError(error, 'Precondition')) return undefined;
  throw error;
}
