import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import { loadRegistration } from '../csi/definitions.ts';
import { type Listening, listen } from '../csi/listen.ts';
import { SERVER_OPTIONS } from '../csi/server.ts';

/**
 * Makes the driver known to the kubelet (pluginregistration.proto): a socket in the kubelet's `plugins_registry` tells the
 * driver's name and where its CSI socket is. The kubelet watches that folder, asks, and says what came of it. It asks again
 * after each of its own restarts, so that the socket has to stay: one that was removed is made anew.
 */
export interface RegistrationOptions {
  /** The kubelet's directory, at the same path inside and outside the container. */
  readonly directory: string;
  readonly driverName: string;
  /** The CSI socket, below `directory`. */
  readonly socketPath: string;
  readonly log: RegistrationLog;
  /** How often the socket is looked after. */
  readonly checkEveryMs?: number;
}

export interface RegistrationLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface Registration {
  /** Reasons against being ready. */
  problems(): readonly string[];
  /** Removes the socket: the kubelet forgets the driver until the next start. */
  stop(): Promise<void>;
}

const CHECK_EVERY_MS = 5000;
const STOP_GRACE_MS = 1000;
/** Of the CSI API behind the endpoint: the kubelet wants one below 2.0.0. */
const SUPPORTED_VERSIONS = ['1.0.0'];

/** Throws Unavailable when the folder is not there: the kubelet's directory is not mounted, or is another one. */
export async function registerWithKubelet(options: RegistrationOptions): Promise<Registration> {
  const registration = new KubeletRegistration(options);
  await registration.start();
  return registration;
}

type Outcome = { readonly kind: 'waiting' } | { readonly kind: 'registered' } | { readonly kind: 'refused'; readonly error: string };

class KubeletRegistration implements Registration {
  readonly #options: RegistrationOptions;
  readonly #path: string;
  #outcome: Outcome = { kind: 'waiting' };
  #served: { readonly listening: Listening; readonly inode: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #trouble: string | undefined;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#path = join(options.directory, 'plugins_registry', `${options.driverName}-reg.sock`);
  }

  async start(): Promise<void> {
    await this.#serve();
    this.#timer = setInterval(() => {
      this.#looking ??= this.#lookAfter().finally(() => {
        this.#looking = undefined;
      });
    }, this.#options.checkEveryMs ?? CHECK_EVERY_MS).unref();
  }

  problems(): readonly string[] {
    if (this.#trouble !== undefined) return [this.#trouble];
    const { directory } = this.#options;
    if (this.#outcome.kind === 'refused') return [`the kubelet refused to register the driver: ${this.#outcome.error}`];
    if (this.#outcome.kind === 'waiting')
      return [
        `the kubelet has not registered the driver yet; if that stays so, ${directory} is not the directory of this node's kubelet (its --root-dir; chart value kubeletDir)`,
      ];
    return [];
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    // Closing a listening socket unlinks its name, whoever has it by now.
    if (await this.#isOurs()) await this.#served?.listening.stop(STOP_GRACE_MS);
  }

  async #isOurs(): Promise<boolean> {
    const stats = await this.#stat();
    return stats === undefined || stats.ino === this.#served?.inode;
  }

  async #serve(): Promise<void> {
    const server = new Server(SERVER_OPTIONS);
    server.addService(loadRegistration(), {
      GetInfo: (_call: unknown, answer: sendUnaryData<object>) => answer(null, this.#info()),
      NotifyRegistrationStatus: (call: ServerUnaryCall<Status, object>, answer: sendUnaryData<object>) => {
        this.#notified(call.request);
        answer(null, {});
      },
    });
    const listening = await listen({ server, idle: async () => {} }, `unix://${this.#path}`).catch((error: unknown) => {
      throw this.#notThere(error);
    });
    this.#served = { listening, inode: (await lstat(this.#path)).ino };
  }

  #info(): object {
    const { driverName, socketPath } = this.#options;
    return { type: 'CSIPlugin', name: driverName, endpoint: socketPath, supportedVersions: SUPPORTED_VERSIONS };
  }

  #notified({ pluginRegistered, error }: Status): void {
    if (pluginRegistered) {
      this.#outcome = { kind: 'registered' };
      this.#options.log.info({ driver: this.#options.driverName }, 'registered with the kubelet');
    } else {
      this.#outcome = { kind: 'refused', error };
      this.#options.log.error(
        { driver: this.#options.driverName, reason: error },
        'the kubelet refused to register the driver; it tries again',
      );
    }
  }

  /** Whoever cleaned the folder up took our registration with the socket. */
  async #lookAfter(): Promise<void> {
    try {
      const stats = await this.#stat();
      if (stats !== undefined && stats.ino === this.#served?.inode) {
        this.#trouble = undefined;
        return;
      }
      this.#outcome = { kind: 'waiting' };
      if (stats !== undefined)
        throw new ConvoyError('InUse', `another process serves at ${this.#path}: two drivers of one name on this node`);
      this.#options.log.warn({ path: this.#path }, 'the registration socket is gone: it is made anew');
      await this.#served?.listening.stop(STOP_GRACE_MS);
      this.#served = undefined;
      await this.#serve();
      this.#trouble = undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#trouble === undefined) this.#options.log.error({ error }, 'the registration socket cannot be looked after');
      this.#trouble = `cannot register with the kubelet: ${reason}`;
    }
  }

  async #stat(): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
    return lstat(this.#path).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
  }

  #notThere(error: unknown): unknown {
    if (!(error instanceof ConvoyError) || error.code !== 'Unavailable') return error;
    const { directory } = this.#options;
    return new ConvoyError(
      'Unavailable',
      `cannot register with the kubelet (${error.message}): kubelet.directory is ${JSON.stringify(directory)}; is that the directory of this node's kubelet, and mounted into the container at the same path (chart value kubeletDir)?`,
      { cause: error },
    );
  }
}

interface Status {
  readonly pluginRegistered: boolean;
  readonly error: string;
}
