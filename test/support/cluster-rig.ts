import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Csi, connect, isCode } from './csi.ts';
import { atExit, loopsBackedBelow, mountsBelow, openScratchFs, releaseBelow, type ScratchFs, type ScratchFsType } from './scratch-fs.ts';
import { TestAuthority } from './test-authority.ts';
import { type VolumeUser, volumeUser } from './volumes.ts';

/**
 * A cluster without Kubernetes: one controller and its node agents, each a real process with a loopback address, a root and
 * certificates of its own, each node with its pools on a scratch file system. Needs root and openssl.
 */
export interface ClusterOptions {
  readonly nodes: readonly string[];
  /** Every node has a pool of each, named as the driver. Default: vfs. */
  readonly drivers?: readonly ('vfs' | 'loop')[];
  readonly fs?: ScratchFsType;
  /** Of one node, where it is not 4 GiB. */
  readonly fsBytes?: Readonly<Record<string, bigint>>;
  /** More keys of each pool. */
  readonly pool?: object;
  /** All of them reach one more file system, with the global pool `shared` on it, and these more keys of that pool. */
  readonly shared?: object;
}

/** An HTTP answer of a process. */
export interface Page {
  readonly status: number;
  readonly text: string;
}

export const DRIVER_NAME = 'csi.convoy-csi.org';
const REPOSITORY = join(import.meta.dirname, '../..');
const ENVIRONMENT = { ...process.env, NODE_COMPILE_CACHE: join(REPOSITORY, '.cache/compile') };
const MAIN = process.env['CONVOY_TEST_MAIN'] ?? 'src/main.ts';
const AGENT_PORT = 19_809;
const HTTP_PORT = 19_808;
const DEFAULT_FS_BYTES = 4n << 30n;
const WAIT_MS = 30_000;
/** The global pool. */
export const SHARED = 'shared';
const LOG_TAIL = 25;

const running = new Set<ChildProcess>();
const directories = new Set<string>();
let cleansAtExit = false;

/** What a test says of itself: `until` fails with the last thing that was found. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = WAIT_MS): Promise<T> {
  for (const end = performance.now() + timeoutMs; ; await pause(20)) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) assert.fail(`${what} did not come about`);
  }
}

/** One daemon of the cluster, which can be ended and started again. */
export class RigProcess {
  readonly name: string;
  readonly directory: string;
  readonly socketPath: string;
  /** A loopback address that is its own. */
  readonly host: string;
  readonly #role: string;
  #config: object;
  #child: ChildProcess | undefined;
  #csi: Csi | undefined;
  #ended: Promise<NodeJS.Signals | number | null> | undefined;

  constructor(role: string, name: string, directory: string, host: string, config: object) {
    this.#role = role;
    this.name = name;
    this.directory = directory;
    this.host = host;
    this.socketPath = join(directory, 'csi.sock');
    mkdirSync(directory, { recursive: true });
    this.#config = {
      root: join(directory, 'root'),
      endpoint: `unix://${this.socketPath}`,
      http: { listen: `${host}:${HTTP_PORT}` },
      ...config,
    };
  }

  get pid(): number {
    assert.ok(this.#child?.pid, `${this.name} is not running`);
    return this.#child.pid;
  }
  get csi(): Csi {
    assert.ok(this.#csi, `${this.name} is not running`);
    return this.#csi;
  }
  /** How it ended: the signal, or the exit status. Resolves when it has. */
  get ended(): Promise<NodeJS.Signals | number | null> {
    assert.ok(this.#ended, `${this.name} was never started`);
    return this.#ended;
  }

  /** Changes the config file of the next start. */
  configure(change: (config: Record<string, unknown>) => object): void {
    this.#config = change(structuredClone(this.#config) as Record<string, unknown>);
  }

  /** Starts it and waits until its socket answers. Rejects with the end of its log when it ends instead. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.launch(env);
    const csi = connect(this.socketPath);
    this.#csi?.close(); // of one that ended by itself
    this.#csi = csi;
    const endedEarly = this.ended.then((how) => {
      throw new Error(`${this.name} ended (${how}) before it answered:\n${this.logTail()}`);
    });
    endedEarly.catch(() => {}); // it ends later, as it should
    await Promise.race([csi.ready(WAIT_MS), endedEarly]);
  }

  /** Starts it and waits for nothing. */
  launch(env: Readonly<Record<string, string>> = {}): void {
    assert.equal(this.#child, undefined, `${this.name} is running already`);
    const configPath = join(this.directory, 'config.yaml');
    writeFileSync(configPath, JSON.stringify(this.#config, undefined, 2)); // JSON is YAML
    const log = openSync(this.#logPath, 'a');
    const child = spawn(process.execPath, [MAIN, 'daemon', '--role', this.#role, '--config', configPath], {
      cwd: REPOSITORY,
      stdio: ['ignore', log, log],
      detached: true, // a group of its own: what it started is killed with it
      env: { ...ENVIRONMENT, ...env },
    });
    closeSync(log);
    running.add(child);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        if (this.#child === child) this.#child = undefined;
        resolve(signal ?? code);
      });
    });
  }

  /** SIGTERM, and waits for its end. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** kill -9, and waits for its end. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Neither answers nor ends, like a machine that hangs. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }
  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.stop();
    await this.start(env);
  }

  /** All that it printed, over restarts. */
  get log(): string {
    return readFileSync(this.#logPath, 'utf8');
  }

  logTail(): string {
    return this.log.split('\n').slice(-LOG_TAIL).join('\n');
  }

  async get(path: '/readyz' | '/healthz' | '/metrics'): Promise<Page> {
    const answer = await fetch(`http://${this.host}:${HTTP_PORT}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** The command line, as an admin uses it on this daemon's socket. */
  async convoy(...args: string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const child = spawn(process.execPath, [MAIN, ...args, '--endpoint', `unix://${this.socketPath}`], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: ENVIRONMENT,
    });
    running.add(child);
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
    running.delete(child);
    return { code, ...output };
  }

  /** What a verb says with --json. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.convoy(...args, '--json');
    assert.equal(code, 0, `convoy ${args.join(' ')} on ${this.name}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  get #logPath(): string {
    return join(this.directory, 'daemon.log');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child !== undefined) endGroup(this.#child, signal);
    await this.#ended;
    this.#csi?.close();
    this.#csi = undefined;
  }
}

/** A node agent, and what it has on its disk. */
export class RigNode extends RigProcess {
  readonly fs: ScratchFs;
  readonly address: string;

  constructor(name: string, directory: string, host: string, fs: ScratchFs, config: object) {
    super('node', name, directory, host, { nodeId: name, ...config });
    this.fs = fs;
    this.address = `${host}:${AGENT_PORT}`;
  }

  get useDirectory(): string {
    return join(this.directory, 'use');
  }

  /** It tries a pool again every two seconds. */
  async untilReady(): Promise<void> {
    await until(`a ready ${this.name}`, async () => ((await this.get('/readyz')).status === 200 ? true : undefined));
  }

  /** Everything in its pools and of its mounts and loop devices, one line each: equal means that nothing was left. */
  left(): readonly string[] {
    // What vanishes under the walk is not there: find only complains.
    const found = spawnSync('find', [this.fs.path, '-mindepth', '2', '-printf', '%y %P\n'], { encoding: 'utf8', maxBuffer: 64 << 20 });
    const loops = loopsBackedBelow(this.fs.path).map(({ backing }) => `loop device of ${relative(this.fs.path, backing)}`);
    const mounts = mountsBelow(this.useDirectory).map((target) => `mount ${relative(this.useDirectory, target)}`);
    return [...found.stdout.split('\n').filter((line) => line !== ''), ...loops, ...mounts].sort();
  }
}

export class ClusterRig {
  readonly controller: RigProcess;
  readonly nodes: ReadonlyMap<string, RigNode>;
  readonly authority: TestAuthority;
  readonly directory: string;
  readonly #shared: ScratchFs | undefined;

  /** Makes everything and starts nothing. */
  constructor({ nodes, drivers = ['vfs'], fs = 'ext4', fsBytes = {}, pool = {}, shared }: ClusterOptions) {
    cleanAtExit();
    this.directory = mkdtempSync(join(tmpdir(), 'convoy-cluster-rig-'));
    directories.add(this.directory);
    this.authority = new TestAuthority(join(this.directory, 'tls'));
    // All of 127.0.0.0/8 is loopback: a network of its own, so that no two rigs meet.
    const network = `127.${randomInt(1, 255)}.${randomInt(0, 256)}`;
    const poolsOn = (place: string): object[] =>
      drivers.map((driver) => ({ ...pool, name: driver, driver, init: 'auto', options: { [`${driver}.path`]: join(place, driver) } }));
    this.#shared = shared === undefined ? undefined : openScratchFs(fs, DEFAULT_FS_BYTES);
    const sharedPools =
      this.#shared === undefined
        ? []
        : [{ ...shared, name: SHARED, driver: 'vfs', options: { 'vfs.path': join(this.#shared.path, SHARED), 'vfs.scope': 'global' } }];
    if (this.#shared !== undefined) mkdirSync(join(this.#shared.path, SHARED));
    const defaultPool = sharedPools.length === 0 || drivers.length !== 1 ? {} : { defaultPool: drivers[0] };
    const made = new Map<string, RigNode>();
    this.nodes = made;
    for (const [index, name] of nodes.entries()) {
      const scratch = openScratchFs(fs, fsBytes[name] ?? DEFAULT_FS_BYTES);
      for (const driver of drivers) mkdirSync(join(scratch.path, driver));
      const host = `${network}.${index + 1}`;
      const agent = {
        listen: `${host}:${AGENT_PORT}`,
        controllerCertificateFile: this.authority.caFile,
        ...this.authority.sign(name, 'server'),
      };
      made.set(
        name,
        new RigNode(name, join(this.directory, name), host, scratch, {
          agent,
          ...defaultPool,
          pools: [...poolsOn(scratch.path), ...sharedPools],
        }),
      );
    }
    const agents = [...made.values()].map(({ name, address }) => ({ node: name, address }));
    this.controller = new RigProcess('controller', 'controller', join(this.directory, 'controller'), `${network}.254`, {
      controller: { agents, agentCaFile: this.authority.caFile, ...this.authority.sign('controller', 'client') },
      ...defaultPool,
      pools: [...poolsOn('/nowhere'), ...sharedPools], // the local ones are on the nodes
    });
  }

  /** With everything running and connected. */
  static async start(options: ClusterOptions): Promise<ClusterRig> {
    const rig = new ClusterRig(options);
    try {
      await Promise.all(rig.#processes().map((each) => each.start()));
      if (options.shared !== undefined) await rig.initShared();
      await Promise.all([...rig.nodes.values()].map((node) => node.untilReady()));
      await rig.untilWhole();
    } catch (error) {
      await rig.end();
      throw error;
    }
    return rig;
  }

  get csi(): Csi {
    return this.controller.csi;
  }

  node(name: string): RigNode {
    const node = this.nodes.get(name);
    assert.ok(node, `the rig has no node ${name}`);
    return node;
  }

  /** Creates through the controller, publishes on the node: as the sidecars and that node's kubelet do. */
  user(name: string): VolumeUser {
    const { csi, useDirectory } = this.node(name);
    const split: Csi = {
      ...csi,
      call: (method, request, options) => (method.startsWith('Node') ? csi : this.csi).call(method, request, options),
    };
    return volumeUser(split, useDirectory);
  }

  /** Where the pool `shared` is. */
  get sharedPath(): string {
    assert.ok(this.#shared, 'the rig has no shared pool');
    return join(this.#shared.path, SHARED);
  }

  /** The admin's word that makes the global pool, once the controller has taken over. */
  async initShared(): Promise<void> {
    await until('a shared pool', async () => {
      const { code, stderr } = await this.controller.convoy('pools', 'init', SHARED);
      if (code === 0) return true;
      assert.match(stderr, /has not taken over yet/);
      return undefined;
    });
  }

  /** Until the controller has every node's answer. */
  async untilWhole(): Promise<void> {
    await until('a whole list of volumes', async () => {
      try {
        return await this.csi.call('ListVolumes', {});
      } catch (error) {
        if (!isCode(error, 'UNAVAILABLE')) throw error;
        return undefined;
      }
    });
  }

  /** Ends everything and removes all of it. */
  async end(): Promise<void> {
    await Promise.all(this.#processes().map((each) => each.kill()));
    releaseBelow(this.directory);
    for (const { fs } of this.nodes.values()) fs.close();
    this.#shared?.close();
    rmSync(this.directory, { recursive: true });
    directories.delete(this.directory);
  }

  #processes(): readonly RigProcess[] {
    return [...this.nodes.values(), this.controller];
  }
}

function cleanAtExit(): void {
  if (cleansAtExit) return;
  cleansAtExit = true;
  // Before anything that unmounts what the daemons hold.
  process.prependOnceListener('exit', () => {
    for (const child of running) endGroup(child, 'SIGKILL');
    for (const directory of directories)
      atExit(() => {
        releaseBelow(directory);
        rmSync(directory, { recursive: true });
      });
  });
}

/** The daemon and what it started; a command is in our own group and ended alone. */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    child.kill(signal);
  }
}
