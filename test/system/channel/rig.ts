import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentAddress, AgentListener, AttestedAgent, Attestor, ClientIdentity, Dialer, Refusal } from '../../../src/channel/api.ts';
import { type CertificateRequest, type KeyPair, makeCertificate } from '../../../src/channel/certificates.ts';
import { createDialer, type DialerOptions } from '../../../src/channel/dialer.ts';
import { RefusedError } from '../../../src/channel/errors.ts';
import { type AgentListenerOptions, startAgentListener } from '../../../src/channel/listener.ts';
import { nodeKey } from '../../../src/convoy/ids.ts';
import type { CsiLog } from '../../../src/csi/call-log.ts';
import { advertised } from '../../../src/csi/capabilities.ts';
import { controllerRpcs } from '../../../src/csi/controller/index.ts';
import type { Pools } from '../../../src/pool/api.ts';
import { ALL_GROUPS, aPool, aVolume } from '../../unit/csi/edge.ts';

export const HOUR_MS = 3_600_000;
export const NODE = 'node-1';
export const TOKEN = 'token-of-the-agent';
export const SECRET = 'a-secret-that-nobody-may-log';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** What one end has told: by its counter and by its log. */
export class Witness {
  readonly refusals: Refusal[] = [];
  readonly lines: LogLine[] = [];
  readonly refused = (reason: Refusal): void => void this.refusals.push(reason);
  readonly log: CsiLog = {
    debug: (fields, message) => void this.lines.push({ level: 'debug', fields, message }),
    info: (fields, message) => void this.lines.push({ level: 'info', fields, message }),
    warn: (fields, message) => void this.lines.push({ level: 'warn', fields, message }),
    error: (fields, message) => void this.lines.push({ level: 'error', fields, message }),
  };

  /** That this was refused, counted so and no other way, and logged once, with the peer and without a secret. */
  async sawOnly(reason: Refusal): Promise<LogLine> {
    await until(() => this.refusals.length > 0, `a refusal for ${reason}`);
    assert.deepEqual([...new Set(this.refusals)], [reason]);
    const lines = this.lines.filter(({ fields }) => fields['refusal'] !== undefined);
    assert.equal(lines.length, 1, JSON.stringify(lines));
    const [line] = lines;
    assert.ok(line);
    assert.equal(line.level, 'warn');
    assert.equal(line.fields['refusal'], reason);
    assert.match(String(line.fields['peer']), /^127\.0\.0\.1/);
    this.toldNoSecret();
    return line;
  }

  toldNoSecret(): void {
    const text = JSON.stringify(this.lines);
    for (const secret of [TOKEN, SECRET, 'PRIVATE KEY']) assert.ok(!text.includes(secret), `the log holds ${secret}`);
  }
}

export const keyPair = (purpose: CertificateRequest['purpose'], change: Partial<CertificateRequest> = {}): Promise<KeyPair> =>
  makeCertificate({
    purpose,
    subject: `test ${purpose}`,
    names: [NODE],
    notBefore: Date.now() - HOUR_MS,
    notAfter: Date.now() + HOUR_MS,
    ...change,
  });

/** Things of one test, undone at its end in reverse order. */
export class Scene implements AsyncDisposable {
  readonly #undo: (() => unknown)[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'convoy-channel-'));
  readonly agent = new Witness();
  readonly controller = new Witness();

  constructor() {
    this.#undo.push(() => rmSync(this.folder, { recursive: true }));
  }

  later(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** A real agent, with a token and a certificate of its own making. */
  async startAgent(trusted: readonly KeyPair[], change: Partial<AgentListenerOptions> = {}): Promise<AgentListener> {
    const pools = change.pools ?? fakePools();
    const listener = await startAgentListener({
      listen: { host: '127.0.0.1', port: 0 },
      controllerCertificateFile: this.file('controller.crt', trusted.map(({ certificate }) => certificate).join('')),
      identity: { kind: 'token', tokenFile: this.file('token', `${TOKEN}\n`) },
      pools,
      version: '1.2.3',
      admit: async () => {},
      ...serviceOf(pools as Pools),
      log: this.agent.log,
      refused: this.agent.refused,
      ...change,
    });
    this.later(() => listener.stop(100));
    return listener;
  }

  dialer(own: KeyPair, change: Partial<DialerOptions> = {}): Dialer {
    return createDialer({
      identity: identityOf(own),
      attestor: attestorFor(),
      log: this.controller.log,
      refused: this.controller.refused,
      ...change,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo();
  }
}

export const serviceOf = (pools: Pools): Pick<AgentListenerOptions, 'controller' | 'advertised'> => {
  const allowed = advertised(fakePools({ implemented: new Set(ALL_GROUPS), hasTopology: true, servesBlock: true }));
  const edge = { pools, driverName: 'csi.example.org', version: '1.2.3', advertised: allowed };
  return { controller: controllerRpcs(edge), advertised: allowed };
};

export const fakePools = (given: Partial<Pools> = {}): Pools =>
  ({
    nodeName: NODE,
    status: async () => [aPool('fast', 'device')],
    states: () => [aPool('fast', 'device')],
    getVolume: async () => aVolume(),
    deleteVolume: async () => ({}),
    ...given,
  }) as Partial<Pools> as Pools;

export const identityOf = (own: KeyPair): ClientIdentity => ({ current: async () => own });

/** Believes the agent's one token, whatever the address. */
export const attestorFor = (answer: AttestedAgent = { nodeName: NODE, nodeUid: 'uid-1' }): Attestor & { readonly tokens: string[] } => {
  const tokens: string[] = [];
  return {
    tokens,
    attest: async (token) => {
      tokens.push(token);
      if (token !== TOKEN) throw new RefusedError('token_invalid', 'the API server does not know the token');
      return answer;
    },
  };
};

export const addressOf = (listener: { readonly address: string }, change: Partial<AgentAddress> = {}): AgentAddress => ({
  nodeName: NODE,
  host: '127.0.0.1',
  port: Number(/\d+$/.exec(listener.address)?.[0]),
  podUid: 'pod-1',
  ...change,
});

export const soon = { timeoutMs: 10_000 };
export const get = { volumeId: aVolume().id };
export const deleteWithSecret = { volumeId: aVolume().id, secrets: { password: SECRET } };
export const inTime = (): { readonly deadline: number } => ({ deadline: Date.now() + 10_000 });
export const fingerprint = ({ certificate }: KeyPair): string => new X509Certificate(certificate).fingerprint256;
export const KEY = nodeKey(NODE);

/** Waits for what another thread of events brings about. */
export async function until(met: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !met(); await pause(10))
    if (performance.now() > end) assert.fail(`${what} did not come about`);
}

export const refusedFor =
  (reason: Refusal, ...words: (string | RegExp)[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof RefusedError, `expected a RefusedError, got ${String(error)}`);
    assert.equal(error.reason, reason, error.message);
    for (const word of words) assert.match(error.message, typeof word === 'string' ? new RegExp(RegExp.escape(word)) : word);
    return true;
  };
