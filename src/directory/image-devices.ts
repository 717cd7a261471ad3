import { readdir, readFile, stat } from 'node:fs/promises';
import type { Access, OpenAccessOptions } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { AttachedLoop, LoopDevice, System } from '../system/api.ts';
import { unlessAbsent } from './failures.ts';

const HOLD_ATTEMPTS = 5;

/**
 * Loop devices of image files, found by what backs them and never remembered. An image has one writable device, whoever
 * uses it: two would be two page caches over one file, and destroy it.
 */
export class ImageDevices {
  readonly #system: System;
  /** Attaching is "look, then make": one at a time for each image. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(system: System) {
    this.#system = system;
  }

  /** Empty when the image is not there. */
  async of(image: string): Promise<readonly LoopDevice[]> {
    return (await unlessAbsent(this.#system.loops.findByBacking(image), `looking for loop devices of ${image}`)) ?? [];
  }

  /**
   * A file system is mounted from the writable device, read-only mounts too: autoclear takes it away after the last
   * unmount, even if nobody is there to do it. A raw consumer's device has to outlive our hold, so it stays until
   * `detachUnused`. A read-only raw consumer gets a device that was opened read-only, which no ioctl can make writable.
   */
  async open(image: string, { raw, readOnly }: OpenAccessOptions): Promise<Access> {
    const device = await this.#inTurn(image, async () => await this.#open(image, raw && readOnly, !raw));
    return { kind: 'device', path: device.path, device: device.device, readOnly: device.readOnly, close: async () => await device.close() };
  }

  async detachUnused(image: string, used: ReadonlySet<string>): Promise<void> {
    await this.#inTurn(image, async () => {
      for (const device of await this.of(image)) if (!device.autoclear && !used.has(device.device)) await this.#detach(device, image);
    });
  }

  /** Before the image is destroyed. The kernel puts off what is still open. */
  async detachAll(image: string): Promise<void> {
    await this.#inTurn(image, async () => {
      for (const device of await this.of(image)) await this.#detach(device, image);
    });
  }

  /** Shows the image's new size to every device, also if a killed try has grown the image already. */
  async refresh(image: string): Promise<void> {
    for (const { path } of await this.of(image)) {
      try {
        await this.#system.loops.refreshSize(path);
      } catch (error) {
        if (!isErrno(error, 'ENXIO', 'ENODEV', 'ENOENT')) throw fromErrno(error, `showing the new size of ${image} to ${path}`); // else: detached meanwhile
      }
    }
  }

  /** Brings what has been written through the devices into the image: dirty pages of file systems, then of the devices. */
  async flush(image: string, signal: AbortSignal): Promise<void> {
    const writable = (await this.of(image)).filter((device) => !device.readOnly);
    if (writable.length === 0) return;
    const mounts = await this.#system.mounts.list();
    for (const { path, device } of writable) {
      const targets = mounts.filter((mount) => mount.device === device).map((mount) => mount.target);
      const reachable = await this.#firstOn(device, targets);
      if (reachable !== undefined) await this.#system.mounts.syncfs(reachable, { signal });
      else if (targets[0] !== undefined)
        throw new ConvoyError(
          'Precondition',
          `${path} is mounted at ${targets[0]}, but another mount covers it, so it cannot be flushed: unmount what covers it`,
        );
      await unlessAbsent(this.#system.files.syncFile(path), `flushing ${path}`);
    }
  }

  /** Devices that still serve a deleted file which had this path: writes to them are lost with the last close. */
  async ofDeleted(image: string): Promise<readonly string[]> {
    const names = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
    const backing = await Promise.all(
      names.map(async (name) => await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')),
    ); // absent: nothing attached
    return names.filter((_, index) => backing[index]?.trimEnd() === `${image} (deleted)`).map((name) => `/dev/${name}`);
  }

  async #open(image: string, readOnly: boolean, autoclear: boolean): Promise<AttachedLoop> {
    for (let attempt = 0; attempt < HOLD_ATTEMPTS; attempt++) {
      const existing = (await this.of(image)).find(
        (device) => device.readOnly === readOnly && (autoclear || !readOnly || !device.autoclear),
      );
      if (existing === undefined) return await this.#attach(image, { readOnly, autoclear });
      if (existing.autoclear && !autoclear)
        throw new ConvoyError(
          'InUse',
          `a file system of this volume is mounted from ${existing.path}: unmount it before the raw device is handed out`,
        );
      const held = await this.#hold(existing, image);
      if (held !== undefined) return held;
    }
    throw new ConvoyError('Busy', `the loop device of ${image} comes and goes: another process uses it; try again`);
  }

  async #attach(image: string, options: { readonly readOnly: boolean; readonly autoclear: boolean }): Promise<AttachedLoop> {
    const attached = await this.#classified(this.#system.loops.attach(image, options), `attaching ${image}`);
    if (options.readOnly) return attached;
    // Another process may have attached it since we looked.
    const others = (await this.of(image)).filter((device) => !device.readOnly && device.path !== attached.path);
    if (others.length === 0) return attached;
    await this.#system.loops.detach(attached.path, image);
    await attached.close();
    throw new ConvoyError('Busy', `another process has just attached ${image} to ${others[0]?.path}: try again`);
  }

  /** undefined when the device went away, or became another file's, before it was open here. */
  async #hold(device: LoopDevice, image: string): Promise<AttachedLoop | undefined> {
    let held: AttachedLoop;
    try {
      held = await this.#system.loops.hold(device.path);
    } catch (error) {
      if (isErrno(error, 'ENXIO', 'ENODEV', 'ENOENT')) return undefined;
      throw fromErrno(error, `opening ${device.path}`);
    }
    if ((await this.of(image)).some(({ path }) => path === device.path)) return held;
    await held.close();
    return undefined;
  }

  async #detach(device: LoopDevice, image: string): Promise<void> {
    await this.#classified(this.#system.loops.detach(device.path, image), `detaching ${device.path}`);
  }

  async #firstOn(device: string, targets: readonly string[]): Promise<string | undefined> {
    for (const target of targets) {
      const found = await stat(target).catch(() => undefined); // unmounted meanwhile, or hidden
      if (found !== undefined && majorMinor(found.dev) === device) return target;
    }
    return undefined;
  }

  async #classified<T>(work: Promise<T>, doing: string): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw fromErrno(error, doing);
    }
  }

  async #inTurn<T>(image: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(image) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(work);
    this.#turns.set(image, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(image) === mine) this.#turns.delete(image);
    }
  }
}

/** `major:minor` of a dev_t as libc encodes it (makedev(3)). */
function majorMinor(dev: number): string {
  const bits = BigInt(dev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn);
  const minor = (bits & 0xffn) | ((bits >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}
