import { ConvoyError, invalid } from '../../convoy/errors.ts';

/** What Docker's local driver mounts at a volume's `_data`, as typed by the user. */
export interface MountOptions {
  readonly type?: string;
  readonly o?: string;
  readonly device?: string;
}

export const MOUNT_OPTION_KEYS = ['type', 'o', 'device'] as const satisfies readonly (keyof MountOptions)[];

/** Which further options one needs: Docker's table (volume/local/local_unix.go, mandatoryOpts). */
const NEEDS: Readonly<Record<keyof MountOptions, readonly (keyof MountOptions)[]>> = {
  type: ['device'],
  device: ['type'],
  o: ['device', 'type'],
};

/** Parses Docker's options of `local`. InvalidArgument names the key; `size` is NotSupported. */
export function parseMountOptions(opts: Readonly<Record<string, string>>): MountOptions {
  for (const [key, value] of Object.entries(opts)) checkOption(key, value);
  const parsed: MountOptions = { ...opts };
  for (const key of MOUNT_OPTION_KEYS) {
    const missing = parsed[key] === undefined ? undefined : NEEDS[key].find((other) => parsed[other] === undefined);
    if (missing !== undefined) throw invalid(`option ${key} of driver local needs option ${missing} too`);
  }
  if (parsed.device?.startsWith('-'))
    throw invalid('option device of driver local starts with "-", which mount(8) would take for an option of its own');
  return parsed;
}

export const needsMount = (options: MountOptions): boolean => options.device !== undefined;

/**
 * What mount(8) is asked for. Docker's way to write an NFS export, `device=:/path` with `o=addr=host`, is meant for the
 * system call; mount.nfs wants `host:/path`.
 */
export function mountRequest(options: MountOptions): { source: string; fsType: string; options: readonly string[] } {
  const { type = 'none', device = 'none', o } = options;
  const flags = o?.split(',') ?? [];
  const address = flags.find((flag) => flag.startsWith('addr='))?.slice('addr='.length);
  if (!/^nfs4?$/.test(type) || !device.startsWith(':') || address === undefined) return { source: device, fsType: type, options: flags };
  const host = address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
  return { source: host + device, fsType: type, options: flags.filter((flag) => !flag.startsWith('addr=')) };
}

/** Docker's opts.json, so that a directory of the one can be served by the other. */
export function encodeOptions(options: MountOptions): string {
  return `${JSON.stringify({ MountType: options.type ?? '', MountOpts: options.o ?? '', MountDevice: options.device ?? '', Quota: { Size: 0 } })}\n`;
}

/** Throws DataLoss when the text is damaged, NotSupported when Docker has set a quota. */
export function decodeOptions(name: string, text: string): MountOptions {
  const damaged = (cause?: unknown): ConvoyError =>
    new ConvoyError(
      'DataLoss',
      `opts.json of volume ${name} is damaged: its data is untouched; write the file again or remove it if the volume had no options`,
      { cause },
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw damaged(error);
  }
  if (typeof parsed !== 'object' || parsed === null) throw damaged();
  const { MountType = '', MountOpts = '', MountDevice = '', Quota } = parsed as Record<string, unknown>;
  if (typeof MountType !== 'string' || typeof MountOpts !== 'string' || typeof MountDevice !== 'string') throw damaged();
  const size = (Quota as { Size?: unknown } | undefined)?.Size ?? 0;
  if (size !== 0)
    throw new ConvoyError(
      'NotSupported',
      `volume ${name} has a size in its opts.json; driver local cannot keep it, for want of project quotas`,
    );
  return {
    ...(MountType !== '' && { type: MountType }),
    ...(MountOpts !== '' && { o: MountOpts }),
    ...(MountDevice !== '' && { device: MountDevice }),
  };
}

function checkOption(key: string, value: string): void {
  if (key === 'size')
    throw new ConvoyError(
      'NotSupported',
      'option size of driver local needs project quotas, which it does not use yet: leave size out, or use a pool of driver loop',
    );
  if (!(MOUNT_OPTION_KEYS as readonly string[]).includes(key))
    throw invalid(`option ${JSON.stringify(key.slice(0, 64))} is not known to driver local; known are ${MOUNT_OPTION_KEYS.join(', ')}`);
  if (value === '' || value.includes('\0'))
    throw invalid(`option ${key} of driver local is empty or holds a NUL: give it a value or leave it out`);
}
