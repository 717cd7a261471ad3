import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { loadRegistration } from '../../../src/csi/definitions.ts';
import { notShared } from '../../../src/kubelet/propagation.ts';
import { type Registration, registerWithKubelet } from '../../../src/kubelet/registration.ts';
import { parseMountinfo } from '../../../src/system/mountinfo.ts';

const NAME = 'csi.example.org';
const lines: string[] = [];
const put = (_fields: object, message: string): void => void lines.push(message);
const log = { info: put, warn: put, error: put };

describe('registration with the kubelet', () => {
  let directory: string;
  let registration: Registration | undefined;
  const socket = (): string => join(directory, 'plugins_registry', `${NAME}-reg.sock`);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'convoy-kubelet-'));
    mkdirSync(join(directory, 'plugins_registry'));
    lines.length = 0;
  });
  afterEach(async () => {
    await registration?.stop();
    registration = undefined;
    rmSync(directory, { recursive: true });
  });

  const register = async (): Promise<Registration> => {
    registration = await registerWithKubelet({
      directory,
      driverName: NAME,
      socketPath: `${directory}/plugins/${NAME}/csi.sock`,
      log,
      checkEveryMs: 20,
    });
    return registration;
  };

  it('tells the kubelet name, socket and version, and is ready once it is registered', async () => {
    const { problems } = bind(await register());
    assert.match(problems()[0] ?? '', /the kubelet has not registered the driver yet; .*kubeletDir/);
    const kubelet = dial(socket());
    assert.deepEqual(await kubelet.info(), {
      type: 'CSIPlugin',
      name: NAME,
      endpoint: `${directory}/plugins/${NAME}/csi.sock`,
      supportedVersions: ['1.0.0'],
    });
    await kubelet.notify(true, '');
    assert.deepEqual(problems(), []);
    kubelet.close();
  });

  it("tells the kubelet's refusal as the reason", async () => {
    const { problems } = bind(await register());
    const kubelet = dial(socket());
    await kubelet.notify(false, 'driver name is taken');
    assert.deepEqual(problems(), ['the kubelet refused to register the driver: driver name is taken']);
    await kubelet.notify(true, '');
    assert.deepEqual(problems(), []);
    kubelet.close();
  });

  it('makes its socket anew when somebody removed it, and waits for the kubelet again', async () => {
    const { problems } = bind(await register());
    const before = dial(socket());
    await before.notify(true, '');
    before.close();
    unlinkSync(socket());
    while (!existsSync(socket())) await delay(5);
    assert.match(problems()[0] ?? '', /has not registered/);
    const after = dial(socket());
    await after.notify(true, '');
    after.close();
    assert.deepEqual(problems(), []);
    assert.ok(lines.includes('the registration socket is gone: it is made anew'));
  });

  it('does not fight with another process that registers the same name', async () => {
    const { problems } = bind(await register());
    const other = join(directory, 'other');
    mkdirSync(join(other, 'plugins_registry'), { recursive: true });
    const rival = await registerWithKubelet({ directory: other, driverName: NAME, socketPath: `${other}/csi.sock`, log });
    try {
      // What a second release with the same driver name comes to: its socket under our name.
      unlinkSync(socket());
      symlinkSync(join(other, 'plugins_registry', `${NAME}-reg.sock`), socket());
      while (!(problems()[0] ?? '').startsWith('cannot register with the kubelet')) await delay(5);
      assert.match(problems()[0] ?? '', /two drivers of one name on this node/);
      unlinkSync(socket());
    } finally {
      await rival.stop();
    }
  });

  it('removes its socket when it stops', async () => {
    await (await register()).stop();
    registration = undefined;
    assert.equal(existsSync(socket()), false);
  });

  it("says what is wrong when the kubelet's directory is not there", async () => {
    rmSync(join(directory, 'plugins_registry'), { recursive: true });
    await assert.rejects(register(), (error) => {
      assert.ok(isConvoyError(error, 'Unavailable'));
      assert.match(
        error.message,
        /plugins_registry .*does not exist.*kubelet\.directory is ".*mounted into the container at the same path/,
      );
      return true;
    });
  });
});

describe("the kubelet's mount", () => {
  const table = (tags: string): ReturnType<typeof parseMountinfo> =>
    parseMountinfo(
      Buffer.from(
        `21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n30 21 8:1 /k /var/lib/kubelet rw,relatime ${tags}- ext4 /dev/sda1 rw\n31 30 0:9 / /var/lib/kubelet/pods/x rw shared:9 - tmpfs tmpfs rw\n`,
      ),
    );

  it('is well when it is shared', () => assert.equal(notShared('/var/lib/kubelet', table('shared:5 ')), undefined));

  it('says the way out when it is private or a slave', () => {
    for (const tags of ['', 'master:3 '])
      assert.match(notShared('/var/lib/kubelet', table(tags)) ?? '', /^mount \/var\/lib\/kubelet, .* is not shared: .*Bidirectional/);
  });

  it('is looked for in the mount that holds the directory', () => {
    assert.match(notShared('/var/lib/kubelet2', table('shared:5 ')) ?? '', /^mount \/, which holds/);
  });
});

const bind = (registration: Registration): { problems: () => readonly string[] } => ({ problems: () => registration.problems() });

/** What the kubelet does. */
function dial(path: string): {
  info(): Promise<unknown>;
  notify(pluginRegistered: boolean, error: string): Promise<unknown>;
  close(): void;
} {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const { GetInfo, NotifyRegistrationStatus } = loadRegistration();
  const call = (method: typeof GetInfo | typeof NotifyRegistrationStatus, request: object): Promise<unknown> =>
    new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize as never,
        method.responseDeserialize as never,
        request,
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      ),
    );
  return {
    info: () => call(GetInfo, {}),
    notify: (pluginRegistered, error) => call(NotifyRegistrationStatus, { pluginRegistered, error }),
    close: () => client.close(),
  };
}
