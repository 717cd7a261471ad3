import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** What every object has; the rest is told by the type of each kind. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export class ApiError extends Error {
  readonly code: number;

  constructor(asked: string, code: number, message: string) {
    super(`${asked}: ${code} ${message}`);
    this.name = 'ApiError';
    this.code = code;
  }
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

/** The API server without a kubectl process for each look: tests that wait look often. */
export class Api {
  readonly #server: string;
  readonly #token: string;
  readonly #agent: Agent;

  /** `kubeconfig`: a file that the rig wrote. */
  constructor(kubeconfig: string) {
    const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    this.#server = clusters[0].cluster.server;
    this.#token = users[0].user.token;
    this.#agent = new Agent({ keepAlive: true, ca: Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64') });
  }

  async get<T = KubeObject>(path: string): Promise<T> {
    return (await this.#json('GET', path)) as T;
  }

  async find<T = KubeObject>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  async list<T = KubeObject>(path: string): Promise<readonly T[]> {
    return (await this.get<{ readonly items: readonly T[] }>(path)).items;
  }

  async create<T = KubeObject>(path: string, body: object): Promise<T> {
    return (await this.#json('POST', path, { ...typeOf(path), ...body })) as T;
  }

  async merge<T = KubeObject>(path: string, body: object): Promise<T> {
    return (await this.#json('PATCH', path, body)) as T;
  }

  /** An object, or all of a collection; what is not there is gone. */
  async remove(path: string, options: object = { propagationPolicy: 'Background' }): Promise<void> {
    try {
      await this.#json('DELETE', path, options);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
  }

  async text(path: string): Promise<string> {
    return await this.#send('GET', path);
  }

  async #json(method: string, path: string, body?: object): Promise<unknown> {
    return JSON.parse(await this.#send(method, path, body)) as unknown;
  }

  #send(method: string, path: string, body?: object): Promise<string> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const text = body === undefined ? '' : JSON.stringify(body);
    // Without its length Node sends the body of a DELETE unframed, and it is taken for the next request.
    const length = { 'content-length': Buffer.byteLength(text) };
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': type, ...length };
    return new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage): void => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          const { statusCode = 0 } = response;
          if (statusCode < 300) resolve(answer);
          else reject(new ApiError(`${method} ${path}`, statusCode, messageOf(answer)));
        });
      };
      const sent = request(`${this.#server}${path}`, { method, headers, agent: this.#agent, timeout: 30_000 }, answered);
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within 30 s`)));
      sent.on('error', reject);
      sent.end(text);
    });
  }
}

/** Custom resources must say what they are; for others the path does. */
const KINDS: Readonly<Record<string, string>> = {
  volumesnapshots: 'VolumeSnapshot',
  volumesnapshotcontents: 'VolumeSnapshotContent',
  volumesnapshotclasses: 'VolumeSnapshotClass',
};

function typeOf(path: string): object {
  const [, group = '', version = ''] = /^\/apis\/([^/]+)\/([^/]+)\//.exec(path) ?? [];
  const kind = KINDS[path.slice(path.lastIndexOf('/') + 1)];
  return kind === undefined ? {} : { apiVersion: `${group}/${version}`, kind };
}

function messageOf(answer: string): string {
  try {
    return (JSON.parse(answer) as { readonly message?: string }).message ?? answer;
  } catch {
    return answer.slice(0, 1000);
  }
}
