import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { V1ConfigMap, V1Secret } from '@kubernetes/client-node/dist/api.js';
import { makeCertificate } from '../../src/channel/certificates.ts';
import { isConvoyError } from '../../src/convoy/errors.ts';
import type { Place, Verb } from '../../src/kube/api-error.ts';
import { type CallOptions, KubeClient } from '../../src/kube/client.ts';
import type { KubeConnection } from '../../src/kube/connection.ts';
import { CERTIFICATE_KEY, ControllerIdentity } from '../../src/kube/controller-identity.ts';
import { seededRandom } from '../support/random.ts';
import { type ApiServer, startApiServer, until, whyNoApiServer } from './api-server.ts';
import { makeConfigMap, makeNamespace, makeSecret, NAMESPACE } from './cluster-objects.ts';
import { recordingLog } from './recording-log.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe("the controller's identity in a real API server", { skip: whyNoApiServer() }, () => {
  let server: ApiServer;
  let number = 0;
  /** Of the objects of one test. */
  let name = '';
  let now = Date.parse('2030-01-01T00:00:00Z');
  before(async () => {
    server = await startApiServer(['nobody']);
    await makeNamespace(server.admin);
  });
  after(() => server.close());
  beforeEach(async () => {
    number += 1;
    name = `identity-${number}`;
    await makeSecret(server.admin, name);
    await makeConfigMap(server.admin, name);
  });

  interface Options {
    readonly client?: KubeClient;
    readonly lifetimeMs?: number;
    readonly clock?: () => number;
  }
  function open({ client = server.admin, lifetimeMs = 90 * DAY, clock = () => now }: Options = {}) {
    const log = recordingLog();
    const identity = new ControllerIdentity({
      client,
      namespace: NAMESPACE,
      secret: name,
      configMap: name,
      makeCertificate,
      log,
      lifetimeMs,
      overlapMs: 10 * MINUTE,
      now: clock,
    });
    return { identity, log };
  }
  const readConfigMap = (): Promise<V1ConfigMap> => server.admin.core.readNamespacedConfigMap({ namespace: NAMESPACE, name });
  const readSecret = (): Promise<V1Secret> => server.admin.core.readNamespacedSecret({ namespace: NAMESPACE, name });
  const trusted = async (): Promise<readonly string[]> => {
    const { data } = await readConfigMap();
    return (data?.[CERTIFICATE_KEY] ?? '').match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
  };
  const secretData = async (): Promise<Record<string, string>> => {
    const { data } = await readSecret();
    return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  };
  async function editConfigMap(data: Record<string, string>): Promise<void> {
    const body = { ...(await readConfigMap()), data };
    await server.admin.core.replaceNamespacedConfigMap({ namespace: NAMESPACE, name, body });
  }
  async function editSecret(data: Record<string, string>): Promise<void> {
    const body = { ...(await readSecret()), data };
    await server.admin.core.replaceNamespacedSecret({ namespace: NAMESPACE, name, body });
  }
  const certificateOf = async ({ identity }: ReturnType<typeof open>): Promise<string> => (await identity.current()).certificate.trim();

  it('is made at the first start, trusted before it is used, and kept over restarts', async () => {
    const first = open();
    await assert.rejects(first.identity.current(), (error) => isConvoyError(error, 'Unavailable'));
    assert.match(first.identity.problem() ?? '', /has no certificate yet/);
    await first.identity.look();
    assert.equal(first.identity.problem(), undefined);
    const { certificate, key } = await first.identity.current();
    assert.deepEqual(await trusted(), [certificate.trim()]);
    assert.match(key, /PRIVATE KEY/);
    const parsed = new X509Certificate(certificate);
    assert.deepEqual(parsed.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'of a client alone');
    assert.equal(parsed.validToDate.getTime(), now + 90 * DAY);

    const second = open();
    await second.identity.look();
    assert.deepEqual(await second.identity.current(), { certificate, key });
    assert.deepEqual(Object.keys(await secretData()).sort(), ['current.crt', 'current.key']);
  });

  it('rotates with overlap: trusted for ten minutes before it is used, the old one for ten minutes after', async () => {
    const rig = open();
    await rig.identity.look();
    const old = await certificateOf(rig);
    now += 59 * DAY;
    await rig.identity.look();
    assert.deepEqual(await trusted(), [old], 'not yet due');
    now += DAY;
    await rig.identity.look();
    const [, next] = await trusted();
    assert.ok(next !== undefined && next !== old);
    assert.equal(await certificateOf(rig), old);

    // The time counts from the first look that saw it in the ConfigMap.
    now += 5 * MINUTE;
    await rig.identity.look();
    now += 9 * MINUTE;
    await rig.identity.look();
    assert.equal(await certificateOf(rig), old);
    now += MINUTE;
    await rig.identity.look();
    assert.equal(await certificateOf(rig), next);
    assert.deepEqual(new Set(await trusted()), new Set([old, next]));

    now += 9 * MINUTE;
    await rig.identity.look();
    assert.equal((await trusted()).length, 2);
    now += MINUTE;
    await rig.identity.look();
    assert.deepEqual(await trusted(), [next]);
    assert.equal((await secretData())['next.key'], undefined);
    assert.deepEqual(Object.keys(await secretData()).sort(), ['current.crt', 'current.key']);
  });

  it('counts the overlap anew when somebody took the next certificate out of the ConfigMap', async () => {
    const rig = open();
    await rig.identity.look();
    const old = await certificateOf(rig);
    now += 61 * DAY;
    await rig.identity.look();
    await rig.identity.look();
    now += 9 * MINUTE;
    await editConfigMap({ [CERTIFICATE_KEY]: old, note: 'kept' });
    await rig.identity.look();
    assert.equal((await trusted()).length, 2, 'put back');
    now += 2 * MINUTE;
    await rig.identity.look();
    assert.equal(await certificateOf(rig), old);
    now += 10 * MINUTE;
    await rig.identity.look();
    assert.notEqual(await certificateOf(rig), old);
    assert.equal((await readConfigMap()).data?.['note'], 'kept');
  });

  it('drops what does not belong into the ConfigMap', async () => {
    const rig = open();
    await rig.identity.look();
    const own = await certificateOf(rig);
    const stranger = await makeCertificate({ purpose: 'client', subject: 'stranger', names: [], notBefore: now, notAfter: now + DAY });
    await editConfigMap({ [CERTIFICATE_KEY]: `${own}\n${stranger.certificate}` });
    await rig.identity.look();
    assert.deepEqual(await trusted(), [own]);
  });

  it('replaces at once what has expired while no controller ran', async () => {
    const rig = open();
    await rig.identity.look();
    const old = await certificateOf(rig);
    now += 100 * DAY;
    await rig.identity.look();
    assert.deepEqual(await trusted(), [await certificateOf(rig)]);
    assert.notEqual(await certificateOf(rig), old);
    assert.ok(rig.log.entries.some((entry) => entry.startsWith("warn: the controller's certificate is not valid now")));
  });

  it('replaces what a clock that was wrong has dated into the future', async () => {
    const rig = open();
    now += 400 * DAY;
    await rig.identity.look();
    const old = await certificateOf(rig);
    now -= 400 * DAY;
    await rig.identity.look();
    assert.notEqual(await certificateOf(rig), old);
    assert.deepEqual(await trusted(), [await certificateOf(rig)]);
  });

  for (const [what, data] of [
    ['garbage', { 'current.key': 'x', 'current.crt': 'y' }],
    ['half a pair', { 'current.key': 'x' }],
  ] as const)
    it(`makes a damaged Secret anew and says so: ${what}`, async () => {
      const first = open();
      await first.identity.look();
      const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      await editSecret(Object.fromEntries(encoded));
      const second = open();
      await second.identity.look();
      assert.notEqual(await certificateOf(second), await certificateOf(first));
      assert.deepEqual(await trusted(), [await certificateOf(second)]);
      assert.ok(second.log.entries.some((entry) => entry.startsWith("warn: the Secret of the controller's identity is damaged")));
    });

  it("makes a pair anew whose key is another certificate's", async () => {
    const first = open();
    await first.identity.look();
    const other = await makeCertificate({ purpose: 'client', subject: 'other', names: [], notBefore: now, notAfter: now + DAY });
    const { data } = await readSecret();
    await editSecret({ ...data, 'current.key': Buffer.from(other.key).toString('base64') });
    const second = open();
    await second.identity.look();
    assert.notEqual(await certificateOf(second), await certificateOf(first));
  });

  it('names the object that the chart should have made', async () => {
    await server.admin.core.deleteNamespacedSecret({ namespace: NAMESPACE, name });
    await assert.rejects(
      open().identity.look(),
      (error) => isConvoyError(error, 'Unavailable') && /Secret "identity-\d+" .*does not exist: the chart makes it/.test(error.message),
    );
    await server.admin.core.deleteNamespacedConfigMap({ namespace: NAMESPACE, name });
    await assert.rejects(
      open().identity.look(),
      (error) => isConvoyError(error, 'Unavailable') && /ConfigMap "identity-\d+" .*does not exist/.test(error.message),
    );
  });

  it('looks by itself once started, tries again after failures, and says why it is not ready', async () => {
    await server.kill();
    const { identity, log } = open();
    identity.start();
    await until('the reason is known', () => /cannot be reached/.test(identity.problem() ?? ''));
    assert.equal(log.entries.filter((entry) => entry.startsWith('warn:')).length, 1, 'once for an outage');
    await server.restart();
    await until('it is filled', () => identity.problem() === undefined);
    await identity.close();
    assert.equal((await trusted()).length, 1);
  });

  it('comes out as one when two controllers start at once', async () => {
    const rigs = [open(), open(), open()];
    await Promise.all(rigs.map(({ identity }) => identity.look()));
    const certificates = await Promise.all(rigs.map(certificateOf));
    assert.equal(new Set(certificates).size, 1);
    assert.deepEqual(await trusted(), [certificates[0]]);
  });

  it('takes no certificate out that it has not heard of, between whichever reads another controller adds it', async () => {
    const rig = open();
    await rig.identity.look();
    now += 61 * DAY;
    const interrupted = new InterruptedClient(server.connection('admin'), () => rig.identity.look());
    // Its clock is late: by itself it would rotate nothing.
    await open({ client: interrupted, clock: () => now - 10 * DAY }).identity.look();
    assert.equal(interrupted.interruptions, 1);
    assert.equal((await trusted()).length, 2);
    await interrupted.close();
  });

  /**
   * Two controllers, now together, now alone, killed before and after each of their writes, over many rotations; agents learn of the
   * ConfigMap two minutes late. At no minute may a controller show what an agent does not trust.
   */
  for (const seed of [1, 2, 3])
    it(`locks no agent out, whatever is killed when (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const crashing = new CrashingClient(server.connection('admin'));
      const start = (): { client: CrashingClient; looked: number } & ReturnType<typeof open> => ({
        ...open({ client: crashing, lifetimeMs: 120 * MINUTE }),
        client: crashing,
        looked: now,
      });
      const controllers = [start(), start()];
      for (const { identity } of controllers) await identity.look();
      let agent = { knows: new Set(await trusted()), since: now };
      const used = new Set<string>();
      for (let minute = 0; minute < 400; minute += 1) {
        now += MINUTE;
        for (const [index, controller] of controllers.entries()) {
          const chance = random();
          // Who has not looked for long would be replaced by its lease.
          if (chance > 0.5 && now - controller.looked < 5 * MINUTE) continue;
          crashing.plan = chance < 0.15 ? { write: random() < 0.5 ? 1 : 2, done: random() < 0.5 } : undefined;
          const others = chance < 0.3 ? controllers.map(({ identity }) => identity.look()) : [controller.identity.look()];
          const failed = (await Promise.allSettled(others)).some(({ status }) => status === 'rejected');
          crashing.plan = undefined;
          if (!failed) controller.looked = now;
          else {
            // The killed one starts anew, and shows nothing before its first look.
            const anew = start();
            await anew.identity.look();
            controllers[index] = anew;
          }
        }
        if (now - agent.since >= 2 * MINUTE || random() < 0.3) agent = { knows: new Set(await trusted()), since: now };
        for (const controller of controllers) {
          const shown = await certificateOf(controller);
          used.add(shown);
          assert.ok(agent.knows.has(shown), `minute ${minute}: an agent does not trust what a controller shows`);
        }
      }
      assert.ok(used.size >= 3, `${used.size} certificates were used: it rotated`);
      assert.ok(crashing.crashes >= 5, `${crashing.crashes} crashes`);
    });
});

type Call<T> = (options: CallOptions) => Promise<T>;

/** Dies at a write: just before it, or when it was done but the answer has not come. */
class CrashingClient extends KubeClient {
  plan: { write: number; readonly done: boolean } | undefined;
  crashes = 0;

  override async ask<T>(verb: Verb, place: Place, call: Call<T>, signal?: AbortSignal): Promise<T> {
    const plan = this.plan;
    if (plan === undefined || verb !== 'update') return super.ask(verb, place, call, signal);
    plan.write -= 1;
    if (plan.write > 0) return super.ask(verb, place, call, signal);
    if (plan.write === 0) this.crashes += 1;
    if (plan.done && plan.write === 0) await super.ask(verb, place, call, signal);
    throw new Error('killed');
  }
}

/** Somebody else is faster after its first read. */
class InterruptedClient extends KubeClient {
  readonly #other: () => Promise<void>;
  interruptions = 0;

  constructor(connection: KubeConnection, other: () => Promise<void>) {
    super(connection);
    this.#other = other;
  }

  override async ask<T>(verb: Verb, place: Place, call: Call<T>, signal?: AbortSignal): Promise<T> {
    const found = await super.ask(verb, place, call, signal);
    if (verb === 'get' && this.interruptions === 0) {
      this.interruptions += 1;
      await this.#other();
    }
    return found;
  }
}
